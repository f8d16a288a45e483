package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// offer is what is known of a contact's devices: who they are, and the bundles
// to begin a session with.
type offer struct {
	membership
	manifests [][]byte
	certs     [][]byte
	bundles   map[identity.DeviceID]bundleOffer
}

type bundleOffer struct {
	bundle  *identity.Bundle
	oneTime *identity.OneTimeKey
	at      peer.AddrInfo // empty when it came from the directory
}

// answer is what one of the two sources of bundles said.
type answer struct {
	o   *offer
	err error
}

// offers asks the devices themselves, which have one-time keys, and the
// directory, which has bundles without, at the same time. A device that does
// not answer soon after the directory did is not waited for.
func (c *Chat) offers(ctx context.Context, id identity.AccountID, rec *contactRec) (*offer, error) {
	ctx, cancel := context.WithCancel(ctx)
	device, listed := make(chan answer, 1), make(chan answer, 1)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	asking.Go(func() { o, err := c.askDevices(ctx, id, rec); device <- answer{o, err} })
	asking.Go(func() { o, err := c.askDirectory(ctx, id, rec); listed <- answer{o, err} })
	d, l := wait(device, listed, c.cfg.DeviceGrace)
	for _, a := range []answer{d, l} {
		if errors.Is(a.err, identity.ErrFork) {
			return nil, c.forkSeen(ctx, id, a.err)
		}
	}
	switch {
	case d.o != nil:
		return d.o, nil
	case l.o != nil:
		return l.o, nil
	}
	return nil, fmt.Errorf("device: %w; directory: %w", d.err, l.err)
}

// wait prefers the device: it waits for it for good while the directory has
// nothing, and a little longer when it has.
func wait(device, listed <-chan answer, longer time.Duration) (d, l answer) {
	var grace <-chan time.Time
	for {
		select {
		case d = <-device:
			if d.err == nil || l.err != nil || l.o != nil {
				return d, l
			}
			return d, <-listed
		case l = <-listed:
			listed = nil
			if l.o != nil {
				t := time.NewTimer(longer)
				defer t.Stop()
				grace = t.C
			}
		case <-grace:
			return answer{err: errNoAnswer}, l
		}
	}
}

// forkSeen raises the alarm for a fork that was found while asking.
func (c *Chat) forkSeen(ctx context.Context, id identity.AccountID, cause error) error {
	err := c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil {
			return err
		}
		return w.alarm(id, rec, AlarmFork)
	})
	return errors.Join(errHopeless, cause, err)
}

func (c *Chat) askDirectory(ctx context.Context, id identity.AccountID, rec *contactRec) (*offer, error) {
	if c.dir == nil || rec.Locator == [32]byte{} {
		return nil, ErrOffline
	}
	a, err := c.dir.Account(ctx, id, identity.Genesis(rec.Genesis), rec.Locator)
	if err != nil {
		return nil, err
	}
	o := &offer{bundles: map[identity.DeviceID]bundleOffer{}}
	o.membership.manifests, o.membership.certs = a.Manifests, a.Certs
	for _, m := range a.Manifests {
		o.manifests = append(o.manifests, m.Bytes())
	}
	for _, cert := range a.Certs {
		o.certs = append(o.certs, cert.Bytes())
	}
	if len(a.Manifests) == 0 {
		return nil, malformed("account record")
	}
	if err := o.judge(identity.Genesis(rec.Genesis), rec.Pin.pin(), c.cfg.Now()); err != nil {
		return nil, err
	}
	for d, b := range a.Bundles {
		if b.Valid(c.cfg.Now()) == nil {
			o.bundles[d] = bundleOffer{bundle: b}
		}
	}
	return o, nil
}
