package identity_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// renewed is alice after n renewals by her laptop, one a day.
func renewed(n int) (alice *person, laptop *identity.DeviceKey, now time.Time) {
	alice, laptop, _ = household()
	now = start
	for range n {
		now = now.Add(24 * time.Hour)
		alice.say(laptop, now, identity.Change{})
	}
	return alice, laptop, now
}

func TestPinKeepsAndAdvances(t *testing.T) {
	alice, _, now := renewed(4)
	pin := must(alice.seen(identity.Pin{}, now))
	if again := must(alice.seen(pin, now)); again != pin || pin.Seq != 5 {
		t.Fatalf("the same chain moved the pin from %v to %v", pin, again)
	}
	// Only the pinned manifest and what follows is enough.
	from := alice.chain[2].Pin()
	got, err := from.Advance(alice.key.Genesis(), alice.chain[2:], alice.certs, now)
	if err != nil || got != pin {
		t.Fatalf("from the pinned one on: %v, %v", got, err)
	}
}

func TestRollbackIsIgnored(t *testing.T) {
	alice, _, now := renewed(4)
	pin := must(alice.seen(identity.Pin{}, now))
	got, err := pin.Advance(alice.key.Genesis(), alice.chain[:4], alice.certs, now)
	wantErr(t, err, identity.ErrRollback)
	if got != pin {
		t.Fatal("a rollback moved the pin")
	}
}

