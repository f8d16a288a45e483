package dht

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// household is a node with a directory, on loopback.
type household struct {
	*DHT
	node *node.Node
	stop func()
}

func (h *household) addr() peer.AddrInfo {
	return peer.AddrInfo{ID: h.node.ID(), Addrs: h.node.Host().Addrs()}
}

// quick are limits for tests that are not about the price of work.
func quick() Limits {
	l := DefaultLimits()
	l.MinBits, l.IdleBits, l.WorkMemory = 2, 4, 8
	l.NameMemory, l.NamePasses = 256, 1
	l.IdlePause, l.Retry = 50*time.Millisecond, 200*time.Millisecond
	return l
}

func live(t *testing.T, l Limits, bootstrap ...peer.AddrInfo) *household {
	t.Helper()
	key, err := identity.NewPeerKey(rand.Reader)
	must(t, err)
	cfg := node.DefaultConfig()
	cfg.Key, cfg.Bootstrap = key, bootstrap
	cfg.MDNS, cfg.PortMap = false, false
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
	n, err := node.New(cfg)
	must(t, err)
	d, err := New(Config{Limits: l}, n)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- n.Run(ctx) }()
	go func() { done <- d.Run(ctx) }()
	stopped := false
	h := &household{DHT: d, node: n}
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("run: %v", err)
			}
		}
	}
	t.Cleanup(h.stop)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition that others bring about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func resolve(t testing.TB, d *DHT, h string) map[identity.AccountID]Claimant {
	t.Helper()
	handle, err := identity.ParseHandle(h)
	must(t, err)
	out := map[identity.AccountID]Claimant{}
	_, err = d.Resolve(within(t, 20*time.Second), handle, func(c Claimant) { out[c.Account] = c })
	must(t, err)
	return out
}

// TestRealPrices is a claim with the work, the hashes and the times of the
// specification.
func TestRealPrices(t *testing.T) {
	alice := live(t, DefaultLimits())
	bob := live(t, DefaultLimits(), alice.addr())
	a := newPerson(t, "alice")
	p := a.profile(alice.node.ID())
	p.Manifests, p.Bundles, p.Route = nil, nil, nil
	alice.Publish(p)
	must(t, alice.WaitPublished(within(t, time.Minute), "alice"))
	got := map[identity.AccountID]Claimant{}
	until(t, "bob finds alice", func() bool { got = resolve(t, bob.DHT, "alice"); return len(got) == 1 })
	c := got[a.account.ID()]
	if c.Handle.Name != "alice" || !c.Handle.Matches(c.Account) || c.Bits < 6 {
		t.Errorf("claimant %+v", c)
	}
	until(t, "the full handle is with bob", func() bool { return heldBy(alice.DHT, 1) })
	if len(resolve(t, bob.DHT, c.Handle.String())) != 1 {
		t.Error("not found by full handle")
	}
}

// TestTwoWhoOnlyKnowEachOther is the smallest world.
func TestTwoWhoOnlyKnowEachOther(t *testing.T) {
	alice := live(t, quick())
	bob := live(t, quick(), alice.addr())
	a := newPerson(t, "alice")
	alice.Publish(a.profile(alice.node.ID()))
	must(t, alice.WaitPublished(within(t, time.Minute), "alice"))
	until(t, "everything of alice is with bob", func() bool { return heldBy(alice.DHT, 1) })

	got := resolve(t, bob.DHT, "alice")
	c, ok := got[a.account.ID()]
	if !ok || len(got) != 1 {
		t.Fatalf("bob finds %d claimants", len(got))
	}
	if c.Locator != a.locator || c.Pin != a.manifest.Pin() || len(c.Intro) != 1 || c.Intro[0] != alice.node.ID() {
		t.Errorf("claim says %+v", c)
	}
	if len(resolve(t, bob.DHT, c.Handle.String())) != 1 {
		t.Error("not found by full handle")
	}
	acc, err := bob.Account(within(t, 20*time.Second), c.Account, c.Genesis, c.Locator)
	must(t, err)
	if acc.Pin != a.manifest.Pin() || len(acc.Certs) != 1 || acc.Bundles[a.device.ID()] == nil {
		t.Errorf("account %+v", acc)
	}
	r, err := bob.Route(within(t, 20*time.Second), c.Account, c.Genesis, a.presence)
	must(t, err)
	if len(r.Devices) != 1 || r.Devices[0].Peer != alice.node.ID() || len(r.Devices[0].Addrs) == 0 {
		t.Errorf("route %+v", r)
	}
	ai, err := bob.FindPeer(within(t, 20*time.Second), alice.node.ID())
	must(t, err)
	if len(ai.Addrs) == 0 {
		t.Error("no addresses of alice")
	}
}

func heldBy(d *DHT, n int) bool {
	rs := d.Published().Records
	for _, r := range rs {
		if r.Acks < n {
			return false
		}
	}
	return len(rs) > 0
}

// TestChainOutlivesItsFirst: five nodes, each knowing only the one before it;
// the first dies, the last finds what the second published.
func TestChainOutlivesItsFirst(t *testing.T) {
	var chain []*household
	for range 5 {
		var before []peer.AddrInfo
		if len(chain) > 0 {
			before = append(before, chain[len(chain)-1].addr())
		}
		chain = append(chain, live(t, quick(), before...))
		n := len(chain)
		until(t, "the newcomer knows the one before", func() bool { return n == 1 || chain[n-1].Status().LAN.Size > 0 })
	}
	chain[0].stop()
	a := newPerson(t, "alice")
	chain[1].Publish(a.profile(chain[1].node.ID()))
	must(t, chain[1].WaitPublished(within(t, 20*time.Second), "alice"))
	until(t, "the last one finds alice", func() bool { return len(resolve(t, chain[4].DHT, "alice")) == 1 })
	ai, err := chain[4].FindPeer(within(t, 20*time.Second), chain[1].node.ID())
	must(t, err)
	if len(ai.Addrs) == 0 {
		t.Error("no addresses of the second")
	}
}

// TestAloneThenNot: who publishes alone is found by whoever comes later.
func TestAloneThenNot(t *testing.T) {
	alice := live(t, quick())
	a := newPerson(t, "alice")
	alice.Publish(a.profile(alice.node.ID()))
	must(t, alice.WaitPublished(within(t, 20*time.Second), "alice"))
	if len(resolve(t, alice.DHT, "alice")) != 1 {
		t.Error("alice does not find herself")
	}
	bob := live(t, quick(), alice.addr())
	until(t, "bob holds everything", func() bool { return heldBy(alice.DHT, 1) })
	alice.stop()
	if len(resolve(t, bob.DHT, "alice")) != 1 {
		t.Error("bob does not hold what alice left with him")
	}
}
