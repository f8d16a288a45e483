package chat

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// prover checks handles that contacts claim. A check takes 64 MiB and a good
// part of a second, so there is one at a time, away from everything else.
type prover struct {
	one  sync.Mutex // held during a check
	poke chan struct{}

	mu   sync.Mutex
	todo []identity.AccountID // guarded by mu
}

// proverRest is how many times as long as a check the prover rests after it.
const proverRest = 4

func newProver() *prover { return &prover{poke: make(chan struct{}, 1)} }

// ask puts a contact in line.
func (p *prover) ask(id identity.AccountID) {
	p.mu.Lock()
	if !slices.Contains(p.todo, id) {
		p.todo = append(p.todo, id)
	}
	p.mu.Unlock()
	poke(p.poke)
}

func (p *prover) next() (id identity.AccountID, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.todo) == 0 {
		return id, false
	}
	id, p.todo = p.todo[0], p.todo[1:]
	return id, true
}

// proves checks one handle.
func (c *Chat) proves(h identity.Handle, id identity.AccountID) bool {
	c.prover.one.Lock()
	defer c.prover.one.Unlock()
	return h.Matches(id)
}

func (c *Chat) runProver(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.prover.poke:
		}
		for id, ok := c.prover.next(); ok && ctx.Err() == nil; id, ok = c.prover.next() {
			began := time.Now()
			if err := c.proveHandle(ctx, id); err != nil && ctx.Err() == nil {
				c.cfg.Logger.Warn("prove a handle", "error", err)
			}
			// Whoever claims one handle after another takes a part of our
			// time, not all of it.
			sleep(ctx, proverRest*time.Since(began))
		}
	}
}

// proveHandle checks the handle a contact claims and shows it if it holds.
func (c *Chat) proveHandle(ctx context.Context, id identity.AccountID) error {
	var claimed string
	err := c.view(func(w *work) error {
		rec, err := w.contact(id)
		if err == nil && rec != nil && !rec.Proved {
			claimed = rec.Handle
		}
		return err
	})
	if err != nil || claimed == "" {
		return err
	}
	h, err := identity.ParseHandle(claimed)
	if err != nil || !c.proves(h, id) {
		return nil // claimed by somebody it does not belong to: never shown
	}
	return c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil || rec.Handle != claimed {
			return err
		}
		rec.Proved = true
		w.saveContact(id, rec)
		return nil
	})
}
