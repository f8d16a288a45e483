package node

import (
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
)

// basisMemory is what libp2p calls a minimal node. We scale its limits for
// identify, AutoNAT, hole punching and relaying to that and not to the machine:
// a desktop must not open thousands of connections because it has much memory.
const basisMemory = 128 << 20

// newResources builds libp2p's accountant of connections, streams and memory.
func newResources(l Limits) (network.ResourceManager, error) {
	base := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&base)
	limits := partialLimits(l).Build(base.Scale(basisMemory, l.Conns))
	conns4, conns6 := connLimits(l)
	net4, net6 := lanConnLimits(l)
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(conns4, conns6),
		rcmgr.WithNetworkPrefixLimit(net4, net6),
		rcmgr.WithConnRateLimiters(connRates(l)),
	)
}

func partialLimits(l Limits) rcmgr.PartialLimitConfig {
	count := func(n int) rcmgr.LimitVal { return rcmgr.LimitVal(n) }
	return rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: count(l.Conns), ConnsInbound: count(l.ConnsIn), ConnsOutbound: count(l.Conns),
			Streams: count(l.Streams), StreamsInbound: count(l.Streams), StreamsOutbound: count(l.Streams),
			FD: count(l.Conns), Memory: rcmgr.LimitVal64(l.Memory),
		},
		Transient: rcmgr.ResourceLimits{
			Conns: count(l.PendingConns), ConnsInbound: count(l.PendingConns), ConnsOutbound: count(l.PendingConns),
			Streams: count(l.PendingStreams), StreamsInbound: count(l.PendingStreams), StreamsOutbound: count(l.PendingStreams),
			FD: count(l.PendingConns), Memory: rcmgr.LimitVal64(l.Memory / 8),
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: count(l.PeerConns), ConnsInbound: count(l.PeerConns), ConnsOutbound: count(l.PeerConns),
			Streams: count(l.PeerStreams), StreamsInbound: count(l.PeerStreams), StreamsOutbound: count(l.PeerStreams),
			FD: count(l.PeerConns), Memory: rcmgr.LimitVal64(l.PeerMemory),
		},
	}
}

// connLimits bound how many connections an address holds. An IPv6 customer has
// a /56 of his own, some have a /48.
func connLimits(l Limits) (v4, v6 []rcmgr.ConnLimitPerSubnet) {
	v4 = []rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: l.AddrConns}}
	v6 = []rcmgr.ConnLimitPerSubnet{
		{PrefixLength: 56, ConnCount: l.AddrConns},
		{PrefixLength: 48, ConnCount: 8 * l.AddrConns},
	}
	return v4, v6
}

// connRates bound how fast an address opens connections.
func connRates(l Limits) *rate.Limiter {
	one := rate.Limit{RPS: l.AddrRate, Burst: l.AddrBurst}
	many := rate.Limit{RPS: 4 * l.AddrRate, Burst: 4 * l.AddrBurst}
	return &rate.Limiter{
		NetworkPrefixLimits: lanRates(l),
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: one}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: one}, {PrefixLength: 48, Limit: many}},
			GracePeriod:      time.Minute,
		},
	}
}

var (
	loopback4 = netip.MustParsePrefix("127.0.0.0/8")
	loopback6 = netip.MustParsePrefix("::1/128")
	// private are the networks in which neighbours live.
	private4 = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"),
	}
	private6 = []netip.Prefix{netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fc00::/7")}
)

func lanConnLimits(l Limits) (v4, v6 []rcmgr.NetworkPrefixLimit) {
	v4 = []rcmgr.NetworkPrefixLimit{{Network: loopback4, ConnCount: math.MaxInt}}
	v6 = []rcmgr.NetworkPrefixLimit{{Network: loopback6, ConnCount: math.MaxInt}}
	for _, p := range private4 {
		v4 = append(v4, rcmgr.NetworkPrefixLimit{Network: p, ConnCount: l.LANFactor * l.AddrConns})
	}
	for _, p := range private6 {
		v6 = append(v6, rcmgr.NetworkPrefixLimit{Network: p, ConnCount: l.LANFactor * l.AddrConns})
	}
	return v4, v6
}

func lanRates(l Limits) []rate.PrefixLimit {
	lan := rate.Limit{RPS: float64(l.LANFactor) * l.AddrRate, Burst: l.LANFactor * l.AddrBurst}
	out := []rate.PrefixLimit{{Prefix: loopback4}, {Prefix: loopback6}} // no limit
	for _, p := range append(append([]netip.Prefix{}, private4...), private6...) {
		out = append(out, rate.PrefixLimit{Prefix: p, Limit: lan})
	}
	return out
}
