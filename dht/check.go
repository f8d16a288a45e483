package dht

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// record is an envelope and what was under its seal.
type record struct {
	envelope
	opened
}

// checkRecord is the reader's share of what a server should have checked,
// spec/directory.md#checks: it trusts no server to have looked.
func checkRecord(raw []byte, p place, l *Limits, now time.Time, proven func(*envelope) bool) (envelope, error) {
	e, err := parseEnvelope(raw)
	if err != nil {
		return e, err
	}
	if e.kind != p.kind || e.epoch != p.epoch || e.index != p.index {
		return e, ErrPlace
	}
	if err := e.checkTime(now); err != nil {
		return e, err
	}
	if err := e.checkSignature(); err != nil {
		return e, err
	}
	if int(e.bits) < l.MinBits {
		return e, ErrWork
	}
	if pz := newPuzzle(&e, l.WorkMemory); !proven(&e) && !pz.check(e.nonces, e.bits) {
		return e, ErrWork
	}
	return e, nil
}

// reading verifies the answers of one search: each distinct record once, a
// bounded number of them, the newest of each key only. Safe for concurrent use.
type reading struct {
	d      *DHT
	places []place
	vouch  func(*record) error // checks what is inside

	mu      sync.Mutex
	records map[[32]byte]*judged // by hash, those that a server may hold
	newest  map[[32]byte]*judged // by record key
	liars   map[peer.ID]bool     // gave what no honest server holds
}

// judged is one distinct record.
type judged struct {
	record
	err   error
	first []time.Time // as told by each server that held it
	told  time.Time   // the median when it was reported
}

func (d *DHT) newReading(vouch func(*record) error, places ...place) *reading {
	return &reading{d: d, places: places, vouch: vouch, records: map[[32]byte]*judged{}, newest: map[[32]byte]*judged{}, liars: map[peer.ID]bool{}}
}

// run searches all places at once. fresh is called for each record that is
// newer than what was seen of its key, and again when another server confirms
// it; never concurrently, nor after run has returned.
func (r *reading) run(ctx context.Context, kind Kind, region int, fresh func(j *judged, again bool)) Search {
	searched := map[[32]byte]bool{}
	results := make(chan Search)
	n := 0
	for _, p := range r.places {
		if searched[p.index] {
			continue
		}
		searched[p.index] = true
		n++
		go func() {
			results <- r.d.newSearch(p.index, kind, region).run(ctx, func(a answer) bool { return r.take(a, fresh) })
		}()
	}
	var sum Search
	for range n {
		s := <-results
		sum.Asked, sum.Holders = max(sum.Asked, s.Asked), sum.Holders+s.Holders
		sum.Elapsed = max(sum.Elapsed, s.Elapsed)
	}
	return sum
}

// take tells whether the answer was worth something.
func (r *reading) take(a answer, fresh func(*judged, bool)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, known := r.records[hashRecord(a.raw)]
	if !known {
		j = r.examine(a)
	}
	if j == nil || j.err != nil {
		return false
	}
	j.first = append(j.first, a.first)
	if r.advance(j, known) {
		fresh(j, known)
	}
	return true
}

// examine judges a record that was not seen before; nil is not worth keeping.
// Whoever gives one that a server must have refused is not listened to any
// more: made-up records are cheap, and must not use up what a search verifies.
func (r *reading) examine(a answer) *judged {
	if r.liars[a.from] || len(r.records) >= r.d.cfg.Limits.Candidates {
		return nil
	}
	e, p, err := r.locate(a.raw)
	if err != nil {
		r.liars[a.from] = !errors.Is(err, ErrEpoch) // clocks differ
		return nil
	}
	j := &judged{record: record{envelope: e}}
	r.records[hashRecord(a.raw)] = j
	if j.opened, j.err = e.open(p.seal); j.err == nil {
		j.err = r.vouch(&j.record)
	}
	return j
}

// advance tells whether j is the newest record of its key.
func (r *reading) advance(j *judged, known bool) bool {
	best := r.newest[j.key]
	if best == j {
		return known
	}
	if known || best != nil && j.seq <= best.seq || !r.d.advance(&j.envelope) {
		return false
	}
	r.newest[j.key] = j
	return true
}

// locate checks a record against the place it is for.
func (r *reading) locate(raw []byte) (envelope, place, error) {
	for _, p := range r.places {
		e, err := checkRecord(raw, p, &r.d.cfg.Limits, r.d.cfg.Now(), r.proven)
		if !errors.Is(err, ErrPlace) {
			return e, p, err
		}
	}
	return envelope{}, place{}, ErrPlace
}

// proven tells whether an older record of the same key had the same nonces.
func (r *reading) proven(e *envelope) bool {
	old := r.newest[e.key]
	return old != nil && old.kind == e.kind && old.index == e.index && old.bits == e.bits && old.nonces == e.nonces
}

// median of what servers said they saw first, so that one of them alone moves
// little.
func (j *judged) median() time.Time {
	ts := slices.Clone(j.first)
	slices.SortFunc(ts, time.Time.Compare)
	return ts[len(ts)/2]
}

const maxRead = 8192 // sequence numbers and pins that a reader remembers

// advance remembers the sequence number of a record that was read, and refuses
// one below what was read before.
func (d *DHT) advance(e *envelope) bool {
	k := memoryKey(slot{e.kind, e.index}, e.key)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newest[k] > e.seq {
		return false
	}
	keep(d.newest, k, e.seq, maxRead)
	return true
}

// raisePin remembers the newest pin of an account and returns it.
func (d *DHT) raisePin(id identity.AccountID, p identity.Pin) identity.Pin {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.pins[id]; old.Seq >= p.Seq {
		return old
	}
	keep(d.pins, id, p, maxRead)
	return p
}
