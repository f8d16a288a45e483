package chat

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Limits of the keys of messages that have not come, spec/ratchet.md#skipped-keys.
const (
	skippedLife = 14 * 24 * time.Hour
	maxSkipped  = 20_000 // in all sessions together
)

// skipping is a session that keeps such keys, or did.
type skipping struct {
	device  identity.DeviceID
	session [32]byte
	keys    int
	since   int64 // ms; 0: not noted yet
}

// forgetSkipped erases the keys of messages that did not come in time: all that
// a session keeps, so that none is older. When there are too many, the
// sessions that keep most go first: who skips pays for it.
func (c *Chat) forgetSkipped(ctx context.Context) error {
	all, err := c.skipping()
	if err != nil || len(all) == 0 {
		return err
	}
	over, old := -maxSkipped, ms(c.cfg.Now().Add(-skippedLife))
	for _, s := range all {
		over += s.keys
	}
	slices.SortFunc(all, func(a, b skipping) int { return cmp.Compare(b.keys, a.keys) })
	return c.update(ctx, func(w *work) error {
		for _, s := range all {
			drop := over > 0 || s.since != 0 && s.since <= old
			if drop {
				over -= s.keys
			}
			if err := w.noteSkipped(s, drop); err != nil {
				return err
			}
		}
		return nil
	})
}

// skipping lists the sessions whose keys are to be noted, erased, or noted no
// longer.
func (c *Chat) skipping() (out []skipping, err error) {
	err = c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableDevice.Key()}, func(tail []byte, d *deviceRec) error {
			for _, ref := range d.Sessions {
				s, ok, err := w.session(identity.DeviceID(tail), ref.ID)
				if err != nil {
					return err
				}
				at := skipping{device: identity.DeviceID(tail), session: ref.ID, since: d.skippedSince(ref.ID)}
				if ok {
					at.keys = s.Skipped()
				}
				if at.keys > 0 || at.since != 0 {
					out = append(out, at)
				}
			}
			return nil
		})
	})
	return out, err
}

func (d *deviceRec) skippedSince(session [32]byte) int64 {
	for _, r := range d.Skipped {
		if r.Session == session {
			return r.Since
		}
	}
	return 0
}

// noteSkipped notes when a session was first seen with such keys, or erases
// them with the note.
func (w *work) noteSkipped(at skipping, drop bool) error {
	s, ok, err := w.session(at.device, at.session)
	if err != nil {
		return err
	}
	d, err := w.device(at.device)
	if err != nil {
		return err
	}
	keep := ok && s.Skipped() > 0 && !drop
	if keep && at.since != 0 {
		return nil
	}
	if ok && drop {
		w.saveSession(at.device, s.Forget(s.Mark()))
	}
	d.Skipped = slices.DeleteFunc(d.Skipped, func(r skippedRec) bool { return r.Session == at.session })
	if keep {
		d.Skipped = append(d.Skipped, skippedRec{Session: at.session, Since: ms(w.now)})
	}
	w.keepDevice(at.device)
	return nil
}
