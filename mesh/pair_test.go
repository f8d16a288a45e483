package mesh_test

import (
	"context"
	"crypto/rand"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
	}
	goleak.VerifyTestMain(m)
}

func TestDirectDelivers(t *testing.T) {
	meshtest.Run(t, func(t *testing.T) meshtest.Pair { return newPair(t, quick()) })
}

// quick are limits with which a story does not take minutes.
func quick() mesh.Limits {
	l := mesh.DefaultLimits()
	l.BackoffMin, l.BackoffMax, l.BackoffIdle = 20*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	l.PushGap = 50 * time.Millisecond
	l.AckTimeout = 300 * time.Millisecond
	l.StreamRate, l.StreamBurst = 1000, 1000
	return l
}

// pair is two nodes on the loopback interface. The zero address of a side is
// replaced by what it gets at its first start, so that it can come back.
type pair struct {
	lim    mesh.Limits
	keys   [2]identity.PeerKey
	addrs  [2][]multiaddr.Multiaddr
	faults *meshtest.Faults
}

func newPair(t testing.TB, lim mesh.Limits) *pair {
	p := &pair{lim: lim}
	for i := range p.keys {
		k, err := identity.NewPeerKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.keys[i] = k
		p.addrs[i] = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
		p.listen(t, meshtest.Side(i))
	}
	return p
}

// listen finds a port that is free, for good.
func (p *pair) listen(t testing.TB, s meshtest.Side) {
	n := p.node(t, s)
	p.addrs[s] = n.Host().Addrs()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) node(t testing.TB, s meshtest.Side, more ...libp2p.Option) *node.Node {
	cfg := node.DefaultConfig()
	cfg.Options = more
	cfg.Key, cfg.Listen = p.keys[s], p.addrs[s]
	cfg.MDNS, cfg.PortMap, cfg.AutoNAT = false, false, false
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *pair) Device(s meshtest.Side) identity.DeviceID { return identity.DeviceID{byte(s) + 1} }

func (p *pair) Spoil(f *meshtest.Faults) { p.faults = f }

func (p *pair) dest(s meshtest.Side) mesh.Dest {
	return mesh.Dest{Device: p.Device(s), Peer: p.keys[s].ID(), Addrs: p.addrs[s]}
}

func (p *pair) Start(t testing.TB, s meshtest.Side, up mesh.Upper) meshtest.End {
	return p.start(t, s, up, nil, nil)
}

// end is one running side.
type end struct {
	node *node.Node
	mesh *mesh.Mesh
	to   identity.DeviceID
	stop func()
}

func (e *end) Push(items ...mesh.Item) { e.mesh.Push(e.to, items...) }

func (e *end) Close() { e.stop() }

func (p *pair) start(t testing.TB, s meshtest.Side, up mesh.Upper, l mesh.Locator, src mesh.PrekeySource) *end {
	n := p.node(t, s)
	cfg := mesh.Config{Limits: p.lim}
	m, err := mesh.NewOver(cfg, n, badLine{n, p.faults})
	if err != nil {
		t.Fatal(err)
	}
	m.Attach(up, l, src)
	m.SetDest(p.dest(s.Other()))
	e := &end{node: n, mesh: m, to: p.Device(s.Other())}
	e.stop = sync.OnceFunc(run(t, m, n))
	t.Cleanup(e.stop)
	return e
}

// run runs both until the returned function is called: the mesh ends first.
func run(t testing.TB, m *mesh.Mesh, n *node.Node) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	nctx, ncancel := context.WithCancel(context.Background())
	var w sync.WaitGroup
	ended := make(chan error, 1)
	w.Go(func() { ended <- m.Run(ctx) })
	w.Go(func() {
		if err := n.Run(nctx); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("mesh: %v", err)
		}
		ncancel()
		w.Wait()
	}
}
