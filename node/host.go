package node

import (
	"errors"
	"slices"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/host/observedaddrs"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2pconnmgr "github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
)

// libp2p advertises an address of ours once four observers have seen it, which
// a small network never comes to. Two do, and AutoNAT checks what they say.
func init() { observedaddrs.ActivationThresh = 2 }

// held are the parts of the host that are made before it, and that nobody
// closes when making it fails.
type held struct {
	store peerstore.Peerstore
	trim  connmgr.ConnManager
	meter network.ResourceManager
}

func (p *held) close() {
	if p.store != nil {
		_ = p.store.Close()
	}
	if p.trim != nil {
		_ = p.trim.Close()
	}
	if p.meter != nil {
		_ = p.meter.Close()
	}
}

func newHeld(cfg *Config) (*held, error) {
	p, err := &held{meter: &network.NullResourceManager{}}, error(nil)
	p.store, err = pstoremem.NewPeerstore(
		pstoremem.WithMaxAddresses(cfg.Limits.KnownAddrs),
		pstoremem.WithMaxSignedPeerRecords(cfg.Limits.KnownAddrs/8))
	if err != nil {
		return nil, err
	}
	p.trim, err = libp2pconnmgr.NewConnManager(cfg.Limits.LowPeers, cfg.Limits.HighPeers,
		libp2pconnmgr.WithGracePeriod(cfg.Limits.Grace), libp2pconnmgr.WithSilencePeriod(cfg.Limits.Grace))
	if err == nil && !cfg.Unmetered {
		p.meter, err = newResources(cfg.Limits)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// newHost builds the libp2p host out of named parts only: libp2p's defaults
// would add transports that we do not serve.
func newHost(cfg *Config, listen []multiaddr.Multiaddr, count *traffic, punch holepunch.EventTracer) (host.Host, error) {
	parts, err := newHeld(cfg)
	if err != nil {
		return nil, err
	}
	opts := slices.Concat(
		hostOptions(cfg, parts, count),
		transportOptions(cfg),
		reachOptions(cfg, punch),
		cfg.Options)
	h, err := libp2p.New(opts...)
	if err != nil {
		parts.close()
		return nil, err
	}
	// Not by an option: when libp2p cannot listen while it starts, it leaves
	// half of itself running.
	if err := h.Network().Listen(listen...); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func hostOptions(cfg *Config, p *held, count *traffic) []libp2p.Option {
	return []libp2p.Option{
		libp2p.Identity(cfg.Key.Private()),
		libp2p.NoListenAddrs,
		libp2p.Peerstore(p.store),
		libp2p.ConnectionManager(p.trim),
		libp2p.ResourceManager(p.meter),
		libp2p.BandwidthReporter(count),
		libp2p.WithDialTimeout(cfg.Limits.DialTimeout),
		libp2p.UserAgent(cfg.UserAgent),
		libp2p.ProtocolVersion(protocolVersion),
		libp2p.DisableMetrics(),
		libp2p.Ping(false), // nobody of ours asks, so nobody need answer
		// The detectors stop dialling over UDP or IPv6 after a hundred
		// failures. Peers of a small network are mostly gone, and a laptop is
		// often offline: both would look like a firewall.
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
	}
}

func transportOptions(cfg *Config) []libp2p.Option {
	opts := []libp2p.Option{
		// In the order of preference: TLS is half as fast again as Noise.
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, newMuxer(cfg.Limits)),
	}
	if cfg.QUIC {
		opts = append(opts, libp2p.Transport(libp2pquic.NewTransport))
	}
	if cfg.TCP {
		opts = append(opts, libp2p.Transport(tcp.NewTCPTransport, tcp.WithConnectionTimeout(cfg.Limits.DialTimeout)))
	}
	return opts
}

// newMuxer is libp2p's yamux with a smaller window.
func newMuxer(l Limits) *yamux.Transport {
	m := *yamux.DefaultTransport
	m.MaxStreamWindowSize = l.Window
	return &m
}

// reachOptions are about being reached from outside. Both versions of AutoNAT
// are on: the DHT's and the relays' roles follow what the first one says.
func reachOptions(cfg *Config, punch holepunch.EventTracer) []libp2p.Option {
	opts := []libp2p.Option{libp2p.EnableRelay()} // as a client; NoListenAddrs turned it off
	if cfg.PortMap {
		opts = append(opts, libp2p.NATPortMap())
	}
	if cfg.AutoNAT {
		opts = append(opts, libp2p.EnableNATService(), libp2p.EnableAutoNATv2())
	}
	if cfg.HolePunch {
		// Half of it, since a plain dial is tried for as long before a hole is
		// punched, and mostly in vain.
		opts = append(opts, libp2p.EnableHolePunching(
			holepunch.WithTracer(punch), holepunch.DirectDialTimeout(cfg.Limits.DialTimeout/2)))
	}
	if !cfg.ObservedAddrs {
		opts = append(opts, libp2p.DisableIdentifyAddressDiscovery())
	}
	return opts
}
