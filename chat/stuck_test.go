package chat_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// TestFailedHandshakesTakeNoPlace: the work of a handshake covers not all of
// its envelope, so one that is damaged can be repeated. It must not use up the
// requests of the day.
func TestFailedHandshakesTakeNoPlace(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob", func(c *chat.Config) { c.Limits.RequestsPerDay = 1 })
	bob.claimHandle("bob")
	bob.endMesh()
	alice := w.person("alice")
	alice.add(bob, "hello")
	alice.until("has sealed a request", func() bool { return len(alice.envelopes(bob)) == 1 })
	env := alice.envelopes(bob)[0]
	broken := slices.Clone(env)
	broken[len(broken)-1] ^= 1
	for range 3 {
		if v := bob.chat.Receive(ctx, alice.node.ID(), [][]byte{broken}); v[0].Refuse != mesh.CodeUnknown {
			t.Fatalf("verdict %+v", v)
		}
	}
	if v := bob.chat.Receive(ctx, alice.node.ID(), [][]byte{env}); v[0].Refuse != 0 {
		t.Fatalf("the request is refused: %+v", v)
	}
}

// TestStrangerIsNeitherDialledNorHeard: before the user has answered a request
// its sender does not learn when we are there, and changes nothing more.
func TestStrangerIsNeitherDialledNorHeard(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	alice.add(bob, "hello")
	bob.untilState(alice, chat.Incoming)
	alice.until("knows that the request arrived", func() bool { return len(alice.envelopes(bob)) == 0 })
	if s := bob.mesh.State(alice.chat.Me().Device); s.Obstacle != mesh.ObstacleUnknown {
		t.Errorf("the link to a stranger is %+v", s)
	}
	card := alice.chat.OwnCard()
	card.Name = "your bank"
	w.must(alice.chat.Whisper(bob.account(), chat.TypeRequest, chat.Request{Card: card}, nil))
	if v := bob.chat.Receive(ctx, alice.node.ID(), alice.envelopes(bob)); v[0].Refuse != mesh.CodeBusy {
		t.Errorf("verdict %+v", v)
	}
	_, err := bob.chat.Accept(ctx, alice.ref())
	w.must(err)
	alice.untilState(bob, chat.Accepted)
}

func TestRequestsAreForgotten(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	alice.add(bob, "hello")
	bob.untilState(alice, chat.Incoming)
	bob.clock.advance(31 * 24 * time.Hour)
	w.must(bob.chat.Upkeep())
	if _, err := bob.chat.Contact(alice.ref()); !errors.Is(err, chat.ErrNotFound) {
		t.Fatalf("the request is still there: %v", err)
	}
}

// TestPeerOfSomebodyElse: a contact says that it runs as the peer of another.
func TestPeerOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	alice, carol, mallory := w.person("alice"), w.person("carol"), w.person("mallory")
	friends(alice, carol)
	friends(alice, mallory)
	card := mallory.chat.OwnCard()
	card.Name, card.Peer = "m", carol.chat.OwnCard().Peer
	w.must(mallory.chat.Whisper(alice.account(), chat.TypeProfile, chat.Profile{Card: card}, nil))
	alice.until("has the card", func() bool { return alice.contact(mallory).Name == "m" })
	if got := alice.chat.PeerOf(mallory.chat.Me().Device); got != mallory.node.ID() {
		t.Errorf("mallory is looked for at %v", got)
	}
}

// TestMoreWaitsThanOneTransactionTakes: what was written before the contact
// accepted is more than can be sealed at once.
func TestMoreWaitsThanOneTransactionTakes(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	alice.add(bob, "")
	bob.untilState(alice, chat.Incoming)
	const n = 150
	for i := range n {
		alice.send(bob, fmt.Sprintf("%03d %s", i, strings.Repeat("x", 60_000)))
	}
	_, err := bob.chat.Accept(ctx, alice.ref())
	w.must(err)
	bob.until("has read everything", func() bool { return len(bob.texts(alice)) == n })
	if got := bob.texts(alice); !slices.IsSorted(got) {
		t.Error("out of order")
	}
}

// unconfirmed makes friends of whom one begins a session that the other has
// not answered yet: long messages do not fit beside the handshake.
func unconfirmed(w *world) (alice, bob *person) {
	alice, bob = w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.send(bob, "before")
	bob.untilText(alice, "before")
	bob.stop()
	_, err := alice.chat.ResetSessions(ctx, bob.ref())
	w.must(err)
	return alice, bob
}

func TestLongMessageWaitsForAnyAnswer(t *testing.T) {
	w := newWorld(t)
	alice, bob := unconfirmed(w)
	long := strings.Repeat("l", chat.MaxText)
	alice.send(bob, long)
	alice.send(bob, "short")
	bob.start()
	bob.untilText(alice, long)
	bob.untilText(alice, "short")
}

func TestNothingWaitsBehindWhatWasCleared(t *testing.T) {
	w := newWorld(t)
	alice, bob := unconfirmed(w)
	alice.send(bob, strings.Repeat("l", chat.MaxText))
	w.must(alice.chat.Clear(ctx, alice.contact(bob).Conversation))
	if m := alice.send(bob, "short"); len(m.Deliveries) != 1 {
		t.Fatalf("not sealed: %+v", m)
	}
}

func TestRemoveFailsWhatWaits(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	bob.stop()
	m := alice.send(bob, "too late")
	w.must(alice.chat.Remove(ctx, bob.ref()))
	if got := alice.untilMessage(m.ID, chat.Failed); got.Deliveries[0].Reason == "" {
		t.Errorf("no reason: %+v", got.Deliveries)
	}
}

func TestSkippedKeysAreForgotten(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.send(bob, "one")
	bob.untilText(alice, "one")
	alice.until("has delivered all", func() bool { return len(alice.envelopes(bob)) == 0 })
	bob.endMesh()
	alice.send(bob, "two")
	alice.send(bob, "three")
	envs := alice.envelopes(bob)
	if v := bob.chat.Receive(ctx, alice.node.ID(), envs[1:]); v[0].Refuse != 0 {
		t.Fatalf("verdict %+v", v)
	}
	w.must(bob.chat.Upkeep())
	bob.clock.advance(13 * 24 * time.Hour)
	w.must(bob.chat.Upkeep())
	if n := bob.chat.SkippedKeys(); n != 1 {
		t.Fatalf("%d keys after 13 days", n)
	}
	bob.clock.advance(2 * 24 * time.Hour)
	w.must(bob.chat.Upkeep())
	if n := bob.chat.SkippedKeys(); n != 0 {
		t.Fatalf("%d keys after 15 days", n)
	}
	if v := bob.chat.Receive(ctx, alice.node.ID(), envs[:1]); v[0].Refuse == 0 {
		t.Fatal("opened with a key that is gone")
	}
}
