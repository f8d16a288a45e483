package chat

import (
	"errors"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// incoming is a body on its way to its handler.
type incoming struct {
	opened
	body body
	raw  []byte  // the bytes of body, hashed by its successor
	from peer.ID // who brought it, only a hint
	rec  *contactRec
}

// handlers do what a body says. A fault of the body itself is ErrMalformed: the
// message counts as opened and nothing is done, since sending it again would
// change nothing.
var handlers = map[bodyType]func(*work, *incoming) error{
	typeRequest: (*work).onRequest,
	typeAccept:  (*work).onAccept,
	typeText:    (*work).onText,
	typeReceipt: (*work).onReceipt,
	typeProfile: (*work).onProfile,
	typeHello:   func(*work, *incoming) error { return nil },
}

func (w *work) dispatch(o *opened, from peer.ID) error {
	if o.content.Control {
		return nil
	}
	in := &incoming{opened: *o, raw: o.content.Content, from: from}
	if err := decodeChecked(in.raw, &in.body); err != nil {
		return w.dropped(err)
	}
	rec, err := w.contact(o.account)
	if err != nil {
		return err
	}
	in.rec = rec
	if err := w.checkHeads(in); err != nil {
		return err
	}
	handle, ok := handlers[in.body.Type]
	if !ok {
		return nil // of a later version; nothing to show yet
	}
	if err := handle(w, in); err != nil {
		return w.dropped(err)
	}
	return w.answered(in)
}

// dropped swallows what a peer did wrong and keeps what went wrong here.
func (w *work) dropped(err error) error {
	if !errors.Is(err, ErrMalformed) {
		return err
	}
	w.c.cfg.Logger.Debug("body dropped", "error", err)
	return nil
}

// answered makes sure that a handshake from a contact is answered with
// something: until then it is repeated in every envelope. Whatever else a
// contact says may be what a message waited for that did not fit beside our
// own handshake.
func (w *work) answered(in *incoming) error {
	rec := in.rec
	if rec == nil || rec.State != Accepted || in.who == nil && !rec.Held {
		return nil
	}
	if in.who != nil && rec.Owe == 0 {
		rec.Owe |= oweHello
		w.keepContact(in.account, rec)
	}
	return w.deliver(in.account)
}

// checkHeads compares what both sides know of each other's manifests
// (spec/bodies.md#heads).
func (w *work) checkHeads(in *incoming) error {
	rec := in.rec
	if rec == nil || rec.Alarm != 0 {
		return nil
	}
	pin := headOf(rec.Pin.pin())
	switch own := in.body.Own; {
	case own.Seq == pin.Seq && own.Hash != pin.Hash:
		return w.alarm(in.account, rec, AlarmFork)
	case own.Seq > pin.Seq && !rec.Stale:
		rec.Stale = true
		w.keepContact(in.account, rec)
		if err := w.wake(in.account, rec); err != nil {
			return err
		}
	}
	for _, m := range w.self.manifests {
		if h := headOf(m.Pin()); h.Seq == in.body.Peer.Seq && h.Hash != in.body.Peer.Hash {
			return w.selfAlarm(in.account)
		}
	}
	return nil
}

// selfAlarm says that a contact was shown a manifest of ours that we never
// made. It is said once for each contact.
func (w *work) selfAlarm(id identity.AccountID) error {
	key := keyTold(id)
	switch _, err := w.tx.Get(key); {
	case err == nil:
		return nil
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	w.tx.SetTTL(key, []byte{1}, seenLife)
	return emit(w.tx, EventIdentityAlarm, Ref{Account: id, Reason: AlarmSelfSeen})
}

// onProfile takes a new card, and a new manifest when one comes along.
func (w *work) onProfile(in *incoming) error {
	var p profile
	if err := decodeChecked(in.body.Payload, &p); err != nil {
		return err
	}
	if in.rec == nil || in.rec.State != Accepted || !in.mine(&p.Card) {
		return nil
	}
	if p.Identity != nil {
		if err := w.advance(in.account, in.rec, p.Identity); err != nil {
			return err
		}
	}
	return w.takeCard(in, &p.Card)
}

// mine says whether a card is about the account that sent it.
func (in *incoming) mine(c *card) bool {
	return identity.Genesis(c.Genesis).AccountID() == in.account
}

// advance moves the pin of a contact along a valid chain; a fork is an alarm,
// anything else that is wrong is ignored.
func (w *work) advance(id identity.AccountID, rec *contactRec, p *identityProof) error {
	if identity.Genesis(p.Genesis).AccountID() != id {
		return malformed("identity of another account")
	}
	m, err := verifyIdentity(rec.Pin.pin(), p, w.now)
	if errors.Is(err, identity.ErrFork) {
		return w.alarm(id, rec, AlarmFork)
	}
	if err != nil {
		w.c.cfg.Logger.Debug("identity ignored", "error", err)
		return nil
	}
	return w.adopt(id, rec, m.pin, p.Manifests, p.Certs, deviceIDs(m.members))
}

func deviceIDs(certs []*identity.DeviceCert) []identity.DeviceID {
	var out []identity.DeviceID
	for _, c := range certs {
		out = append(out, c.Device)
	}
	return out
}
