package dht

import (
	"context"
	"sync"
)

// gate lets a few proofs of work be checked at once, makes some wait and, when
// too many do, turns away those that offer least. Safe for concurrent use.
type gate struct {
	mu      sync.Mutex
	free    int
	max     int
	waiting []*waiter
}

type waiter struct {
	bits uint8
	turn chan bool // true: go; false: turned away
}

func newGate(workers, queue int) *gate { return &gate{free: workers, max: queue} }

// enter waits for a turn. After nil the caller must call leave.
func (g *gate) enter(ctx context.Context, bits uint8) error {
	w, err := g.queue(bits)
	if w == nil {
		return err
	}
	select {
	case ok := <-w.turn:
		return turned(ok)
	case <-ctx.Done():
		if g.giveUp(w) {
			return ctx.Err()
		}
		return turned(<-w.turn) // decided meanwhile
	}
}

func turned(in bool) error {
	if in {
		return nil
	}
	return ErrBusy
}

// queue returns nil, nil when there is a turn at once.
func (g *gate) queue(bits uint8) (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		return nil, nil
	}
	if len(g.waiting) >= g.max {
		low := g.lowestLocked()
		if low < 0 || g.waiting[low].bits >= bits {
			return nil, ErrBusy
		}
		g.takeLocked(low).turn <- false
	}
	w := &waiter{bits: bits, turn: make(chan bool, 1)}
	g.waiting = append(g.waiting, w)
	return w, nil
}

func (g *gate) lowestLocked() int {
	low := -1
	for i, w := range g.waiting {
		if low < 0 || w.bits < g.waiting[low].bits {
			low = i
		}
	}
	return low
}

func (g *gate) takeLocked(i int) *waiter {
	w := g.waiting[i]
	g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
	return w
}

// giveUp leaves the queue; false when a turn was given or refused already.
func (g *gate) giveUp(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.waiting {
		if g.waiting[i] == w {
			g.takeLocked(i)
			return true
		}
	}
	return false
}

// leave hands the turn to whoever waits longest.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	g.takeLocked(0).turn <- true
}
