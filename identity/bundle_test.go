package identity_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

func TestBundleComesBack(t *testing.T) {
	laptop := newDevice("laptop")
	made, keys := bundleOf(laptop, 5)
	b, err := identity.ParseBundle(made.Bytes(), laptop.Public().DSK)
	if err != nil {
		t.Fatal(err)
	}
	if b.Hash() != made.Hash() || b.Device != laptop.ID() || b.SPKID != 3 || b.Seq != 7 || !b.Expires.Equal(start.Add(identity.BundleLifetime)) {
		t.Errorf("came back as %+v", b)
	}
	for _, k := range keys {
		if err := b.VerifyOneTime(must(identity.ParseOneTimeKey(k.Bytes()))); err != nil {
			t.Errorf("key %d: %v", k.ID, err)
		}
	}
	_, err = identity.ParseBundle(made.Bytes(), newDevice("phone").Public().DSK)
	wantErr(t, err, identity.ErrForged)
}

func TestBundleExpires(t *testing.T) {
	b, _ := bundleOf(newDevice("laptop"), 0)
	for at, want := range map[time.Time]error{
		start: nil,
		start.Add(identity.BundleLifetime + identity.ClockSkew):               nil,
		start.Add(identity.BundleLifetime + identity.ClockSkew + time.Second): identity.ErrExpired,
		start.Add(-identity.ClockSkew - time.Second):                          identity.ErrExpired,
	} {
		if err := b.Valid(at); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

// TestEveryTreeSize proves every key of every size of tree, and nothing else.
func TestEveryTreeSize(t *testing.T) {
	laptop := newDevice("laptop")
	kem := kem1024("one for all")
	for n := 1; n <= identity.MaxOneTimeKeys; n++ {
		keys := make([]identity.OneTimeKey, n)
		for i := range keys {
			keys[i] = identity.OneTimeKey{ID: uint32(i), X: [32]byte{9, byte(i), byte(n)}, KEM: kem}
		}
		root, proofs := identity.OneTimeTree(keys)
		b := must(identity.NewBundle(laptop, identity.Bundle{Issued: start, SPK: [32]byte{9}, PQSPK: kem, OPKRoot: root, OPKCount: uint32(n)}))
		for i, k := range keys {
			k.Proof = proofs[i]
			if err := b.VerifyOneTime(k); err != nil {
				t.Fatalf("key %d of %d: %v", i, n, err)
			}
			k.ID++
			wantErr(t, b.VerifyOneTime(k), identity.ErrForged)
		}
	}
}

func TestForeignOneTimeKeys(t *testing.T) {
	b, keys := bundleOf(newDevice("laptop"), 5)
	k := keys[1]
	for name, change := range map[string]func(k *identity.OneTimeKey){
		"other number":   func(k *identity.OneTimeKey) { k.ID++ },
		"other X25519":   func(k *identity.OneTimeKey) { k.X = keys[0].X },
		"other ML-KEM":   func(k *identity.OneTimeKey) { k.KEM = keys[0].KEM },
		"other proof":    func(k *identity.OneTimeKey) { k.Proof = keys[3].Proof },
		"no proof":       func(k *identity.OneTimeKey) { k.Proof = nil },
		"short proof":    func(k *identity.OneTimeKey) { k.Proof = k.Proof[:1] },
		"an inner node":  func(k *identity.OneTimeKey) { k.Proof = k.Proof[1:] },
		"proof too long": func(k *identity.OneTimeKey) { k.Proof = make([][32]byte, 7) },
		"cut ML-KEM":     func(k *identity.OneTimeKey) { k.KEM = k.KEM[1:] },
		"low order":      func(k *identity.OneTimeKey) { k.X = [32]byte{1} },
	} {
		bad := k
		change(&bad)
		if b.VerifyOneTime(bad) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	k.Proof = make([][32]byte, 7)
	wantErr(t, b.VerifyOneTime(k), identity.ErrMalformed)
	_, err := identity.ParseOneTimeKey(k.Bytes())
	wantErr(t, err, identity.ErrMalformed)
	empty, _ := bundleOf(newDevice("laptop"), 0)
	wantErr(t, empty.VerifyOneTime(keys[1]), identity.ErrForged)
}

func TestUnsoundBundlesAreNotMade(t *testing.T) {
	laptop, kem := newDevice("laptop"), kem1024("pqspk")
	sound := identity.Bundle{Issued: start, SPK: [32]byte{9}, PQSPK: kem}
	if _, err := identity.NewBundle(laptop, sound); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b *identity.Bundle){
		"SPK of low order":     func(b *identity.Bundle) { b.SPK = [32]byte{} },
		"PQSPK of another set": func(b *identity.Bundle) { b.PQSPK = laptop.Public().DKEM },
		"PQSPK out of range":   func(b *identity.Bundle) { b.PQSPK = bytes.Repeat([]byte{0xff}, 1568) },
		"lives too long":       func(b *identity.Bundle) { b.Expires = start.Add(identity.BundleLifetime + time.Second) },
		"root without keys":    func(b *identity.Bundle) { b.OPKRoot = [32]byte{1} },
		"keys without root":    func(b *identity.Bundle) { b.OPKCount = 1 },
		"too many keys":        func(b *identity.Bundle) { b.OPKRoot, b.OPKCount = [32]byte{1}, 65 },
	} {
		b := sound
		change(&b)
		if _, err := identity.NewBundle(laptop, b); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
