package node_test

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	"github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// sourceIP is the one address of a simulated host.
type sourceIP struct{ ip atomic.Pointer[net.IP] }

func (s *sourceIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return *s.ip.Load(), nil
}

// newConns closes what it makes when the host ends; libp2p closes only its own.
func newConns(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
	m, err := quicreuse.NewConnManager(reset, token, opts...)
	if err == nil {
		l.Append(fx.StopHook(m.Close))
	}
	return m, err
}

// behind is the configuration of a node in a world of firewalls that let in only
// what answers something that went out.
func behind(t *testing.T, world *simnet.SimpleFirewallRouter, at string, public bool) node.Config {
	cfg := config(t)
	cfg.TCP, cfg.AutoNAT, cfg.ObservedAddrs, cfg.Unmetered = false, false, false, true
	cfg.Limits.DialTimeout = 2 * time.Second
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast(at)}
	own := &sourceIP{}
	cfg.Options = []libp2p.Option{libp2p.QUICReuse(newConns,
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
	return cfg
}

// Two people behind firewalls meet through a relay, which helps them to a
// direct connection and is then not needed any more.
func TestHolePunching(t *testing.T) {
	world := &simnet.SimpleFirewallRouter{}
	cfg := behind(t, world, "/ip4/1.2.0.1/udp/8000/quic-v1", true)
	cfg.Options = append(cfg.Options, libp2p.EnableRelayService(), libp2p.ForceReachabilityPublic())
	relay, stopRelay := start(t, cfg)
	bob, _ := start(t, behind(t, world, "/ip4/2.2.0.2/udp/8000/quic-v1", false))
	alice, _ := start(t, behind(t, world, "/ip4/2.2.0.1/udp/8000/quic-v1", false))
	ctx := within(t)
	if err := bob.Connect(ctx, info(relay)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Reserve(ctx, bob.Host(), info(relay)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node.Node{alice, bob} { // libp2p begins once it sees a public address
		eventually(t, "hole punching is served", func() bool {
			return slices.Contains(n.Host().Mux().Protocols(), holepunch.Protocol)
		})
	}
	via := relay.Addrs()[0].Encapsulate(multiaddr.StringCast("/p2p-circuit"))
	if err := alice.Connect(ctx, peer.AddrInfo{ID: bob.ID(), Addrs: []multiaddr.Multiaddr{via}}); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]*node.Node{{alice, bob}, {bob, alice}} {
		n, other := pair[0], pair[1].ID()
		eventually(t, "a hole is punched", func() bool { return n.Path(other) == node.PathHolePunched })
	}
	stopRelay()
	bob.Handle(asked, limits(), func(_ context.Context, s network.Stream) {
		b, _ := node.ReadFrame(s, 64)
		_ = node.WriteFrame(s, b)
	})
	s := open(t, alice, bob)
	say(s, "without help")
	if b, err := node.ReadFrame(s, 64); err != nil || string(b) != "without help" {
		t.Fatalf("%q, %v", b, err)
	}
}
