package dht

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// shelves hold the records that this node serves, in memory only: owners put
// them again. Quotas and eviction are spec/directory.md#quotas. Safe for
// concurrent use.
type shelves struct {
	limits Limits
	self   [32]byte // this node's place in the key space

	mu      sync.Mutex
	byPlace map[slot]map[[32]byte]*entry // slot, then record key
	count   int
	bytes   int
	seen    map[[32]byte]*memory // by slot and key, see memoryKey
	forget  []*memory            // in order of arrival, to bound seen
}

// slot is where quotas are counted.
type slot struct {
	kind  Kind
	index [32]byte
}

// entry is one record as held.
type entry struct {
	envelope
	raw       []byte
	hash      [32]byte
	first     time.Time // when this key was first seen here
	touched   time.Time // when it was last put or refreshed
	publisher peer.ID
	own       bool // the owner's, exempt from quotas
}

// memory outlives the record, so that an older one cannot come back once the
// newer is gone, and a place in the line is not lost by a pause.
type memory struct {
	id    [32]byte
	seq   uint64
	first time.Time
	until time.Time
}

func newShelves(l Limits, self [32]byte) *shelves {
	return &shelves{limits: l, self: self, byPlace: map[slot]map[[32]byte]*entry{}, seen: map[[32]byte]*memory{}}
}

func memoryKey(s slot, key [32]byte) [32]byte {
	b := append([]byte{byte(s.kind)}, s.index[:]...)
	return hashRecord(append(b, key[:]...))
}

// holds tells whether these very bytes are held, and touches them.
func (s *shelves) holds(index, hash [32]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range rules {
		for _, e := range s.byPlace[slot{k, index}] {
			if e.hash == hash && now.Before(fromUnix(e.expires)) {
				e.touched = now
				return true
			}
		}
	}
	return false
}

// verdict of admit: what a put would meet, before any work is checked.
type verdict struct {
	err    error
	seq    uint64 // with ErrRollback
	bits   uint8  // with ErrFull: what would do
	proven bool   // the same nonces were checked before
	same   bool   // this very record is held
}

// admit judges everything but signature and work.
func (s *shelves) admit(e *envelope, from peer.ID) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admitLocked(e, from)
}

func (s *shelves) admitLocked(e *envelope, from peer.ID) verdict {
	sl := slot{e.kind, e.index}
	shelf := s.byPlace[sl]
	old := shelf[e.key]
	if old != nil && old.sig == e.sig && old.seq == e.seq {
		return verdict{same: true}
	}
	if m := s.seen[memoryKey(sl, e.key)]; m != nil && e.seq <= m.seq {
		return verdict{err: ErrRollback, seq: m.seq}
	}
	if old != nil {
		return verdict{proven: old.bits == e.bits && old.nonces == e.nonces}
	}
	if n := countFrom(shelf, from); n >= s.limits.PerPublisher {
		return verdict{err: ErrRate}
	}
	if w := worst(shelf); w != nil && len(shelf) >= s.limits.PerIndex && e.bits <= w.bits {
		return verdict{err: ErrFull, bits: w.bits + 1}
	}
	return verdict{}
}

func countFrom(shelf map[[32]byte]*entry, from peer.ID) (n int) {
	for _, e := range shelf {
		if e.publisher == from && !e.own {
			n++
		}
	}
	return n
}

// worst is who leaves a full shelf first: least work, then last to come.
func worst(shelf map[[32]byte]*entry) (w *entry) {
	for _, e := range shelf {
		if e.own {
			continue
		}
		if w == nil || e.bits < w.bits || e.bits == w.bits && e.first.After(w.first) {
			w = e
		}
	}
	return w
}

// put stores a record that was checked. It judges again, because the shelf may
// have changed since admit.
func (s *shelves) put(e envelope, raw []byte, from peer.ID, own bool, now time.Time) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.admitLocked(&e, from)
	if v.same || v.err != nil && !own {
		return v
	}
	sl := slot{e.kind, e.index}
	n := &entry{envelope: e, raw: bytes.Clone(raw), hash: hashRecord(raw), touched: now, publisher: from, own: own}
	n.sealed = nil // only raw is served
	if !own && !s.makeRoomLocked(n, now) {
		return verdict{err: ErrFull, bits: e.bits + 1}
	}
	n.first = s.rememberLocked(sl, &e, now)
	s.addLocked(sl, n)
	return verdict{}
}

