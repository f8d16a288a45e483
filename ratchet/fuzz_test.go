package ratchet_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// FuzzPrefix reads init envelopes: no panic, and what is read is one of the
// forms that are written.
func FuzzPrefix(f *testing.F) {
	a, b := newDevice(), newDevice()
	_, one := initiate(f, a, b, true, ratchet.Options{})
	_, two := initiate(f, a, b, false, ratchet.Options{Token: []byte("x")})
	f.Add(one.Envelope)
	f.Add(two.Envelope)
	f.Fuzz(func(t *testing.T, env []byte) {
		p, err := ratchet.ParsePrefix(env)
		if err != nil {
			if err != ratchet.ErrMalformed {
				t.Fatal(err)
			}
			return
		}
		if kind, err := ratchet.EnvelopeKind(env); err != nil || kind != ratchet.KindInit || !p.HasOPK && p.OPKID != 0 {
			t.Fatal("a prefix that nobody writes")
		}
		p.Work(b.responder(), b.bundle)
	})
}

// FuzzRespond lets a responder see anything.
func FuzzRespond(f *testing.F) {
	a, b := newDevice(), newDevice()
	_, one := initiate(f, a, b, false, ratchet.Options{})
	f.Add(one.Envelope)
	f.Fuzz(func(t *testing.T, env []byte) {
		if _, err := ratchet.Respond(b.responder(), b.prekeys(false), env); err != nil && err != ratchet.ErrHandshake {
			t.Fatal(err)
		}
	})
}

// FuzzSealed reads sealed identities: what is read is written the same.
func FuzzSealed(f *testing.F) {
	empty := make([]byte, 512)
	f.Add(empty)
	full := bytes.Clone(empty)
	full[0], full[69], full[70], full[102], full[103] = 1, 3, 'x', 1, 'y'
	f.Add(full)
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := ratchet.RecodeSealed(b); ok && !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x", b, again)
		}
	})
}

// FuzzHeader reads headers: what is read is written the same.
func FuzzHeader(f *testing.F) {
	f.Add(make([]byte, 464))
	f.Add(bytes.Repeat([]byte{0x11}, 464))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := ratchet.RecodeHeader(b); ok && !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x", b, again)
		}
	})
}

// FuzzEnvelope opens anything with a session: it fails and changes nothing.
func FuzzEnvelope(f *testing.F) {
	alice, bob := established(f)
	good := seal(f, &alice, "good")
	_, first := initiate(f, newDevice(), newDevice(), true, ratchet.Options{})
	f.Add(good.Envelope)
	f.Add(first.Envelope)
	f.Fuzz(func(t *testing.T, env []byte) {
		if bytes.Equal(env, good.Envelope) {
			return
		}
		wantUnchanged(t, bob, env, ratchet.ErrMalformed, ratchet.ErrNotMine, ratchet.ErrCorrupt)
	})
}

// FuzzState decodes states: what decodes encodes to the same bytes, and can be
// used without a panic.
func FuzzState(f *testing.F) {
	alice, bob := pair(f)
	for range 8 {
		lose(f, &alice, 3)
		open(f, &bob, seal(f, &alice, "x"), "x")
		open(f, &alice, seal(f, &bob, "x"), "x")
		for _, s := range []ratchet.Session{alice, bob} {
			raw, err := s.Encode()
			must(f, err)
			f.Add(raw)
		}
	}
	env := seal(f, &alice, "x").Envelope
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ratchet.DecodeSession(b)
		if err != nil {
			if err != ratchet.ErrState {
				t.Fatal(err)
			}
			return
		}
		again, err := s.Encode()
		must(t, err)
		if !bytes.Equal(again, b) {
			t.Fatal("encodes differently")
		}
		s.ResumeKeys()
		s.Forget(s.Mark())
		s.Open(env)
		if next, _, err := s.Seal(rand.Reader, []byte("x")); err == nil {
			next.SealControl(rand.Reader)
		}
	})
}

// FuzzErasure codes an object and takes three pieces of it.
func FuzzErasure(f *testing.F) {
	f.Add([]byte("object"), byte(0), byte(1), byte(2))
	f.Add(bytes.Repeat([]byte{0xa5}, 1184), byte(255), byte(17), byte(2))
	f.Fuzz(func(t *testing.T, object []byte, i, j, k byte) {
		if len(object) > 1200 || i == j || j == k || i == k {
			return
		}
		got := ratchet.DecodeChunks([3]byte{i, j, k}, [3][400]byte{
			ratchet.EncodeChunk(object, i), ratchet.EncodeChunk(object, j), ratchet.EncodeChunk(object, k)})
		if !bytes.Equal(got[:len(object)], object) || len(bytes.Trim(got[len(object):], "\x00")) != 0 {
			t.Fatalf("pieces %d %d %d of %x give %x", i, j, k, object, got)
		}
	})
}

// FuzzConversation lets the fuzzer be the network: each byte is one event.
func FuzzConversation(f *testing.F) {
	f.Add([]byte{0, 2, 1, 3, 0x12, 0x24, 4, 5, 6, 7})
	f.Add([]byte("a long conversation with all kinds of things that happen"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 200 {
			return
		}
		c := conversation{t: t, opened: map[[16]byte]bool{}}
		c.side[0], c.side[1] = pair(t)
		for _, b := range script {
			c.event(b)
		}
	})
}

// conversation is what FuzzConversation plays.
type conversation struct {
	t      *testing.T
	side   [2]ratchet.Session
	wire   [2][]ratchet.Sealed // towards side 0 and 1
	opened map[[16]byte]bool
}

// event does what a byte says: the low bits tell what, the rest with what.
func (c *conversation) event(b byte) {
	who, arg := int(b>>2&1), int(b>>3)
	switch b & 3 {
	case 0:
		c.wire[1-who] = append(c.wire[1-who], seal(c.t, &c.side[who], "text"))
	case 1:
		c.deliver(who, arg)
	case 2:
		c.side[who] = restart(c.t, c.side[who])
	case 3:
		next, sealed, err := c.side[who].SealControl(rand.Reader)
		must(c.t, err)
		c.side[who] = next
		c.wire[1-who] = append(c.wire[1-who], sealed)
	}
}

// deliver opens one of the last envelopes; each opens at most once.
func (c *conversation) deliver(who, arg int) {
	if len(c.wire[who]) == 0 {
		return
	}
	sealed := c.wire[who][max(0, len(c.wire[who])-1-arg)]
	next, opened, err := c.side[who].Open(sealed.Envelope)
	if err != nil {
		wantUnchanged(c.t, c.side[who], sealed.Envelope, ratchet.ErrDuplicate, ratchet.ErrNotMine)
		return
	}
	if opened.Receipt != sealed.Receipt || c.opened[opened.Receipt] {
		c.t.Fatal("opened twice, or with another receipt")
	}
	c.opened[opened.Receipt], c.side[who] = true, next
}
