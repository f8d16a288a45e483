package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// errHopeless says that trying again changes nothing.
var errHopeless = errors.New("chat: nothing to introduce for")

var errNoAnswer = errors.New("chat: no answer yet")

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

// introduce opens a session to every device of a contact that has none. With
// force also to those that have one. A contact who is known to have a newer
// manifest is asked for it on the way.
func (c *Chat) introduce(ctx context.Context, id identity.AccountID, force bool) error {
	rec, lacking, err := c.lacking(id, force)
	if err != nil || len(lacking) == 0 && len(rec.Devices) > 0 && !rec.Stale {
		return err
	}
	o, err := c.offers(ctx, id, rec)
	if err == nil {
		err = c.refresh(ctx, id, o)
	}
	if err == nil {
		err = c.beginAll(ctx, id, rec, o, force)
	}
	if err != nil {
		c.problem(id, err)
	}
	return err
}

// refresh takes over the newer identity that an offer shows.
func (c *Chat) refresh(ctx context.Context, id identity.AccountID, o *offer) error {
	return c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil || rec.Alarm != 0 || o.pin.Seq < rec.Pin.Seq {
			return err
		}
		rec.Stale = false
		w.keepContact(id, rec)
		w.adopt(id, rec, o.pin, o.manifests, o.certs, deviceIDs(o.members))
		return nil
	})
}

// beginAll begins a session with every device that has none, or with force
// with every device, as far as there are bundles.
func (c *Chat) beginAll(ctx context.Context, id identity.AccountID, rec *contactRec, o *offer, force bool) error {
	started, wanted := 0, 0
	for _, cert := range o.members {
		if live, err := c.hasLive(cert.Device); err != nil || live && !force {
			continue
		}
		wanted++
		b, ok := o.bundles[cert.Device]
		if !ok {
			continue
		}
		if err := c.begin(ctx, id, rec, o, cert, b, force); err != nil {
			return err
		}
		started++
	}
	if started == 0 && wanted > 0 {
		return errors.New("chat: none of their devices has a prekey bundle")
	}
	return nil
}

func (c *Chat) hasLive(device identity.DeviceID) (live bool, err error) {
	err = c.view(func(w *work) error {
		d, err := w.device(device)
		live = err == nil && d.liveRef() != nil
		return err
	})
	return live, err
}

