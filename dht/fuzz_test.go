package dht

import (
	"bytes"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Whatever is decoded must encode to the same bytes: a second spelling would
// be a second record.

func FuzzEnvelope(f *testing.F) {
	alice := newPersonAt(f, "alice", noon)
	m := newMint(f, alice, quick(), noon)
	f.Add(m.strike(m.coin()))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnvelope(b)
		if err != nil {
			return
		}
		if !bytes.Equal(e.bytes(), b) {
			t.Error("another spelling")
		}
		_ = e.checkTime(noon)
		_ = e.checkSignature()
		_, _ = e.open(m.place.seal)
	})
}

// fuzzContent checks one content type: what decodes encodes the same.
func fuzzContent[T any](f *testing.F, seed any, parse func([]byte) (T, error), again func(T) any) {
	b, err := identity.Encode(seed)
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err != nil {
			return
		}
		out, err := identity.Encode(again(v))
		if err != nil || !bytes.Equal(out, b) {
			t.Errorf("another spelling: %x, %v", out, err)
		}
	})
}

func same[T any](v T) any { return v }

func FuzzClaim(f *testing.F) {
	p := newPersonAt(f, "alice", noon).profile("")
	fuzzContent(f, p.claim("alice"), parseClaim, same)
}

func FuzzAccount(f *testing.F) {
	p := newPersonAt(f, "alice", noon).profile("")
	fuzzContent(f, p.papers(), parseAccount, same)
}

func FuzzBundle(f *testing.F) {
	who := newPersonAt(f, "alice", noon)
	fuzzContent(f, bundleContent{who.device.ID(), who.bundle.Bytes()}, parseBundle, same)
}

func FuzzRoute(f *testing.F) {
	fuzzContent(f, someRoute(f).content(), parseRoute, func(r *Route) any { return r.content() })
}

func FuzzRequest(f *testing.F) {
	for _, q := range someRequests() {
		b, err := identity.Encode(q)
		must(f, err)
		f.Add(b)
	}
	s := newServer(quick(), func() time.Time { return noon }, newShelves(quick(), [32]byte{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(s.answer(t.Context(), asker{peer: "fuzz"}, b)) == 0 {
			t.Error("no answer")
		}
		var q request
		if identity.Decode(b, &q) != nil {
			return
		}
		if out, err := identity.Encode(q); err != nil || !bytes.Equal(out, b) {
			t.Error("another spelling")
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, r := range someReplies() {
		b, err := identity.Encode(r)
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		if identity.Decode(b, &r) != nil {
			return
		}
		if out, err := identity.Encode(r); err != nil || !bytes.Equal(out, b) {
			t.Error("another spelling")
		}
	})
}

// FuzzPlain is what is under a seal, which a thief may have made too.
func FuzzPlain(f *testing.F) {
	f.Add(make([]byte, 512))
	f.Add(append([]byte{1, 0}, make([]byte, 510)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := splitPlain(b, 512)
		if err == nil && len(o.content)+plainHead > len(b) {
			t.Error("longer than what it came from")
		}
	})
}

func someRequests() []request {
	return []request{
		{Op: opGet, Index: [32]byte{1}}, {Op: opGet, Index: [32]byte{1}, Kind: KindName},
		{Op: opPut, Index: [32]byte{2}, Record: bytes.Repeat([]byte{3}, 300)},
		{Op: opRefresh, Index: [32]byte{2}, Hash: make([]byte, 32)},
	}
}

func someReplies() []reply {
	return []reply{{}, {Status: statusRecord, Record: []byte{1}, First: 2}, {Status: statusOld, Seq: 3}, {Status: statusFull, Bits: 7}}
}
