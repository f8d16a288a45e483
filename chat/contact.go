package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Contacts lists contacts, all or those of the given states, by name.
func (c *Chat) Contacts(states ...ContactState) ([]Contact, error) {
	var out []Contact
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, r *contactRec) error {
			if len(states) == 0 || slices.Contains(states, r.State) {
				out = append(out, w.shownContact(identity.AccountID(tail), r))
			}
			return nil
		})
	})
	slices.SortFunc(out, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(string(a.Account[:]), string(b.Account[:])))
	})
	return out, err
}

// Contact finds one by account id, full handle, petname, or bare handle name.
func (c *Chat) Contact(peerRef string) (Contact, error) {
	id, err := c.find(peerRef)
	if err != nil {
		return Contact{}, err
	}
	return c.readContact(id)
}

func (c *Chat) readContact(id identity.AccountID) (out Contact, err error) {
	err = c.view(func(w *work) error {
		rec, err := w.contact(id)
		if err != nil {
			return err
		}
		if rec == nil {
			return ErrNotFound
		}
		out = w.shownContact(id, rec)
		return nil
	})
	return out, err
}

func (w *work) shownContact(id identity.AccountID, r *contactRec) Contact {
	s := Contact{
		Account: id, Name: cmp.Or(r.Petname, r.Name), Petname: r.Petname != "", State: r.State,
		Verified: r.Verified, Alarm: r.Alarm != 0, Reset: r.Reset,
		Online: r.State == Accepted && w.c.presence.online(r.Devices), LastSeen: fromMS(r.LastSeen),
		Devices: len(r.Devices), Conversation: w.direct(id),
		Greeting: r.Greeting, Problem: r.Problem, Since: fromMS(r.Since),
	}
	if r.Proved {
		s.Handle, _ = identity.ParseHandle(r.Handle)
		s.Name = cmp.Or(s.Name, s.Handle.Name)
	}
	return s
}

// changeContact changes a contact in one transaction and answers with it.
func (c *Chat) changeContact(ctx context.Context, peerRef string, fn func(*work, identity.AccountID, *contactRec) error) (Contact, error) {
	id, err := c.find(peerRef)
	if err != nil {
		return Contact{}, err
	}
	var out Contact
	err = c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil {
			return err
		}
		if rec == nil {
			return ErrNotFound
		}
		if err := fn(w, id, rec); err != nil {
			return err
		}
		out = w.shownContact(id, rec)
		return nil
	})
	return out, err
}

// Accept answers an incoming request with yes. Idempotent.
func (c *Chat) Accept(ctx context.Context, peerRef string) (Contact, error) {
	return c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		switch rec.State {
		case Accepted:
			return nil
		case Incoming:
			return w.say(id, rec)
		case Blocked:
			return ErrBlocked
		}
		return fmt.Errorf("%w: there is no request of theirs to accept", ErrConflict)
	})
}

// say accepts an incoming request and lets the other side know.
func (w *work) say(id identity.AccountID, rec *contactRec) error {
	w.befriend(id, rec)
	rec.Owe |= oweAccept
	for _, id := range rec.Devices {
		d, err := w.device(id)
		if err != nil {
			return err
		}
		if d.Stranger {
			d.Stranger = false
			w.keepDevice(id)
		}
	}
	return errors.Join(w.nudge(rec), w.deliver(id))
}

// Decline drops an incoming request; the other side is told nothing.
func (c *Chat) Decline(ctx context.Context, peerRef string) error {
	_, err := c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		if rec.State != Incoming {
			return fmt.Errorf("%w: not an incoming request", ErrConflict)
		}
		w.tx.SetTTL(keyDeclined(id), []byte{1}, declinedLife)
		return w.forget(id, rec)
	})
	return err
}

// forget erases a contact with its devices and sessions. Messages stay; those
// that were not delivered have failed.
func (w *work) forget(id identity.AccountID, rec *contactRec) error {
	if err := w.giveUp(id, rec); err != nil {
		return err
	}
	for _, d := range rec.Devices {
		if err := w.eraseDevice(d); err != nil {
			return err
		}
	}
	w.tx.Delete(keyContact(id))
	w.contacts[id] = &held[contactRec]{}
	w.told[id] = true
	return errors.Join(
		deleteAll(w.tx, tableUnsent.Key(store.Bytes(id[:]))),
		deleteAll(w.tx, tableReceipt.Key(store.Bytes(id[:]))))
}

// giveUp marks what still waits for a contact as failed, as much of it as one
// transaction takes.
func (w *work) giveUp(id identity.AccountID, rec *contactRec) error {
	room := 4 * heldBytes
	fail := func(o order) error {
		if room <= 0 {
			return nil
		}
		return w.changeMessage(w.direct(id), o, func(m *messageRec) bool {
			room -= len(m.Body) + outHeader
			shows := m.State == Queued
			for i := range m.Deliveries {
				if d := &m.Deliveries[i]; d.State == Queued {
					d.State, d.At, d.Reason = Failed, ms(w.now), "the contact was removed"
				}
			}
			if shows {
				m.State = Failed
			}
			return shows
		})
	}
	unsent := store.Range{Prefix: tableUnsent.Key(store.Bytes(id[:]))}
	err := w.tx.Scan(unsent, func(k store.Key, _ []byte) (bool, error) {
		o, ok := orderOf(k.Tail())
		return ok, fail(o)
	})
	for _, d := range rec.Devices {
		err = errors.Join(err, w.eachWaiting(d, func(out outRec) error {
			if out.Kind != outText {
				return nil
			}
			return fail(out.Order)
		}))
	}
	return err
}

// Rename gives a petname; empty takes it away.
func (c *Chat) Rename(ctx context.Context, peerRef, name string) (Contact, error) {
	if err := checkName(name, c.cfg.Limits.NameBytes); err != nil {
		return Contact{}, err
	}
	return c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		rec.Petname = name
		w.saveContact(id, rec)
		return nil
	})
}

// Remove forgets a contact with its sessions; the messages stay until cleared.
// The presence secret they were told is worth nothing from now on.
func (c *Chat) Remove(ctx context.Context, peerRef string) error {
	_, err := c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		told := rec.State == Accepted || rec.State == Requested
		if err := w.forget(id, rec); err != nil || !told {
			return err
		}
		return w.rotatePresence()
	})
	if err == nil {
		c.profileChanged()
	}
	return err
}

// Block stops everything from and to an account; they see somebody offline.
func (c *Chat) Block(ctx context.Context, peerRef string) (Contact, error) {
	out, err := c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		if rec.State == Blocked {
			return nil
		}
		rec.Before, rec.State = rec.State, Blocked
		w.saveContact(id, rec)
		for _, d := range rec.Devices {
			w.tx.OnCommit(func() { w.c.mesh.Forget(d) })
		}
		return w.rotatePresence()
	})
	if err == nil {
		c.profileChanged()
	}
	return out, err
}

// Unblock takes a block back: the contact is as before it.
func (c *Chat) Unblock(ctx context.Context, peerRef string) (Contact, error) {
	return c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		if rec.State != Blocked {
			return nil
		}
		rec.State, rec.Before = rec.Before, 0
		if rec.State == Accepted {
			rec.Owe |= oweProfile // the presence secret has changed meanwhile
		}
		w.saveContact(id, rec)
		if !rec.known() {
			return nil
		}
		return errors.Join(w.nudge(rec), w.deliver(id))
	})
}
