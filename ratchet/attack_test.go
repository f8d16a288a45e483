package ratchet_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// lowOrder are the X25519 public keys of small order, in all the encodings
// that the function reduces to them; each with and without the unused top bit.
func lowOrder(t tester) (points [][32]byte) {
	t.Helper()
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(s)
		must(t, err)
		p := [32]byte(b)
		points = append(points, p)
		p[31] |= 0x80
		points = append(points, p)
	}
	return points
}

func TestLowOrderEverywhere(t *testing.T) {
	a, b := newDevice(), newDevice()
	_, sealed := initiate(t, a, b, true, ratchet.Options{})
	alice, bob := pair(t)
	open(t, &alice, seal(t, &bob, "x"), "x")
	seal(t, &alice, "turns the ratchet")
	for _, p := range lowOrder(t) {
		if k, err := ecdh.X25519().NewPublicKey(p[:]); err == nil {
			own, _ := ecdh.X25519().GenerateKey(rand.Reader)
			if _, err := own.ECDH(k); err == nil {
				t.Fatalf("%x is not of low order", p)
			}
		}
		for slot := range 3 {
			to := b.target(true)
			*[]*[32]byte{&to.DIK, &to.SPK, &to.OPK.X}[slot] = p
			if s, err := ratchet.Initiate(rand.Reader, a.initiator(), to, ratchet.Options{}); err == nil {
				t.Fatalf("started to %x: %x", p, s.ID())
			}
		}
		env := bytes.Clone(sealed.Envelope)
		copy(env[ratchet.OffsetEK:], p[:])
		if _, err := ratchet.Respond(b.responder(), b.prekeys(true), env); err != ratchet.ErrHandshake {
			t.Fatalf("responded to %x: %v", p, err)
		}
		pending, err := ratchet.Respond(b.responder(), b.prekeys(true), sealed.Envelope)
		must(t, err)
		peer := a.asPeer()
		peer.DIK = p
		if _, _, err := pending.Accept(peer, b.manifest, nil); err != ratchet.ErrHandshake {
			t.Fatalf("accepted %x: %v", p, err)
		}
		_, bad, err := turned(t, alice).WithRatchetKey(p).Seal(rand.Reader, []byte("x"))
		must(t, err)
		wantUnchanged(t, bob, bad.Envelope, ratchet.ErrCorrupt)
	}
}

// turned returns the session after it sealed once, so that its chain is live.
func turned(t tester, s ratchet.Session) ratchet.Session {
	seal(t, &s, "")
	return s
}

