package node_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// Bob and Carol know only Alice. Alice introduces nobody, so here they meet
// because both are told; once met, Alice may go.
func TestBootstrapMayDie(t *testing.T) {
	alice, stopAlice := start(t, config(t))
	dir := t.TempDir()
	cfg := config(t)
	cfg.Bootstrap, cfg.CacheFile = []peer.AddrInfo{info(alice)}, filepath.Join(dir, "bob")
	bobKey := cfg
	bob, stopBob := start(t, cfg)
	cfg = config(t)
	cfg.Bootstrap = []peer.AddrInfo{info(alice)}
	carol, _ := start(t, cfg)
	meets(t, alice, bob.ID())
	meets(t, alice, carol.ID())
	if err := bob.Connect(within(t), info(carol)); err != nil {
		t.Fatal(err)
	}
	known(t, bob, 2)

	stopAlice()
	misses(t, bob, alice.ID())
	stopBob()
	misses(t, carol, bob.ID())

	bob, _ = start(t, bobKey) // Alice is still gone; he remembers Carol
	meets(t, bob, carol.ID())
	if bob.Path(alice.ID()) != node.PathNone {
		t.Error("Alice is dead")
	}
}

// Five nodes, each told of one other, and a node that comes late.
func TestFiveNodes(t *testing.T) {
	var nodes []*node.Node
	for i := range 5 {
		cfg := config(t)
		if i > 0 {
			cfg.Bootstrap = []peer.AddrInfo{info(nodes[i-1])}
		}
		n, _ := start(t, cfg)
		nodes = append(nodes, n)
	}
	for i := 1; i < len(nodes); i++ {
		meets(t, nodes[i], nodes[i-1].ID())
		meets(t, nodes[i-1], nodes[i].ID())
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				if err := a.Connect(within(t), info(b)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, n := range nodes {
		if got := n.Status().Peers; got != 4 {
			t.Errorf("%d peers", got)
		}
	}
}

// The bootstrap starts after those who need it: they keep trying. It comes
// back at the same port because it remembers the port.
func TestBootstrapComesLate(t *testing.T) {
	cfg := config(t)
	cfg.CacheFile = filepath.Join(t.TempDir(), "alice")
	alice, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ai := info(alice)
	if err := alice.Close(); err != nil {
		t.Fatal(err)
	}
	later := config(t)
	later.Seeds = []peer.AddrInfo{{ID: config(t).Key.ID(), Addrs: ai.Addrs}, ai} // one of them an impostor
	bob, _ := start(t, later)
	alice, _ = start(t, cfg)
	meets(t, bob, alice.ID())
}

// Two nodes that remember each other but whose cache file is spoilt still start.
func TestSpoiltCacheIsLeftAside(t *testing.T) {
	cfg := config(t)
	cfg.CacheFile = filepath.Join(t.TempDir(), "peers")
	if err := os.WriteFile(cfg.CacheFile, []byte("not a cache"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, stop := start(t, cfg)
	if n.Status().Known != 0 {
		t.Error("peers out of nothing")
	}
	stop()
	b, err := os.ReadFile(cfg.CacheFile)
	if err != nil || string(b) == "not a cache" {
		t.Errorf("not replaced: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(cfg.CacheFile))
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
	fi, err := os.Stat(cfg.CacheFile)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

// misses waits until n has lost the other.
func misses(t *testing.T, n *node.Node, other peer.ID) {
	t.Helper()
	eventually(t, "the peer is gone", func() bool { return n.Path(other) == node.PathNone })
}

// known waits until the cache of n holds that many.
func known(t *testing.T, n *node.Node, want int) {
	t.Helper()
	eventually(t, "the peers are remembered", func() bool { return n.Status().Known >= want })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
