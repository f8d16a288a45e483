package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

func pub(d *identity.DeviceKey) ed25519.PublicKey {
	dsk := d.Public().DSK
	return dsk[:]
}

var labels = []string{"cert-self", "cert-issuer", "manifest-sig", "bundle-sig"}

// TestSignaturesKeepTheirPurpose takes every signed object and puts in the place
// of each signature the same key's signature for each other purpose.
func TestSignaturesKeepTheirPurpose(t *testing.T) {
	alice, laptop, _ := household()
	account := alice.key.ID()
	accepts := map[string]struct {
		right string
		parse func(sign func(label string, b []byte) []byte) error
	}{
		"cert's own": {"cert-self", func(sign func(string, []byte) []byte) error {
			req := must(identity.RequestDeviceCert(laptop, account, identity.DeviceID{}, identity.Admin, start))
			b := sign("x", req[:len(req)-64])
			_, err := identity.ParseDeviceCert(append(b, alice.key.Sign("cert-issuer", b)...))
			return err
		}},
		"cert issuer's": {"cert-issuer", func(sign func(string, []byte) []byte) error {
			req := must(identity.RequestDeviceCert(newDevice("tablet"), account, laptop.ID(), identity.Member, start))
			c, err := identity.ParseDeviceCert(sign("x", req))
			return errors.Join(err, c.VerifyIssuer(pub(laptop)))
		}},
		"manifest": {"manifest-sig", func(sign func(string, []byte) []byte) error {
			b := must(alice.head().Next(laptop, start, identity.Change{})).Bytes()
			m := must(identity.ParseManifest(sign("x", b[:len(b)-64])))
			return m.Verify(alice.key.Genesis(), alice.head(), alice.certs)
		}},
		"bundle": {"bundle-sig", func(sign func(string, []byte) []byte) error {
			bundle, _ := bundleOf(laptop, 1)
			b := bundle.Bytes()
			_, err := identity.ParseBundle(sign("x", b[:len(b)-64]), laptop.Public().DSK)
			return err
		}},
	}
	for name, object := range accepts {
		for _, label := range append(slices.Clone(labels), "claim", "") {
			err := object.parse(func(_ string, b []byte) []byte { return append(slices.Clone(b), laptop.Sign(label, b)...) })
			if label == object.right && err != nil || label != object.right && !errors.Is(err, identity.ErrForged) {
				t.Errorf("%s with a signature for %q: %v", name, label, err)
			}
		}
	}
}

// TestObjectsKeepTheirKind feeds every kind of object to every parser.
func TestObjectsKeepTheirKind(t *testing.T) {
	alice, laptop, _ := household()
	bundle, keys := bundleOf(laptop, 1)
	objects := map[string][]byte{
		"cert": alice.certs[0].Bytes(), "manifest": alice.head().Bytes(), "bundle": bundle.Bytes(), "one-time key": keys[0].Bytes(),
	}
	parsers := map[string]func([]byte) error{
		"cert":         func(b []byte) error { _, err := identity.ParseDeviceCert(b); return err },
		"manifest":     func(b []byte) error { _, err := identity.ParseManifest(b); return err },
		"bundle":       func(b []byte) error { _, err := identity.ParseBundle(b, laptop.Public().DSK); return err },
		"one-time key": func(b []byte) error { _, err := identity.ParseOneTimeKey(b); return err },
	}
	for kind, b := range objects {
		for parser, parse := range parsers {
			if err := parse(b); (err == nil) != (kind == parser) {
				t.Errorf("a %s read as a %s: %v", kind, parser, err)
			}
		}
	}
}

