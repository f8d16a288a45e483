package ratchet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// initiate starts a session and seals its first message.
func initiate(t tester, a, b *device, withOPK bool, opt ratchet.Options) (ratchet.Session, ratchet.Sealed) {
	t.Helper()
	s, err := ratchet.Initiate(rand.Reader, a.initiator(), b.target(withOPK), opt)
	must(t, err)
	return s, seal(t, &s, "hello")
}

func TestHandshakeCarriesIdentityAndToken(t *testing.T) {
	a, b := newDevice(), newDevice()
	for _, withOPK := range []bool{true, false} {
		s, sealed := initiate(t, a, b, withOPK, ratchet.Options{Token: []byte("let me in"), Work: 8})
		if len(sealed.Envelope) != ratchet.MinInit {
			t.Fatalf("the envelope has %d bytes", len(sealed.Envelope))
		}
		prefix, err := ratchet.ParsePrefix(sealed.Envelope)
		must(t, err)
		if prefix.HasOPK != withOPK || prefix.SPKID != 7 || prefix.ID != s.PrefixID() {
			t.Fatalf("the prefix says %v %v", prefix.HasOPK, prefix.SPKID)
		}
		if got := prefix.Work(b.responder(), b.bundle); got < 8 {
			t.Fatalf("only %d bits of work", got)
		}
		p, err := ratchet.Respond(b.responder(), b.prekeys(withOPK), sealed.Envelope)
		must(t, err)
		if string(p.Token()) != "let me in" || !bytes.Equal(p.Identity(), a.initiator().Identity) || p.ManifestHash() != b.manifest {
			t.Fatal("the sealed identity came out differently")
		}
		if _, ok := p.Resume(); ok || p.NeedsPSK() {
			t.Fatal("a pre-shared key from nowhere")
		}
		bob, opened, err := p.Accept(a.asPeer(), b.manifest, nil)
		must(t, err)
		if string(opened.Content) != "hello" || bob.ID() != s.ID() {
			t.Fatal("no session came of it")
		}
	}
}

// The identity of the initiator must not be seen in what goes over the wire.
func TestIdentityIsHidden(t *testing.T) {
	a, b := newDevice(), newDevice()
	_, sealed := initiate(t, a, b, true, ratchet.Options{})
	dik := public(a.dik)
	for _, needle := range [][]byte{a.account[:], a.id[:], dik[:], a.cert[:], a.manifest[:], b.account[:], b.id[:], b.cert[:]} {
		if bytes.Contains(sealed.Envelope, needle) {
			t.Fatal("the envelope names somebody")
		}
	}
}

func TestWorkIsForOneTarget(t *testing.T) {
	a, b, c := newDevice(), newDevice(), newDevice()
	_, sealed := initiate(t, a, b, true, ratchet.Options{Work: 12})
	prefix, err := ratchet.ParsePrefix(sealed.Envelope)
	must(t, err)
	if prefix.Work(b.responder(), b.bundle) < 12 {
		t.Fatal("the work is not there")
	}
	if prefix.Work(c.responder(), c.bundle) >= 12 && prefix.Work(b.responder(), c.bundle) >= 12 {
		t.Fatal("the work counts for somebody else")
	}
}

func TestPrefixIsRepeatedUntilAnswer(t *testing.T) {
	a, b := newDevice(), newDevice()
	alice, first := initiate(t, a, b, true, ratchet.Options{})
	second := seal(t, &alice, "still there?")
	bob, _, err := b.answer(first.Envelope, a, nil)
	must(t, err)

	p1, _ := ratchet.ParsePrefix(first.Envelope)
	p2, err := ratchet.ParsePrefix(second.Envelope)
	must(t, err)
	if p1.ID != p2.ID || bob.PrefixID() != p2.ID {
		t.Fatal("the repetition is not recognised")
	}
	open(t, &bob, second, "still there?")
	if _, _, err := bob.Open(first.Envelope); !errors.Is(err, ratchet.ErrDuplicate) {
		t.Fatalf("the replayed first message gave %v", err)
	}
	if alice.Confirmed() || bob.Confirmed() {
		t.Fatal("confirmed without an answer")
	}
	open(t, &alice, seal(t, &bob, "yes"), "yes")
	third := seal(t, &alice, "good")
	if kind, _ := ratchet.EnvelopeKind(third.Envelope); kind != ratchet.KindMessage || len(third.Envelope) != ratchet.MinMessage {
		t.Fatal("the prefix goes on after the answer")
	}
	open(t, &bob, third, "good")
	if !alice.Confirmed() || !bob.Confirmed() || !alice.Initiated() || bob.Initiated() {
		t.Fatal("not confirmed after the answer")
	}
}

