package identity_test

import (
	"crypto/mlkem"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// start is when the stories begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// seeded gives the same stream of bytes for the same name, on every run.
func seeded(name string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(name))) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// person is somebody with an account.
type person struct {
	phrase identity.Phrase
	key    *identity.AccountKey
	chain  []*identity.Manifest
	certs  []*identity.DeviceCert
}

func newPerson(name string) *person {
	p := &person{phrase: must(identity.NewPhrase(seeded(name)))}
	p.key = p.phrase.Account()
	return p
}

func newDevice(name string) *identity.DeviceKey {
	return must(identity.NewDeviceKey(seeded("device " + name)))
}

// admit issues a certificate and keeps it.
func (p *person) admit(by identity.Signer, dev *identity.DeviceKey, role identity.Role, at time.Time) *identity.DeviceCert {
	c := must(identity.IssueDeviceCert(by, p.key.ID(), dev, role, at))
	p.certs = append(p.certs, c)
	return c
}

// begin makes the first manifest; say makes the next one.
func (p *person) begin(at time.Time, certs ...*identity.DeviceCert) {
	p.chain = []*identity.Manifest{must(identity.NewManifest(p.key, at, certs...))}
}

func (p *person) say(by identity.Signer, at time.Time, c identity.Change) *identity.Manifest {
	m := must(p.head().Next(by, at, c))
	p.chain = append(p.chain, m)
	return m
}

func (p *person) head() *identity.Manifest { return p.chain[len(p.chain)-1] }

// seen is what a contact who knows the account makes of its whole chain.
func (p *person) seen(pin identity.Pin, now time.Time) (identity.Pin, error) {
	return pin.Advance(p.key.Genesis(), p.chain, p.certs, now)
}

// household is alice with a laptop (admin) and a phone (member).
func household() (alice *person, laptop, phone *identity.DeviceKey) {
	alice, laptop, phone = newPerson("alice"), newDevice("laptop"), newDevice("phone")
	alice.begin(start,
		alice.admit(alice.key, laptop, identity.Admin, start),
		alice.admit(alice.key, phone, identity.Member, start))
	return alice, laptop, phone
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func kem1024(name string) []byte {
	seed := make([]byte, 64)
	must(io.ReadFull(seeded(name), seed))
	return must(mlkem.NewDecapsulationKey1024(seed)).EncapsulationKey().Bytes()
}

// bundleOf makes a bundle with n one-time keys.
func bundleOf(dev *identity.DeviceKey, n int) (*identity.Bundle, []identity.OneTimeKey) {
	keys := make([]identity.OneTimeKey, n)
	for i := range keys {
		name := string(rune('a' + i))
		keys[i] = identity.OneTimeKey{ID: uint32(100 + i), X: newDevice("opk " + name).Public().DIK, KEM: kem1024("opk " + name)}
	}
	root, proofs := identity.OneTimeTree(keys)
	for i := range proofs {
		keys[i].Proof = proofs[i]
	}
	return must(identity.NewBundle(dev, identity.Bundle{
		Seq: 7, Issued: start, SPKID: 3, SPK: newDevice("spk").Public().DIK, PQSPK: kem1024("pqspk"),
		OPKRoot: root, OPKCount: uint32(n),
	})), keys
}
