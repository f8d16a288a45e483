package mesh

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"
)

// rates is a token bucket for each of the last peers that used one. Safe for
// concurrent use.
type rates struct {
	limit rate.Limit
	burst int
	most  int
	now   func() time.Time

	mu      sync.Mutex
	buckets map[peer.ID]*rate.Limiter
}

func newRates(every time.Duration, burst, most int, now func() time.Time) *rates {
	return &rates{
		limit: rate.Every(every), burst: burst, most: most, now: now,
		buckets: make(map[peer.ID]*rate.Limiter),
	}
}

// take spends n tokens of the peer, if it has them.
func (r *rates) take(p peer.ID, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bucketLocked(p).AllowN(r.now(), n)
}

// spent says whether the peer has no whole token left.
func (r *rates) spent(p peer.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[p]
	return b != nil && b.TokensAt(r.now()) < 1
}

func (r *rates) bucketLocked(p peer.ID) *rate.Limiter {
	b := r.buckets[p]
	if b == nil {
		r.sweepLocked()
		b = rate.NewLimiter(r.limit, r.burst)
		r.buckets[p] = b
	}
	return b
}

// sweepLocked makes room: buckets that are full again say nothing, and if that
// does not suffice any one goes.
func (r *rates) sweepLocked() {
	if len(r.buckets) < r.most {
		return
	}
	now := r.now()
	for p, b := range r.buckets {
		if b.TokensAt(now) >= float64(r.burst) {
			delete(r.buckets, p)
		}
	}
	for p := range r.buckets {
		if len(r.buckets) < r.most {
			return
		}
		delete(r.buckets, p)
	}
}
