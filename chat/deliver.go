package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

func outboxOf(d identity.DeviceID) store.Key { return tableOutbox.Key(store.Bytes(d[:])) }

// deliver seals whatever a contact is owed and whatever waits to be sealed, for
// each of its devices that has a session. When one has none, an introduction
// is asked for.
func (w *work) deliver(account identity.AccountID) error {
	rec, err := w.contact(account)
	if err != nil || rec == nil {
		return err
	}
	if w.sendable(rec) != nil || rec.Owe == 0 && !rec.Held {
		return nil
	}
	ready, missing, err := w.ready(rec)
	if err != nil {
		return err
	}
	if missing {
		if err := w.wake(account, rec); err != nil {
			return err
		}
	}
	if len(ready) == 0 {
		return nil
	}
	if err := w.payOwed(account, rec, ready); err != nil {
		return err
	}
	if rec.Held && rec.State == Accepted {
		return w.sealHeld(account, rec, ready)
	}
	return nil
}

// sendable says whether anything may be sent to a contact at all.
func (w *work) sendable(rec *contactRec) error {
	switch {
	case rec.State == Blocked:
		return ErrBlocked
	case rec.Alarm != 0:
		return ErrIdentityChanged
	case rec.Reset && rec.Verified && !rec.ResetOK:
		return fmt.Errorf("%w: security reset to acknowledge", ErrUnverified)
	}
	return nil
}

// ready lists the devices with a session to send on; missing says that there
// are others, or none at all.
func (w *work) ready(rec *contactRec) (out []identity.DeviceID, missing bool, err error) {
	for _, id := range rec.Devices {
		d, err := w.device(id)
		if err != nil {
			return nil, false, err
		}
		if d.liveRef() == nil {
			missing = true
			continue
		}
		out = append(out, id)
	}
	return out, missing || len(out) == 0, nil
}

// payOwed seals what a contact is owed besides messages.
func (w *work) payOwed(account identity.AccountID, rec *contactRec, ready []identity.DeviceID) error {
	owe := rec.Owe
	if rec.State == Accepted {
		owe &^= oweRequest
	} else {
		owe &= oweRequest
	}
	if owe == 0 {
		return nil
	}
	b, paid, err := w.owedBody(account, rec, owe)
	if err != nil {
		return err
	}
	for _, d := range ready {
		if err := w.seal(d, b, outRec{Kind: outControl, Owed: paid}); err != nil {
			return err
		}
	}
	rec.Owe &^= owe
	w.keepContact(account, rec)
	return nil
}

// owedBody makes the one body that pays all that is owed, and says what of it
// must be made again if it gets lost.
func (w *work) owedBody(account identity.AccountID, rec *contactRec, owe owed) ([]byte, owed, error) {
	own := w.c.card(w.self)
	switch {
	case owe&oweRequest != 0:
		b, err := w.control(account, rec, typeRequest, request{Card: own, Greeting: rec.Greeting})
		return b, oweRequest, err
	case owe&oweProof != 0 && owe&oweAccept == 0:
		proof := w.self.proof()
		b, err := w.control(account, rec, typeProfile, profile{Card: own, Identity: &proof})
		return b, oweProof, err
	case owe&oweAccept != 0:
		b, err := w.control(account, rec, typeAccept, request{Card: own})
		return b, owe, err
	case owe&oweProfile != 0:
		b, err := w.control(account, rec, typeProfile, profile{Card: own})
		return b, oweProfile, err
	}
	b, err := w.control(account, rec, typeHello, nil)
	return b, 0, err
}

// control makes a body that is not a message: it has no place in the chain or
// the order of the conversation.
func (w *work) control(account identity.AccountID, rec *contactRec, t bodyType, payload any) ([]byte, error) {
	var p []byte
	if payload != nil {
		var err error
		if p, err = identity.Encode(payload); err != nil {
			return nil, err
		}
	}
	b := body{
		Conv: w.direct(account), WallMS: uint64(ms(w.now)), Type: t, Payload: p,
		Own: headOf(w.self.newest().Pin()), Peer: headOf(rec.Pin.pin()),
	}
	if err := draw(w.c.cfg.Rand, b.MID[:]); err != nil {
		return nil, err
	}
	return identity.Encode(b)
}