// The second message may come first: the session starts from it.
func TestFirstMessageComesLate(t *testing.T) {
	a, b := newDevice(), newDevice()
	alice, first := initiate(t, a, b, false, ratchet.Options{})
	second := seal(t, &alice, "two")
	bob, opened, err := b.answer(second.Envelope, a, nil)
	must(t, err)
	if string(opened.Content) != "two" {
		t.Fatal("wrong content")
	}
	open(t, &bob, first, "hello")
}

// Whoever replays a prefix with another tail gets nothing out of the session.
func TestReplayedPrefixWithForeignTail(t *testing.T) {
	a, b := newDevice(), newDevice()
	_, first := initiate(t, a, b, true, ratchet.Options{})
	_, other := initiate(t, newDevice(), b, true, ratchet.Options{})
	bob, _, err := b.answer(first.Envelope, a, nil)
	must(t, err)
	mixed := bytes.Clone(first.Envelope)
	copy(mixed[6000:], other.Envelope[6000:])
	wantUnchanged(t, bob, mixed, ratchet.ErrNotMine, ratchet.ErrDuplicate, ratchet.ErrCorrupt)
	wantUnchanged(t, bob, other.Envelope, ratchet.ErrNotMine)
}

// wantUnchanged opens an envelope that must fail with one of the errors and
// leave the state as it is.
func wantUnchanged(t tester, s ratchet.Session, env []byte, want ...error) {
	t.Helper()
	before, err := s.Encode()
	must(t, err)
	next, opened, got := s.Open(env)
	if got == nil {
		t.Fatalf("opened %q", opened.Content)
	}
	known := false
	for _, w := range want {
		known = known || got == w
	}
	if !known {
		t.Fatalf("failed with %v", got)
	}
	after, err := next.Encode()
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Fatal("the state changed on a failure")
	}
}

func TestResume(t *testing.T) {
	a, b := newDevice(), newDevice()
	alice, bob := pair(t)
	for range 3 {
		open(t, &alice, seal(t, &bob, "x"), "x")
		open(t, &bob, seal(t, &alice, "y"), "y")
	}
	resume, ok := alice.ResumeKey()
	if !ok {
		t.Fatal("no resume key")
	}
	_, sealed := initiate(t, a, b, true, ratchet.Options{Resume: &resume})
	p, err := ratchet.Respond(b.responder(), b.prekeys(true), sealed.Envelope)
	must(t, err)
	ref, ok := p.Resume()
	if !ok || ref.Session != bob.ID() || !p.NeedsPSK() {
		t.Fatal("the resume key is not named")
	}
	psk := findResume(t, bob, ref)
	if _, _, err := p.Accept(a.asPeer(), b.manifest, nil); err != ratchet.ErrHandshake {
		t.Fatalf("without the key: %v", err)
	}
	wrong := psk
	wrong[0] ^= 1
	if _, _, err := p.Accept(a.asPeer(), b.manifest, &wrong); err != ratchet.ErrHandshake {
		t.Fatalf("with a wrong key: %v", err)
	}
	if _, _, err := p.Accept(a.asPeer(), b.manifest, &psk); err != nil {
		t.Fatal(err)
	}
}

// findResume looks a resume key up as the responder does.
func findResume(t tester, s ratchet.Session, ref ratchet.ResumeRef) [32]byte {
	t.Helper()
	for _, k := range s.ResumeKeys() {
		if k.ResumeRef == ref {
			return k.Key
		}
	}
	t.Fatalf("step %d is not among the kept ones", ref.Step)
	return [32]byte{}
}

