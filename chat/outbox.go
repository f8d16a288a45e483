package chat

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Pending reads what waits for a device. It is part of mesh.Upper.
func (c *Chat) Pending(device identity.DeviceID, after uint64, limit int) ([]mesh.Item, error) {
	var items []mesh.Item
	r := store.Range{Prefix: outboxOf(device), After: uintTail(after), Limit: limit}
	err := c.db.View(func(tx *store.Tx) error {
		return tx.Scan(r, func(k store.Key, v []byte) (bool, error) {
			out, err := decodeOut(v)
			if err != nil {
				return false, err
			}
			items = append(items, mesh.Item{ID: uintOf(k.Tail()), Envelope: slices.Clone(out.Envelope)})
			return true, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("chat: pending: %w", err)
	}
	return items, nil
}

// Settled takes answers to what was sent. It is part of mesh.Upper. A power cut
// may undo it: then the envelope is sent and answered once more. Not so when
// there are refusals: what is sealed anew must be on disk before it leaves.
func (c *Chat) Settled(device identity.DeviceID, acks []mesh.Ack) {
	update := c.updateLazy
	if slices.ContainsFunc(acks, func(a mesh.Ack) bool { return a.Refused != 0 }) {
		update = c.update
	}
	err := update(context.Background(), func(w *work) error { return w.settleAll(device, acks) })
	if err != nil && !errors.Is(err, store.ErrClosed) {
		c.cfg.Logger.Error("settle", "error", err)
	}
}

func (w *work) settleAll(device identity.DeviceID, acks []mesh.Ack) error {
	again := map[identity.AccountID]bool{}
	for _, a := range acks {
		key := keyOutbox(device, a.ID)
		b, err := w.tx.Get(key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out, err := decodeOut(b)
		if err != nil {
			return err
		}
		if err := w.settle(device, key, out, a, again); err != nil {
			return err
		}
	}
	for account := range again {
		if err := w.deliver(account); err != nil {
			return err
		}
	}
	return w.seenNow(device, acks)
}

func (w *work) settle(device identity.DeviceID, key store.Key, out outRec, a mesh.Ack, again map[identity.AccountID]bool) error {
	if a.Refused == 0 {
		if subtle.ConstantTimeCompare(a.Receipt[:], out.Receipt[:]) != 1 {
			return nil // whoever said so never opened it
		}
		w.tx.Delete(key)
		return w.delivered(device, out, a)
	}
	w.tx.Delete(key)
	d, err := w.device(device)
	if err != nil {
		return err
	}
	resend, err := w.unopened(device, d, out, a.Refused)
	if err != nil {
		return err
	}
	if !resend {
		return w.failed(device, out, a.Refused)
	}
	again[d.Account] = true
	return w.requeue(device, d.Account, out)
}

// unopened deals with an envelope that no session at the other end opens; it
// says whether to seal the content anew. A session that was agreed on is never
// silently replaced: that is for the user to do.
func (w *work) unopened(device identity.DeviceID, d *deviceRec, out outRec, code mesh.Code) (bool, error) {
	s, ok, err := w.session(device, out.Session)
	if err != nil {
		return false, err
	}
	ref := d.liveRef()
	if !ok || ref == nil || ref.ID != out.Session {
		return code == mesh.CodeUnknown, nil
	}
	if s.Confirmed() || !s.Initiated() {
		return w.replaced(device, d, code)
	}
	d.Refused++
	w.dropLive(device, d)
	rec, err := w.contact(d.Account)
	if err != nil || rec == nil {
		return false, err
	}
	rec.Problem = "their device refused the request (" + code.String() + "); it will be tried again"
	if code == mesh.CodeWork {
		rec.Token = nil // the invite is used up or revoked: from now on with work
	}
	w.saveContact(d.Account, rec)
	return true, w.wake(d.Account, rec)
}

// replaced deals with a session that was agreed on and that the other end does
// not know any more. If it began another one since, which we took for the late
// loser of a start at once, then that was in truth a reset: it is sent on from
// now on, and the user is told.
func (w *work) replaced(device identity.DeviceID, d *deviceRec, code mesh.Code) (bool, error) {
	newer := d.newest()
	if code != mesh.CodeUnknown || newer.State != sessionReceive || newer.Initiated {
		return false, nil
	}
	rec, err := w.contact(d.Account)
	if err != nil || rec == nil || !w.countReset(d, device) {
		return false, err
	}
	d.liveRef().State = sessionReceive
	newer.State = sessionLive
	w.keepDevice(device)
	return true, w.resetAlarm(d.Account, rec)
}

// requeue marks what an envelope carried as to be sealed again.
func (w *work) requeue(device identity.DeviceID, account identity.AccountID, out outRec) error {
	rec, err := w.contact(account)
	if err != nil || rec == nil {
		return err
	}
	if out.Kind == outControl {
		rec.Owe |= out.Owed
		w.keepContact(account, rec)
		return nil
	}
	return w.changeMessage(out.Conv, out.Order, func(m *messageRec) bool {
		m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d deliveryRec) bool { return d.Device == device })
		w.hold(account, rec, out.Order)
		return false
	})
}

// eachWaiting goes through what waits for a device.
func (w *work) eachWaiting(device identity.DeviceID, fn func(outRec) error) error {
	return w.tx.Scan(store.Range{Prefix: outboxOf(device)}, func(_ store.Key, b []byte) (bool, error) {
		out, err := decodeOut(b)
		if err != nil {
			return false, err
		}
		return true, fn(out)
	})
}

// delivered notes that a device opened an envelope.
func (w *work) delivered(device identity.DeviceID, out outRec, a mesh.Ack) error {
	d, err := w.device(device)
	if err != nil {
		return err
	}
	if d.Refused != 0 {
		if err := w.takenAgain(device, d); err != nil {
			return err
		}
	}
	if out.Kind == outControl {
		return w.requestArrived(device, out)
	}
	return w.changeMessage(out.Conv, out.Order, func(m *messageRec) bool {
		if d := m.delivery(device); d != nil && d.State < Delivered {
			d.State, d.At, d.Path, d.Reason = Delivered, ms(w.now), string(a.Path), ""
		}
		if m.State == Queued {
			m.State = Delivered
			return true
		}
		return false
	})
}

// takenAgain ends a row of refusals.
func (w *work) takenAgain(device identity.DeviceID, d *deviceRec) error {
	d.Refused = 0
	w.keepDevice(device)
	rec, err := w.contact(d.Account)
	if err == nil && rec != nil {
		rec.Problem = ""
		w.saveContact(d.Account, rec)
	}
	return err
}

// requestArrived takes back what was said to be in the way of a request.
func (w *work) requestArrived(device identity.DeviceID, out outRec) error {
	if out.Owed&oweRequest == 0 {
		return nil
	}
	d, err := w.device(device)
	if err != nil {
		return err
	}
	rec, err := w.contact(d.Account)
	if err != nil || rec == nil || rec.Problem == "" {
		return err
	}
	rec.Problem = ""
	w.saveContact(d.Account, rec)
	return nil
}

// failed notes that a device will not take an envelope. The message fails when
// no device took it and none may still.
func (w *work) failed(device identity.DeviceID, out outRec, code mesh.Code) error {
	if out.Kind == outControl {
		return nil
	}
	return w.changeMessage(out.Conv, out.Order, func(m *messageRec) bool {
		open := false
		for i := range m.Deliveries {
			d := &m.Deliveries[i]
			if d.Device == device {
				d.State, d.At, d.Reason = Failed, ms(w.now), reasonOf(code)
			}
			open = open || d.State != Failed
		}
		if !open {
			m.State = Failed
		}
		return true
	})
}

func reasonOf(code mesh.Code) string {
	switch code {
	case mesh.CodeUnknown:
		return "their device has lost this session"
	case mesh.CodeDeclined:
		return "declined"
	}
	return code.String()
}

// changeMessage changes a stored message; when fn says that it shows, it is
// announced. A message that was cleared is nothing to change.
func (w *work) changeMessage(conv ConversationID, o order, fn func(*messageRec) (shows bool)) error {
	m := new(messageRec)
	switch err := get(w.tx, keyMessage(conv, o), m); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	shows := fn(m)
	if err := set(w.tx, keyMessage(conv, o), m); err != nil || !shows {
		return err
	}
	return emit(w.tx, EventMessageChanged, Ref{Conversation: conv, Message: o.ID})
}

// seenNow remembers when a contact was last there, to the minute.
func (w *work) seenNow(device identity.DeviceID, acks []mesh.Ack) error {
	if len(acks) == 0 {
		return nil
	}
	d, err := w.device(device)
	if err != nil {
		return err
	}
	rec, err := w.contact(d.Account)
	if err != nil || rec == nil || ms(w.now)-rec.LastSeen < 60_000 {
		return err
	}
	rec.LastSeen = ms(w.now)
	w.keepContact(d.Account, rec)
	return nil
}
