package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// TestLifeOfAnAccount is alice as bob sees her: she begins with two devices,
// gets a third, loses one, and in the end comes back from her phrase alone.
func TestLifeOfAnAccount(t *testing.T) {
	alice, laptop, phone := household()
	bob, err := alice.seen(identity.Pin{}, start)
	if err != nil || bob != alice.head().Pin() {
		t.Fatalf("first sight: %v, %v", bob, err)
	}

	tablet, day := newDevice("tablet"), start.Add(24*time.Hour)
	added := alice.admit(laptop, tablet, identity.Member, day)
	alice.say(laptop, day, identity.Change{Devices: alice.certs})
	if bob, err = alice.seen(bob, day); err != nil || bob.Seq != 2 {
		t.Fatalf("after the tablet: %v, %v", bob, err)
	}
	if !alice.head().Lists(added) || len(alice.head().Members(alice.certs, day)) != 3 {
		t.Fatal("the tablet is not one of her devices")
	}

	lost := day.Add(24 * time.Hour)
	alice.say(laptop, lost, identity.Change{
		Devices: []*identity.DeviceCert{alice.certs[0], alice.certs[2]},
		Revoke:  []identity.Revocation{{Device: phone.ID(), Reason: identity.Lost, Time: lost}},
	})
	if bob, err = alice.seen(bob, lost); err != nil || !alice.head().Revokes(phone.ID()) {
		t.Fatalf("after the loss: %v, %v", bob, err)
	}

	// Everything burns down; the 24 words are in a drawer.
	again := must(identity.ParsePhrase(joined(alice.phrase.Words()))).Account()
	if again.ID() != alice.key.ID() || again.Genesis() != alice.key.Genesis() {
		t.Fatal("the phrase gave another account")
	}
	fire, newLaptop := lost.Add(24*time.Hour), newDevice("new laptop")
	fresh := alice.admit(again, newLaptop, identity.Admin, fire)
	alice.say(again, fire, identity.Change{
		Devices: []*identity.DeviceCert{fresh},
		Revoke: []identity.Revocation{
			{Device: laptop.ID(), Reason: identity.Lost, Time: fire},
			{Device: tablet.ID(), Reason: identity.Lost, Time: fire},
		},
	})
	if bob, err = alice.seen(bob, fire); err != nil || bob.Seq != 4 {
		t.Fatalf("after the fire: %v, %v", bob, err)
	}
	if got := alice.head().Members(alice.certs, fire); len(got) != 1 || got[0].Device != newLaptop.ID() {
		t.Fatalf("her devices now: %d", len(got))
	}
}

// TestLinkInTwoHalves: the new device's key never leaves it.
func TestLinkInTwoHalves(t *testing.T) {
	alice, laptop, _ := household()
	tablet := newDevice("tablet")
	request := must(identity.RequestDeviceCert(tablet, alice.key.ID(), laptop.ID(), identity.Member, start))
	c, err := identity.SignDeviceCert(laptop, request)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyIssuer(pub(laptop)); err != nil {
		t.Fatal(err)
	}
	_, err = identity.SignDeviceCert(alice.key, request)
	wantErr(t, err, identity.ErrMismatch)
	request[len(request)-1] ^= 1
	_, err = identity.SignDeviceCert(laptop, request)
	wantErr(t, err, identity.ErrForged)
}

// TestThiefWithALaptop: a revoked admin device goes on signing. Bob, who saw the
// revocation, gets proof of two histories; carol, who saw nothing yet, is told
// as soon as she holds both.
func TestThiefWithALaptop(t *testing.T) {
	alice, laptop, phone := household()
	bob := must(alice.seen(identity.Pin{}, start))
	theft := start.Add(time.Hour)
	thief := must(alice.head().Next(laptop, theft, identity.Change{
		Devices: alice.certs[:1],
		Revoke:  []identity.Revocation{{Device: phone.ID(), Reason: identity.Retired, Time: theft}},
	}))
	alice.say(alice.key, theft, identity.Change{
		Devices: alice.certs[1:],
		Revoke:  []identity.Revocation{{Device: laptop.ID(), Reason: identity.Compromised, Time: theft}},
	})
	bob = must(alice.seen(bob, theft))

	var fork *identity.ForkError
	_, err := bob.Advance(alice.key.Genesis(), append(alice.chain, thief), alice.certs, theft)
	if !errors.As(err, &fork) || !errors.Is(err, identity.ErrFork) {
		t.Fatalf("two histories gave %v", err)
	}
	if fork.A.Seq != 2 || fork.B.Seq != 2 || fork.A.Hash() == fork.B.Hash() {
		t.Fatalf("the proof is of manifests %d and %d", fork.A.Seq, fork.B.Seq)
	}
	_, err = (identity.Pin{}).Advance(alice.key.Genesis(), append(alice.chain, thief), alice.certs, theft)
	wantErr(t, err, identity.ErrFork)

	// After the revocation the laptop's signature is worth nothing.
	late := must(alice.head().Next(laptop, theft, identity.Change{}))
	_, err = bob.Advance(alice.key.Genesis(), append(alice.chain, late), alice.certs, theft)
	wantErr(t, err, identity.ErrForged)
}

// TestImpostorSameName: a name proves nothing, its tag does.
func TestImpostorSameName(t *testing.T) {
	alice, mallory := newPerson("alice").key.ID(), newPerson("mallory").key.ID()
	h := must(identity.NewHandle("alice", alice))
	if !h.Matches(alice) || h.Matches(mallory) {
		t.Error("the tag does not tell alice from mallory")
	}
	if (identity.Handle{Name: "alice"}).Matches(alice) {
		t.Error("a bare name certified somebody")
	}
	if got := must(identity.ParseHandle(h.String())); got != h {
		t.Errorf("%v came back as %v", h, got)
	}
}
