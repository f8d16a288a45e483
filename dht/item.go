package dht

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// item is one record that is kept published. It belongs to the publisher's
// loop.
//
//	wanted ──prepare──► prepared ──issue──► issued ──push──► held by servers
//	                       ▲                  │  ▲
//	                       └── new content, ──┘  └── new peers, lost answers
//	                           refresh, work
type item struct {
	id      itemID
	content []byte
	ready   *prepared // nil until place, key and least work are there
	want    int       // bits to reach soon; IdleBits are reached at leisure

	dirty   bool // content or work is newer than the record
	env     envelope
	raw     []byte // nil before the first issue
	hash    [32]byte
	issued  time.Time
	reissue time.Time // when the owner refreshes it
	blocked time.Time // not before: it could not be made

	holders map[peer.ID]bool
	pushing bool
	pushAt  time.Time // zero: now
	pause   time.Duration
	alone   bool   // the last push found nobody who answers
	replies int    // of the running push: answers at all,
	olds    int    // those that knew a newer record,
	fulls   int    // and those without a place
	seen    uint64 // newest number that servers claim to have seen
}

// prepared is what takes long: the place of a name, its work.
type prepared struct {
	place place
	key   ed25519.PrivateKey
	miner *miner
}

// prepare derives place and key of a record and does the least work for it.
func (d *DHT) prepare(ctx context.Context, p *Profile, id itemID) (*prepared, error) {
	pl, err := d.placeOf(ctx, p, id)
	if err != nil {
		return nil, err
	}
	out := &prepared{place: pl, key: recordKey(p.Secret, pl, id.device)}
	e := out.envelope()
	out.miner = newMiner(newPuzzle(&e, d.cfg.Limits.WorkMemory))
	return out, out.miner.mine(ctx, d.cfg.Limits.MinBits)
}

func (d *DHT) placeOf(ctx context.Context, p *Profile, id itemID) (place, error) {
	switch id.kind {
	case KindName:
		return d.slow.namePlace(ctx, id.name, id.epoch)
	case KindFull:
		h, err := d.slow.handle(ctx, id.name, p.Genesis.AccountID())
		if err != nil {
			return place{}, err
		}
		return fullPlace(h, id.epoch), nil
	case KindRoute:
		return routePlace(p.Presence, id.epoch), nil
	case KindAccount, KindBundle:
		return locatorPlace(id.kind, p.Locator, id.epoch), nil
	}
	return place{}, fmt.Errorf("%w: kind %d", ErrMalformed, id.kind)
}

// envelope has everything that place and key decide.
func (p *prepared) envelope() envelope {
	return envelope{
		kind: p.place.kind, epoch: p.place.epoch, index: p.place.index,
		key: [32]byte(p.key.Public().(ed25519.PublicKey)),
	}
}

// issue makes the record anew. The sequence number is the time in
// milliseconds, so that it grows over restarts and between own devices.
func (it *item) issue(d *DHT, sign func(string, []byte) []byte, now time.Time) error {
	e := it.ready.envelope()
	e.seq = max(uint64(now.UnixMilli()), it.env.seq+1, it.seen+1)
	e.issued = unix(now)
	e.expires = e.issued + uint32(rules[e.kind].life/time.Second)
	e.expires = min(e.expires, unix(e.kind.latestExpiry(e.epoch)))
	e.bits, e.nonces = uint8(it.ready.miner.bits()), it.ready.miner.won
	if err := e.seal(d.cfg.Rand, it.ready.place.seal, sign, it.content); err != nil {
		return err
	}
	if err := e.sign(it.ready.key); err != nil {
		return err
	}
	it.env, it.raw = e, e.bytes()
	it.hash = hashRecord(it.raw)
	it.issued, it.reissue = now, now.Add(jitter(rules[e.kind].refresh))
	it.dirty, it.holders, it.pushAt, it.pause = false, map[peer.ID]bool{}, time.Time{}, 0
	d.shelves.put(e, it.raw, d.self, true, now)
	return nil
}

// due tells when the record should be issued next. A route record that just
// changed waits, so that a flapping network does not flood the directory.
func (it *item) due(l *Limits) time.Time {
	switch {
	case it.dirty && it.id.kind == KindRoute && it.raw != nil:
		return it.issued.Add(l.RouteGap)
	case it.dirty, it.raw == nil:
		return it.blocked
	}
	return it.reissue
}

// pushed ends a push that asked n peers.
func (it *item) pushed(l *Limits, n int, now time.Time) {
	it.pushing, it.alone = false, it.replies == 0
	switch held := len(it.holders); {
	case n == 0, held >= n, held >= l.Holders:
		it.pushAt = it.reissue
		return
	case it.fulls > held:
		it.want = min(it.want+2, l.IdleBits)
	case it.olds > held:
		it.dirty = true // a clock went back: overtake what is out there
	}
	it.pause = min(max(2*it.pause, l.Retry), 10*time.Minute)
	it.pushAt = now.Add(jitter(it.pause))
}

// answered takes one server's answer.
func (it *item) answered(from peer.ID, r reply, now time.Time) {
	it.replies++
	switch r.Status {
	case statusOK:
		it.holders[from] = true
	case statusFull, statusWork:
		it.fulls++
	case statusOld:
		// A number from the far future is not believed: it would take the
		// owner's place for good.
		if r.Seq < uint64(now.Add(day).UnixMilli()) {
			it.olds++
			it.seen = max(it.seen, r.Seq)
		}
	}
}

func (it *item) progress() RecordProgress {
	p := RecordProgress{Kind: it.id.kind, Name: it.id.name, Epoch: it.id.epoch, Acks: len(it.holders), Local: it.raw != nil, Alone: it.alone}
	if it.raw != nil {
		p.Bits, p.Expires = int(it.env.bits), fromUnix(it.env.expires)
	}
	return p
}

// job is a push, apart from the item so that another goroutine can run it.
type job struct {
	id    itemID
	seq   uint64
	index [32]byte
	raw   []byte
	hash  [32]byte
	held  map[peer.ID]bool // these are asked first whether they still hold it
}

func (it *item) job() job {
	return job{it.id, it.env.seq, it.env.index, it.raw, it.hash, maps.Clone(it.holders)}
}

// jitter spreads a time by a quarter either way.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1))
}

func earliest(ts ...time.Time) time.Time { return slices.MinFunc(ts, time.Time.Compare) }
