package dht

import (
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Config says how a DHT behaves. DefaultConfig has values for a desktop.
type Config struct {
	// Limits bounds the server, the reader and the publisher.
	Limits Limits
	// Logger receives warnings; nil is silence.
	Logger *slog.Logger
	// Now is the clock of epochs and expiries; nil is time.Now.
	Now func() time.Time
	// Rand is the source of nonces and jitter; nil is crypto/rand.
	Rand io.Reader
	// Bootstrap lists peers to fall back on when a routing table is empty;
	// nil lists none.
	Bootstrap func() []peer.AddrInfo
	// Public makes this node a server of the wide network at once, instead of
	// when others have confirmed that it can be reached. For seeds and tests.
	Public bool
}

// DefaultConfig is the configuration of a desktop daemon.
func DefaultConfig() Config { return Config{Limits: DefaultLimits()} }

func (c *Config) fill() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Bootstrap == nil {
		c.Bootstrap = func() []peer.AddrInfo { return nil }
	}
}

// Limits are the bounds of a DHT. Those of work and names must be the same in
// the whole network; they are fields so that tests can be quick.
type Limits struct {
	// PerIndex is how many records of one kind a server keeps at one index.
	PerIndex int
	// PerPublisher is how many of those one peer may have put.
	PerPublisher int
	// Records and Bytes bound what a server keeps in all.
	Records, Bytes int
	// Memories bounds the sequence numbers remembered of records seen.
	Memories int
	// GetPerMinute and PutPerMinute are what one peer may ask for, the bursts
	// how much at once. A neighbourhood of addresses has PrefixShare times as
	// much.
	GetPerMinute, GetBurst int
	PutPerMinute, PutBurst int
	PrefixShare            int
	// FindPerSecond and FindBurst bound Kademlia requests of one peer.
	FindPerSecond, FindBurst int
	// Workers check proofs of work at once; Queue may wait.
	Workers, Queue int

	// MinBits is the work of each nonce that a server demands.
	MinBits int
	// WorkMemory is the memory of one attempt, in KiB.
	WorkMemory uint32
	// NameMemory, in KiB, and NamePasses are the price of one guess at a name.
	NameMemory, NamePasses uint32

	// Holders is how many answers with a record end a search.
	Holders int
	// Search bounds a search, RPC one request of it, Parallel how many run.
	Search   time.Duration
	RPC      time.Duration
	Parallel int
	// Quiet ends a search in a small network when nothing new was heard for so
	// long and only peers that do not answer are left.
	Quiet time.Duration
	// Candidates is how many distinct records one search verifies.
	Candidates int

	// Region is how many further keys near an index records are written to and
	// read from, once the network has at least RegionFrom peers.
	Region, RegionFrom int
	// RegionWait is how long a search tries the index alone.
	RegionWait time.Duration
	// MaxHolders is how many peers a record is put to.
	MaxHolders int
	// Acks is how many servers make a record safe: below it, putting is
	// repeated soon.
	Acks int
	// IdleBits is the work that bare-name claims are improved to, an attempt
	// every IdlePause.
	IdleBits  int
	IdlePause time.Duration
	// RouteGap is the least time between two changes of a route record.
	RouteGap time.Duration
	// Retry is the first pause after putting a record failed; it doubles.
	Retry time.Duration
}

// DefaultLimits are the bounds that spec/directory.md#limits names.
func DefaultLimits() Limits {
	return Limits{
		PerIndex: 32, PerPublisher: 4, Records: 100_000, Bytes: 64 << 20, Memories: 200_000,
		GetPerMinute: 60, GetBurst: 120, PutPerMinute: 12, PutBurst: 40, PrefixShare: 4,
		FindPerSecond: 20, FindBurst: 200,
		Workers: 2, Queue: 64,
		MinBits: 6, WorkMemory: 8 << 10, NameMemory: 64 << 10, NamePasses: 3,
		Holders: 20, Search: 8 * time.Second, RPC: 3 * time.Second, Parallel: 32,
		Quiet: 1500 * time.Millisecond, Candidates: 64,
		Region: 4, RegionFrom: 100, RegionWait: 700 * time.Millisecond, MaxHolders: 60, Acks: 8,
		IdleBits: 12, IdlePause: 8 * time.Second, RouteGap: time.Minute, Retry: 15 * time.Second,
	}
}
