package node_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// simulated is the configuration of a node on a network in memory.
func simulated(t *testing.T, net *simnet.Simnet, i int) node.Config {
	cfg := config(t)
	cfg.TCP, cfg.AutoNAT, cfg.ObservedAddrs, cfg.Unmetered = false, false, false, true
	cfg.Listen = []multiaddr.Multiaddr{
		multiaddr.StringCast(fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", simnet.IntToPublicIPv4(i))),
	}
	link := simnet.LinkSettings{BitsPerSecond: 20 * simlibp2p.OneMbps}
	cfg.Options = []libp2p.Option{simlibp2p.QUICSimnet(net, simnet.NodeBiDiLinkSettings{Downlink: link, Uplink: link})}
	return cfg
}

// The host runs over a network in memory, in virtual time: an hour of two
// people who stay connected passes at once.
func TestSimulatedNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &simnet.Simnet{LatencyFunc: simnet.StaticLatency(30 * time.Millisecond)}
		net.Start()
		defer net.Close()
		alice, stopAlice := start(t, simulated(t, net, 0))
		defer stopAlice()
		cfg := simulated(t, net, 1)
		cfg.Bootstrap = []peer.AddrInfo{info(alice)}
		bob, stopBob := start(t, cfg)
		defer stopBob()
		meets(t, bob, alice.ID())
		bob.Handle(asked, limits(), func(_ context.Context, s network.Stream) {
			b, _ := node.ReadFrame(s, 64)
			_ = node.WriteFrame(s, b)
		})
		time.Sleep(time.Hour)
		s := open(t, alice, bob)
		say(s, "still here?")
		if b, err := node.ReadFrame(s, 64); err != nil || string(b) != "still here?" {
			t.Fatalf("%q, %v", b, err)
		}
		_ = s.Close()
	})
}

// One address gets so many connections and no more, whatever IDs it takes.
func TestAddressesShareAnAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &simnet.Simnet{LatencyFunc: simnet.StaticLatency(10 * time.Millisecond)}
		net.Start()
		defer net.Close()
		cfg := simulated(t, net, 0)
		cfg.Unmetered = false
		cfg.Limits.AddrConns = 3
		bob, stop := start(t, cfg)
		defer stop()
		for i := range 5 {
			cfg := simulated(t, net, 1)
			cfg.Listen = []multiaddr.Multiaddr{
				multiaddr.StringCast(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", simnet.IntToPublicIPv4(1), 9000+i)),
			}
			sybil, stop := start(t, cfg)
			defer stop()
			// The caller may believe for a moment that it got in.
			_ = sybil.Connect(within(t), info(bob))
		}
		time.Sleep(time.Minute)
		if got := bob.Status().Peers; got != 3 {
			t.Errorf("%d got in", got)
		}
	})
}