// lacking reads a contact and the devices that need a session.
func (c *Chat) lacking(id identity.AccountID, force bool) (rec *contactRec, out []identity.DeviceID, err error) {
	err = c.view(func(w *work) error {
		if rec, err = w.contact(id); err != nil {
			return err
		}
		if rec == nil || w.sendable(rec) != nil || !rec.known() {
			return errHopeless
		}
		ready, _, err := w.ready(rec)
		if err != nil {
			return err
		}
		for _, d := range rec.Devices {
			if force || !slices.Contains(ready, d) {
				out = append(out, d)
			}
		}
		return nil
	})
	return rec, out, err
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

// begin starts a session with one device and commits it with the first thing
// it carries.
func (c *Chat) begin(ctx context.Context, id identity.AccountID, rec *contactRec, o *offer, cert *identity.DeviceCert, b bundleOffer, force bool) error {
	opt := ratchet.Options{}
	if rec.State == Requested {
		if opt.Token = rec.Token; len(opt.Token) == 0 {
			opt.Work = c.cfg.WorkBits
		}
	}
	if force {
		opt.Resume = c.resume(cert.Device)
	}
	self := c.self.Load()
	from, err := self.initiator()
	if err != nil {
		return err
	}
	s, err := ratchet.Initiate(c.cfg.Rand, from, target(id, o, cert, b), opt)
	if err != nil {
		return fmt.Errorf("chat: begin session: %w", err)
	}
	return c.update(ctx, func(w *work) error { return w.begun(id, cert.Device, b.at, s, force) })
}

// resume is the proof of the session a new one takes the place of.
func (c *Chat) resume(device identity.DeviceID) *ratchet.ResumeKey {
	var key *ratchet.ResumeKey
	err := c.view(func(w *work) error {
		s, ok, err := w.live(device)
		if err != nil || !ok {
			return err
		}
		if k, ok := s.ResumeKey(); ok {
			key = &k
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return key
}

func (s *Self) initiator() (ratchet.Initiator, error) {
	proof, err := identity.Encode(s.proof())
	if err != nil {
		return ratchet.Initiator{}, err
	}
	return ratchet.Initiator{
		Account: s.account.ID(), Device: s.device.ID(), DIK: s.device.AgreementSecret(),
		DKEMSeed: s.device.KEMSeed(), CertHash: s.cert.Hash(), ManifestHash: s.newest().Hash(),
		Identity: proof,
	}, nil
}

func target(id identity.AccountID, o *offer, cert *identity.DeviceCert, b bundleOffer) ratchet.Target {
	t := ratchet.Target{
		Account: id, Device: cert.Device, DIK: cert.Public.DIK, DKEM: cert.Public.DKEM,
		SPKID: b.bundle.SPKID, SPK: b.bundle.SPK, PQSPK: b.bundle.PQSPK,
		BundleHash: b.bundle.Hash(), CertHash: cert.Hash(), ManifestHash: o.pin.Hash,
	}
	if k := b.oneTime; k != nil {
		t.OPK = &ratchet.OneTime{ID: k.ID, X: k.X, KEM: k.KEM}
	}
	return t
}

// begun stores a session we started, unless the other side was faster.
func (w *work) begun(id identity.AccountID, device identity.DeviceID, at peer.AddrInfo, s ratchet.Session, force bool) error {
	rec, err := w.contact(id)
	if err != nil || rec == nil || w.sendable(rec) != nil || !rec.known() {
		return err
	}
	d, err := w.device(device)
	if err != nil {
		return err
	}
	if d.Account != (identity.AccountID{}) && d.Account != id {
		return malformed("device of another account")
	}
	if d.liveRef() != nil && !force {
		return w.deliver(id)
	}
	if err := w.addSession(id, device, s, true); err != nil {
		return err
	}
	w.reach(device, d, rec, at)
	if rec.State == Accepted && rec.Owe == 0 {
		rec.Owe = oweProfile
	}
	if rec.State == Requested {
		rec.Owe |= oweRequest
		rec.Problem = "the request is on its way"
	}
	w.saveContact(id, rec)
	return w.deliver(id)
}

// reach remembers where a device answered, or else whom to look for: the peer
// that its account names for introductions.
func (w *work) reach(device identity.DeviceID, d *deviceRec, rec *contactRec, at peer.AddrInfo) {
	switch {
	case at.ID != "":
		d.Peer, d.Addrs = []byte(at.ID), addrBytes(at.Addrs)
	case len(d.Peer) == 0 && len(rec.Intro) > 0:
		d.Peer, d.Addrs = rec.Intro[0], rec.Addrs
	}
	w.keepDevice(device)
	p, a := d.Peer, d.Addrs
	w.tx.OnCommit(func() { w.c.setDest(device, p, a) })
}

// problem tells the user why a contact is not reached, when that is news.
func (c *Chat) problem(id identity.AccountID, cause error) {
	text := problemText(cause)
	err := c.updateLazy(context.Background(), func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil || rec.Problem == text || errors.Is(cause, errHopeless) {
			return err
		}
		rec.Problem = text
		w.saveContact(id, rec)
		return nil
	})
	if err != nil {
		c.cfg.Logger.Debug("note a problem", "error", err)
	}
}

func problemText(err error) string {
	var refused *mesh.RefusedError
	switch {
	case errors.As(err, &refused):
		return "their device does not give prekeys: " + refused.Code.String()
	case errors.Is(err, identity.ErrExpired):
		return "what they published has expired; they must come online first"
	case errors.Is(err, ErrOffline):
		return "their device cannot be reached, and there is no directory to ask"
	}
	return "neither their device nor their prekeys in the directory can be reached"
}
