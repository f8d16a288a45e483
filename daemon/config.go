package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/node"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// ErrConfig is wrapped by New when a setting cannot be used.
var ErrConfig = errors.New("daemon: bad configuration")

// Config is everything a daemon can be told. DefaultConfig is a desktop's.
type Config struct {
	DataDir      string       // folder of this daemon, made when it is not there
	Listen       []string     // multiaddrs to listen on; empty: all interfaces, TCP and QUIC
	Bootstrap    []string     // multiaddrs with /p2p/ of peers to join through; may be empty
	MDNS         bool         // find others, and be found, on the local network
	ReadReceipts bool         // tell contacts which of their messages were read
	Version      string       // what node.status and the API document say
	Logger       *slog.Logger // nil is silence

	Now func() time.Time // the clock of records, messages and events; nil is time.Now

	// The settings of the floors. New fills in what the fields above decide.
	Node  node.Config
	DHT   dht.Config
	Store store.Limits
	Mesh  mesh.Config
	Chat  chat.Config
	RPC   RPCLimits

	ClaimWait time.Duration // how long handle.claim waits for a first holder
}

// DefaultConfig is a desktop daemon in dataDir.
func DefaultConfig(dataDir string) Config {
	return Config{
		DataDir:      dataDir,
		MDNS:         true,
		ReadReceipts: true,
		Version:      "dev",
		Node:         node.DefaultConfig(),
		DHT:          dht.DefaultConfig(),
		Store:        store.DefaultLimits(),
		Mesh:         mesh.DefaultConfig(),
		Chat:         chat.DefaultConfig(),
		RPC:          DefaultRPCLimits(),
		ClaimWait:    time.Minute,
	}
}

// resolved returns c with the settings of the floors filled in.
func (c Config) resolved() (Config, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	var err error
	if len(c.Listen) > 0 {
		if c.Node.Listen, err = parseListen(c.Listen); err != nil {
			return c, err
		}
	}
	if c.Node.Bootstrap, err = parsePeers(c.Bootstrap); err != nil {
		return c, err
	}
	c.Node.MDNS = c.MDNS
	c.Node.Logger, c.DHT.Logger, c.Mesh.Logger, c.Chat.Logger = c.Logger, c.Logger, c.Logger, c.Logger
	c.Node.Now, c.DHT.Now, c.Chat.Now = c.Now, c.Now, c.Now
	c.Chat.ReadReceipts = c.ReadReceipts
	return c, nil
}

func parseListen(addrs []string) ([]multiaddr.Multiaddr, error) {
	out := make([]multiaddr.Multiaddr, 0, len(addrs))
	for _, s := range addrs {
		a, err := multiaddr.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("%w: listen address %q: %v", ErrConfig, s, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// parsePeers reads multiaddrs that end in /p2p/<peer ID>; several of one peer
// become one entry.
func parsePeers(addrs []string) ([]peer.AddrInfo, error) {
	parsed := make([]multiaddr.Multiaddr, 0, len(addrs))
	for _, s := range addrs {
		a, err := multiaddr.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("%w: bootstrap address %q: %v", ErrConfig, s, err)
		}
		parsed = append(parsed, a)
	}
	infos, err := peer.AddrInfosFromP2pAddrs(parsed...)
	if err != nil {
		return nil, fmt.Errorf("%w: bootstrap address without a peer ID at its end: %v", ErrConfig, err)
	}
	return infos, nil
}