// One byte of anything that both sides must agree on is changed, on one side:
// no session comes of it, and all these failures are one and the same.
func TestMutateTranscript(t *testing.T) {
	a, b := newDevice(), newDevice()
	psk := [32]byte{9}
	for _, withOPK := range []bool{true, false} {
		_, sealed := initiate(t, a, b, withOPK, ratchet.Options{PSK: &psk, Token: []byte("token")})
		try := func(name string, self ratchet.Responder, pk ratchet.Prekeys, env []byte, peer ratchet.Peer, manifest [32]byte, psk *[32]byte) {
			t.Helper()
			p, err := ratchet.Respond(self, pk, env)
			if err == nil {
				_, _, err = p.Accept(peer, manifest, psk)
			}
			if (name == "nothing") != (err == nil) || err != nil && err != ratchet.ErrHandshake {
				t.Errorf("%s changed: %v", name, err)
			}
		}
		mutate := func(name string, change func(*ratchet.Responder, *ratchet.Prekeys, *ratchet.Peer, *[32]byte, *[32]byte)) {
			self, pk, peer, manifest, secret := b.responder(), b.prekeys(withOPK), a.asPeer(), b.manifest, psk
			change(&self, &pk, &peer, &manifest, &secret)
			try(name, self, pk, sealed.Envelope, peer, manifest, &secret)
		}
		type (
			S = ratchet.Responder
			P = ratchet.Prekeys
			Q = ratchet.Peer
			K = [32]byte
		)
		mutate("nothing", func(*S, *P, *Q, *K, *K) {})
		mutate("own account", func(s *S, _ *P, _ *Q, _ *K, _ *K) { s.Account[0] ^= 1 })
		mutate("own device", func(s *S, _ *P, _ *Q, _ *K, _ *K) { s.Device[0] ^= 1 })
		mutate("own agreement key", func(s *S, _ *P, _ *Q, _ *K, _ *K) { s.DIK[1] ^= 1 })
		mutate("own KEM key", func(s *S, _ *P, _ *Q, _ *K, _ *K) { s.DKEMSeed[0] ^= 1 })
		mutate("own certificate", func(s *S, _ *P, _ *Q, _ *K, _ *K) { s.CertHash[0] ^= 1 })
		mutate("bundle", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.BundleHash[0] ^= 1 })
		mutate("prekey", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.SPK[1] ^= 1 })
		if withOPK {
			mutate("one-time key", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.OPK.X[1] ^= 1 })
			mutate("one-time KEM key", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.OPK.KEMSeed[1] ^= 1 })
			mutate("one-time key taken away", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.OPK = nil })
		} else {
			mutate("KEM prekey", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.PQSPKSeed[0] ^= 1 })
			mutate("one-time key added", func(_ *S, p *P, _ *Q, _ *K, _ *K) { p.OPK = &ratchet.OneTimeSecret{} })
		}
		mutate("account", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.Account[0] ^= 1 })
		mutate("device", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.Device[0] ^= 1 })
		mutate("agreement key", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.DIK[0] ^= 1 })
		mutate("certificate", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.CertHash[0] ^= 1 })
		mutate("manifest", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.ManifestHash[0] ^= 1 })
		mutate("no KEM key", func(_ *S, _ *P, q *Q, _ *K, _ *K) { q.DKEM = nil })
		mutate("own manifest", func(_ *S, _ *P, _ *Q, m *K, _ *K) { m[0] ^= 1 })
		mutate("pre-shared key", func(_ *S, _ *P, _ *Q, _ *K, k *K) { k[0] ^= 1 })

		sealedEnd := ratchet.OffsetSealed + int(sealed.Envelope[ratchet.OffsetLength])<<8 + int(sealed.Envelope[ratchet.OffsetLength+1])
		for name, at := range map[string]int{
			"suite": ratchet.OffsetSuite + 1, "flags": ratchet.OffsetFlags, "high flag": ratchet.OffsetFlags,
			"prekey id": ratchet.OffsetSPK, "one-time id": ratchet.OffsetOPK, "EK": ratchet.OffsetEK,
			"ct_s": ratchet.OffsetCTS, "end of ct_s": ratchet.OffsetCTI - 1, "ct_i": ratchet.OffsetCTI,
			"end of ct_i": ratchet.OffsetLength - 1, "length": ratchet.OffsetLength, "sealed nonce": ratchet.OffsetSealed,
			"sealed": ratchet.OffsetSealed + 30, "seal": sealedEnd - 1, "nonce": sealedEnd, "header": sealedEnd + 24,
			"body": sealedEnd + 24 + 480, "end": len(sealed.Envelope) - 1,
		} {
			env := bytes.Clone(sealed.Envelope)
			env[at] ^= 1
			if name == "high flag" {
				env[at] ^= 0x81
			}
			try(name, b.responder(), b.prekeys(withOPK), env, a.asPeer(), b.manifest, &psk)
		}
	}
}

// Bytes all over the envelope count, but those of the hashcash.
func TestBytesCountEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	a, b := newDevice(), newDevice()
	_, sealed := initiate(t, a, b, true, ratchet.Options{})
	env := bytes.Clone(sealed.Envelope)
	for at := range env {
		if at >= ratchet.OffsetNonce && at < ratchet.OffsetEK || at%61 != 0 {
			continue // the hashcash proves work, nothing else
		}
		env[at] ^= 0x10
		if _, _, err := b.answer(env, a, nil); err == nil {
			t.Fatalf("byte %d does not count", at)
		}
		env[at] ^= 0x10
	}
}

