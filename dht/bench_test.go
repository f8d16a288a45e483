package dht

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// BenchmarkResolve100 resolves a handle at the real prices in a network of 100
// real hosts on loopback, each time from another one, which has to compute the
// place of the name and the tag of the claimant itself.
func BenchmarkResolve100(b *testing.B) {
	hosts := settlement(b, 100)
	alice := newPerson(b, "alice")
	hosts[0].Publish(alice.profile(hosts[0].self))
	must(b, hosts[0].WaitPublished(within(b, 2*time.Minute), "alice"))
	until(b, "eight servers hold alice", func() bool { return heldBy(hosts[0].DHT, 8) })
	full, err := identity.NewHandle("alice", alice.account.ID())
	must(b, err)
	b.Run("name", func(b *testing.B) { benchResolve(b, hosts, identity.Handle{Name: "alice"}) })
	b.Run("full", func(b *testing.B) { benchResolve(b, hosts, full) })
}

func benchResolve(b *testing.B, hosts []*household, h identity.Handle) {
	var first, all []float64
	i := 0
	for b.Loop() {
		i++
		d := hosts[1+i%(len(hosts)-1)].DHT
		d.slow = newSlowHashes(d.cfg.Limits.NameMemory, d.cfg.Limits.NamePasses)
		start, at := time.Now(), time.Duration(0)
		_, err := d.Resolve(context.Background(), h, func(Claimant) {
			if at == 0 {
				at = time.Since(start)
			}
		})
		must(b, err)
		if at == 0 {
			b.Fatal("not found")
		}
		first = append(first, at.Seconds()*1000)
		all = append(all, time.Since(start).Seconds()*1000)
	}
	for unit, xs := range map[string][]float64{"ms-first": first, "ms-all": all} {
		slices.Sort(xs)
		b.ReportMetric(xs[len(xs)/2], unit+"-p50")
		b.ReportMetric(xs[len(xs)*9/10], unit+"-p90")
	}
}

// settlement is n households, each bootstrapped from a few before it.
func settlement(b *testing.B, n int) []*household {
	var hosts []*household
	for i := range n {
		var before []peer.AddrInfo
		for j := range min(i, 3) {
			before = append(before, hosts[(i*7+j*13)%i].addr())
		}
		hosts = append(hosts, benchHost(b, before))
	}
	until(b, "everybody knows some", func() bool {
		return !slices.ContainsFunc(hosts, func(h *household) bool { return h.Status().LAN.Size < 8 })
	})
	return hosts
}

func benchHost(b *testing.B, bootstrap []peer.AddrInfo) *household {
	key, err := identity.NewPeerKey(rand.Reader)
	must(b, err)
	cfg := node.DefaultConfig()
	cfg.Key, cfg.Bootstrap, cfg.MDNS, cfg.PortMap, cfg.AutoNAT = key, bootstrap, false, false, false
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
	n, err := node.New(cfg)
	must(b, err)
	d, err := New(DefaultConfig(), n)
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Run(ctx) })
	wg.Go(func() { _ = d.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	return &household{DHT: d, node: n}
}

// BenchmarkWork is the price of one attempt, and so of one check.
func BenchmarkWork(b *testing.B) {
	p := newPuzzle(&envelope{}, DefaultLimits().WorkMemory)
	for i := uint64(0); b.Loop(); i++ {
		p.zeros(0, i)
	}
}

// BenchmarkNamePlace is the price of one guess at a name.
func BenchmarkNamePlace(b *testing.B) {
	l := DefaultLimits()
	for b.Loop() {
		_, err := newSlowHashes(l.NameMemory, l.NamePasses).namePlace(context.Background(), "alice", 1)
		must(b, err)
	}
}
