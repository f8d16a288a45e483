package chat

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// introducer opens sessions to the devices of contacts that something waits
// for, and tries again, ever more seldom, until it has done so.
type introducer struct {
	c    *Chat
	poke chan struct{}

	mu   sync.Mutex
	jobs map[identity.AccountID]*job // guarded by mu
}

// job is one contact to be introduced to.
type job struct {
	next    time.Time // when to try
	tries   int
	running bool
	again   bool // woken while running
}

func newIntroducer(c *Chat) *introducer {
	return &introducer{c: c, poke: make(chan struct{}, 1), jobs: map[identity.AccountID]*job{}}
}

// wake asks for an introduction now, or after a pause when refused ones went
// before. If one failed a moment ago its own time stands.
func (n *introducer) wake(id identity.AccountID, refused int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if j, ok := n.jobs[id]; ok {
		j.again = j.again || j.running
		return
	}
	j := &job{next: n.c.cfg.Now()}
	if refused > 0 {
		j.next = j.next.Add(n.pause(refused - 1))
	}
	n.jobs[id] = j
	poke(n.poke)
}

// hurry is wake without regard to earlier failures, for a user who asks.
func (n *introducer) hurry(id identity.AccountID) {
	n.mu.Lock()
	if j, ok := n.jobs[id]; ok && !j.running {
		delete(n.jobs, id)
	}
	n.mu.Unlock()
	n.wake(id, 0)
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (n *introducer) run(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(n.c.cfg.Limits.OpenRequests)
	defer g.Wait() //nolint:errcheck // the jobs report for themselves
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-n.poke:
		}
		timer.Reset(n.start(ctx, &g))
	}
}

// start starts what is due and says how long until something else is.
func (n *introducer) start(ctx context.Context, g *errgroup.Group) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, wait := n.c.cfg.Now(), time.Hour
	for id, j := range n.jobs {
		if j.running {
			continue
		}
		if left := j.next.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		j.running = true
		if !g.TryGo(func() error { n.try(ctx, id, j); return nil }) {
			j.running = false
			return wait // poked when a place is free
		}
	}
	return wait
}

func (n *introducer) try(ctx context.Context, id identity.AccountID, j *job) {
	err := n.c.introduce(ctx, id, false)
	n.mu.Lock()
	defer n.mu.Unlock()
	defer poke(n.poke)
	j.running = false
	switch {
	case err != nil && !errors.Is(err, errHopeless):
		j.next = n.c.cfg.Now().Add(n.pause(j.tries))
		j.tries++
		j.again = false
	case j.again:
		// Not at once: two peers that refuse each other must not spin.
		j.next, j.again = n.c.cfg.Now().Add(n.pause(j.tries)), false
		j.tries++
	default:
		delete(n.jobs, id)
	}
}

// pause is the wait after a number of failures, jittered so that many contacts
// do not come due at once.
func (n *introducer) pause(tries int) time.Duration {
	d := n.c.cfg.Retry << min(tries, 16)
	if d > n.c.cfg.RetryMax || d <= 0 {
		d = n.c.cfg.RetryMax
	}
	return d - time.Duration(n.c.random(uint64(d/4)+1))
}
