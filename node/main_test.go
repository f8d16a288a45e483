package node_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a story may take before it counts as hung; not a
// measure of speed.
const patience = 20 * time.Second

// hello is a protocol that makes a peer one of ours.
const hello = "/p2pmsg/hello/1"

func key(t testing.TB) identity.PeerKey {
	t.Helper()
	k, err := identity.NewPeerKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// config is that of a node that stays on loopback.
func config(t testing.TB) node.Config {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.Key = key(t)
	cfg.MDNS, cfg.PortMap = false, false
	cfg.Listen = []multiaddr.Multiaddr{
		multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1"),
		multiaddr.StringCast("/ip4/127.0.0.1/tcp/0"),
	}
	return cfg
}

// start builds and runs a node; stop ends it and waits.
func start(t testing.TB, cfg node.Config) (n *node.Node, stop func()) {
	t.Helper()
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Handle(hello, limits(), func(_ context.Context, s network.Stream) {})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	return n, stop
}

func limits() node.StreamLimits {
	return node.StreamLimits{Concurrent: 32, PerPeer: 8, Rate: 100, Burst: 100, Deadline: patience, FrameMax: 64 << 10}
}

func info(n *node.Node) peer.AddrInfo {
	return peer.AddrInfo{ID: n.ID(), Addrs: n.Host().Addrs()}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// meets waits until n is connected to other.
func meets(t testing.TB, n *node.Node, other peer.ID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for e := range n.Watch(ctx) {
		if e.Peer == other && e.Connected {
			return
		}
	}
	t.Fatalf("never met %s", other)
}
