package node

import "time"

// Limits bound what strangers can make the host hold and do. Plain numbers, so
// that they can be printed and compared. spec/network.md#limits
type Limits struct {
	// LowPeers and HighPeers are the marks between which connections are
	// trimmed: above High, the least useful go until Low are left. A
	// connection younger than Grace, or protected, stays.
	LowPeers, HighPeers int
	Grace               time.Duration
	// WantPeers is how many connected peers are enough; below it the node
	// keeps dialling, DialParallel at once.
	WantPeers, DialParallel int
	// DialTimeout bounds one dial, all addresses of the peer together.
	DialTimeout time.Duration

	// Conns, ConnsIn, Streams and Memory (bytes) bound the host as a whole.
	Conns, ConnsIn, Streams int
	Memory                  int64
	// PendingConns and PendingStreams bound what has not said yet who it is
	// or what it wants.
	PendingConns, PendingStreams int
	// PeerConns, PeerStreams and PeerMemory (bytes) bound one peer.
	PeerConns, PeerStreams int
	PeerMemory             int64

	// AddrConns is how many connections one address (IPv4) or /56 (IPv6) may
	// have open; AddrBurst how many it may open at once and AddrRate how many
	// a second after that. Loopback is free.
	AddrConns, AddrBurst int
	AddrRate             float64
	// LANFactor multiplies the three for a whole private network, which
	// counts as one.
	LANFactor int

	// KnownAddrs bounds the addresses kept of peers that are not connected.
	KnownAddrs int
	// Window is the largest receive window of a TCP stream in bytes.
	Window uint32
}

// DefaultLimits fit a desktop computer that is also a good citizen: a peer
// behind the same carrier-grade NAT as many others must still get in.
func DefaultLimits() Limits {
	return Limits{
		LowPeers: 96, HighPeers: 192, Grace: 30 * time.Second,
		WantPeers: 4, DialParallel: 8,
		DialTimeout: 3 * time.Second,

		Conns: 512, ConnsIn: 256, Streams: 4096, Memory: 512 << 20,
		PendingConns: 64, PendingStreams: 256,
		PeerConns: 8, PeerStreams: 128, PeerMemory: 32 << 20,

		AddrConns: 32, AddrBurst: 64, AddrRate: 2, LANFactor: 8,

		KnownAddrs: 16 << 10,
		Window:     4 << 20,
	}
}
