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
	return c.pruneAll(ctx)
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

// resume wakes an introduction for every contact that something waits for.
func (c *Chat) resumeIntroductions() error {
	return c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableContact.Key()}, func(tail []byte, r *contactRec) error {
			ready, missing, err := w.ready(r)
			if err == nil && r.known() && (r.Owe != 0 || r.Held && (missing || len(ready) == 0)) {
				c.intros.wake(identity.AccountID(tail), 0)
			}
			if r.Handle != "" && !r.Proved {
				c.prover.ask(identity.AccountID(tail))
			}
			return err
		})
	})
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
