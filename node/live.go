package node

import (
	"context"
	"sync"
	"time"
)

// live are the handlers that run: a node ends when they have. The zero value
// admits; after end it never does again.
type live struct {
	work sync.WaitGroup

	mu    sync.Mutex
	ended bool
	last  uint64
	stop  map[uint64]context.CancelFunc
}

// begin admits one piece of work, for at most limit (zero: without). The
// context is nil when the node has ended; otherwise done must be called.
func (l *live) begin(limit time.Duration) (ctx context.Context, done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, nil
	}
	ctx, cancel := bounded(limit)
	if l.stop == nil {
		l.stop = map[uint64]context.CancelFunc{}
	}
	l.last++
	key := l.last
	l.stop[key] = cancel
	l.work.Add(1)
	return ctx, func() { l.done(key) }
}

func (l *live) done(key uint64) {
	l.mu.Lock()
	cancel := l.stop[key]
	delete(l.stop, key)
	l.mu.Unlock()
	cancel()
	l.work.Done()
}

// end cancels what runs and admits nothing more.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, cancel := range l.stop {
		cancel()
	}
}

func bounded(limit time.Duration) (context.Context, context.CancelFunc) {
	if limit > 0 {
		return context.WithTimeout(context.Background(), limit)
	}
	return context.WithCancel(context.Background())
}