func TestVerifyIsStrict(t *testing.T) {
	k := newDevice("laptop")
	sig := k.Sign("manifest-sig", []byte("text"))
	if !identity.Verify(pub(k), "manifest-sig", []byte("text"), sig) {
		t.Fatal("a good signature was refused")
	}
	plain := ed25519.Sign(ed25519.NewKeyFromSeed(k.Secret()[:32]), []byte("text"))
	for name, ok := range map[string]bool{
		"other text":     identity.Verify(pub(k), "manifest-sig", []byte("texts"), sig),
		"longer label":   identity.Verify(pub(k), "manifest-sigs", []byte("text"), sig),
		"plain Ed25519":  identity.Verify(pub(k), "manifest-sig", []byte("text"), plain),
		"short":          identity.Verify(pub(k), "manifest-sig", []byte("text"), sig[:63]),
		"no key":         identity.Verify(nil, "manifest-sig", []byte("text"), sig),
		"another's key":  identity.Verify(pub(newDevice("phone")), "manifest-sig", []byte("text"), sig),
		"absurdly named": identity.Verify(pub(k), string(make([]byte, 300)), []byte("text"), sig),
	} {
		if ok {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestEveryByteCounts flips each bit of each object: nothing is ignored.
func TestEveryByteCounts(t *testing.T) {
	alice, laptop, _ := household()
	g := alice.key.Genesis()
	bundle, _ := bundleOf(laptop, 2)
	for name, c := range map[string]struct {
		b     []byte
		check func([]byte) error
	}{
		"cert": {alice.certs[0].Bytes(), func(b []byte) error {
			c, err := identity.ParseDeviceCert(b)
			if err != nil {
				return err
			}
			return c.VerifyIssuer(g.SigningKey())
		}},
		"manifest": {alice.head().Bytes(), func(b []byte) error {
			m, err := identity.ParseManifest(b)
			if err != nil {
				return err
			}
			return m.Verify(g, nil, nil)
		}},
		"bundle": {bundle.Bytes(), func(b []byte) error {
			_, err := identity.ParseBundle(b, laptop.Public().DSK)
			return err
		}},
	} {
		if err := c.check(c.b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range c.b {
			bad := bytes.Clone(c.b)
			bad[i] ^= 1 << (i % 8)
			if c.check(bad) == nil {
				t.Fatalf("%s: byte %d does not count", name, i)
			}
		}
		if c.check(c.b[:len(c.b)-1]) == nil || c.check(append(bytes.Clone(c.b), 0)) == nil {
			t.Errorf("%s: another length was accepted", name)
		}
	}
}

// signedManifest signs raw content, sound or not.
func signedManifest(alice *person, content any) ([]byte, error) {
	b := must(identity.Encode(content))
	return append(b, alice.key.Sign("manifest-sig", b)...), nil
}

// manifestFields is the content of a sound first manifest, to be spoiled.
func manifestFields(alice *person) map[uint]any {
	id := alice.key.ID()
	t := uint64(start.Unix())
	return map[uint]any{
		1: id[:], 2: 1, 3: make([]byte, 32), 4: t, 5: t + uint64(identity.ManifestLifetime/time.Second),
		6: []any{}, 7: []any{}, 8: []any{}, 9: 1,
	}
}

// TestManifestContent spoils one field at a time under a good signature.
func TestManifestContent(t *testing.T) {
	alice := newPerson("alice")
	hash, dev := bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{7}, 16)
	rev := func(reason, at uint64) any { return map[uint]any{1: dev, 2: reason, 3: at} }
	if _, err := identity.ParseManifest(must(signedManifest(alice, manifestFields(alice)))); err != nil {
		t.Fatalf("sound content: %v", err)
	}
	for name, change := range map[string]map[uint]any{
		"unknown field":            {11: 1},
		"number zero":              {2: 0},
		"first with a predecessor": {3: hash},
		"second without one":       {2: 2},
		"first by a device":        {10: dev},
		"empty issuer":             {2: 2, 3: hash, 10: []byte{}},
		"zero issuer":              {2: 2, 3: hash, 10: make([]byte, 16)},
		"short account":            {1: hash[:31]},
		"lives backwards":          {5: 1},
		"lives too long":           {5: uint64(start.Add(identity.ManifestLifetime).Unix()) + 1},
		"year 10000":               {4: uint64(253402300790), 5: uint64(253402300800)},
		"no suite":                 {9: 0},
		"one device twice":         {6: []any{hash, hash}},
		"nine devices":             {6: many(9)},
		"six mailboxes":            {8: many(6)},
		"empty mailbox":            {8: []any{[]byte{}}},
		"long mailbox":             {8: []any{make([]byte, 129)}},
		"unknown reason":           {7: []any{rev(4, 1)}},
		"revoked in year 10000":    {7: []any{rev(1, 253402300800)}},
		"one revocation twice":     {7: []any{rev(1, 1), rev(1, 2)}},
		"null for a list":          {6: nil},
		"number for a list":        {6: 5},
		"text for a number":        {2: "1"},
	} {
		fields := manifestFields(alice)
		for k, v := range change {
			fields[k] = v
		}
		if _, err := identity.ParseManifest(must(signedManifest(alice, fields))); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for field := range manifestFields(alice) {
		fields := manifestFields(alice)
		delete(fields, field)
		if _, err := identity.ParseManifest(must(signedManifest(alice, fields))); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("without field %d: %v", field, err)
		}
	}
}

func many(n int) (out []any) {
	for i := range n {
		out = append(out, bytes.Repeat([]byte{byte(i + 1)}, 32))
	}
	return out
}
