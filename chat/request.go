package chat

import (
	"errors"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// declinedLife is how long further requests of a declined account are dropped.
const declinedLife = 7 * 24 * time.Hour

// dayRec counts the contact requests of strangers in a day.
type dayRec struct {
	Shown  uint64 `cbor:"1,keyasint"`
	Hidden uint64 `cbor:"2,keyasint,omitempty"`
}

func dayOf(t time.Time) uint64 { return uint64(t.Unix()) / 86400 }

// onRequest takes a contact request. One account has one open request; one
// whom we asked too is accepted, and so is one who shows an invite.
func (w *work) onRequest(in *incoming) error {
	var r request
	if err := decodeChecked(in.body.Payload, &r); err != nil {
		return err
	}
	if !in.mine(&r.Card) {
		return malformed("card of another account")
	}
	if in.rec != nil {
		return w.requestAgain(in, &r)
	}
	if in.who == nil {
		return nil // a contact we removed, in a session that outlived it
	}
	return w.newRequest(in, &r)
}

func (w *work) requestAgain(in *incoming, r *request) error {
	rec := in.rec
	switch rec.State {
	case Requested:
		w.befriend(in.account, rec)
		rec.Owe |= oweAccept
	case Accepted:
		rec.Owe |= oweAccept // they lost track of it
	case Incoming:
		if w.invited(in) {
			w.befriend(in.account, rec)
			rec.Owe |= oweAccept
		}
	}
	w.saveContact(in.account, rec)
	return w.takeCard(in, &r.Card)
}

// invited uses the invite that came with a handshake, if there is one.
func (w *work) invited(in *incoming) bool {
	if in.who == nil || len(in.who.pending.Token()) == 0 {
		return false
	}
	return w.useInvite(in.who.pending.Token(), in.account) == nil
}

func (w *work) newRequest(in *incoming, r *request) error {
	who := in.who
	rec := &contactRec{
		Genesis: who.proof.Genesis, State: Incoming, Since: ms(w.now),
		Greeting: r.Greeting, Pin: pinOf(who.pin), Devices: who.members,
		Manifests: who.proof.Manifests[len(who.proof.Manifests)-1:], Certs: who.proof.Certs,
	}
	in.rec = rec
	w.saveContact(in.account, rec)
	if w.invited(in) {
		w.befriend(in.account, rec)
		rec.Owe |= oweAccept
		return w.takeCard(in, &r.Card)
	}
	if err := errors.Join(w.countRequest(), w.takeCard(in, &r.Card)); err != nil {
		return err
	}
	return emit(w.tx, EventContactRequest, Ref{Account: in.account})
}

// room says whether one more request of a stranger is shown today. One that is
// shown is counted when it is there: a handshake alone, which can be repeated
// without new work, must not take the place of somebody else.
func (w *work) room(account identity.AccountID) error {
	switch _, err := w.tx.Get(keyDeclined(account)); {
	case err == nil:
		return refuse(mesh.CodeBusy) // they see somebody who is away
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	d, err := w.today()
	if err != nil || d.Shown < uint64(w.c.cfg.Limits.RequestsPerDay) {
		return err
	}
	d.Hidden++
	return errors.Join(refuse(mesh.CodeBusy), w.keepToday(d))
}

func (w *work) today() (d dayRec, err error) {
	if err = get(w.tx, keyDay(dayOf(w.now)), &d); errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return d, err
}

func (w *work) keepToday(d dayRec) error {
	b, err := identity.Encode(d)
	if err == nil {
		w.tx.SetTTL(keyDay(dayOf(w.now)), b, 48*time.Hour)
	}
	return err
}

// countRequest counts a request that is shown today.
func (w *work) countRequest() error {
	d, err := w.today()
	if err != nil {
		return err
	}
	d.Shown++
	return w.keepToday(d)
}

// HiddenRequests is how many contact requests of today were not shown.
func (c *Chat) HiddenRequests() int {
	var d dayRec
	// A day without a record has hidden none.
	_ = c.view(func(w *work) error { return get(w.tx, keyDay(dayOf(w.now)), &d) })
	return int(d.Hidden)
}

// befriend makes a contact an accepted one.
func (w *work) befriend(id identity.AccountID, rec *contactRec) {
	rec.State, rec.Problem, rec.Token = Accepted, "", nil
	rec.Owe &^= oweRequest
	w.tx.Delete(keyDeclined(id))
	w.saveContact(id, rec)
	w.changed[w.direct(id)] = true
}

func (w *work) direct(id identity.AccountID) ConversationID {
	return DirectConversation(w.self.account.ID(), id)
}

// onAccept takes the answer to our request.
func (w *work) onAccept(in *incoming) error {
	var r request
	if err := decodeChecked(in.body.Payload, &r); err != nil {
		return err
	}
	if in.rec == nil || !in.mine(&r.Card) {
		return nil
	}
	switch in.rec.State {
	case Requested:
		w.befriend(in.account, in.rec)
	case Accepted:
	default:
		return nil
	}
	if err := w.takeCard(in, &r.Card); err != nil {
		return err
	}
	return w.deliver(in.account)
}

// takeCard takes over what a contact told about itself. It changes neither who
// the contact is nor what the user calls it.
func (w *work) takeCard(in *incoming, c *card) error {
	rec := in.rec
	rec.Name = shownName(c.Name)
	if c.Handle != rec.Handle {
		rec.Handle, rec.Proved = c.Handle, false
		w.tx.OnCommit(func() { w.c.prover.ask(in.account) })
	}
	rec.Presence, rec.Locator = c.Presence, c.Locator
	rec.LastSeen = ms(w.now)
	w.saveContact(in.account, rec)
	if err := w.takeRoute(in, c); err != nil {
		return err
	}
	if err := w.ensureConversation(in.account); err != nil {
		return err
	}
	return w.deliver(in.account)
}

// takeRoute remembers where the device says it is, if it speaks from there: a
// peer that only says so may name the peer of somebody else, and we would end
// our own stream to that one with another. Nobody is dialled before the user
// has said yes to them: it would show a stranger when we are there.
func (w *work) takeRoute(in *incoming, c *card) error {
	ai, err := addrInfo(c.Peer, c.Addrs)
	if err != nil {
		return malformed("card route")
	}
	if ai.ID != in.from {
		return nil
	}
	d, err := w.device(in.device)
	if err != nil {
		return err
	}
	d.Account, d.Peer, d.Addrs, d.Stranger = in.account, c.Peer, c.Addrs, !in.rec.known()
	w.keepDevice(in.device)
	if !d.Stranger {
		w.tx.OnCommit(func() { w.c.setDest(in.device, c.Peer, c.Addrs) })
	}
	return nil
}

func (w *work) ensureConversation(id identity.AccountID) error {
	conv := w.direct(id)
	if _, err := w.conversation(conv, id); err != nil {
		return err
	}
	w.keepConversation(conv)
	return nil
}
