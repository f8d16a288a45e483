package mesh

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
)

// doors let incoming streams in while Run runs: those that are early wait,
// those that are late are turned away, and close waits until all are out.
type doors struct {
	opened chan struct{}

	mu     sync.Mutex
	closed bool
	inside map[network.Stream]context.CancelFunc
	out    sync.WaitGroup
}

func newDoors() *doors {
	return &doors{opened: make(chan struct{}), inside: make(map[network.Stream]context.CancelFunc)}
}

// through wraps what serves streams.
func (d *doors) through(serve func(context.Context, network.Stream)) func(context.Context, network.Stream) {
	return func(ctx context.Context, s network.Stream) {
		select {
		case <-d.opened:
		case <-ctx.Done():
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if d.enter(s, cancel) {
			defer d.leave(s)
			serve(ctx, s)
		}
	}
}

func (d *doors) enter(s network.Stream, end context.CancelFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.inside[s] = end
	d.out.Add(1)
	return true
}

func (d *doors) leave(s network.Stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.inside, s)
	d.out.Done()
}

func (d *doors) open() { close(d.opened) }

// close resets every stream and waits for its server to return.
func (d *doors) close() {
	d.mu.Lock()
	d.closed = true
	for s, end := range d.inside {
		end()
		_ = s.Reset()
	}
	d.mu.Unlock()
	d.out.Wait()
}
