package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// meeting is somebody to add, however they were found.
type meeting struct {
	genesis identity.Genesis
	locator [32]byte
	intro   [][]byte
	addrs   [][]byte
	token   []byte
	handle  identity.Handle // proved by whoever found it
}

// AddContact adds somebody, or answers with the contact as it is when there is
// one; somebody who asked us is accepted. It returns once the intent is
// durable; the request then travels by itself. Errors: *AmbiguousError,
// ErrNotFound, ErrBlocked, ErrInvalid, ErrInvite.
func (c *Chat) AddContact(ctx context.Context, r AddRequest) (Contact, error) {
	if err := c.checkAdd(r); err != nil {
		return Contact{}, err
	}
	if strings.HasPrefix(r.Peer, invitePrefix) {
		m, err := c.readInvite(r.Peer)
		if err != nil {
			return Contact{}, err
		}
		return c.meet(ctx, m, r)
	}
	if out, err := c.addKnown(ctx, r); !errors.Is(err, ErrNotFound) {
		return out, err
	}
	m, err := c.resolve(ctx, r.Peer)
	if err != nil {
		return Contact{}, err
	}
	return c.meet(ctx, m, r)
}

func (c *Chat) checkAdd(r AddRequest) error {
	if len(r.Greeting) > c.cfg.Limits.GreetingBytes || !utf8.ValidString(r.Greeting) {
		return fmt.Errorf("%w: greeting longer than %d bytes or not UTF-8", ErrInvalid, c.cfg.Limits.GreetingBytes)
	}
	return checkName(r.Name, c.cfg.Limits.NameBytes)
}

// addKnown answers for somebody who is a contact already.
func (c *Chat) addKnown(ctx context.Context, r AddRequest) (Contact, error) {
	return c.changeContact(ctx, r.Peer, func(w *work, id identity.AccountID, rec *contactRec) error {
		return w.addAgain(id, rec, r)
	})
}

func (w *work) addAgain(id identity.AccountID, rec *contactRec, r AddRequest) error {
	if r.Name != "" && r.Name != rec.Petname {
		rec.Petname = r.Name
		w.saveContact(id, rec)
	}
	switch rec.State {
	case Incoming:
		return w.say(id, rec)
	case Blocked:
		return ErrBlocked
	}
	w.tx.OnCommit(func() { w.c.intros.hurry(id) })
	return nil
}

// resolve asks the directory for the one account behind a handle.
func (c *Chat) resolve(ctx context.Context, ref string) (*meeting, error) {
	h, err := identity.ParseHandle(ref)
	if err != nil {
		return nil, fmt.Errorf("%w: neither a contact nor a handle", ErrNotFound)
	}
	if c.dir == nil {
		return nil, ErrOffline
	}
	found, err := c.claimants(ctx, h)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: nobody claims this handle", ErrNotFound)
	case 1:
		return meetingOf(found[0]), nil
	}
	return nil, c.ambiguousClaims(ref, found)
}

// claimants lists who claims a handle, each account once, newest claim.
func (c *Chat) claimants(ctx context.Context, h identity.Handle) ([]dht.Claimant, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out []dht.Claimant
	_, err := c.dir.Resolve(ctx, h, func(k dht.Claimant) {
		if k.Genesis.AccountID() != k.Account {
			return
		}
		if h.Tag != "" {
			cancel() // only one account fits a tag
		}
		for i := range out {
			if out[i].Account == k.Account {
				out[i] = k
				return
			}
		}
		out = append(out, k)
	})
	if err != nil && len(out) == 0 {
		return nil, fmt.Errorf("chat: resolve: %w", err)
	}
	return out, nil
}

func meetingOf(k dht.Claimant) *meeting {
	m := &meeting{genesis: k.Genesis, locator: k.Locator, handle: k.Handle}
	for _, p := range k.Intro {
		m.intro = append(m.intro, []byte(p))
	}
	return m
}

func (c *Chat) ambiguousClaims(ref string, found []dht.Claimant) error {
	e := &AmbiguousError{Name: ref}
	err := c.view(func(w *work) error {
		for _, k := range found {
			rec, err := w.contact(k.Account)
			if err != nil {
				return err
			}
			e.Claimants = append(e.Claimants, Claimant{Handle: k.Handle, Account: k.Account, Pinned: rec != nil})
			e.Handles = append(e.Handles, k.Handle)
		}
		return nil
	})
	return errors.Join(e, err)
}

// meet makes somebody a contact and starts the request on its way.
func (c *Chat) meet(ctx context.Context, m *meeting, r AddRequest) (Contact, error) {
	id := m.genesis.AccountID()
	if id == c.self.Load().account.ID() {
		return Contact{}, fmt.Errorf("%w: this is you", ErrInvalid)
	}
	var out Contact
	err := c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil {
			return err
		}
		if rec == nil {
			rec, err = w.newContact(id, m, r)
		} else {
			w.meetAgain(id, rec, m)
			err = w.addAgain(id, rec, r)
		}
		if err != nil {
			return err
		}
		out = w.shownContact(id, rec)
		return nil
	})
	return out, err
}

func (w *work) newContact(id identity.AccountID, m *meeting, r AddRequest) (*contactRec, error) {
	if full, err := w.contactsFull(); full || err != nil {
		return nil, errors.Join(ErrRateLimited, err)
	}
	rec := &contactRec{
		Genesis: m.genesis, State: Requested, Petname: r.Name, Greeting: r.Greeting,
		Since: ms(w.now), Owe: oweRequest, Problem: "looking for their device",
	}
	if m.handle.Tag != "" {
		rec.Handle, rec.Proved = m.handle.String(), true
	}
	w.tx.Delete(keyDeclined(id))
	w.meetAgain(id, rec, m)
	if err := w.ensureConversation(id); err != nil {
		return nil, err
	}
	w.tx.OnCommit(func() { w.c.intros.hurry(id) })
	return rec, nil
}

// meetAgain takes over where to find a contact. Who the contact is does not
// change: that is the account, and the account is its key.
func (w *work) meetAgain(id identity.AccountID, rec *contactRec, m *meeting) {
	if rec.State == Requested {
		rec.Locator, rec.Intro, rec.Addrs = m.locator, m.intro, m.addrs
		rec.Token = m.token
	}
	w.saveContact(id, rec)
}

func (w *work) contactsFull() (bool, error) {
	n := 0
	err := scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(_ []byte, r *contactRec) error {
		if r.State != Incoming { // strangers take no place from whom the user asks
			n++
		}
		return nil
	})
	return n >= w.c.cfg.Limits.Contacts, err
}
