package dht

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Claimant is an account that claims a handle, with proof: see Resolve.
type Claimant struct {
	Handle  identity.Handle // with tag
	Account identity.AccountID
	Genesis identity.Genesis
	Pin     identity.Pin // head of the manifest chain when the claim was made, or newer
	Locator [32]byte     // where account record and bundles are
	Intro   []peer.ID    // peers that take introductions
	Bits    int          // work of each nonce, a hint for ranking
	Since   time.Time    // median of what servers say they saw first
}

// Resolve looks for everybody who claims h and calls found for each account,
// again when more is known of it. found is never called concurrently nor after
// Resolve has returned. With a tag only the account that fits it is reported.
// No claimant at all is no error.
func (d *DHT) Resolve(ctx context.Context, h identity.Handle, found func(Claimant)) (Search, error) {
	start := time.Now()
	if _, err := identity.ParseHandle(h.String()); err != nil {
		return Search{}, err
	}
	places, err := d.claimPlaces(ctx, h)
	if err != nil {
		return Search{}, err
	}
	c := &claims{d: d, asked: h, byAccount: map[identity.AccountID]*judged{}, content: map[[32]byte]Claimant{}, found: found}
	r := d.newReading(func(rec *record) error { return c.check(ctx, rec) }, places...)
	s := r.run(ctx, places[0].kind, d.cfg.Limits.Region, c.fresh)
	c.finish()
	s.Elapsed = time.Since(start)
	return s, ctx.Err()
}

// claimPlaces is where claims of h may lie now.
func (d *DHT) claimPlaces(ctx context.Context, h identity.Handle) (out []place, err error) {
	if h.Tag != "" {
		for _, epoch := range KindFull.epochsToRead(d.cfg.Now()) {
			out = append(out, fullPlace(h, epoch))
		}
		return out, nil
	}
	for _, epoch := range KindName.epochsToRead(d.cfg.Now()) {
		p, err := d.slow.namePlace(ctx, h.Name, epoch)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// claims turns verified records into claimants, one per account. Its methods
// are called by one reading, under its lock.
type claims struct {
	d         *DHT
	asked     identity.Handle
	byAccount map[identity.AccountID]*judged
	content   map[[32]byte]Claimant // by record key
	found     func(Claimant)
}

// check verifies what only a reader who knows the handle can: the name, the
// account's signature and the tag.
func (c *claims) check(ctx context.Context, rec *record) error {
	content, err := parseClaim(rec.content)
	if err != nil {
		return err
	}
	g := identity.Genesis(content.Genesis)
	if content.Name != c.asked.Name {
		return ErrHandle
	}
	if err := rec.checkVouched(rec.opened, g); err != nil {
		return err
	}
	h, err := c.d.slow.handle(ctx, content.Name, g.AccountID())
	if err != nil {
		return err
	}
	if c.asked.Tag != "" && h != c.asked {
		return fmt.Errorf("%w: tag", ErrHandle)
	}
	intro, err := peerIDs(content.Intro)
	if err != nil {
		return err
	}
	if old, ok := c.content[rec.key]; ok && old.Account != g.AccountID() {
		return ErrForged // one record key speaks for one account
	}
	c.content[rec.key] = Claimant{
		Handle: h, Account: g.AccountID(), Genesis: g,
		Pin:     identity.Pin{Seq: content.PinSeq, Hash: content.PinHash},
		Locator: content.Locator, Intro: intro, Bits: int(rec.bits),
	}
	return nil
}

// fresh reports the newest claim of each account. That another server confirms
// it changes only since when, which finish tells once.
func (c *claims) fresh(j *judged, again bool) {
	out := c.content[j.key]
	best := c.byAccount[out.Account]
	if again || best != nil && best.seq > j.seq {
		return
	}
	c.byAccount[out.Account] = j
	c.report(j)
}

func (c *claims) report(j *judged) {
	out := c.content[j.key]
	out.Pin = c.d.raisePin(out.Account, out.Pin)
	out.Since = j.median()
	j.told = out.Since
	c.found(out)
}

// finish reports again where more servers changed the picture.
func (c *claims) finish() {
	for _, j := range c.byAccount {
		if !j.median().Equal(j.told) {
			c.report(j)
		}
	}
}
