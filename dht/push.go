package dht

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
)

// pushResult is one server's answer to one record.
type pushResult struct {
	id    itemID
	seq   uint64
	from  peer.ID
	reply reply
	err   error

	done  bool // the push is over; the fields before are not set
	asked int  // peers in all
}

// push puts a record to everybody who should hold it: whoever is known at
// once, then those that walks find. spec/directory.md#writing
func (d *DHT) push(ctx context.Context, j job, report func(pushResult)) {
	w := writer{d: d, job: j, report: report, asked: map[peer.ID]bool{d.self: true}, slots: make(chan struct{}, 16)}
	w.put(ctx, d.everybody(j.index)...)
	var walks sync.WaitGroup
	for _, k := range d.networks() {
		keys := append([]string{string(j.index[:])}, d.regionKeys(k, j.index, d.region(j.id.kind))...)
		for _, key := range keys {
			walks.Go(func() {
				closest, _ := k.walk(ctx, key, func(peer.ID) {})
				w.put(ctx, closest...)
			})
		}
	}
	walks.Wait()
	w.running.Wait()
	report(pushResult{id: j.id, seq: j.seq, done: true, asked: len(w.asked) - 1})
}

// region is how many further keys a record is written to. Contacts have other
// ways to find a route.
func (d *DHT) region(k Kind) int {
	if k == KindRoute {
		return d.cfg.Limits.Region / 2
	}
	return d.cfg.Limits.Region
}

// everybody lists all known peers, as long as that is few.
func (d *DHT) everybody(index [32]byte) []peer.ID {
	near, _ := d.neighbours(index)
	if d.known() > d.cfg.Limits.MaxHolders {
		return nil
	}
	for _, k := range d.networks() {
		near = append(near, k.RoutingTable().ListPeers()...)
	}
	return near
}

// writer is one push.
type writer struct {
	d      *DHT
	job    job
	report func(pushResult)
	slots  chan struct{}

	running sync.WaitGroup
	mu      sync.Mutex
	asked   map[peer.ID]bool
}

// put sends the record to peers that were not sent it yet, and does not wait.
func (w *writer) put(ctx context.Context, peers ...peer.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range peers {
		if w.asked[p] || len(w.asked) > w.d.cfg.Limits.MaxHolders {
			continue
		}
		w.asked[p] = true
		w.running.Go(func() {
			w.slots <- struct{}{}
			defer func() { <-w.slots }()
			w.d.offer(ctx, p, w.job, w.report)
		})
	}
}

// offer makes sure that one peer holds a record.
func (d *DHT) offer(ctx context.Context, p peer.ID, j job, report func(pushResult)) {
	if ctx.Err() != nil {
		return
	}
	r := reply{Status: statusMissing}
	var err error
	if j.held[p] {
		r, err = d.caller.ask(ctx, p, request{Op: opRefresh, Index: j.index, Hash: j.hash[:]})
	}
	if err == nil && r.Status == statusMissing {
		r, err = d.caller.ask(ctx, p, request{Op: opPut, Index: j.index, Record: j.raw})
	}
	report(pushResult{id: j.id, seq: j.seq, from: p, reply: r, err: err})
}
