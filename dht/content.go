package dht

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// claimContent is inside claims of both kinds, spec/directory.md#claim
type claimContent struct {
	Genesis [65]byte `cbor:"1,keyasint"`
	Name    string   `cbor:"2,keyasint"`
	PinSeq  uint64   `cbor:"3,keyasint"`
	PinHash [32]byte `cbor:"4,keyasint"`
	Locator [32]byte `cbor:"5,keyasint"`
	Intro   [][]byte `cbor:"6,keyasint"`
}

// accountContent is spec/directory.md#account-record
type accountContent struct {
	Manifests [][]byte `cbor:"1,keyasint"`
	Certs     [][]byte `cbor:"2,keyasint"`
}

// bundleContent is spec/directory.md#bundle-record
type bundleContent struct {
	Device [16]byte `cbor:"1,keyasint"`
	Bundle []byte   `cbor:"2,keyasint"`
}

// routeContent is spec/directory.md#route-record
type routeContent struct {
	Devices []routeDevice `cbor:"1,keyasint"`
}

type routeDevice struct {
	Device [16]byte `cbor:"1,keyasint"`
	Peer   []byte   `cbor:"2,keyasint"`
	Addrs  [][]byte `cbor:"3,keyasint"`
}

func decodeContent[T any](b []byte) (T, error) {
	var c T
	if err := identity.Decode(b, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c, nil
}

func parseClaim(b []byte) (claimContent, error) {
	c, err := decodeContent[claimContent](b)
	if err == nil {
		err = c.check()
	}
	return c, err
}

func (c *claimContent) check() error {
	if _, err := identity.ParseGenesis(c.Genesis[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := identity.ParseName(c.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(c.Intro) > maxIntro {
		return fmt.Errorf("%w: %d introducers", ErrMalformed, len(c.Intro))
	}
	_, err := peerIDs(c.Intro)
	return err
}

func peerIDs(raw [][]byte) ([]peer.ID, error) {
	ids := make([]peer.ID, 0, len(raw))
	for _, b := range raw {
		id, err := parsePeer(b)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parsePeer takes only what fits a claim: an Ed25519 key has 38 bytes.
func parsePeer(b []byte) (peer.ID, error) {
	id, err := peer.IDFromBytes(b)
	if err != nil || len(b) > 42 {
		return "", fmt.Errorf("%w: peer id", ErrMalformed)
	}
	return id, nil
}

func parseAccount(b []byte) (accountContent, error) {
	c, err := decodeContent[accountContent](b)
	if err == nil && (len(c.Manifests) == 0 || len(c.Manifests) > maxManifests ||
		len(c.Certs) == 0 || len(c.Certs) > identity.MaxDevices) {
		err = fmt.Errorf("%w: %d manifests, %d certificates", ErrMalformed, len(c.Manifests), len(c.Certs))
	}
	return c, err
}

func parseBundle(b []byte) (bundleContent, error) {
	c, err := decodeContent[bundleContent](b)
	if err == nil && len(c.Bundle) > identity.MaxBundleSize {
		err = fmt.Errorf("%w: bundle of %d bytes", ErrMalformed, len(c.Bundle))
	}
	return c, err
}

func parseRoute(b []byte) (*Route, error) {
	c, err := decodeContent[routeContent](b)
	if err != nil {
		return nil, err
	}
	if len(c.Devices) > maxDevices {
		return nil, fmt.Errorf("%w: %d devices", ErrMalformed, len(c.Devices))
	}
	r := &Route{}
	for _, d := range c.Devices {
		rd, err := d.parse()
		if err != nil {
			return nil, err
		}
		r.Devices = append(r.Devices, rd)
	}
	return r, nil
}

func (d *routeDevice) parse() (RouteDevice, error) {
	out := RouteDevice{Device: d.Device}
	var err error
	if out.Peer, err = parsePeer(d.Peer); err != nil {
		return out, err
	}
	if len(d.Addrs) > maxAddrs {
		return out, fmt.Errorf("%w: %d addresses", ErrMalformed, len(d.Addrs))
	}
	for _, b := range d.Addrs {
		a, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil || len(b) > maxAddrSize {
			return out, fmt.Errorf("%w: address", ErrMalformed)
		}
		out.Addrs = append(out.Addrs, a)
	}
	return out, nil
}

// content is the inverse of parseRoute; what exceeds the bounds is left out.
func (r *Route) content() routeContent {
	c := routeContent{}
	for _, d := range r.Devices[:min(len(r.Devices), maxDevices)] {
		rd := routeDevice{Device: d.Device, Peer: []byte(d.Peer)}
		for _, a := range d.Addrs {
			if b := a.Bytes(); len(b) <= maxAddrSize && len(rd.Addrs) < maxAddrs {
				rd.Addrs = append(rd.Addrs, b)
			}
		}
		c.Devices = append(c.Devices, rd)
	}
	return c
}
