package chat

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

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
	if rec.State == Accepted {
		rec.Problem = ""
		if rec.Owe == 0 {
			rec.Owe = oweProfile
		}
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
