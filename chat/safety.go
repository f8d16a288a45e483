package chat

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// SafetyNumber returns the 60 digits both sides compare.
func (c *Chat) SafetyNumber(peerRef string) (string, error) {
	id, err := c.find(peerRef)
	if err != nil {
		return "", err
	}
	var g identity.Genesis
	err = c.view(func(w *work) error {
		rec, err := w.contact(id)
		if err == nil && rec == nil {
			err = ErrNotFound
		}
		if err == nil {
			g = rec.Genesis
		}
		return err
	})
	if err != nil {
		return "", err
	}
	self := c.self.Load()
	return identity.SafetyNumber(self.account.ID(), self.account.Genesis(), id, g), nil
}

// Verify compares digits (spaces do not count) and on success marks the
// contact verified and ends an alarm or a security reset. ErrUnverified when
// they differ.
func (c *Chat) Verify(ctx context.Context, peerRef, digits string) (Contact, error) {
	want, err := c.SafetyNumber(peerRef)
	if err != nil {
		return Contact{}, err
	}
	got := strings.Join(strings.Fields(digits), "")
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return Contact{}, fmt.Errorf("%w: the digits differ", ErrUnverified)
	}
	return c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		w.trust(id, rec)
		rec.Verified = true
		return w.deliver(id)
	})
}

// AcknowledgeReset lets an unproven new session of a contact be used.
func (c *Chat) AcknowledgeReset(ctx context.Context, peerRef string) (Contact, error) {
	return c.changeContact(ctx, peerRef, func(w *work, id identity.AccountID, rec *contactRec) error {
		if rec.Reset {
			verified := rec.Verified
			w.trust(id, rec)
			rec.Verified = verified
		}
		return w.deliver(id)
	})
}

// trust ends what stopped the sending. After a fork the pin begins anew with
// what the contact shows next, under the same account key. After two histories
// of one device its chain begins anew.
func (w *work) trust(id identity.AccountID, rec *contactRec) {
	if rec.Alarm == AlarmFork {
		rec.Pin, rec.Stale = pinRec{}, true
		w.wakes[id] = 0
	}
	if rec.Alarm == AlarmClone {
		if conv, err := w.existing(w.direct(id)); err == nil {
			conv.Chains = nil
			w.keepConversation(w.direct(id))
		}
	}
	rec.ResetOK = rec.Reset
	rec.Alarm, rec.Reset = 0, false
	w.saveContact(id, rec)
}

// ResetSessions starts new sessions with all devices of a contact.
func (c *Chat) ResetSessions(ctx context.Context, peerRef string) (Contact, error) {
	id, err := c.find(peerRef)
	if err != nil {
		return Contact{}, err
	}
	if err := c.introduce(ctx, id, true); err != nil {
		return Contact{}, err
	}
	return c.readContact(id)
}
