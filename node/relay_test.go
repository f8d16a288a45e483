package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// Alice reaches Bob only through a relay that meters. What may pass over such a
// connection is said on both sides.
func TestRelayedPath(t *testing.T) {
	cfg := config(t)
	cfg.Options = []libp2p.Option{libp2p.EnableRelayService(), libp2p.ForceReachabilityPublic()}
	relay, _ := start(t, cfg)
	bob, _ := start(t, config(t))
	alice, _ := start(t, config(t))
	ctx := within(t)
	if err := bob.Connect(ctx, info(relay)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Reserve(ctx, bob.Host(), info(relay)); err != nil {
		t.Fatal(err)
	}
	via := relay.Addrs()[0].Encapsulate(multiaddr.StringCast("/p2p-circuit"))
	if err := alice.Connect(ctx, peer.AddrInfo{ID: bob.ID(), Addrs: []multiaddr.Multiaddr{via}}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node.Node{alice, bob} {
		e := pathOf(t, n, alice, bob)
		if e.Path != node.PathRelayed || !e.Limited {
			t.Errorf("event %+v", e)
		}
	}
	speak(t, alice, bob)

	if err := alice.Connect(network.WithForceDirectDial(ctx, "test"), info(bob)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the path is direct", func() bool { return alice.Path(bob.ID()) == node.PathDirect })
}

// pathOf is what n is told of the other of the two.
func pathOf(t *testing.T, n, alice, bob *node.Node) node.PeerEvent {
	t.Helper()
	other := alice.ID()
	if n == alice {
		other = bob.ID()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for e := range n.Watch(ctx) {
		if e.Peer == other {
			return e
		}
	}
	t.Fatal("no event")
	return node.PeerEvent{}
}

func speak(t *testing.T, alice, bob *node.Node) {
	t.Helper()
	l := limits()
	direct, any := l, l
	any.Limited = true
	echo := func(_ context.Context, s network.Stream) {
		b, _ := node.ReadFrame(s, 64)
		_ = node.WriteFrame(s, b)
	}
	bob.Handle("/p2pmsg/direct/1", direct, echo)
	bob.Handle("/p2pmsg/any/1", any, echo)

	short := node.OpenOptions{Timeout: 200 * time.Millisecond, NoDial: true}
	if s, err := alice.Open(within(t), bob.ID(), "/p2pmsg/any/1", short); err == nil {
		_ = s.Reset()
		t.Error("opened over a limited connection unasked")
	}
	s, err := alice.Open(within(t), bob.ID(), "/p2pmsg/any/1", node.OpenOptions{Limited: true})
	if err != nil {
		t.Fatal(err)
	}
	say(s, "hi")
	if b, err := node.ReadFrame(s, 64); err != nil || string(b) != "hi" {
		t.Errorf("%q, %v", b, err)
	}
	_ = s.Close()
	s, err = alice.Open(within(t), bob.ID(), "/p2pmsg/direct/1", node.OpenOptions{Limited: true})
	if err != nil {
		t.Fatal(err)
	}
	say(s, "hi")
	reset(t, s, network.StreamGated)
}