// seal seals content on the live session of a device and puts it into the
// outbox.
func (w *work) seal(device identity.DeviceID, content []byte, out outRec) error {
	s, ok, err := w.live(device)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("chat: no session to seal on")
	}
	next, sealed, err := s.Seal(w.c.cfg.Rand, content)
	if err != nil {
		return err
	}
	d, err := w.device(device)
	if err != nil {
		return err
	}
	d.Item++
	out.Session, out.Receipt, out.Envelope = next.ID(), sealed.Receipt, sealed.Envelope
	w.saveSession(device, next)
	w.keepDevice(device)
	w.tx.Set(keyOutbox(device, d.Item), out.encode())
	w.pushes[device] = append(w.pushes[device], mesh.Item{ID: d.Item, Envelope: sealed.Envelope})
	return nil
}

// heldBytes is how many bytes of messages that waited one transaction seals.
const heldBytes = 1 << 20

// sealHeld seals the messages that waited, in their order. If they are too many
// for one transaction the rest has its turn in the next (drain).
func (w *work) sealHeld(account identity.AccountID, rec *contactRec, ready []identity.DeviceID) error {
	conv := w.direct(account)
	left, size := false, 0
	err := w.tx.Scan(store.Range{Prefix: tableUnsent.Key(store.Bytes(account[:]))}, func(k store.Key, _ []byte) (bool, error) {
		o, ok := orderOf(k.Tail())
		if !ok {
			return false, malformed("unsent entry")
		}
		if size >= heldBytes {
			left, w.full, w.wakes[account] = true, true, 0
			return false, nil
		}
		n, done, err := w.sealOne(conv, o, rec, ready)
		if done {
			w.tx.Delete(k)
		}
		left, size = left || !done, size+n
		return true, err
	})
	if err != nil {
		return err
	}
	if rec.Held != left {
		rec.Held = left
		w.keepContact(account, rec)
	}
	return nil
}

// drain seals all that waited for a contact, one transaction after another.
func (c *Chat) drain(ctx context.Context, id identity.AccountID) error {
	for more := true; more; {
		err := c.update(ctx, func(w *work) error {
			err := w.deliver(id)
			more = w.full
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sealOne seals a stored message for every device that has not had it, and
// says how much that writes; done says that all of them have it now.
func (w *work) sealOne(conv ConversationID, o order, rec *contactRec, ready []identity.DeviceID) (size int, done bool, err error) {
	m := new(messageRec)
	switch err := get(w.tx, keyMessage(conv, o), m); {
	case errors.Is(err, store.ErrNotFound):
		return 0, true, nil // cleared meanwhile
	case err != nil:
		return 0, false, err
	}
	m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d deliveryRec) bool {
		return d.State == Queued && !slices.Contains(rec.Devices, d.Device) // gone before it came
	})
	for _, d := range ready {
		if err := w.sealFor(d, conv, o, m); err != nil {
			return 0, false, err
		}
	}
	sealed := 0
	for _, d := range rec.Devices {
		if m.delivery(d) != nil {
			sealed++
		}
	}
	size = (1 + len(ready)) * max(len(m.Body), ratchet.MinMessage)
	return size, sealed == len(rec.Devices), set(w.tx, keyMessage(conv, o), m)
}

// sealFor seals a message for one device, unless it is under way already or
// does not fit while the handshake is still repeated.
func (w *work) sealFor(device identity.DeviceID, conv ConversationID, o order, m *messageRec) error {
	if m.delivery(device) != nil {
		return nil
	}
	err := w.seal(device, m.Body, outRec{Kind: outText, Conv: conv, Order: o})
	if errors.Is(err, ratchet.ErrTooBig) {
		return nil
	}
	if err != nil {
		return err
	}
	m.Deliveries = append(m.Deliveries, deliveryRec{Device: device, State: Queued, At: ms(w.now)})
	return nil
}

func (m *messageRec) delivery(d identity.DeviceID) *deliveryRec {
	for i := range m.Deliveries {
		if m.Deliveries[i].Device == d {
			return &m.Deliveries[i]
		}
	}
	return nil
}

// oweAll lets every accepted contact know something of ours.
func (w *work) oweAll(what owed) error {
	if what == 0 {
		return nil
	}
	return w.oweEach(what, func(*contactRec) bool { return true })
}

// oweEach lets those accepted contacts know that are picked.
func (w *work) oweEach(what owed, pick func(*contactRec) bool) error {
	var ids []identity.AccountID
	err := scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, _ *contactRec) error {
		ids = append(ids, identity.AccountID(tail))
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		rec, err := w.contact(id)
		if err != nil {
			return err
		}
		if rec == nil || rec.State != Accepted || !pick(rec) {
			continue
		}
		rec.Owe |= what
		w.keepContact(id, rec)
		if err := w.deliver(id); err != nil {
			return err
		}
	}
	return nil
}
