package testnet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/p2pmsgd/p2pmsgd/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMeetAndTalk is the main story: two people who know nobody but one third
// find each other by handle and talk; each still has the history after a
// restart.
func TestMeetAndTalk(t *testing.T) {
	w := New(t, Config{Usual: Link{Delay: 10 * time.Millisecond}})
	w.Person("carol")
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.Claim("alice")
	handle := bob.Claim("bob")

	r, err := alice.API.HandleResolve(Ctx(t), api.HandleResolveParams{Handle: "bob"})
	if err != nil || len(r.Claims) != 1 || r.Claims[0].Handle != handle {
		t.Fatalf("alice resolves bob to %+v, %v", r.Claims, err)
	}
	meet(t, alice, bob, handle)
	alice.Says(bob, "shall we?")
	bob.Await("the message", func() bool { return slices.Contains(bob.Texts(alice), "shall we?") })
	bob.Says(alice, "we shall")
	alice.Await("the answer", func() bool { return slices.Contains(alice.Texts(bob), "we shall") })

	before := alice.Texts(bob)
	for _, p := range []*Person{alice, bob} {
		p.Stop()
		p.Start()
	}
	if after := alice.Texts(bob); !slices.Equal(before, after) {
		t.Errorf("alice's history was %q and is %q", before, after)
	}
	if !slices.Equal(alice.Texts(bob), bob.Texts(alice)) {
		t.Errorf("histories differ: %q and %q", alice.Texts(bob), bob.Texts(alice))
	}
}

// meet has a add b by a handle, and b accept.
func meet(t *testing.T, a, b *Person, handle string) {
	t.Helper()
	if _, err := a.API.ContactAdd(Ctx(t), api.ContactAddParams{Peer: handle}); err != nil {
		t.Fatal(err)
	}
	who := string(a.Account())
	b.Await("the request of "+a.Name, func() bool {
		c, err := b.API.ContactGet(Ctx(t), api.PeerParams{Peer: who})
		return err == nil && c.State == api.ContactIncoming
	})
	if _, err := b.API.ContactAccept(Ctx(t), api.PeerChangeParams{Peer: who}); err != nil {
		t.Fatal(err)
	}
	a.Await(b.Name+" to accept", func() bool { return a.Knows(b) })
}

// part has both forget each other.
func part(t *testing.T, a, b *Person) {
	t.Helper()
	for _, who := range [][2]*Person{{a, b}, {b, a}} {
		if err := who[0].API.ContactRemove(Ctx(t), api.PeerChangeParams{Peer: string(who[1].Account())}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAddingCompletes: adding somebody by full handle, by bare handle and by
// invite completes every time of fifty.
func TestAddingCompletes(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	w := New(t, Config{Usual: Link{Delay: 2 * time.Millisecond}})
	w.Person("carol")
	ways := []struct {
		name string
		add  func(a, b *Person, handle string)
	}{
		{"full handle", func(a, b *Person, handle string) { meet(t, a, b, handle) }},
		{"bare handle", func(a, b *Person, handle string) { name, _, _ := strings.Cut(handle, "~"); meet(t, a, b, name) }},
		{"invite", func(a, b *Person, _ string) { a.Befriend(b) }},
	}
	for i, way := range ways {
		a, b := w.Person(fmt.Sprint("a", i)), w.Person(fmt.Sprint("b", i))
		a.Claim(fmt.Sprint("asker", i))
		handle := b.Claim(fmt.Sprint("asked", i))
		for round := range rounds {
			way.add(a, b, handle)
			text := fmt.Sprintf("hello in round %d", round)
			a.Says(b, text)
			b.Await("the message", func() bool { return slices.Contains(b.Texts(a), text) })
			part(t, a, b)
		}
		t.Logf("%s: %d of %d", way.name, rounds, rounds)
	}
}

// TestTwoOfOneName: a bare handle that two people claim is never resolved to
// one of them.
func TestTwoOfOneName(t *testing.T) {
	w := New(t, Config{})
	alice, bob, bobby := w.Person("alice"), w.Person("bob"), w.Person("bobby")
	handles := []string{bob.Claim("bob"), bobby.Claim("bob")}
	_, err := alice.API.ContactAdd(Ctx(t), api.ContactAddParams{Peer: "bob"})
	if api.KindOf(err) != api.KindAmbiguous {
		t.Fatalf("adding a name that two claim: %v", err)
	}
	for _, h := range handles {
		if !claims(err, h) {
			t.Errorf("the error does not list %s: %v", h, err)
		}
	}
	meet(t, alice, bobby, handles[1])
	r, err := alice.API.HandleResolve(Ctx(t), api.HandleResolveParams{Handle: "bob"})
	if err != nil || len(r.Claims) != 2 || !r.Claims[0].Pinned || r.Claims[0].Handle != handles[1] || r.Claims[1].Pinned {
		t.Errorf("the contact does not come first and alone as pinned: %+v, %v", r.Claims, err)
	}
}

func claims(err error, handle string) bool {
	e, ok := err.(*api.Error)
	return ok && slices.ContainsFunc(e.Claimants, func(c api.Claim) bool { return c.Handle == handle })
}

// TestPartition: what is written while nothing passes arrives once it does,
// once and in order, also over a link that loses and repeats packets.
func TestPartition(t *testing.T) {
	w := New(t, Config{Seed: 7, Usual: Link{Delay: 5 * time.Millisecond}})
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.Befriend(bob)
	w.Cut([]*Person{alice}, []*Person{bob})
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint("from the dark ", i))
		alice.Says(bob, want[i])
	}
	w.Link(alice, bob, Link{Delay: 5 * time.Millisecond, Loss: 0.05, Duplicate: 0.3})
	bob.Await("everything", func() bool { return len(bob.Texts(alice)) >= len(want) })
	if got := bob.Texts(alice); !slices.Equal(got, want) {
		t.Errorf("bob reads %q", got)
	}
	alice.Await("receipts", func() bool {
		return !slices.ContainsFunc(alice.History(bob), func(m api.Message) bool { return m.State == api.StateQueued })
	})
}

// TestAway: a message to somebody who is away is delivered when they are back.
func TestAway(t *testing.T) {
	w := New(t, Config{})
	w.Person("carol")
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.Befriend(bob)
	bob.Stop()
	m := alice.Says(bob, "while you were out")
	if m.State != api.StateQueued {
		t.Errorf("a message to somebody who is away is %s", m.State)
	}
	bob.Start()
	bob.Await("the message", func() bool { return slices.Contains(bob.Texts(alice), "while you were out") })
}
