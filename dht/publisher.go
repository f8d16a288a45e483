package dht

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

const (
	maxPushes  = 4                // at once
	sweepEvery = 10 * time.Minute // expired records of others
	planEvery  = time.Minute      // epochs come and go
)

// publisher keeps a profile published. One goroutine, run, owns the items; the
// slow work runs beside it and reports back. spec/directory.md#writing
type publisher struct {
	d       *DHT
	wake    chan struct{}
	results chan pushResult
	made    chan made
	wg      sync.WaitGroup

	items     map[itemID]*item
	order     []itemID // most urgent first
	current   *Profile
	preparing bool
	pushes    int
	idleAt    time.Time
	sweepAt   time.Time
	planAt    time.Time

	mu       sync.Mutex
	next     *Profile      // what Publish was given
	given    bool          // and not yet taken over
	progress Progress      // copy for Published
	changed  chan struct{} // closed when progress is replaced
}

// made is the result of a preparation or of more work.
type made struct {
	id    itemID
	ready *prepared
	err   error
}

func newPublisher(d *DHT) *publisher {
	return &publisher{
		d: d, wake: make(chan struct{}, 1), results: make(chan pushResult), made: make(chan made),
		items: map[itemID]*item{}, changed: make(chan struct{}),
	}
}

// Publish keeps p published, in place of what was published before: at once,
// on timers, when addresses change, and whenever peers join while fewer than
// 20 hold a record. It does not block, and does nothing when nothing changed.
// The zero Profile ends publishing; what servers hold expires there.
func (d *DHT) Publish(p Profile) {
	d.pub.mu.Lock()
	d.pub.next, d.pub.given = &p, true
	d.pub.mu.Unlock()
	d.pub.poke()
}

func (p *publisher) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Published tells how far publishing has come.
func (d *DHT) Published() Progress {
	d.pub.mu.Lock()
	defer d.pub.mu.Unlock()
	return Progress{Records: append([]RecordProgress(nil), d.pub.progress.Records...)}
}

// WaitPublished returns when the claims of a name, bare and as a full handle,
// are held by another server, or by this node while it knows no other.
func (d *DHT) WaitPublished(ctx context.Context, name string) error {
	for {
		ok, changed := d.pub.held(name)
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("dht: publish: %w", ctx.Err())
		}
	}
}

func (p *publisher) held(name string) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := map[Kind]bool{}
	for _, r := range p.progress.Records {
		if r.Name == name && (r.Acks > 0 || r.Alone) {
			held[r.Kind] = true
		}
	}
	return held[KindName] && held[KindFull], p.changed
}

// run is the loop. It returns when ctx has ended and everything beside it too.
func (p *publisher) run(ctx context.Context) error {
	events, err := p.d.net.Host().EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerProtocolsUpdated), new(event.EvtLocalAddressesUpdated),
	}, eventbus.BufSize(256), eventbus.Name("dht"))
	if err != nil {
		return fmt.Errorf("dht: subscribe: %w", err)
	}
	defer func() { _ = events.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer p.wg.Wait()
	defer cancel()
	for ctx.Err() == nil {
		wait := p.step(ctx)
		p.tell()
		timer := time.NewTimer(wait)
		p.wait(ctx, timer.C, events.Out())
		timer.Stop()
	}
	return nil
}

func (p *publisher) wait(ctx context.Context, timer <-chan time.Time, events <-chan any) {
	select {
	case <-ctx.Done():
	case <-timer:
	case <-p.wake:
	case m := <-p.made:
		p.prepared(m)
	case r := <-p.results:
		p.answered(r)
	case e, ok := <-events:
		if ok {
			p.happened(ctx, e)
		}
	}
}

func (p *publisher) happened(ctx context.Context, e any) {
	switch e := e.(type) {
	case event.EvtPeerIdentificationCompleted:
		p.met(ctx, e.Peer)
	case event.EvtPeerProtocolsUpdated:
		p.met(ctx, e.Peer)
	case event.EvtLocalAddressesUpdated:
		p.planAt = time.Time{}
	}
}

