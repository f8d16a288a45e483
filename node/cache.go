package node

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// cached is what we remember of a peer.
type cached struct {
	id    peer.ID
	addrs []multiaddr.Multiaddr
	// last is the hour of the latest connection, in hours since 1970: finer
	// would say more of our habits than dialling needs.
	last uint32
	// ok counts the dials that came through, fail those that did not since.
	ok, fail uint32
}

// proven peers were reached by dialling. A peer that only came to us may have
// made its addresses up, and may come under as many IDs as it likes; such may
// hold a quarter of the cache and no more.
func (c *cached) proven() bool { return c.ok > 0 }

// cache is the memory of peers between runs. spec/network.md#peer-cache
type cache struct {
	file string // none when empty
	now  func() time.Time
	// changed is poked when there is something to save.
	changed chan struct{}

	mu    sync.Mutex
	peers map[peer.ID]*cached
	port  int // of the latest run
}

func newCache(file string, now func() time.Time) *cache {
	return &cache{file: file, now: now, changed: make(chan struct{}, 1), peers: map[peer.ID]*cached{}}
}

func (c *cache) hour() uint32 { return uint32(c.now().Unix() / 3600) }

func (c *cache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.peers)
}

// connected notes a peer with the addresses it names; dialled is the address at
// which we reached it, nil when it came to us.
func (c *cache) connected(id peer.ID, addrs []multiaddr.Multiaddr, dialled multiaddr.Multiaddr) {
	addrs = worthKeeping(addrs, dialled)
	if len(addrs) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.peers[id]
	if e == nil {
		e = &cached{id: id}
		c.peers[id] = e
	}
	e.addrs, e.last = addrs, c.hour()
	if dialled != nil {
		e.ok, e.fail = min(e.ok, math.MaxUint32-1)+1, 0
	}
	c.evictLocked(id)
	poke(c.changed)
}

// failed notes a dial in vain.
func (c *cache) failed(id peer.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.peers[id]; e != nil {
		e.fail = min(e.fail, math.MaxUint32-1) + 1
		poke(c.changed)
	}
}

// evictLocked makes room for the newcomer, at the cost of the least hopeful of
// its own kind first.
func (c *cache) evictLocked(newcomer peer.ID) {
	unproven := 0
	for _, e := range c.peers {
		if !e.proven() {
			unproven++
		}
	}
	if unproven <= cacheUnproven && len(c.peers) <= cachePeers {
		return
	}
	var worst *cached
	for _, e := range c.peers {
		if e.id != newcomer && !(unproven > 0 && e.proven()) && (worst == nil || byHope(e, worst) > 0) {
			worst = e
		}
	}
	if worst == nil { // it came uncalled, and the cache is full of better
		worst = c.peers[newcomer]
	}
	delete(c.peers, worst.id)
}

// byHope sorts the peers most likely to answer first.
func byHope(a, b *cached) int {
	rank := func(e *cached) int {
		if e.proven() {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.fail, b.fail),
		cmp.Compare(b.last, a.last),
		cmp.Compare(a.id, b.id))
}

// hopeGroup is how many peers of like hope are dialled in any order, so that
// not everybody leans on the same few.
const hopeGroup = 16

// candidates are the peers to dial, best hope first.
func (c *cache) candidates() []peer.AddrInfo {
	c.mu.Lock()
	all := slices.SortedFunc(maps.Values(c.peers), byHope)
	out := make([]peer.AddrInfo, len(all))
	for i, e := range all {
		out[i] = peer.AddrInfo{ID: e.id, Addrs: slices.Clone(e.addrs)}
	}
	c.mu.Unlock()
	for group := range slices.Chunk(out, hopeGroup) {
		rand.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
	}
	return out
}

// setPort remembers the port and says whether it is another one.
func (c *cache) setPort(port int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.port != port
	c.port = port
	return other
}

// worthKeeping are the addresses that may still be good next time, the one that
// worked first, then public ones. Relayed addresses are not: a place at a relay
// lasts an hour. Loopback is kept only of a peer that was reached there.
func worthKeeping(addrs []multiaddr.Multiaddr, dialled multiaddr.Multiaddr) []multiaddr.Multiaddr {
	local := dialled != nil && manet.IsIPLoopback(dialled)
	keep := func(a multiaddr.Multiaddr) bool {
		return len(a) > 0 && len(a.Bytes()) <= cacheAddrLen && !isRelayed(a) && (local || !manet.IsIPLoopback(a))
	}
	var out []multiaddr.Multiaddr
	add := func(a multiaddr.Multiaddr) {
		if len(out) < cacheAddrs && keep(a) && !slices.ContainsFunc(out, a.Equal) {
			out = append(out, a)
		}
	}
	add(dialled)
	for _, public := range []bool{true, false} {
		for _, a := range addrs {
			if manet.IsPublicAddr(a) == public {
				add(a)
			}
		}
	}
	return out
}