func TestGapsAreFetched(t *testing.T) {
	alice, _, now := renewed(4)
	g, c := alice.key.Genesis(), alice.chain
	first := c[0].Pin()
	for name, chain := range map[string][]*identity.Manifest{
		"nothing":                nil,
		"newest only":            c[4:],
		"one missing":            {c[0], c[1], c[3], c[4]},
		"pinned one not at hand": c[1:],
	} {
		got, err := first.Advance(g, chain, alice.certs, now)
		if !errors.Is(err, identity.ErrGap) || got != first {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	_, err := (identity.Pin{}).Advance(g, c[1:], alice.certs, now)
	wantErr(t, err, identity.ErrGap) // nothing there that the account key signed
	_, err = first.Advance(g, c, alice.certs[1:], now)
	wantErr(t, err, identity.ErrGap) // the signer's certificate is missing
}

func TestAnchorsShortenTheChain(t *testing.T) {
	alice, laptop, now := renewed(4)
	old := must(alice.seen(identity.Pin{}, now))
	alice.say(laptop, now, identity.Change{})
	anchor := alice.say(alice.key, now, identity.Change{})
	alice.say(laptop, now, identity.Change{})
	tail, g := alice.chain[6:], alice.key.Genesis()
	if tail[0] != anchor {
		t.Fatal("the story is wrong")
	}
	// A newcomer needs nothing before the account key's own word.
	got, err := (identity.Pin{}).Advance(g, tail, alice.certs, now)
	if err != nil || got != alice.head().Pin() {
		t.Fatalf("newcomer: %v, %v", got, err)
	}
	// Somebody who was away is told of the gap, and may pass over it knowingly.
	_, err = old.Advance(g, tail, alice.certs, now)
	wantErr(t, err, identity.ErrGap)
	if got, err = old.Rejoin(g, tail, alice.certs, now); err != nil || got != alice.head().Pin() {
		t.Fatalf("rejoin: %v, %v", got, err)
	}
	// The anchor also vouches for what it follows.
	for _, p := range []identity.Pin{{}, old} {
		if got, err = p.Rejoin(g, alice.chain[5:], alice.certs, now); err != nil || got != alice.head().Pin() {
			t.Fatalf("from before the anchor, pinned %d: %v, %v", p.Seq, got, err)
		}
	}
	_, err = old.Rejoin(g, tail[1:], alice.certs, now)
	wantErr(t, err, identity.ErrGap) // a device's word is no anchor
}

func TestForkProofs(t *testing.T) {
	alice, laptop, now := renewed(2)
	g := alice.key.Genesis()
	pin := must(alice.seen(identity.Pin{}, now))
	twin := must(alice.chain[1].Next(laptop, now.Add(time.Second), identity.Change{}))
	ark := must(alice.chain[1].Next(alice.key, now.Add(time.Second), identity.Change{}))
	after := must(ark.Next(alice.key, now.Add(time.Second), identity.Change{}))
	all := func(more ...*identity.Manifest) []*identity.Manifest { return slices.Concat(alice.chain, more) }
	for _, c := range []struct {
		name  string
		pin   identity.Pin
		chain []*identity.Manifest
		a     *identity.Manifest
	}{
		{"a device's twin", pin, all(twin), alice.head()},
		{"the account key's twin", pin, all(ark), alice.head()},
		{"twin without the pinned one", pin, []*identity.Manifest{ark}, nil},
		{"a successor of a twin", pin, []*identity.Manifest{alice.head(), after}, alice.head()},
		{"both to a newcomer", identity.Pin{}, all(twin), nil},
		{"both to one who pinned before", alice.chain[0].Pin(), all(twin), nil},
		{"twins that are history", pin, append(all(twin), must(alice.head().Next(laptop, now, identity.Change{}))), alice.head()},
	} {
		got, err := c.pin.Advance(g, c.chain, alice.certs, now)
		var fork *identity.ForkError
		if !errors.As(err, &fork) || got != c.pin || fork.B == nil {
			t.Errorf("%s: %v, %v", c.name, got, err)
		} else if c.a != nil && fork.A.Hash() != c.a.Hash() {
			t.Errorf("%s: the proof holds the wrong manifest", c.name)
		}
	}
}

// TestNoForkAlarmByForgers: only the account itself can raise the alarm.
func TestNoForkAlarmByForgers(t *testing.T) {
	alice, _, now := renewed(2)
	pin := must(alice.seen(identity.Pin{}, now))
	for _, by := range []*identity.DeviceKey{newDevice("phone"), newDevice("mallory")} {
		twin := must(alice.chain[1].Next(by, now.Add(time.Second), identity.Change{}))
		got, err := pin.Advance(alice.key.Genesis(), append(alice.chain, twin), alice.certs, now)
		if errors.Is(err, identity.ErrFork) || err == nil || got != pin {
			t.Errorf("a forged twin gave %v, %v", got, err)
		}
	}
}

func TestExpiredMayBeHeardOnly(t *testing.T) {
	alice, _, now := renewed(2)
	late := now.Add(identity.ManifestLifetime + identity.ClockSkew)
	if _, err := alice.seen(identity.Pin{}, late); err != nil {
		t.Fatalf("within the skew: %v", err)
	}
	for _, at := range []time.Time{late.Add(time.Second), now.Add(-identity.ClockSkew - time.Second)} {
		got, err := alice.seen(identity.Pin{}, at)
		if !errors.Is(err, identity.ErrExpired) || got != alice.head().Pin() {
			t.Errorf("at %v: %v, %v", at, got, err)
		}
	}
}

func TestWhoMaySign(t *testing.T) {
	alice, laptop, phone := household()
	mallory, g := newPerson("mallory"), alice.key.Genesis()
	next := func(by identity.Signer, at time.Time) []*identity.Manifest {
		return []*identity.Manifest{alice.head(), must(alice.head().Next(by, at, identity.Change{}))}
	}
	year := start.Add(identity.CertLifetime + time.Hour)
	for _, c := range []struct {
		name  string
		chain []*identity.Manifest
		now   time.Time
		want  error
	}{
		{"an admin", next(laptop, start), start, nil},
		{"the account key", next(alice.key, start), start, nil},
		{"a member", next(phone, start), start, identity.ErrForged},
		{"a stranger's device", next(newDevice("mallory"), start), start, identity.ErrForged},
		{"a stranger's account key", next(mallory.key, start), start, identity.ErrForged},
		{"an admin whose certificate has run out", next(laptop, year), year, identity.ErrForged},
		{"a whole other account", []*identity.Manifest{must(identity.NewManifest(mallory.key, start))}, start, identity.ErrForged},
	} {
		if _, err := (identity.Pin{}).Advance(g, c.chain, alice.certs, c.now); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestCertificatesMustHaveTheirIssuer: a listed certificate that claims an
// issuer who never signed it makes the chain a forgery.
func TestCertificatesMustHaveTheirIssuer(t *testing.T) {
	alice, laptop, phone := household()
	g := alice.key.Genesis()
	for name, bad := range map[string]*identity.DeviceCert{
		"account key": resigned(alice.certs[1], newDevice("mallory")),
		"a device":    resigned(must(identity.IssueDeviceCert(laptop, alice.key.ID(), phone, identity.Member, start)), newDevice("mallory")),
		"a member":    must(identity.IssueDeviceCert(phone, alice.key.ID(), newDevice("tablet"), identity.Admin, start)),
	} {
		certs := append(slices.Clone(alice.certs), bad)
		m := must(alice.head().Next(laptop, start, identity.Change{Devices: certs}))
		_, err := (identity.Pin{}).Advance(g, append(slices.Clone(alice.chain), m), certs, start)
		if !errors.Is(err, identity.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// resigned swaps a certificate's issuer signature for somebody else's.
func resigned(c *identity.DeviceCert, by identity.Signer) *identity.DeviceCert {
	b := c.Bytes()
	b = b[:len(b)-identity.SignatureSize]
	return must(identity.ParseDeviceCert(append(b, by.Sign("cert-issuer", b)...)))
}

func TestRevocationWinsOverListing(t *testing.T) {
	alice, laptop, phone := household()
	m := alice.say(laptop, start, identity.Change{Revoke: []identity.Revocation{{Device: phone.ID(), Reason: identity.Lost, Time: start}}})
	if m.Lists(alice.certs[1]) || len(m.Members(alice.certs, start)) != 1 {
		t.Error("a revoked device is still a member")
	}
	// Revoked stays revoked in what follows.
	if m = alice.say(laptop, start, identity.Change{Devices: alice.certs}); m.Lists(alice.certs[1]) {
		t.Error("a revoked device came back")
	}
}

// TestVerifyOneLink asks about a single link, without a pin.
func TestVerifyOneLink(t *testing.T) {
	alice, laptop, phone := household()
	g, one := alice.key.Genesis(), alice.head()
	two := must(one.Next(laptop, start, identity.Change{}))
	twin := must(one.Next(laptop, start.Add(time.Second), identity.Change{}))
	three := must(two.Next(alice.key, start, identity.Change{}))
	gone := must(two.Next(laptop, start, identity.Change{
		Devices: []*identity.DeviceCert{alice.certs[1]},
		Revoke:  []identity.Revocation{{Device: laptop.ID(), Reason: identity.Lost, Time: start}},
	}))
	for _, c := range []struct {
		name  string
		m     *identity.Manifest
		g     identity.Genesis
		prev  *identity.Manifest
		certs []*identity.DeviceCert
		want  error
	}{
		{"the first", one, g, nil, nil, nil},
		{"the second", two, g, one, alice.certs, nil},
		{"the account key's, alone", three, g, nil, nil, nil},
		{"the account key's, linked", three, g, two, nil, nil},
		{"linked to a twin", three, g, twin, nil, identity.ErrGap},
		{"linked to another number", three, g, one, nil, identity.ErrGap},
		{"a device's, alone", two, g, nil, alice.certs, identity.ErrGap},
		{"signer unknown", two, g, one, nil, identity.ErrGap},
		{"signer revoked, certificates or not", must(gone.Next(laptop, start, identity.Change{})), g, gone, nil, identity.ErrForged},
		{"signed by a member", must(two.Next(phone, start, identity.Change{})), g, two, alice.certs, identity.ErrForged},
		{"of another account", two, newPerson("bob").key.Genesis(), one, alice.certs, identity.ErrForged},
	} {
		if err := c.m.Verify(c.g, c.prev, c.certs); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestOtherAccountsDevicesAreNotListed: an admin cannot adopt somebody else's
// device by listing its certificate.
func TestOtherAccountsDevicesAreNotListed(t *testing.T) {
	alice, laptop, _ := household()
	bob := newPerson("bob")
	his := bob.admit(bob.key, newDevice("bob's"), identity.Admin, start)
	m := must(alice.head().Next(laptop, start, identity.Change{Devices: append(slices.Clone(alice.certs), his)}))
	if m.Lists(his) || len(m.Members([]*identity.DeviceCert{his}, start)) != 0 {
		t.Error("bob's device is alice's now")
	}
}