// step does what is due and returns how long nothing will be.
func (p *publisher) step(ctx context.Context) time.Duration {
	now := p.d.cfg.Now()
	p.plan(now)
	next := earliest(p.sweep(now), p.nextPlan(now))
	for _, id := range p.order {
		it := p.items[id]
		if it.ready == nil || it.ready.miner.bits() < it.want {
			p.prepare(ctx, it)
			if it.ready == nil {
				continue
			}
		}
		next = earliest(next, p.tend(ctx, it, now))
	}
	next = earliest(next, p.improve(now))
	return max(next.Sub(now), 0)
}

// plan makes the items what the profile and the clock ask for.
func (p *publisher) plan(now time.Time) {
	if !p.takeOver() && now.Before(p.planAt) || p.current == nil {
		return
	}
	p.planAt = now.Add(planEvery)
	ids, content, err := p.current.wanted(now, p.self())
	if err != nil {
		p.d.cfg.Logger.Error("profile cannot be published", "err", err)
		return
	}
	p.order = ids
	for _, id := range ids {
		p.adopt(id, content[id])
	}
	for id, it := range p.items {
		if _, ok := content[id]; !ok {
			p.discard(it)
		}
	}
}

// takeOver tells whether there is a new profile.
func (p *publisher) takeOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	given := p.given
	if given {
		p.current, p.given = p.next, false
	}
	return given
}

func (p *publisher) adopt(id itemID, content []byte) {
	it := p.items[id]
	if it == nil {
		it = &item{id: id, holders: map[peer.ID]bool{}, want: p.d.cfg.Limits.MinBits}
		p.items[id] = it
	}
	if string(it.content) != string(content) {
		it.content, it.dirty = content, true
	}
}

func (p *publisher) discard(it *item) {
	delete(p.items, it.id)
	if it.raw != nil {
		p.d.shelves.drop(it.env.kind, it.env.index, it.env.key)
	}
}

// self is where this node can be reached now.
func (p *publisher) self() *RouteDevice {
	h := p.d.net.Host()
	return &RouteDevice{Peer: h.ID(), Addrs: bestAddrs(h.Addrs())}
}

func (p *publisher) nextPlan(now time.Time) time.Time {
	if p.current == nil {
		return now.Add(sweepEvery)
	}
	return p.planAt
}

func (p *publisher) sweep(now time.Time) time.Time {
	if !now.Before(p.sweepAt) {
		p.d.shelves.sweep(now)
		p.sweepAt = now.Add(sweepEvery)
	}
	return p.sweepAt
}

// prepare starts the slow beginning of an item, one at a time.
func (p *publisher) prepare(ctx context.Context, it *item) {
	if p.preparing {
		return
	}
	p.preparing = true
	profile, id, want := p.current, it.id, it.want
	var more *prepared
	if it.ready != nil {
		m := *it.ready.miner // the loop goes on reading the old one
		more = &prepared{it.ready.place, it.ready.key, &m}
	}
	p.wg.Go(func() {
		m := made{id: id, ready: more}
		if more == nil {
			m.ready, m.err = p.d.prepare(ctx, profile, id)
		} else {
			m.err = more.miner.mine(ctx, want)
		}
		select {
		case p.made <- m:
		case <-ctx.Done():
		}
		if p.d.cfg.Limits.WorkMemory >= 1<<10 {
			debug.FreeOSMemory() // the work's 8 MiB and more, now and not in two minutes
		}
	})
}

func (p *publisher) prepared(m made) {
	p.preparing = false
	it := p.items[m.id]
	if m.err != nil || it == nil {
		return // ended, or no longer wanted
	}
	it.ready, it.dirty = m.ready, true
}

