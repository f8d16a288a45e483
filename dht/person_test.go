package dht

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// person is an account with one device and everything it publishes.
type person struct {
	name                      string
	account                   *identity.AccountKey
	device                    *identity.DeviceKey
	cert                      *identity.DeviceCert
	manifest                  *identity.Manifest
	bundle                    *identity.Bundle
	secret, locator, presence [32]byte
}

func newPerson(t testing.TB, name string) *person {
	t.Helper()
	return newPersonAt(t, name, time.Now())
}

func newPersonAt(t testing.TB, name string, now time.Time) *person {
	t.Helper()
	phrase, err := identity.NewPhrase(rand.Reader)
	must(t, err)
	dev, err := identity.NewDeviceKey(rand.Reader)
	must(t, err)
	p := &person{name: name, account: phrase.Account(), device: dev}
	p.cert, err = identity.IssueDeviceCert(p.account, p.account.ID(), dev, identity.Admin, now)
	must(t, err)
	p.manifest, err = identity.NewManifest(p.account, now, p.cert)
	must(t, err)
	p.bundle = p.newBundle(t, 1, now)
	for _, s := range []*[32]byte{&p.secret, &p.locator, &p.presence} {
		rand.Read(s[:])
	}
	return p
}

func (p *person) newBundle(t testing.TB, seq uint64, now time.Time) *identity.Bundle {
	t.Helper()
	b, err := identity.NewBundle(p.device, identity.Bundle{
		Seq: seq, Issued: now, Expires: now.Add(identity.BundleLifetime), SPKID: 1,
		SPK: sha256.Sum256([]byte("spk")), PQSPK: make([]byte, identity.KEM1024KeySize),
	})
	must(t, err)
	return b
}

func (p *person) profile(at peer.ID) Profile {
	return Profile{
		Genesis: p.account.Genesis(), Names: []string{p.name}, Sign: p.account.Sign,
		Secret: p.secret, Locator: p.locator, Presence: p.presence,
		Manifests: [][]byte{p.manifest.Bytes()}, Certs: [][]byte{p.cert.Bytes()},
		Bundles: map[identity.DeviceID][]byte{p.device.ID(): p.bundle.Bytes()},
		Intro:   []peer.ID{at}, Pin: p.manifest.Pin(),
		Route: &Route{Devices: []RouteDevice{{Device: p.device.ID(), Peer: at}}},
	}
}
