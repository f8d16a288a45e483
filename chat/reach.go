package chat

import (
	"context"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// errNoPlace says that nobody told where a device is.
var errNoPlace = errors.New("chat: no device to ask")

// addrInfo reads a peer and its addresses from wire or disk.
func addrInfo(id []byte, addrs [][]byte) (peer.AddrInfo, error) {
	p, err := peer.IDFromBytes(id)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("%w: peer id", ErrMalformed)
	}
	ai := peer.AddrInfo{ID: p}
	for _, b := range addrs {
		a, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil {
			return peer.AddrInfo{}, fmt.Errorf("%w: address", ErrMalformed)
		}
		ai.Addrs = append(ai.Addrs, a)
	}
	return ai, nil
}

// addrBytes writes addresses for wire or disk, without the peer at their end.
func addrBytes(addrs []multiaddr.Multiaddr) [][]byte {
	var out [][]byte
	for _, a := range addrs {
		t, _ := peer.SplitAddr(a)
		if t == nil {
			continue
		}
		if b := t.Bytes(); len(b) <= maxAddr && len(out) < maxCardAddrs {
			out = append(out, b)
		}
	}
	return out
}

// setDest lets mesh keep a link to a device.
func (c *Chat) setDest(device identity.DeviceID, id []byte, addrs [][]byte) {
	ai, err := addrInfo(id, addrs)
	if err != nil {
		return // nobody said where it is yet
	}
	c.hints.learn(ai.ID, device)
	c.mesh.SetDest(mesh.Dest{Device: device, Peer: ai.ID, Addrs: ai.Addrs})
}

// card is what we tell about ourselves.
func (c *Chat) card(s *Self) card {
	k := card{
		Genesis: s.account.Genesis(), Name: s.rec.Name, Presence: s.rec.Presence, Locator: s.rec.Locator,
		Peer: []byte(c.host.ID()), Addrs: addrBytes(c.host.Addrs()),
	}
	if len(s.rec.Handles) > 0 {
		k.Handle = s.rec.Handles[0]
	}
	return k
}

// askDevices asks every place where a device of the contact may be, until one
// answers.
func (c *Chat) askDevices(ctx context.Context, id identity.AccountID, rec *contactRec) (*offer, error) {
	places, err := c.places(rec)
	if err != nil {
		return nil, err
	}
	faults := []error{errNoPlace}
	for _, at := range places {
		o, err := c.askAt(ctx, id, rec, at)
		if err == nil || errors.Is(err, identity.ErrFork) {
			return o, err
		}
		faults = append(faults, err)
	}
	return nil, errors.Join(faults...)
}

// places lists where devices of a contact were last known to be.
func (c *Chat) places(rec *contactRec) (out []peer.AddrInfo, err error) {
	err = c.view(func(w *work) error {
		for _, id := range rec.Devices {
			d, err := w.device(id)
			if err != nil {
				return err
			}
			if ai, err := addrInfo(d.Peer, d.Addrs); err == nil {
				out = append(out, ai)
			}
		}
		return nil
	})
	for i, p := range rec.Intro {
		var addrs [][]byte
		if i == 0 {
			addrs = rec.Addrs
		}
		if ai, err := addrInfo(p, addrs); err == nil {
			out = append(out, ai)
		}
	}
	return out, err
}

