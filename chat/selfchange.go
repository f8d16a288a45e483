package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// renewBefore is how long before its end a manifest is replaced by the next.
const renewBefore = 7 * 24 * time.Hour

// Me describes the own account as it is now.
func (c *Chat) Me() Me { return c.self.Load().Me() }

// SetName changes the display name and tells accepted contacts.
func (c *Chat) SetName(ctx context.Context, name string) (Me, error) {
	if err := checkName(name, c.cfg.Limits.NameBytes); err != nil {
		return Me{}, err
	}
	return c.changeSelf(ctx, oweProfile, func(r *selfRec) error {
		r.Name = name
		return nil
	})
}

// SetHandles replaces the claimed handles (full ones, that belong to this
// account) and tells accepted contacts. None releases all.
func (c *Chat) SetHandles(ctx context.Context, handles ...identity.Handle) (Me, error) {
	var names []string
	for _, h := range handles {
		if !c.owns(h) {
			return Me{}, fmt.Errorf("%w: not a handle of this account", ErrInvalid)
		}
		names = append(names, h.String())
	}
	return c.changeSelf(ctx, oweProfile, func(r *selfRec) error {
		r.Handles = names
		return nil
	})
}

// owns says whether a handle is ours. What was proved once is not proved again:
// one proof takes 64 MiB and a good part of a second.
func (c *Chat) owns(h identity.Handle) bool {
	self := c.self.Load()
	return slices.Contains(self.handles, h) || c.proves(h, self.account.ID())
}

// Phrase returns the 24 words of the recovery phrase and remembers that they
// were shown.
func (c *Chat) Phrase(ctx context.Context) ([]string, error) {
	phrase, err := identity.PhraseFromSecret(c.self.Load().rec.Phrase[:])
	if err != nil {
		return nil, err
	}
	_, err = c.changeSelf(ctx, 0, func(r *selfRec) error {
		r.Seen = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return phrase.Words(), nil
}

// changeSelf changes the account in one transaction and lets accepted contacts
// know what owe says.
func (c *Chat) changeSelf(ctx context.Context, owe owed, fn func(*selfRec) error) (Me, error) {
	err := c.update(ctx, func(w *work) error {
		if err := w.changeSelf(fn); err != nil {
			return err
		}
		return w.oweAll(owe)
	})
	if err != nil {
		return Me{}, fmt.Errorf("chat: change account: %w", err)
	}
	c.profileChanged()
	return c.Me(), nil
}

// changeSelf replaces the account record; the rest of the transaction and
// everybody after it sees the new one.
func (w *work) changeSelf(fn func(*selfRec) error) error {
	rec := new(selfRec)
	if err := get(w.tx, keySelf(), rec); err != nil {
		return err
	}
	if err := fn(rec); err != nil {
		return err
	}
	rec.Version++
	next, err := w.c.self.Load().with(rec)
	if err != nil {
		return err
	}
	if err := set(w.tx, keySelf(), rec); err != nil {
		return err
	}
	w.self = next
	return nil
}

// renewManifest replaces the manifest when it nears its end. The account key
// signs, so the link stands by itself for somebody who missed the ones before.
func (c *Chat) renewManifest(ctx context.Context) error {
	now := c.cfg.Now()
	if now.Before(c.self.Load().newest().Expires.Add(-renewBefore)) {
		return nil
	}
	_, err := c.changeSelf(ctx, oweProof, func(r *selfRec) error {
		self := c.self.Load()
		next, err := self.newest().Next(self.account, now, identity.Change{})
		if err != nil {
			return err
		}
		r.Manifests = append(slices.Clone(r.Manifests), next.Bytes())
		if extra := len(r.Manifests) - keptManifests; extra > 0 {
			r.Manifests = r.Manifests[extra:]
		}
		return nil
	})
	return err
}

// rotatePresence takes the route record away from whoever was told the secret
// before; everybody who is accepted now is told the new one.
func (w *work) rotatePresence() error {
	err := w.changeSelf(func(r *selfRec) error { return draw(w.c.cfg.Rand, r.Presence[:]) })
	if err != nil {
		return err
	}
	return w.oweAll(oweProfile)
}