// tend issues and pushes an item when it is due and returns when it is next.
func (p *publisher) tend(ctx context.Context, it *item, now time.Time) time.Time {
	due := it.due(&p.d.cfg.Limits)
	if !now.Before(due) {
		if err := it.issue(p.d, p.current.Sign, now); err != nil {
			p.d.cfg.Logger.Error("record cannot be issued", "kind", it.id.kind, "err", err)
			it.blocked = now.Add(time.Hour)
		}
		due = it.due(&p.d.cfg.Limits)
	}
	if it.raw == nil || it.pushing || p.pushes >= maxPushes {
		return due
	}
	if now.Before(it.pushAt) {
		return earliest(due, it.pushAt)
	}
	p.push(ctx, it)
	return due
}

func (p *publisher) push(ctx context.Context, it *item) {
	it.pushing, it.replies, it.olds, it.fulls = true, 0, 0, 0
	p.pushes++
	j := it.job()
	p.wg.Go(func() { p.d.push(ctx, j, func(r pushResult) { p.report(ctx, r) }) })
}

func (p *publisher) report(ctx context.Context, r pushResult) {
	select {
	case p.results <- r:
	case <-ctx.Done():
	}
}

func (p *publisher) answered(r pushResult) {
	if r.done {
		p.pushes--
	}
	it := p.items[r.id]
	if it == nil {
		return
	}
	now := p.d.cfg.Now()
	switch {
	case r.done && r.seq != it.env.seq:
		it.pushing = false // a newer one is waiting
	case r.done:
		it.pushed(&p.d.cfg.Limits, r.asked, now)
	case r.seq == it.env.seq && r.err == nil:
		it.answered(r.from, r.reply, now)
	case r.seq == it.env.seq:
		delete(it.holders, r.from)
	}
}

// met offers records to a peer that has just been identified: to a new one
// while few hold them, and to an old one in case it has forgotten.
func (p *publisher) met(ctx context.Context, who peer.ID) {
	if !p.d.isServer(who) || p.d.net.Host().Network().Connectedness(who) != network.Connected {
		return
	}
	var jobs []job
	for _, id := range p.order {
		it := p.items[id]
		if it.raw != nil && (it.holders[who] || len(it.holders) < p.d.cfg.Limits.Holders) {
			jobs = append(jobs, it.job())
		}
	}
	if len(jobs) == 0 {
		return
	}
	p.wg.Go(func() {
		for _, j := range jobs {
			p.d.offer(ctx, who, j, func(r pushResult) { p.report(ctx, r) })
		}
	})
}

// improve makes one attempt at better work for a bare name, when nothing else
// is to be done, and returns when the next one may be.
func (p *publisher) improve(now time.Time) time.Time {
	never := now.Add(sweepEvery)
	it := p.weakest()
	if it == nil || p.preparing || p.pushes > 0 {
		return never
	}
	if now.Before(p.idleAt) {
		return p.idleAt
	}
	p.idleAt = now.Add(jitter(p.d.cfg.Limits.IdlePause))
	m := it.ready.miner
	if m.attempt() && (m.bits() >= int(it.env.bits)+2 || m.bits() >= p.d.cfg.Limits.IdleBits) {
		it.dirty = true
		return now
	}
	return p.idleAt
}

// weakest is the bare-name claim with the least work.
func (p *publisher) weakest() (w *item) {
	for _, id := range p.order {
		it := p.items[id]
		if id.kind != KindName || it.raw == nil || it.ready.miner.bits() >= p.d.cfg.Limits.IdleBits {
			continue
		}
		if w == nil || it.ready.miner.bits() < w.ready.miner.bits() {
			w = it
		}
	}
	return w
}

// tell makes the state visible to Published and WaitPublished.
func (p *publisher) tell() {
	var now Progress
	for _, id := range p.order {
		now.Records = append(now.Records, p.items[id].progress())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = now
	close(p.changed)
	p.changed = make(chan struct{})
}