func (s *shelves) addLocked(sl slot, n *entry) {
	shelf := s.byPlace[sl]
	if shelf == nil {
		shelf = map[[32]byte]*entry{}
		s.byPlace[sl] = shelf
	}
	if old := shelf[n.key]; old != nil {
		s.removeLocked(sl, old)
		s.byPlace[sl] = shelf
	} else if len(shelf) >= s.limits.PerIndex && !n.own {
		s.removeLocked(sl, worst(shelf))
		s.byPlace[sl] = shelf
	}
	shelf[n.key] = n
	s.count++
	s.bytes += len(n.raw)
}

func (s *shelves) removeLocked(sl slot, e *entry) {
	if e == nil {
		return
	}
	shelf := s.byPlace[sl]
	delete(shelf, e.key)
	if len(shelf) == 0 {
		delete(s.byPlace, sl)
	}
	s.count--
	s.bytes -= len(e.raw)
}

// rememberLocked notes the newest sequence number of a key and returns when
// the key was first seen.
func (s *shelves) rememberLocked(sl slot, e *envelope, now time.Time) time.Time {
	id := memoryKey(sl, e.key)
	m := s.seen[id]
	if m == nil {
		m = &memory{id: id, first: now, until: e.kind.latestExpiry(e.epoch)}
		s.seen[id] = m
		s.forget = append(s.forget, m)
	}
	m.seq = max(m.seq, e.seq)
	if len(s.seen) > s.limits.Memories {
		delete(s.seen, s.forget[0].id)
		s.forget = slices.Delete(s.forget, 0, 1)
	}
	return m.first
}

// makeRoomLocked evicts one record in a hundred when the server is full, worst
// first, and tells whether n is better than what it evicted.
func (s *shelves) makeRoomLocked(n *entry, now time.Time) bool {
	if s.count < s.limits.Records && s.bytes+len(n.raw) <= s.limits.Bytes {
		return true
	}
	s.sweepLocked(now)
	all := s.strangersLocked()
	if len(all) == 0 || s.compare(n, all[0]) <= 0 {
		return false
	}
	count, size := s.limits.Records*99/100, s.limits.Bytes*99/100-len(n.raw)
	for _, e := range all {
		if s.count < count && s.bytes <= size || s.compare(n, e) <= 0 {
			break
		}
		s.removeLocked(slot{e.kind, e.index}, e)
	}
	return s.count < s.limits.Records && s.bytes+len(n.raw) <= s.limits.Bytes
}

// strangersLocked lists what may be evicted, worst first.
func (s *shelves) strangersLocked() (all []*entry) {
	for _, shelf := range s.byPlace {
		for _, e := range shelf {
			if !e.own {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, s.compare)
	return all
}

// compare puts first what leaves first: least work, then farthest from this
// node, then longest untouched.
func (s *shelves) compare(a, b *entry) int {
	if c := cmp.Compare(a.bits, b.bits); c != 0 {
		return c
	}
	da, db := distance(s.self, a.index), distance(s.self, b.index)
	if c := bytes.Compare(db[:], da[:]); c != 0 {
		return c
	}
	return a.touched.Compare(b.touched)
}

// held is what GET answers with.
type held struct {
	raw   []byte
	first time.Time
}

// get lists the live records of an index, most work first, then first come.
// kind 0 means all of them.
func (s *shelves) get(index [32]byte, kind Kind, now time.Time) []held {
	s.mu.Lock()
	defer s.mu.Unlock()
	var es []*entry
	for k := range rules {
		if kind != 0 && kind != k {
			continue
		}
		for _, e := range s.byPlace[slot{k, index}] {
			if now.Before(fromUnix(e.expires)) {
				es = append(es, e)
			}
		}
	}
	slices.SortFunc(es, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.bits, a.bits), a.first.Compare(b.first), bytes.Compare(a.key[:], b.key[:]))
	})
	out := make([]held, len(es))
	for i, e := range es {
		out[i] = held{e.raw, e.first}
	}
	return out
}

// drop removes the owner's record when it is no longer published.
func (s *shelves) drop(kind Kind, index, key [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := slot{kind, index}
	s.removeLocked(sl, s.byPlace[sl][key])
}

// sweep drops what has expired.
func (s *shelves) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweepLocked(now)
}

func (s *shelves) sweepLocked(now time.Time) {
	for sl, shelf := range s.byPlace {
		for _, e := range shelf {
			if !now.Before(fromUnix(e.expires)) {
				s.removeLocked(sl, e)
			}
		}
	}
	s.forget = slices.DeleteFunc(s.forget, func(m *memory) bool {
		over := !now.Before(m.until)
		if over {
			delete(s.seen, m.id)
		}
		return over
	})
}

func (s *shelves) size() (count, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count, s.bytes
}
