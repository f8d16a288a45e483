package dht

import (
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Profile is what an account publishes about itself. Byte slices are the
// signed bytes of package identity.
type Profile struct {
	Genesis   identity.Genesis
	Names     []string                              // each is claimed bare and as a full handle
	Sign      func(label string, msg []byte) []byte // by the account key, as AccountKey.Sign
	Secret    [32]byte                              // directory secret, shared by the account's own devices
	Locator   [32]byte                              // where account record and bundles are; told in claims
	Manifests [][]byte                              // tail of the chain, oldest first; none: no account record
	Certs     [][]byte                              // certificates of the newest manifest
	Bundles   map[identity.DeviceID][]byte          // prekey bundles by device
	Intro     []peer.ID                             // peers that take introductions, at most 3
	Presence  [32]byte                              // presence secret, told to contacts
	Route     *Route                                // nil: no route record
	Pin       identity.Pin                          // head of Manifests
}

// Progress tells how far publishing has come, a line per record.
type Progress struct{ Records []RecordProgress }

// RecordProgress is the state of one record of one epoch.
type RecordProgress struct {
	Kind    Kind
	Name    string // of a claim
	Epoch   uint32
	Acks    int  // other servers that hold it
	Local   bool // it is on this node's own shelf
	Alone   bool // the last time there was nobody to hold it
	Bits    int  // work of each nonce
	Expires time.Time
}

// itemID names one record that is kept published. What it was derived from is
// part of it: another secret makes another record.
type itemID struct {
	kind   Kind
	name   string
	device identity.DeviceID
	epoch  uint32
	basis  [32]byte
}

// wanted lists what a profile publishes at a time, most urgent first, with the
// content of each.
func (p *Profile) wanted(now time.Time, self *RouteDevice) ([]itemID, map[itemID][]byte, error) {
	w := wants{profile: p, now: now, content: map[itemID][]byte{}}
	for _, kind := range []Kind{KindName, KindFull, KindAccount, KindBundle, KindRoute} {
		if err := w.add(kind, self); err != nil {
			return nil, nil, err
		}
	}
	return w.ids, w.content, nil
}

type wants struct {
	profile *Profile
	now     time.Time
	ids     []itemID
	content map[itemID][]byte
}

func (w *wants) add(kind Kind, self *RouteDevice) error {
	p := w.profile
	switch kind {
	case KindName, KindFull:
		for _, name := range p.Names {
			if err := w.put(itemID{kind: kind, name: name}, p.claim(name)); err != nil {
				return err
			}
		}
	case KindAccount:
		if len(p.Manifests) > 0 {
			return w.put(itemID{kind: kind}, p.papers())
		}
	case KindBundle:
		for dev, b := range p.Bundles {
			if err := w.put(itemID{kind: kind, device: dev}, bundleContent{dev, b}); err != nil {
				return err
			}
		}
	case KindRoute:
		if p.Route != nil {
			return w.put(itemID{kind: kind}, p.Route.with(self).content())
		}
	}
	return nil
}

func (w *wants) put(id itemID, content any) error {
	b, err := identity.Encode(content)
	if err != nil {
		return fmt.Errorf("dht: %v record: %w", id.kind, err)
	}
	id.basis = w.profile.basis(id.kind)
	for _, id.epoch = range id.kind.epochsToPublish(w.now) {
		w.ids = append(w.ids, id)
		w.content[id] = b
	}
	return nil
}

// basis is a digest of the secrets that place and key of a record come from.
func (p *Profile) basis(k Kind) [32]byte {
	place := [32]byte{}
	switch k {
	case KindAccount, KindBundle:
		place = p.Locator
	case KindRoute:
		place = p.Presence
	}
	return hashRecord(append(append(p.Genesis[:], p.Secret[:]...), place[:]...))
}

func (p *Profile) claim(name string) claimContent {
	c := claimContent{
		Genesis: p.Genesis, Name: name, Locator: p.Locator,
		PinSeq: p.Pin.Seq, PinHash: p.Pin.Hash, Intro: [][]byte{},
	}
	for _, id := range p.Intro {
		if id.Validate() == nil && len(c.Intro) < maxIntro {
			c.Intro = append(c.Intro, []byte(id))
		}
	}
	return c
}

// papers keeps the end of a chain that is too long.
func (p *Profile) papers() accountContent {
	tail := p.Manifests[max(len(p.Manifests)-maxManifests, 0):]
	return accountContent{Manifests: tail, Certs: p.Certs}
}

// with is the route with the host's own addresses in it.
func (r *Route) with(self *RouteDevice) *Route {
	out := &Route{}
	for _, d := range r.Devices {
		if d.Peer == self.Peer {
			d.Addrs = self.Addrs
		}
		out.Devices = append(out.Devices, d)
	}
	return out
}
