package mesh_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	"github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"

	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// ownIP is the one address of a simulated host.
type ownIP struct{ ip atomic.Pointer[net.IP] }

func (o *ownIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return *o.ip.Load(), nil
}

// ownConns closes what it makes when the host ends; libp2p closes only its own.
func ownConns(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
	m, err := quicreuse.NewConnManager(reset, token, opts...)
	if err == nil {
		l.Append(fx.StopHook(m.Close))
	}
	return m, err
}

// firewalled makes a node in a world of firewalls that let in only what answers
// something that went out; a public one has none.
func firewalled(t *testing.T, p *pair, s meshtest.Side, world *simnet.SimpleFirewallRouter, at string, public bool) *node.Node {
	own := &ownIP{}
	opts := []libp2p.Option{libp2p.QUICReuse(ownConns,
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return own, nil }),
		quicreuse.OverrideListenUDP(func(_ string, addr *net.UDPAddr) (net.PacketConn, error) {
			own.ip.Store(&addr.IP)
			if public {
				world.SetAddrPubliclyReachable(addr)
			}
			c := simnet.NewSimConn(addr)
			c.SetUpPacketReceiver(world)
			world.AddNode(addr, c)
			return c, nil
		}))}
	if public {
		opts = append(opts, libp2p.EnableRelayService(), libp2p.ForceReachabilityPublic())
	}
	cfg := node.DefaultConfig()
	cfg.Key, cfg.Options = p.keys[s], opts
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast(at)}
	cfg.MDNS, cfg.PortMap, cfg.TCP, cfg.AutoNAT, cfg.ObservedAddrs, cfg.Unmetered = false, false, false, false, false, true
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Two people behind firewalls begin through a relay; the hole is punched while
// they talk, the link goes through it, and its path has that name.
func TestHolePunchedPath(t *testing.T) {
	world := &simnet.SimpleFirewallRouter{}
	p, third := newPair(t, quick()), newPair(t, quick())
	relay := firewalled(t, third, meshtest.Alice, world, "/ip4/1.2.0.1/udp/8000/quic-v1", true)
	t.Cleanup(runNode(t, relay))
	bob := firewalled(t, p, meshtest.Bob, world, "/ip4/2.2.0.2/udp/8000/quic-v1", false)
	alice := firewalled(t, p, meshtest.Alice, world, "/ip4/2.2.0.1/udp/8000/quic-v1", false)
	up := &floor{}
	serve(t, bob, &floor{})
	a := serve(t, alice, up)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	there := peer.AddrInfo{ID: relay.ID(), Addrs: relay.Host().Addrs()}
	if err := bob.Connect(ctx, there); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Reserve(ctx, bob.Host(), there); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node.Node{alice, bob} {
		eventually(t, "hole punching is served", func() bool {
			return slices.Contains(n.Host().Mux().Protocols(), holepunch.Protocol)
		})
	}
	dest := p.dest(meshtest.Bob)
	dest.Addrs = []multiaddr.Multiaddr{relay.Addrs()[0].Encapsulate(multiaddr.StringCast("/p2p-circuit"))}
	a.SetDest(dest)
	eventually(t, "the link is through the hole", func() bool {
		return a.State(dest.Device).Path == mesh.PathHolePunched
	})
	a.Push(dest.Device, up.put(items(1, 1, 100)...)...)
	eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })
	if path := up.answers()[0].Path; path != mesh.PathHolePunched {
		t.Errorf("it came %s", path)
	}
}

// serve runs a mesh over a node until the test ends.
func serve(t *testing.T, n *node.Node, up mesh.Upper) *mesh.Mesh {
	m, err := mesh.New(mesh.Config{Limits: quick()}, n)
	if err != nil {
		t.Fatal(err)
	}
	m.Attach(up, nil, nil)
	t.Cleanup(sync.OnceFunc(run(t, m, n)))
	return m
}
