package dht

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// record is what a reader knows once it has done everything a server does,
// and has opened the seal. Who signed the content is still to be checked.
type record struct {
	envelope
	opened
}

// checkRecord is the reader's half of spec/directory.md#checks: it trusts no
// server to have looked.
func checkRecord(raw []byte, p place, l *Limits, now time.Time, proven func(*envelope) bool) (record, error) {
	e, err := parseEnvelope(raw)
	if err != nil {
		return record{}, err
	}
	if e.kind != p.kind || e.epoch != p.epoch || e.index != p.index {
		return record{}, ErrPlace
	}
	if err := e.checkTime(now); err != nil {
		return record{}, err
	}
	if err := e.checkSignature(); err != nil {
		return record{}, err
	}
	if int(e.bits) < l.MinBits {
		return record{}, ErrWork
	}
	if pz := newPuzzle(&e, l.WorkMemory); !proven(&e) && !pz.check(e.nonces, e.bits) {
		return record{}, ErrWork
	}
	o, err := e.open(p.seal)
	return record{e, o}, err
}

// reading verifies the answers of one search: each distinct record once, a
// bounded number of them, the newest of each key only. Safe for concurrent use.
type reading struct {
	d      *DHT
	places []place
	vouch  func(*record) error // checks what is inside

	mu      sync.Mutex
	records map[[32]byte]*judged // by hash
	newest  map[[32]byte]*judged // by record key
}

// judged is one distinct record.
type judged struct {
	record
	err   error
	first []time.Time // as told by each server that held it
	told  time.Time   // the median when it was reported
}

func (d *DHT) newReading(vouch func(*record) error, places ...place) *reading {
	return &reading{d: d, places: places, vouch: vouch, records: map[[32]byte]*judged{}, newest: map[[32]byte]*judged{}}
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
	h := hashRecord(a.raw)
	j := r.records[h]
	known := j != nil
	if !known {
		if len(r.records) >= r.d.cfg.Limits.Candidates {
			return false
		}
		j = &judged{}
		j.record, j.err = r.judge(a.raw)
		r.records[h] = j
	}
	if j.err != nil {
		return false
	}
	j.first = append(j.first, a.first)
	if r.advance(j, known) {
		fresh(j, known)
	}
	return true
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

func (r *reading) judge(raw []byte) (record, error) {
	err := ErrPlace
	for _, p := range r.places {
		if len(raw) < headSize || Kind(raw[2]) != p.kind {
			continue
		}
		rec, e := checkRecord(raw, p, &r.d.cfg.Limits, r.d.cfg.Now(), r.proven)
		if e == nil {
			return rec, r.vouch(&rec)
		}
		if !errors.Is(e, ErrPlace) {
			err = e
		}
	}
	return record{}, err
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
