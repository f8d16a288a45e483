package dht

import (
	"net/netip"
	"sync"
	"time"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/time/rate"
)

// buckets are token buckets by key, bounded in number: two generations, of
// which the older is thrown away when the newer is full. Safe for concurrent
// use.
type buckets struct {
	rate  rate.Limit
	burst int

	mu       sync.Mutex
	now, old map[string]*rate.Limiter
}

const maxBuckets = 4096 // of one generation

func newBuckets(perMinute, burst int) *buckets {
	return &buckets{
		rate: rate.Limit(float64(perMinute) / 60), burst: burst,
		now: map[string]*rate.Limiter{}, old: map[string]*rate.Limiter{},
	}
}

// take takes one token of key's bucket, if there is one. An empty key is free.
func (b *buckets) take(key string, at time.Time) bool {
	if key == "" {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now[key]
	if l == nil {
		if l = b.old[key]; l == nil {
			l = rate.NewLimiter(b.rate, b.burst)
		}
		if len(b.now) >= maxBuckets {
			b.now, b.old = map[string]*rate.Limiter{}, b.now
		}
		b.now[key] = l
	}
	return l.AllowN(at, 1)
}

// neighbourhood is the /24 or /56 of an address, as far as one household or
// hoster can be told apart. Addresses that never come from the internet have
// none.
func neighbourhood(a multiaddr.Multiaddr) string {
	ip, err := manet.ToIP(a)
	if err != nil {
		return ""
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return ""
	}
	addr = addr.Unmap()
	if addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() {
		return ""
	}
	bits := 56
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