func TestExternalPSK(t *testing.T) {
	a, b := newDevice(), newDevice()
	psk := [32]byte{1, 2, 3}
	_, sealed := initiate(t, a, b, false, ratchet.Options{PSK: &psk})
	if _, _, err := b.answer(sealed.Envelope, a, &psk); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []*[32]byte{nil, {}, {1, 2, 4}} {
		if _, _, err := b.answer(sealed.Envelope, a, bad); err != ratchet.ErrHandshake {
			t.Fatalf("with another key: %v", err)
		}
	}
	_, plain := initiate(t, a, b, false, ratchet.Options{})
	if _, _, err := b.answer(plain.Envelope, a, &psk); err != ratchet.ErrHandshake {
		t.Fatalf("a key where none was used: %v", err)
	}
}

func TestInitiateRefusesBadInput(t *testing.T) {
	a, b := newDevice(), newDevice()
	good, psk := b.target(true), [32]byte{}
	for name, change := range map[string]func(*ratchet.Initiator, *ratchet.Target, *ratchet.Options){
		"long identity": func(i *ratchet.Initiator, _ *ratchet.Target, _ *ratchet.Options) {
			i.Identity = make([]byte, ratchet.MaxIdentity+1)
		},
		"long token": func(_ *ratchet.Initiator, _ *ratchet.Target, o *ratchet.Options) { o.Token = make([]byte, 33) },
		"much work":  func(_ *ratchet.Initiator, _ *ratchet.Target, o *ratchet.Options) { o.Work = 60 },
		"less work":  func(_ *ratchet.Initiator, _ *ratchet.Target, o *ratchet.Options) { o.Work = -1 },
		"two keys": func(_ *ratchet.Initiator, _ *ratchet.Target, o *ratchet.Options) {
			o.PSK, o.Resume = &psk, &ratchet.ResumeKey{}
		},
		"itself":     func(i *ratchet.Initiator, t *ratchet.Target, _ *ratchet.Options) { t.Device = i.Device },
		"short dkem": func(_ *ratchet.Initiator, t *ratchet.Target, _ *ratchet.Options) { t.DKEM = t.DKEM[1:] },
		"short opk": func(_ *ratchet.Initiator, t *ratchet.Target, _ *ratchet.Options) {
			t.OPK = &ratchet.OneTime{X: t.OPK.X, KEM: nil}
		},
		"bad kem key": func(_ *ratchet.Initiator, t *ratchet.Target, _ *ratchet.Options) {
			t.DKEM = bytes.Repeat([]byte{0xff}, len(t.DKEM))
		},
	} {
		from, to, opt := a.initiator(), good, ratchet.Options{}
		change(&from, &to, &opt)
		if _, err := ratchet.Initiate(rand.Reader, from, to, opt); !errors.Is(err, ratchet.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Both sides start at once: they agree on which session stays.
func TestSimultaneousStart(t *testing.T) {
	a, b := newDevice(), newDevice()
	for range 4 {
		a1, fromA := initiate(t, a, b, true, ratchet.Options{})
		b1, fromB := initiate(t, b, a, true, ratchet.Options{})
		b2, _, err := b.answer(fromA.Envelope, a, nil)
		must(t, err)
		a2, _, err := a.answer(fromB.Envelope, b, nil)
		must(t, err)
		if a1.Wins(a2) == a2.Wins(a1) || a1.Wins(a2) != b2.Wins(b1) {
			t.Fatal("they do not agree on the winner")
		}
	}
}

func TestRandomFailureLeavesNothing(t *testing.T) {
	a, b := newDevice(), newDevice()
	for n := range 3 {
		r := bytes.NewReader(make([]byte, n*28))
		if _, err := ratchet.Initiate(r, a.initiator(), b.target(true), ratchet.Options{}); n < 2 && err == nil {
			t.Fatal("started without randomness")
		}
	}
	alice, _ := pair(t)
	if _, _, err := alice.Seal(bytes.NewReader(nil), []byte("x")); err == nil {
		t.Fatal("sealed without a nonce")
	}
}
