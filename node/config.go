package node

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Config says what host to build. Start from DefaultConfig: the zero value has
// no transport and is refused.
type Config struct {
	// Key is the key of the peer ID that others dial. It is not the account.
	Key identity.PeerKey
	// Listen are the addresses to listen on. Where they say port 0, one free
	// port number is taken for all of them: that of the last run (CacheFile)
	// while it is free, so that what others remember of us stays true.
	Listen []multiaddr.Multiaddr
	// Bootstrap are peers the user named; they are dialled first.
	Bootstrap []peer.AddrInfo
	// Seeds are peers that came with the program, dialled when the others do
	// not suffice. May be empty.
	Seeds []peer.AddrInfo
	// MDNS finds peers on the local network and is found by them, on
	// MDNSInterfaces; none named means all that can multicast.
	MDNS           bool
	MDNSInterfaces []string
	// CacheFile keeps the peers of earlier runs. Empty: nothing is kept.
	CacheFile string
	// PortMap asks the router for a port mapping (UPnP, NAT-PMP).
	PortMap bool
	// UserAgent is what identify tells every peer.
	UserAgent string
	// Limits bound what strangers can make the host hold.
	Limits Limits
	// Logger receives what an operator should know; nil means none.
	Logger *slog.Logger
	// Now is the clock of the peer cache; nil means time.Now.
	Now func() time.Time

	// TCP and QUIC say which transports to use, over IPv4 and IPv6 alike.
	TCP, QUIC bool
	// AutoNAT asks others whether they can dial us, and answers them. It opens
	// sockets of its own, so a simulated network does without.
	AutoNAT bool
	// ObservedAddrs learns our own addresses as others see them. A test with
	// virtual time does without: libp2p's clockwork for it never comes to rest.
	ObservedAddrs bool
	// HolePunch makes direct connections out of relayed ones.
	HolePunch bool
	// Unmetered drops the resource manager and with it most of Limits. Only
	// for a simulated network, where many hosts share a machine.
	Unmetered bool
	// Options are added to those of the fields above. This is the seam where a simulated network
	// plugs in: a QUICReuse option, with TCP, AutoNAT, PortMap and MDNS off
	// and Listen on the address that is simulated.
	Options []libp2p.Option
}

// DefaultConfig is that of a desktop computer: everything on, any free port. The
// caller adds at least the Key.
func DefaultConfig() Config {
	return Config{
		Listen:        anyPort(),
		MDNS:          true,
		PortMap:       true,
		UserAgent:     DefaultUserAgent,
		Limits:        DefaultLimits(),
		TCP:           true,
		QUIC:          true,
		AutoNAT:       true,
		ObservedAddrs: true,
		HolePunch:     true,
	}
}

func anyPort() []multiaddr.Multiaddr {
	return []multiaddr.Multiaddr{
		multiaddr.StringCast("/ip4/0.0.0.0/udp/0/quic-v1"),
		multiaddr.StringCast("/ip6/::/udp/0/quic-v1"),
		multiaddr.StringCast("/ip4/0.0.0.0/tcp/0"),
		multiaddr.StringCast("/ip6/::/tcp/0"),
	}
}

// check fills in what may be left out and refuses what cannot be.
func (c *Config) check() error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Key.ID() == "":
		return fmt.Errorf("%w: no key", ErrConfig)
	case !c.TCP && !c.QUIC:
		return fmt.Errorf("%w: no transport", ErrConfig)
	case c.Limits.DialTimeout <= 0 || c.Limits.DialParallel <= 0:
		return fmt.Errorf("%w: no limits", ErrConfig)
	}
	return nil
}
