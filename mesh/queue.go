package mesh

import (
	"slices"
	"sync"
	"time"
)

// loadStep is how many items are read from the outbox at once.
const loadStep = 128

// queue is a link's window over the outbox: what waits in memory and what is
// sent and not answered. It is empty while no stream is open; start makes it
// read the outbox from the beginning. Safe for concurrent use.
//
//	outbox ──load──► items ──take──► flight ──answer, release──► gone
//	           push ───┘                       (start: all gone, load again)
type queue struct {
	lim Limits

	mu     sync.Mutex
	open   bool
	items  []Item
	bytes  int // of items
	bad    []uint64
	flight []sent
	afloat int    // bytes of flight
	base   uint64 // the number of flight[0]; numbers follow each other
	last   uint64 // the highest id admitted
	cursor uint64 // how far the outbox is read
	more   bool   // the outbox may hold items that are not admitted
	missed bool   // something was pushed and left in the outbox since the last load began
	rewind bool   // the next load must begin at the beginning
}

// sent is an item under way.
type sent struct {
	id       uint64
	size     int
	at       time.Time
	answered bool
}

// start begins anew, for a new stream.
func (q *queue) start() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clearLocked()
	q.open, q.more = true, true
}

// stop forgets everything: the outbox has it.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clearLocked()
}

func (q *queue) clearLocked() {
	q.open, q.more, q.missed, q.rewind = false, false, false, false
	q.items, q.bad, q.flight = nil, nil, nil
	q.bytes, q.afloat = 0, 0
	q.base, q.last, q.cursor = 1, 0, 0
}

// push offers items that were just committed.
func (q *queue) push(items []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open {
		return
	}
	for _, it := range items {
		switch {
		case it.ID <= q.last:
			q.lateLocked(it.ID)
		case q.more || !q.roomLocked():
			q.more, q.missed = true, true
		default:
			q.admitLocked(it)
			q.cursor = it.ID
		}
	}
}

// lateLocked handles an item below one that is admitted already: either the
// outbox was read between its commit and this call, or two callers overtook
// each other and it must be looked for from the beginning.
func (q *queue) lateLocked(id uint64) {
	if !q.holdsLocked(id) {
		q.more, q.missed, q.rewind = true, true, true
	}
}

func (q *queue) holdsLocked(id uint64) bool {
	return slices.ContainsFunc(q.items, func(it Item) bool { return it.ID == id }) ||
		slices.ContainsFunc(q.flight, func(s sent) bool { return s.id == id })
}

func (q *queue) roomLocked() bool {
	return len(q.items) < q.lim.Queue && q.bytes < q.lim.QueueBytes
}

func (q *queue) admitLocked(it Item) {
	q.last = max(q.last, it.ID)
	if n := len(it.Envelope); n == 0 || n > MaxEnvelope {
		q.bad = append(q.bad, it.ID)
		return
	}
	q.items = append(q.items, it)
	q.bytes += len(it.Envelope)
}

// wants says whether the outbox should be read now, and from where.
func (q *queue) wants() (after uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.more || len(q.items) > q.lim.Queue/2 || q.bytes > q.lim.QueueBytes/2 {
		return 0, false
	}
	if q.rewind {
		q.cursor = 0
	}
	q.missed, q.rewind = false, false
	return q.cursor, true
}

// loaded takes what the outbox gave for wants; loadStep items mean that there
// may be more.
func (q *queue) loaded(items []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		if !q.roomLocked() {
			return
		}
		if it.ID > q.last || !q.holdsLocked(it.ID) {
			q.admitLocked(it)
		}
		q.cursor = it.ID
	}
	if len(items) < loadStep && !q.missed {
		q.more = false
	}
}

// take moves what the window allows, at most bytes, from items to flight; the
// first has number n. One item always fits.
func (q *queue) take(window, bytes int) (n uint64, out []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = q.base + uint64(len(q.flight))
	size, now := 0, time.Now()
	for len(q.items) > 0 && len(q.flight) < q.lim.Window {
		it := q.items[0]
		if l := len(it.Envelope); len(q.flight) > 0 && q.afloat+l > window || len(out) > 0 && size+l > bytes {
			break
		}
		q.items[0] = Item{}
		q.items = q.items[1:]
		q.flight = append(q.flight, sent{id: it.ID, size: len(it.Envelope), at: now})
		q.bytes -= len(it.Envelope)
		q.afloat += len(it.Envelope)
		size += len(it.Envelope)
		out = append(out, it)
	}
	return n, out
}

// takeBad gives the items that cannot be sent at all.
func (q *queue) takeBad() []uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	bad := q.bad
	q.bad = nil
	return bad
}

// answer says which item number n is, once; not ok for any other number.
func (q *queue) answer(n uint64) (id uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n < q.base || n-q.base >= uint64(len(q.flight)) {
		return 0, false
	}
	s := &q.flight[n-q.base]
	if s.answered {
		return 0, false
	}
	s.answered = true
	return s.id, true
}

// release lets go of answered items, after they are settled, and says whether
// that lets others be sent.
func (q *queue) release() (room bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.flight) > 0 && q.flight[0].answered {
		q.afloat -= q.flight[0].size
		q.flight = q.flight[1:]
		q.base++
	}
	return len(q.items) > 0 || q.more
}

// oldest says since when an item waits for its answer.
func (q *queue) oldest() (since time.Time, waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.flight, func(s sent) bool { return !s.answered })
	if i < 0 {
		return time.Time{}, false
	}
	return q.flight[i].at, true
}

// size counts what is under way and what waits in memory.
func (q *queue) size() (flight, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.flight), len(q.items)
}
