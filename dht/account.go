package dht

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Account is what an account record and its bundles say, verified.
type Account struct {
	Manifests []*identity.Manifest   // oldest first
	Certs     []*identity.DeviceCert // those that the newest manifest lists
	Bundles   map[identity.DeviceID]*identity.Bundle
	Pin       identity.Pin // the newest manifest
}

// Account fetches and verifies the account record behind locator, and the
// bundles of its devices. With identity.ErrExpired the result is there, but no
// session may be started with it.
func (d *DHT) Account(ctx context.Context, id identity.AccountID, g identity.Genesis, locator [32]byte) (*Account, error) {
	return d.AccountSince(ctx, id, g, locator, identity.Pin{})
}

// AccountSince is Account for a reader that already holds a pin: an older or
// forked chain is refused.
func (d *DHT) AccountSince(ctx context.Context, id identity.AccountID, g identity.Genesis, locator [32]byte, pin identity.Pin) (*Account, error) {
	if g.AccountID() != id {
		return nil, fmt.Errorf("%w: genesis of another account", ErrForged)
	}
	var places []place
	for _, epoch := range KindAccount.epochsToRead(d.cfg.Now()) {
		places = append(places, locatorPlace(KindAccount, locator, epoch), locatorPlace(KindBundle, locator, epoch))
	}
	r := d.newReading(func(rec *record) error { return rec.checkVouched(rec.opened, g) }, places...)
	f := &folder{}
	r.run(ctx, 0, d.cfg.Limits.Region, f.add)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := f.read(d, g, pin)
	if a == nil {
		return nil, err
	}
	if known := d.raisePin(id, a.Pin); known.Seq > a.Pin.Seq {
		return nil, fmt.Errorf("%w: manifest %d, seen %d", ErrRollback, a.Pin.Seq, known.Seq)
	}
	return a, err
}

// folder collects what was found behind a locator.
type folder struct {
	accounts []*judged
	bundles  []*judged
}

func (f *folder) add(j *judged, again bool) {
	switch {
	case again:
	case j.kind == KindAccount:
		f.accounts = append(f.accounts, j)
	case j.kind == KindBundle:
		f.bundles = append(f.bundles, j)
	}
}

// read prefers all that was found together, because only that shows a fork,
// and falls back on single records, newest first.
func (f *folder) read(d *DHT, g identity.Genesis, pin identity.Pin) (*Account, error) {
	slices.SortFunc(f.accounts, func(a, b *judged) int { return cmp.Compare(b.seq, a.seq) })
	var all papers
	var single []papers
	for _, j := range f.accounts {
		if p, err := readPapers(j.content); err == nil {
			all.manifests, all.certs = append(all.manifests, p.manifests...), append(all.certs, p.certs...)
			single = append(single, p)
		}
	}
	if len(single) == 0 {
		return nil, fmt.Errorf("%w: account record", ErrNotFound)
	}
	var last error
	for _, p := range append([]papers{all}, single...) {
		a, err := p.judge(d, g, pin)
		if a != nil {
			f.addBundles(d, a)
			return a, err
		}
		if last = err; errors.Is(err, identity.ErrFork) {
			break
		}
	}
	return nil, last
}

// papers are the signed objects of an account record.
type papers struct {
	manifests []*identity.Manifest
	certs     []*identity.DeviceCert
}

func readPapers(content []byte) (p papers, err error) {
	c, err := parseAccount(content)
	if err != nil {
		return p, err
	}
	for _, b := range c.Manifests {
		m, err := identity.ParseManifest(b)
		if err != nil {
			return p, err
		}
		p.manifests = append(p.manifests, m)
	}
	for _, b := range c.Certs {
		cert, err := identity.ParseDeviceCert(b)
		if err != nil {
			return p, err
		}
		p.certs = append(p.certs, cert)
	}
	return p, nil
}

// judge leaves the verdict to the pin; only an account that is merely expired
// comes with an error.
func (p papers) judge(d *DHT, g identity.Genesis, pin identity.Pin) (*Account, error) {
	advanced, err := pin.Advance(g, p.manifests, p.certs, d.cfg.Now())
	if err != nil && !errors.Is(err, identity.ErrExpired) {
		return nil, err
	}
	a := &Account{Pin: advanced, Bundles: map[identity.DeviceID]*identity.Bundle{}}
	for _, m := range p.manifests {
		if !slices.ContainsFunc(a.Manifests, func(o *identity.Manifest) bool { return o.Hash() == m.Hash() }) {
			a.Manifests = append(a.Manifests, m)
		}
	}
	slices.SortFunc(a.Manifests, func(x, y *identity.Manifest) int { return cmp.Compare(x.Seq, y.Seq) })
	for _, m := range a.Manifests {
		if m.Pin() == advanced {
			a.Certs = listed(m, p.certs)
		}
	}
	return a, err
}

// listed are the certificates that a manifest lists, each once.
func listed(m *identity.Manifest, certs []*identity.DeviceCert) (out []*identity.DeviceCert) {
	for _, c := range certs {
		had := slices.ContainsFunc(out, func(o *identity.DeviceCert) bool { return o.Device == c.Device })
		if m.Lists(c) && !had {
			out = append(out, c)
		}
	}
	return out
}

// addBundles keeps the newest bundle of each listed device.
func (f *folder) addBundles(d *DHT, a *Account) {
	for _, j := range f.bundles {
		content, err := parseBundle(j.content)
		if err != nil {
			continue
		}
		for _, c := range a.Certs {
			if c.Device != content.Device {
				continue
			}
			b, err := identity.ParseBundle(content.Bundle, c.Public.DSK)
			if err != nil || b.Valid(d.cfg.Now()) != nil {
				continue
			}
			if old := a.Bundles[c.Device]; old == nil || b.Seq > old.Seq {
				a.Bundles[c.Device] = b
			}
		}
	}
}
