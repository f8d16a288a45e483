package chat

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// upkeepEvery is how often clocks are looked at; all of them run in days.
const upkeepEvery = 15 * time.Minute

func (c *Chat) wakeUpkeep() { poke(c.upkeepDue) }

func (c *Chat) runUpkeep(ctx context.Context) error {
	t := time.NewTicker(upkeepEvery)
	defer t.Stop()
	for {
		if err := c.upkeep(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("upkeep", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-c.upkeepDue:
		}
	}
}

// upkeep renews what has a lifetime and erases what is over.
func (c *Chat) upkeep(ctx context.Context) error {
	if err := c.renewManifest(ctx); err != nil {
		return err
	}
	if err := c.rotatePrekeys(ctx); err != nil {
		return err
	}
	for _, erase := range []func(context.Context) error{c.forgetRequests, c.pruneAll, c.forgetSkipped} {
		if err := erase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// requestLife is how long a request waits for the user.
const requestLife = 30 * 24 * time.Hour

// forgetRequests erases requests that the user left unanswered for long: there
// are new ones every day, and anybody can make them.
func (c *Chat) forgetRequests(ctx context.Context) error {
	var old []identity.AccountID
	before := ms(c.cfg.Now().Add(-requestLife))
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, r *contactRec) error {
			if r.State == Incoming && r.Since < before {
				old = append(old, identity.AccountID(tail))
			}
			return nil
		})
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return c.update(ctx, func(w *work) error {
		for _, id := range old {
			rec, err := w.contact(id)
			if err == nil && rec != nil && rec.State == Incoming {
				err = w.forget(id, rec)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// pruneAll erases sessions that were replaced long enough ago.
func (c *Chat) pruneAll(ctx context.Context) error {
	var stale []identity.DeviceID
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableDevice.Key()}, func(tail []byte, d *deviceRec) error {
			if len(d.Sessions) > 1 {
				stale = append(stale, identity.DeviceID(tail))
			}
			return nil
		})
	})
	if err != nil || len(stale) == 0 {
		return err
	}
	return c.updateLazy(ctx, func(w *work) error {
		for _, id := range stale {
			d, err := w.device(id)
			if err != nil {
				return err
			}
			w.pruneSessions(id, d)
		}
		return nil
	})
}

// resumeIntroductions sees to every contact that something waits for: what can
// be sealed is, else an introduction is asked for.
func (c *Chat) resumeIntroductions() error {
	var waiting []identity.AccountID
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, r *contactRec) error {
			id := identity.AccountID(tail)
			if r.known() && (r.Owe != 0 || r.Held) {
				waiting = append(waiting, id)
			}
			if r.known() && r.Stale {
				c.intros.wake(id, 0)
			}
			if r.Handle != "" && !r.Proved {
				c.prover.ask(id)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, id := range waiting {
		if err := c.update(context.Background(), func(w *work) error { return w.deliver(id) }); err != nil {
			return err
		}
	}
	return nil
}

// random is a number below n.
func (c *Chat) random(n uint64) uint64 {
	var b [8]byte
	if err := draw(c.cfg.Rand, b[:]); err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(b[:]) % n
}

func uintTail(n uint64) []byte {
	if n == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, n)
}
