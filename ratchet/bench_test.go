package ratchet_test

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// floor does the same primitive operations as the protocol, without it.
type floor struct {
	k, p  *ecdh.PrivateKey
	bytes [2048]byte
}

func newFloor() *floor {
	f := &floor{}
	f.k, _ = ecdh.X25519().GenerateKey(rand.Reader)
	f.p, _ = ecdh.X25519().GenerateKey(rand.Reader)
	return f
}

// message is one sealing and opening: per side four HMACs, one derivation and
// two AEADs over header and body; one nonce.
func (f *floor) message() {
	rand.Read(f.bytes[:24])
	for range 2 {
		for range 2 {
			m := hmac.New(sha256.New, f.bytes[:32])
			for i := range 2 {
				m.Reset()
				m.Write(f.bytes[i : i+1])
				m.Sum(f.bytes[64:64])
			}
		}
		hkdf.Key(sha256.New, f.bytes[:32], f.bytes[:32], string(f.bytes[:50]), 48)
	}
	h, _ := chacha20poly1305.NewX(f.bytes[:32])
	hc := h.Seal(nil, f.bytes[:24], f.bytes[:464], f.bytes[:48])
	h.Open(f.bytes[1024:1024], f.bytes[:24], hc, f.bytes[:48])
	b, _ := chacha20poly1305.NewX(f.bytes[:32])
	bc := b.Seal(nil, f.bytes[:24], f.bytes[:503], f.bytes[:576])
	b.Open(f.bytes[1024:1024], f.bytes[:24], bc, f.bytes[:576])
}

// turn is a turn of the ratchet: one key, two agreements, two derivations.
func (f *floor) turn() {
	k, _ := ecdh.X25519().GenerateKey(rand.Reader)
	k.ECDH(f.p.PublicKey())
	f.k.ECDH(f.p.PublicKey())
	for range 2 {
		hkdf.Key(sha256.New, f.bytes[:32], f.bytes[:32], string(f.bytes[:51]), 128)
	}
}

// handshake is what both sides of a handshake do, with the first message and
// its turn on both sides.
func (f *floor) handshake() {
	for range 3 { // EK, and the long-term keys of both sides
		ecdh.X25519().GenerateKey(rand.Reader)
	}
	for range 4 {
		f.k.ECDH(f.p.PublicKey())
		f.k.ECDH(f.p.PublicKey())
	}
	for range 2 { // the responder's agreement keys beside the prekey
		ecdh.X25519().GenerateKey(rand.Reader)
	}
	dk4, _ := mlkem.GenerateKey1024()
	ek4, _ := mlkem.NewEncapsulationKey1024(dk4.EncapsulationKey().Bytes())
	_, ct4 := ek4.Encapsulate()
	dk4.Decapsulate(ct4)
	dk7, _ := mlkem.GenerateKey768()
	ek7, _ := mlkem.NewEncapsulationKey768(dk7.EncapsulationKey().Bytes())
	_, ct7 := ek7.Encapsulate()
	dk7.Decapsulate(ct7)
	f.turn()
	f.message()
}

// besideFloor runs the operation and the floor in turns, so that both see the
// same machine, and reports the ratio.
func besideFloor(b *testing.B, op, floor func()) {
	var ours, bare time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		op()
		mid := time.Now()
		floor()
		ours, bare = ours+mid.Sub(start), bare+time.Since(mid)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ours-ns/op")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "floor-ns/op")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

// pass sends one message.
func pass(b *testing.B, from, to *ratchet.Session, content []byte) {
	next, sealed, err := from.Seal(rand.Reader, content)
	must(b, err)
	*from = next
	got, _, err := to.Open(sealed.Envelope)
	must(b, err)
	*to = got
}

// settle lets both sides answer once.
func settle(b *testing.B, alice, bob *ratchet.Session, content []byte) {
	for range 2 {
		pass(b, bob, alice, content)
		pass(b, alice, bob, content)
	}
}

func BenchmarkPairOneWay(b *testing.B) {
	alice, bob := pair(b)
	content := make([]byte, 256)
	settle(b, &alice, &bob, content)
	f := newFloor()
	besideFloor(b, func() { pass(b, &alice, &bob, content) }, f.message)
}

func BenchmarkPairPingPong(b *testing.B) {
	alice, bob := pair(b)
	content := make([]byte, 256)
	settle(b, &alice, &bob, content)
	f := newFloor()
	from, to := &bob, &alice
	besideFloor(b, func() {
		pass(b, from, to, content)
		from, to = to, from
	}, func() { f.turn(); f.message() })
	b.ReportMetric(float64(b.N)/float64(alice.LaneEpoch()+1), "messages/epoch")
}

func BenchmarkHandshake(b *testing.B) {
	a, p := newDevice(), newDevice()
	from, to := a.initiator(), p.target(true)
	self, pre, peer := p.responder(), p.prekeys(true), a.asPeer()
	f := newFloor()
	besideFloor(b, func() {
		s, err := ratchet.Initiate(rand.Reader, from, to, ratchet.Options{})
		must(b, err)
		_, sealed, err := s.Seal(rand.Reader, []byte("hello"))
		must(b, err)
		pending, err := ratchet.Respond(self, pre, sealed.Envelope)
		must(b, err)
		_, _, err = pending.Accept(peer, p.manifest, nil)
		must(b, err)
	}, f.handshake)
}

func BenchmarkState(b *testing.B) {
	alice, bob := pair(b)
	settle(b, &alice, &bob, make([]byte, 256))
	raw, err := alice.Encode()
	must(b, err)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			alice.Encode()
		}
		b.ReportMetric(float64(len(raw)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ratchet.DecodeSession(raw)
		}
	})
}

// BenchmarkManySkipped opens messages while a thousand keys are kept: a step
// must not copy them all.
func BenchmarkManySkipped(b *testing.B) {
	alice, bob := established(b)
	lose(b, &alice, ratchet.MaxSkip)
	content := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		pass(b, &alice, &bob, content)
	}
}

// BenchmarkWork searches 16 bits of hashcash; each further bit doubles it.
func BenchmarkWork(b *testing.B) {
	a, p := newDevice(), newDevice()
	from, to := a.initiator(), p.target(false)
	for b.Loop() {
		_, err := ratchet.Initiate(rand.Reader, from, to, ratchet.Options{Work: 16})
		must(b, err)
	}
}
