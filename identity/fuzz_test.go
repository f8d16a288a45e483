package identity_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Objects with signatures are fuzzed twice over: the bytes as they come, and as
// content under a good signature, which is how a hostile contact would send them.

func FuzzDeviceCert(f *testing.F) {
	alice, laptop, _ := household()
	for _, c := range alice.certs {
		f.Add(c.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		inside := b[:max(0, len(b)-2*identity.SignatureSize)]
		inside = append(slices.Clone(inside), laptop.Sign("cert-self", inside)...)
		inside = append(inside, alice.key.Sign("cert-issuer", inside)...)
		for _, in := range [][]byte{b, inside} {
			c, err := identity.ParseDeviceCert(in)
			if err != nil {
				continue
			}
			if !bytes.Equal(c.Bytes(), in) || c.Device != c.Public.ID() || len(c.Public.DKEM) != identity.KEM768KeySize {
				t.Fatal("parsed into something else")
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	alice, laptop, phone := household()
	f.Add(alice.head().Bytes())
	f.Add(alice.say(laptop, start, identity.Change{
		Revoke:    []identity.Revocation{{Device: phone.ID(), Reason: identity.Lost, Time: start}},
		Mailboxes: [][]byte{{1}, {2}},
	}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := identity.ParseManifest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Bytes(), b) || len(m.Devices) > identity.MaxDevices || len(m.Revoked) > identity.MaxRevocations {
			t.Fatal("parsed into something else")
		}
		// What was read can be carried on, and the next link reads as well.
		next, err := m.Next(laptop, start, identity.Change{})
		if err != nil {
			return // the number was the last one
		}
		if got, err := identity.ParseManifest(next.Bytes()); err != nil || got.Hash() != next.Hash() || !slices.Equal(got.Devices, m.Devices) {
			t.Fatalf("the next link: %v", err)
		}
		_, _ = (identity.Pin{}).Advance(alice.key.Genesis(), append(slices.Clone(alice.chain), m, next), alice.certs, start)
	})
}

func FuzzBundle(f *testing.F) {
	laptop := newDevice("laptop")
	b, _ := bundleOf(laptop, 2)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		inside := b[:max(0, len(b)-identity.SignatureSize)]
		inside = append(slices.Clone(inside), laptop.Sign("bundle-sig", inside)...)
		for _, in := range [][]byte{b, inside} {
			got, err := identity.ParseBundle(in, laptop.Public().DSK)
			if err == nil && (!bytes.Equal(got.Bytes(), in) || got.Device != laptop.ID() || len(got.PQSPK) != identity.KEM1024KeySize) {
				t.Fatal("parsed into something else")
			}
		}
	})
}

func FuzzOneTimeKey(f *testing.F) {
	b, keys := bundleOf(newDevice("laptop"), 3)
	for _, k := range keys {
		f.Add(k.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := identity.ParseOneTimeKey(in)
		if err != nil {
			return
		}
		if !bytes.Equal(k.Bytes(), in) {
			t.Fatal("parsed into something else")
		}
		known := slices.ContainsFunc(keys, func(o identity.OneTimeKey) bool { return bytes.Equal(o.Bytes(), in) })
		if b.VerifyOneTime(k) == nil && !known {
			t.Fatal("a foreign key was proven")
		}
	})
}

func FuzzHandle(f *testing.F) {
	for _, s := range []string{"alice", "alice~abcdefghij", "a~b", "~", "аlice"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := identity.ParseHandle(s)
		if err == nil && (h.String() != s || identity.ParseName(h.Name) != nil) {
			t.Fatalf("%q came back as %q", s, h)
		}
	})
}

func FuzzPhrase(f *testing.F) {
	f.Add(joined(newPerson("alice").phrase.Words()))
	f.Add("abandon abandon")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := identity.ParsePhrase(s)
		if err != nil {
			return
		}
		again, err := identity.ParsePhrase(joined(p.Words()))
		if err != nil || !bytes.Equal(again.Secret(), p.Secret()) {
			t.Fatalf("came back as another phrase: %v", err)
		}
	})
}

func FuzzIDs(f *testing.F) {
	f.Add(newPerson("alice").key.ID().String())
	f.Add(newDevice("laptop").ID().String())
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := identity.ParseAccountID(s); err == nil && id.String() != s {
			t.Fatalf("account id %q came back as %q", s, id)
		}
		if id, err := identity.ParseDeviceID(s); err == nil && id.String() != s {
			t.Fatalf("device id %q came back as %q", s, id)
		}
	})
}

func FuzzFixedLayouts(f *testing.F) {
	g := newPerson("alice").key.Genesis()
	f.Add(g[:])
	f.Add(must(identity.NewVerification(seeded("nonce"), g.AccountID(), identity.AccountID{}, identity.Pin{}, identity.Pin{})).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := identity.ParseGenesis(b); err == nil && !bytes.Equal(g[:], b) {
			t.Fatal("genesis parsed into something else")
		}
		if v, err := identity.ParseVerification(b); err == nil && !bytes.Equal(v.Bytes(), b) {
			t.Fatal("code parsed into something else")
		}
	})
}

func FuzzEncoding(f *testing.F) {
	f.Add(must(identity.Encode(sample{Number: 1, Bytes: []byte{2}, Text: "a", List: []uint16{10}})))
	f.Add([]byte{0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s sample
		if identity.Decode(b, &s) == nil && !bytes.Equal(must(identity.Encode(s)), b) {
			t.Fatal("two spellings of one struct")
		}
		var v any
		if identity.Decode(b, &v) == nil && !bytes.Equal(must(identity.Encode(v)), b) {
			t.Fatal("two spellings of one value")
		}
	})
}
