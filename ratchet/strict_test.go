package ratchet_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// What nobody writes is refused, though it would be authentic.

func TestPrefixForms(t *testing.T) {
	a, b := newDevice(), newDevice()
	_, sealed := initiate(t, a, b, false, ratchet.Options{})
	for name, change := range map[string]func([]byte) []byte{
		"suite":          func(e []byte) []byte { e[ratchet.OffsetSuite+1] = 2; return e },
		"flag":           func(e []byte) []byte { e[ratchet.OffsetFlags] = 2; return e },
		"id without key": func(e []byte) []byte { e[ratchet.OffsetOPK] = 1; return e },
		"no identity":    func(e []byte) []byte { return setLength(e, 40) },
		"odd identity":   func(e []byte) []byte { return setLength(e, 40+513) },
		"long identity":  func(e []byte) []byte { return setLength(e, 40+14*512) },
		"longest in a larger envelope": func(e []byte) []byte {
			return setLength(append(e, make([]byte, len(e))...), 40+14*512)
		},
		"no message":     func(e []byte) []byte { return setLength(e, 40+10*512) },
		"kind":           func(e []byte) []byte { e[0] = 2; return e },
		"small envelope": func(e []byte) []byte { return e[:4096] },
		"odd envelope":   func(e []byte) []byte { return append(e, make([]byte, 4096)...) },
		"large envelope": func([]byte) []byte { return append([]byte{1}, make([]byte, 128<<10-1)...) },
		"nothing":        func([]byte) []byte { return nil },
	} {
		if _, err := ratchet.ParsePrefix(change(bytes.Clone(sealed.Envelope))); err != ratchet.ErrMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func setLength(env []byte, n uint16) []byte {
	binary.BigEndian.PutUint16(env[ratchet.OffsetLength:], n)
	return env
}

func TestSealedForms(t *testing.T) {
	form := func(kind byte, session, tokenLen, token, identityLen, tail byte, size int) []byte {
		b := make([]byte, size)
		b[0], b[1], b[69], b[70], b[103], b[size-1] = kind, session, tokenLen, token, identityLen, tail
		return b
	}
	for name, b := range map[string][]byte{
		"good": form(2, 1, 1, 1, 5, 0, 512), "kind": form(3, 0, 0, 0, 0, 0, 512), "session": form(1, 1, 0, 0, 0, 0, 512),
		"long token": form(0, 0, 33, 0, 0, 0, 512), "token padding": form(0, 0, 0, 1, 0, 0, 512),
		"padding": form(0, 0, 0, 0, 5, 1, 512), "too much padding": form(0, 0, 0, 0, 5, 0, 1024), "short": make([]byte, 90),
	} {
		if again, ok := ratchet.RecodeSealed(b); ok != (name == "good") || ok && !bytes.Equal(again, b) {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestBodyForms(t *testing.T) {
	alice, bob := established(t)
	const size = ratchet.MinMessage - 1 - 24 - 480 - 16
	body := func(n uint32, last byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, n)
		b = append(b, make([]byte, size-4)...)
		b[size-1] = last
		return b
	}
	for name, c := range map[string]struct {
		control bool
		body    []byte
		want    error
	}{
		"good": {false, body(3, 0), nil}, "full": {false, body(size-4, 9), nil}, "padding": {false, body(3, 1), ratchet.ErrCorrupt},
		"too long": {false, body(size-3, 0), ratchet.ErrCorrupt}, "absurd": {false, body(1<<32-1, 0), ratchet.ErrCorrupt},
		"control": {true, body(401, 0), nil}, "empty control": {true, body(0, 0), nil}, "odd control": {true, body(400, 0), ratchet.ErrCorrupt},
	} {
		env, err := alice.SealBody(rand.Reader, c.control, c.body)
		must(t, err)
		if _, _, err := bob.Open(env); err != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A control message has no more pieces than make an object with its header's.
func TestControlTooLong(t *testing.T) {
	alice, bob := established(t)
	env, err := alice.SealBody(rand.Reader, true, append(binary.BigEndian.AppendUint32(nil, 3*401), make([]byte, 2048-1-24-480-16-4)...))
	must(t, err)
	wantUnchanged(t, bob, env, ratchet.ErrCorrupt)
}

func TestHeaderForms(t *testing.T) {
	alice, bob := established(t)
	open(t, &bob, seal(t, &alice, "the chain is known"), "the chain is known")
	_, other, err := alice.WithRatchetKey(public([32]byte{5})).Seal(rand.Reader, nil)
	must(t, err)
	wantUnchanged(t, bob, other.Envelope, ratchet.ErrCorrupt)
	_, next, err := alice.WithEpoch(bob.LaneKnown()+1).Seal(rand.Reader, nil)
	must(t, err)
	wantUnchanged(t, bob, next.Envelope, ratchet.ErrCorrupt)
}

// The lane takes pieces only of the next epoch, only from the side whose turn
// it is, and only once it receives in the newest epoch.
func TestLanePieces(t *testing.T) {
	alice, bob := established(t)
	for alice.LaneEpoch() < 4 {
		open(t, &alice, seal(t, &bob, "x"), "x")
		open(t, &bob, seal(t, &alice, "x"), "x")
		for _, s := range []ratchet.Session{alice, bob} {
			if s.LaneEpoch() != s.LaneKnown() {
				continue
			}
			ek, ct := s.Takes(false, 1, false), s.Takes(true, 1, false)
			if ek && ct {
				t.Fatal("takes both a key and a ciphertext")
			}
			if s.Takes(ct, 0, false) || s.Takes(ct, 2, false) || s.Takes(ct, 1, true) {
				t.Fatal("takes a piece of another epoch, or too early")
			}
			if (ek || ct) && !s.Gather(ct, [3]byte{0, 1, 2}) {
				t.Fatal("keeps an object that is not what its tag says")
			}
			if (ek || ct) && s.Gather(ct, [3]byte{7, 7, 7}) {
				t.Fatal("counts a piece thrice")
			}
		}
	}
}

func TestStateFormsRefused(t *testing.T) {
	_, bob := pair(t)
	raw, err := bob.Encode()
	must(t, err)
	const heads = 163 + 408 + 64 // where the earlier header keys are counted
	full := append(make([]byte, 8), bytes.Repeat([]byte{0xff}, 8)...)
	full = append(full, make([]byte, 64*32)...)
	var many []byte
	for i := range 32 {
		full[6] = byte(i / 4)
		full[7] = byte(i * 64)
		many = append(many, full...)
	}
	splice := func(at, drop int, in ...byte) []byte {
		return append(append(bytes.Clone(raw[:at]), in...), raw[at+drop:]...)
	}
	for name, b := range map[string][]byte{
		"good":           splice(0, 0),
		"one block":      splice(heads+1, 2, append([]byte{0, 1}, full...)...),
		"version":        splice(0, 1, 2),
		"flag":           splice(1, 1, 0x80),
		"six heads":      splice(heads, 1, append([]byte{6}, make([]byte, 6*36)...)...),
		"empty block":    splice(heads+1, 2, append([]byte{0, 1}, make([]byte, 16)...)...),
		"unsorted":       splice(heads+1, 2, append([]byte{0, 2}, append(bytes.Clone(full), full...)...)...),
		"too many keys":  splice(heads+1, 2, append([]byte{0, 32}, many...)...),
		"endless blocks": splice(heads+1, 2, 0xff, 0xff),
	} {
		_, err := ratchet.DecodeSession(b)
		if good := name == "good" || name == "one block"; good && err != nil || !good && err != ratchet.ErrState {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFirstChainHasNoneBefore(t *testing.T) {
	a, b := newDevice(), newDevice()
	alice, _ := initiate(t, a, b, true, ratchet.Options{})
	_, bad, err := alice.WithCounters(1, 1, 1, 0).Seal(rand.Reader, nil)
	must(t, err)
	if _, _, err := b.answer(bad.Envelope, a, nil); err != ratchet.ErrHandshake {
		t.Fatalf("a chain before the first: %v", err)
	}
}

// Chains without losses do not push out the header keys of those with losses.
func TestOldHeaderStays(t *testing.T) {
	alice, bob := established(t)
	var lost []ratchet.Sealed
	for i := range 12 {
		if i < ratchet.MaxOldHeaders {
			lost = append(lost, lose(t, &alice, 1)...)
		}
		open(t, &bob, seal(t, &alice, "x"), "x")
		open(t, &alice, seal(t, &bob, "turn"), "turn")
	}
	if _, _, heads := bob.Forget(bob.Mark()).Stored(); heads != 0 {
		t.Fatalf("%d header keys outlive their chains", heads)
	}
	for _, l := range lost {
		open(t, &bob, l, "lost")
	}
}