// Mallory hands Alice's handshake on as her own, or to somebody else.
func TestUnknownKeyShare(t *testing.T) {
	a, b, m := newDevice(), newDevice(), newDevice()
	_, sealed := initiate(t, a, b, true, ratchet.Options{})
	if _, _, err := b.answer(sealed.Envelope, m, nil); err != ratchet.ErrHandshake {
		t.Fatalf("taken for Mallory's: %v", err)
	}
	stolen := *m
	stolen.dik, stolen.dkem = a.dik, a.dkem // Alice's keys in Mallory's certificate
	if _, _, err := b.answer(sealed.Envelope, &stolen, nil); err != ratchet.ErrHandshake {
		t.Fatalf("taken for Mallory's with Alice's keys: %v", err)
	}
	same := *m // Bob's prekeys published under Mallory's name
	same.spk, same.opk, same.pqspk, same.pqopk, same.dik, same.dkem = b.spk, b.opk, b.pqspk, b.pqopk, b.dik, b.dkem
	if _, _, err := same.answer(sealed.Envelope, a, nil); err != ratchet.ErrHandshake {
		t.Fatalf("accepted as somebody else: %v", err)
	}
}

// Bob alone can make messages that look as if Alice had sent them, so nobody
// can prove to a third one what Alice wrote.
func TestForgeable(t *testing.T) {
	alice, bob := pair(t)
	open(t, &alice, seal(t, &bob, "a"), "a")
	open(t, &bob, seal(t, &alice, "b"), "b")
	forger := bob.Impersonate()
	forged := seal(t, &forger, "I, Alice, owe Bob a thousand")
	open(t, &bob, forged, "I, Alice, owe Bob a thousand")
}

// A message goes nowhere but to the other side of its session.
func TestReflectionAndCrossSession(t *testing.T) {
	alice, bob := pair(t)
	carol, dave := pair(t)
	open(t, &alice, seal(t, &bob, "x"), "x")
	open(t, &carol, seal(t, &dave, "x"), "x")
	sealed := seal(t, &alice, "for bob")
	for _, s := range []ratchet.Session{alice, carol, dave} {
		wantUnchanged(t, s, sealed.Envelope, ratchet.ErrNotMine)
	}
	open(t, &bob, sealed, "for bob")
}

// Whatever is changed in an envelope, it fails, and the state stands.
func TestCorruptionAnywhere(t *testing.T) {
	alice, bob := pair(t)
	open(t, &alice, seal(t, &bob, "x"), "x")
	sealed := seal(t, &alice, "precious")
	for at := 0; at < len(sealed.Envelope); at += 7 {
		env := bytes.Clone(sealed.Envelope)
		env[at] ^= 1 << (at % 8)
		wantUnchanged(t, bob, env, ratchet.ErrMalformed, ratchet.ErrNotMine, ratchet.ErrCorrupt)
	}
	for _, n := range []int{0, 1, 24, 100, 512, 1023} {
		wantUnchanged(t, bob, sealed.Envelope[:n], ratchet.ErrMalformed)
	}
	wantUnchanged(t, bob, append(bytes.Clone(sealed.Envelope), 0), ratchet.ErrMalformed)
	open(t, &bob, sealed, "precious")
}

// A stolen state of today does not hold the secrets of yesterday.
func TestStateMovesOn(t *testing.T) {
	alice, bob := pair(t)
	root, send, recv, lane := alice.Secrets()
	for range 12 {
		open(t, &alice, seal(t, &bob, "x"), "x")
		open(t, &bob, seal(t, &alice, "y"), "y")
	}
	raw, err := alice.Encode()
	must(t, err)
	for i, old := range [][32]byte{root, send, recv, lane} {
		if old != [32]byte{} && bytes.Contains(raw, old[:]) {
			t.Fatalf("old secret %d is still in the state", i)
		}
	}
}