// askAt asks one place, and when the addresses are of no use looks the peer up
// once.
func (c *Chat) askAt(ctx context.Context, id identity.AccountID, rec *contactRec, at peer.AddrInfo) (*offer, error) {
	r, err := c.fetch(ctx, at, id, rec)
	var refused *mesh.RefusedError
	if err != nil && !errors.As(err, &refused) && c.dir != nil {
		if found, lookup := c.dir.FindPeer(ctx, at.ID); lookup == nil {
			at = found
			r, err = c.fetch(ctx, at, id, rec)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.judgeResponse(rec, r, at)
}

func (c *Chat) fetch(ctx context.Context, at peer.AddrInfo, id identity.AccountID, rec *contactRec) (mesh.PrekeyResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.FetchTimeout)
	defer cancel()
	req := mesh.PrekeyRequest{Account: id, OneTime: true}
	switch {
	case len(rec.Token) > 0:
		req.Token = rec.Token
	case rec.Locator != [32]byte{}:
		req.Locator = rec.Locator[:]
	default:
		return mesh.PrekeyResponse{}, ErrOffline
	}
	return c.mesh.FetchPrekeys(ctx, at, req)
}

// judgeResponse verifies what a device said of itself: the chain against the
// pin, the bundle against one of the certificates, the one-time key against
// the bundle.
func (c *Chat) judgeResponse(rec *contactRec, r mesh.PrekeyResponse, at peer.AddrInfo) (*offer, error) {
	proof := identityProof{Genesis: rec.Genesis, Manifests: r.Manifests, Certs: r.Certs}
	m, err := verifyIdentity(rec.Pin.pin(), &proof, c.cfg.Now())
	if err != nil {
		return nil, err
	}
	o := &offer{membership: m, manifests: r.Manifests, certs: r.Certs, bundles: map[identity.DeviceID]bundleOffer{}}
	for _, cert := range m.members {
		b, err := identity.ParseBundle(r.Bundle, cert.Public.DSK)
		if err != nil {
			continue
		}
		if err := b.Valid(c.cfg.Now()); err != nil {
			return nil, err
		}
		one := r.OneTime
		if one != nil && b.VerifyOneTime(*one) != nil {
			one = nil
		}
		o.bundles[cert.Device] = bundleOffer{bundle: b, oneTime: one, at: at}
		return o, nil
	}
	return nil, malformed("bundle of none of the devices")
}

// Locate looks up where a device is now. It is part of mesh.Locator.
func (c *Chat) Locate(ctx context.Context, device identity.DeviceID) (mesh.Dest, error) {
	d, rec, err := c.readDevice(device)
	if err != nil {
		return mesh.Dest{}, err
	}
	if c.dir == nil {
		return mesh.Dest{}, mesh.ErrNoAddress
	}
	if rec.Presence != [32]byte{} {
		if dest, ok := c.fromRoute(ctx, device, d, rec); ok {
			return dest, nil
		}
	}
	p, err := peer.IDFromBytes(d.Peer)
	if err != nil {
		return mesh.Dest{}, mesh.ErrNoAddress
	}
	ai, err := c.dir.FindPeer(ctx, p)
	if err != nil {
		return mesh.Dest{}, err
	}
	return mesh.Dest{Device: device, Peer: ai.ID, Addrs: ai.Addrs}, nil
}

func (c *Chat) fromRoute(ctx context.Context, device identity.DeviceID, d *deviceRec, rec *contactRec) (mesh.Dest, bool) {
	route, err := c.dir.Route(ctx, d.Account, identity.Genesis(rec.Genesis), rec.Presence)
	if err != nil {
		return mesh.Dest{}, false
	}
	for _, r := range route.Devices {
		if r.Device == device {
			return mesh.Dest{Device: device, Peer: r.Peer, Addrs: r.Addrs}, true
		}
	}
	return mesh.Dest{}, false
}

func (c *Chat) readDevice(device identity.DeviceID) (d *deviceRec, rec *contactRec, err error) {
	err = c.view(func(w *work) error {
		if d, err = w.device(device); err != nil {
			return err
		}
		if rec, err = w.contact(d.Account); err == nil && rec == nil {
			err = fmt.Errorf("%w: device of no contact", ErrNotFound)
		}
		return err
	})
	return d, rec, err
}

// reconnect hands every known device to mesh, at start.
func (c *Chat) reconnect() error {
	return c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableDevice.Key()}, func(tail []byte, d *deviceRec) error {
			rec, err := w.contact(d.Account)
			if err != nil {
				return err
			}
			if rec != nil && rec.known() {
				c.setDest(identity.DeviceID(tail), d.Peer, d.Addrs)
			}
			return nil
		})
	})
}
