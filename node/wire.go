package node

import (
	"errors"
	"time"
)

// What the wire and the peer cache are bound to; spec/network.md#limits.
const (
	// DefaultUserAgent is what identify tells peers of the program.
	DefaultUserAgent = "p2pmsgd/1"
	// protocolVersion is the protocol family that identify tells.
	protocolVersion = "p2pmsg/1"
	// protocolPrefix begins the ID of every protocol of ours.
	protocolPrefix = "/p2pmsg/"

	// MaxFrame is the longest frame any protocol may allow, in bytes.
	MaxFrame = 1 << 22

	// mdnsService is the DNS-SD service type we announce and look for.
	mdnsService = "_p2pmsg._udp"
	mdnsDomain  = "local"
	mdnsAddrKey = "dnsaddr="

	cacheVersion  = 1
	cachePeers    = 256 // entries
	cacheUnproven = 64  // of them never dialled with success
	cacheAddrs    = 8   // addresses of an entry
	cacheAddrLen  = 128 // bytes of an address
	cacheIDLen    = 64  // bytes of a peer ID
	cacheFileMax  = 512 << 10
)

// Our own pace; another implementation may choose differently.
const (
	frameChunk = 4 << 10 // a longer frame is allocated as its bytes arrive

	dialPause   = 2 * time.Second // between rounds of dialling, doubled each time
	dialAlone   = time.Minute     // up to here while nobody is connected
	dialFew     = 5 * time.Minute // up to here while too few are
	dialRound   = 32              // peers of the cache in one round
	cacheSettle = 10 * time.Second
	addrSettle  = 500 * time.Millisecond

	mdnsYield = 2 * time.Second // the higher peer ID leaves dialling to the lower
	mdnsRetry = 30 * time.Second
	mdnsAgain = time.Minute // before the same neighbour is dialled again
	mdnsPeers = 256         // neighbours remembered
	mdnsAddrs = 16          // addresses of one
)

// What a caller may want to tell apart.
var (
	// ErrFrameTooLong is a frame longer than the protocol allows.
	ErrFrameTooLong = errors.New("node: frame too long")
	// ErrFrameMalformed is an empty frame, or a length that is not in its
	// shortest form.
	ErrFrameMalformed = errors.New("node: malformed frame")
	// ErrConfig is a Config that no host can be built from.
	ErrConfig = errors.New("node: bad configuration")
	// ErrCache is a peer cache file that was not written by us.
	ErrCache = errors.New("node: malformed peer cache")
	// ErrClosed is the answer of a node that has ended.
	ErrClosed = errors.New("node: closed")
)
