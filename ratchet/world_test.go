package ratchet_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// device is a device with all its keys, as the floors above keep them.
type device struct {
	account  [32]byte
	id       [16]byte
	dik      [32]byte
	dkem     [64]byte
	cert     [32]byte
	manifest [32]byte
	bundle   [32]byte
	spk, opk [32]byte
	pqspk    [64]byte
	pqopk    [64]byte
}

func fill[T ~[]byte](b T) {
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
}

func newDevice() *device {
	d := &device{}
	for _, b := range [][]byte{d.account[:], d.id[:], d.dik[:], d.dkem[:], d.spk[:], d.opk[:], d.pqspk[:], d.pqopk[:], d.manifest[:], d.bundle[:]} {
		fill(b)
	}
	d.cert = sha256.Sum256(d.id[:])
	return d
}

func public(secret [32]byte) [32]byte {
	k, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		panic(err)
	}
	return [32]byte(k.PublicKey().Bytes())
}

func public768(seed [64]byte) []byte {
	k, err := mlkem.NewDecapsulationKey768(seed[:])
	if err != nil {
		panic(err)
	}
	return k.EncapsulationKey().Bytes()
}

func public1024(seed [64]byte) []byte {
	k, err := mlkem.NewDecapsulationKey1024(seed[:])
	if err != nil {
		panic(err)
	}
	return k.EncapsulationKey().Bytes()
}

func (d *device) initiator() ratchet.Initiator {
	return ratchet.Initiator{Account: d.account, Device: d.id, DIK: d.dik, DKEMSeed: d.dkem,
		CertHash: d.cert, ManifestHash: d.manifest, Identity: bytes.Repeat(d.id[:], 140)}
}

func (d *device) target(withOPK bool) ratchet.Target {
	t := ratchet.Target{Account: d.account, Device: d.id, DIK: public(d.dik), DKEM: public768(d.dkem), SPKID: 7,
		SPK: public(d.spk), PQSPK: public1024(d.pqspk), BundleHash: d.bundle, CertHash: d.cert, ManifestHash: d.manifest}
	if withOPK {
		t.OPK = &ratchet.OneTime{ID: 3, X: public(d.opk), KEM: public1024(d.pqopk)}
	}
	return t
}

func (d *device) responder() ratchet.Responder {
	return ratchet.Responder{Account: d.account, Device: d.id, DIK: d.dik, DKEMSeed: d.dkem, CertHash: d.cert}
}

func (d *device) prekeys(withOPK bool) ratchet.Prekeys {
	p := ratchet.Prekeys{SPK: d.spk, PQSPKSeed: d.pqspk, BundleHash: d.bundle}
	if withOPK {
		p.OPK = &ratchet.OneTimeSecret{X: d.opk, KEMSeed: d.pqopk}
	}
	return p
}

func (d *device) asPeer() ratchet.Peer {
	return ratchet.Peer{Account: d.account, Device: d.id, DIK: public(d.dik), DKEM: public768(d.dkem),
		CertHash: d.cert, ManifestHash: d.manifest}
}

// answer does what a responder does with an init envelope.
func (d *device) answer(env []byte, from *device, psk *[32]byte) (ratchet.Session, ratchet.Opened, error) {
	prefix, err := ratchet.ParsePrefix(env)
	if err != nil {
		return ratchet.Session{}, ratchet.Opened{}, err
	}
	p, err := ratchet.Respond(d.responder(), d.prekeys(prefix.HasOPK), env)
	if err != nil {
		return ratchet.Session{}, ratchet.Opened{}, err
	}
	return p.Accept(from.asPeer(), d.manifest, psk)
}

// tester is what the helpers need of a test, a benchmark or a rapid check.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// must fails the test on an error.
func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seal and open replace the state they are given.
func seal(t tester, s *ratchet.Session, content string) ratchet.Sealed {
	t.Helper()
	next, sealed, err := s.Seal(rand.Reader, []byte(content))
	must(t, err)
	*s = next
	return sealed
}

func open(t tester, s *ratchet.Session, sealed ratchet.Sealed, want string) {
	t.Helper()
	next, opened, err := s.Open(sealed.Envelope)
	must(t, err)
	if string(opened.Content) != want {
		t.Fatalf("opened %q, want %q", opened.Content, want)
	}
	if opened.Receipt != sealed.Receipt {
		t.Fatal("the receipts differ")
	}
	*s = next
}

// pair makes two devices with a session whose first message was opened.
func pair(t tester) (alice, bob ratchet.Session) {
	t.Helper()
	a, b := newDevice(), newDevice()
	alice, err := ratchet.Initiate(rand.Reader, a.initiator(), b.target(true), ratchet.Options{})
	must(t, err)
	first := seal(t, &alice, "hello")
	bob, opened, err := b.answer(first.Envelope, a, nil)
	must(t, err)
	if string(opened.Content) != "hello" || opened.Receipt != first.Receipt {
		t.Fatal("the first message did not come through")
	}
	return alice, bob
}
