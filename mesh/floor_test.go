package mesh_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

const patience = 20 * time.Second

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// floor is a floor above that a test can look into.
type floor struct {
	mu      sync.Mutex
	outbox  []mesh.Item
	got     [][]byte
	calls   int
	acks    []mesh.Ack
	links   []mesh.LinkState
	verdict func(env []byte) mesh.Verdict // nil takes everything
	broken  error                         // what Pending says
}

func (f *floor) Receive(_ context.Context, _ peer.ID, envs [][]byte) []mesh.Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	var out []mesh.Verdict
	for _, env := range envs {
		f.got = append(f.got, env)
		v := mesh.Verdict{Receipt: [16]byte{env[0]}}
		if f.verdict != nil {
			v = f.verdict(env)
		}
		out = append(out, v)
	}
	return out
}

func (f *floor) Pending(_ identity.DeviceID, after uint64, limit int) ([]mesh.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []mesh.Item
	for _, it := range f.outbox {
		if it.ID > after && len(out) < limit {
			out = append(out, it)
		}
	}
	return out, f.broken
}

func (f *floor) Settled(_ identity.DeviceID, acks []mesh.Ack) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acks = append(f.acks, acks...)
	f.outbox = slices.DeleteFunc(f.outbox, func(it mesh.Item) bool {
		return slices.ContainsFunc(acks, func(a mesh.Ack) bool { return a.ID == it.ID })
	})
}

func (f *floor) LinkChanged(s mesh.LinkState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links = append(f.links, s)
}

func (f *floor) put(items ...mesh.Item) []mesh.Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outbox = append(f.outbox, items...)
	return items
}

func (f *floor) answers() []mesh.Ack {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acks)
}

func (f *floor) received() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

// items makes n items of a size from the given id on.
func items(from uint64, n, size int) (out []mesh.Item) {
	for i := range n {
		env := make([]byte, size)
		env[0] = byte(from) + byte(i)
		out = append(out, mesh.Item{ID: from + uint64(i), Envelope: env})
	}
	return out
}

// stranger is a bare node in Alice's place that knows the way to Bob's mesh.
func stranger(t *testing.T, p *pair) *node.Node {
	n := p.node(t, meshtest.Alice)
	stop := runNode(t, n)
	t.Cleanup(stop)
	return n
}

func runNode(t testing.TB, n *node.Node) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var w sync.WaitGroup
	w.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		w.Wait()
	})
}

// knock opens a stream from the stranger to Bob.
func knock(t *testing.T, p *pair, from *node.Node) network.Stream {
	t.Helper()
	return open(t, p, from, mesh.ProtocolDM)
}

func open(t *testing.T, p *pair, from *node.Node, proto protocol.ID) network.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bob := p.dest(meshtest.Bob)
	if err := from.Connect(ctx, peer.AddrInfo{ID: bob.Peer, Addrs: bob.Addrs}); err != nil {
		t.Fatal(err)
	}
	s, err := from.Open(ctx, bob.Peer, proto, node.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Reset() })
	_ = s.SetDeadline(time.Now().Add(patience))
	return s
}
