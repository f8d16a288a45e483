package dht

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Search tells what a look-up took.
type Search struct {
	Asked   int // peers that were asked, this node included
	Holders int // of them, those that held something
	Elapsed time.Duration
}

// answer is one record as a peer gave it.
type answer struct {
	from  peer.ID
	raw   []byte
	first time.Time
}

// search is one streaming read of an index: every peer is asked the moment it
// answers a Kademlia request, and what it holds is reported at once. All
// fields belong to the goroutine in run. spec/directory.md#reading
type search struct {
	d      *DHT
	index  [32]byte
	kind   Kind // 0: every kind at the index
	region int  // further keys in large networks

	peers   chan peer.ID
	answers chan batch
	walked  chan struct{}
	slots   chan struct{}

	asked           map[peer.ID]bool
	asking, walking int
	holders         int
	widenAt         time.Time
	small           bool // everybody there is may be asked
	widened, over   bool
}

// batch is all that one peer answered.
type batch struct {
	from    peer.ID
	records []answer
}

func (d *DHT) newSearch(index [32]byte, kind Kind, region int) *search {
	return &search{
		d: d, index: index, kind: kind, region: region,
		peers: make(chan peer.ID), answers: make(chan batch), walked: make(chan struct{}),
		slots: make(chan struct{}, d.cfg.Limits.Parallel),
		asked: map[peer.ID]bool{},
	}
}

// run reports answers to got, which tells whether this one counts as a holder,
// until everybody asked has answered, enough hold something, or time is over.
// When it returns nothing of it runs any more.
func (s *search) run(ctx context.Context, got func(answer) bool) Search {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.d.cfg.Limits.Search)
	s.widenAt = start.Add(s.d.cfg.Limits.RegionWait)
	s.begin(ctx, got)
	for !s.over && s.holders < s.d.cfg.Limits.Holders && ctx.Err() == nil && s.asking+s.walking > 0 {
		s.step(ctx, got)
	}
	cancel()
	for s.asking+s.walking > 0 {
		s.drain()
	}
	return Search{Asked: len(s.asked), Holders: s.holders, Elapsed: time.Since(start)}
}

// begin asks this node itself, whoever is connected already, and starts the
// walks.
func (s *search) begin(ctx context.Context, got func(answer) bool) {
	s.asked[s.d.self] = true
	s.report(batch{s.d.self, s.d.local(s.index, s.kind)}, got)
	near, small := s.d.neighbours(s.index)
	s.small = small
	for _, p := range near {
		s.ask(ctx, p)
	}
	for _, k := range s.d.networks() {
		s.walk(ctx, k, string(s.index[:]))
	}
}

// walk looks along a key in one network.
func (s *search) walk(ctx context.Context, k *kademlia, key string) {
	s.walking++
	go func() {
		_, _ = k.walk(ctx, key, func(p peer.ID) {
			select {
			case s.peers <- p:
			case <-ctx.Done():
			}
		})
		s.walked <- struct{}{}
	}()
}

// ask sends one GET, unless p was asked before.
func (s *search) ask(ctx context.Context, p peer.ID) {
	if s.asked[p] {
		return
	}
	s.asked[p] = true
	s.asking++
	go func() {
		b := batch{from: p}
		select {
		case s.slots <- struct{}{}:
			b.records = s.d.fetch(ctx, p, request{Op: opGet, Index: s.index, Kind: s.kind})
			<-s.slots
		case <-ctx.Done():
		}
		s.answers <- b
	}()
}

// step waits for one thing to happen.
func (s *search) step(ctx context.Context, got func(answer) bool) {
	timer := time.NewTimer(s.patience())
	defer timer.Stop()
	select {
	case p := <-s.peers:
		s.ask(ctx, p)
	case b := <-s.answers:
		s.asking--
		s.report(b, got)
	case <-s.walked:
		s.walking--
		if s.walking == 0 {
			s.widen(ctx)
		}
	case <-timer.C:
		// In a small network whoever is silent for so long is gone.
		s.over = s.small
		s.widen(ctx)
	case <-ctx.Done():
	}
}

// patience is how long to wait for the next thing to happen.
func (s *search) patience() time.Duration {
	switch l := &s.d.cfg.Limits; {
	case s.small:
		return l.Quiet
	case s.widened:
		return l.Search
	default:
		return max(time.Until(s.widenAt), 0)
	}
}

// widen walks along further keys of the region, once, when the index alone
// gave little: its closest peers may be there to hide something.
func (s *search) widen(ctx context.Context) {
	if s.widened || s.small {
		return
	}
	s.widened = true
	if s.holders >= s.d.cfg.Limits.Acks {
		return
	}
	for _, k := range s.d.networks() {
		for _, key := range s.d.regionKeys(k, s.index, s.region) {
			s.walk(ctx, k, key)
		}
	}
}

func (s *search) report(b batch, got func(answer) bool) {
	counts := false
	for _, a := range b.records {
		if got(a) {
			counts = true
		}
	}
	if counts {
		s.holders++
	}
}

// drain takes what is left of goroutines that were told to end.
func (s *search) drain() {
	select {
	case <-s.peers:
	case <-s.answers:
		s.asking--
	case <-s.walked:
		s.walking--
	}
}

// fetch is one GET of one peer. Errors mean that it holds nothing for us.
func (d *DHT) fetch(ctx context.Context, p peer.ID, q request) (out []answer) {
	size := 0
	_ = d.caller.call(ctx, p, q, func(r reply) bool {
		if r.Status == statusRecord {
			size += len(r.Record)
			out = append(out, answer{p, r.Record, fromUnix(r.First)})
		}
		return size < maxAnswer
	})
	return out
}

// local is what this node's own shelves answer.
func (d *DHT) local(index [32]byte, kind Kind) (out []answer) {
	for _, h := range d.shelves.get(index, kind, d.cfg.Now()) {
		out = append(out, answer{d.self, h.raw, h.first})
	}
	return out
}
