package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/chat"
)

var ctx = context.Background()

func TestAddAcceptTalkRestart(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	alice.claimHandle("alice")

	c := alice.add(bob, "it is me, alice")
	if c.State != chat.Requested || c.Handle != bob.handle {
		t.Fatalf("contact is %+v", c)
	}
	bob.untilState(alice, chat.Incoming)
	if got := bob.contact(alice); got.Greeting != "it is me, alice" || got.Name != "alice" {
		t.Fatalf("request shows %+v", got)
	}
	if n := len(bob.events(chat.EventContactRequest)); n != 1 {
		t.Fatalf("%d request events", n)
	}
	alice.until("knows that the request arrived", func() bool { return alice.contact(bob).Problem == "" })
	queued := alice.send(bob, "before you said yes")
	if queued.State != chat.Queued {
		t.Fatalf("state %v", queued.State)
	}
	if _, err := bob.chat.Send(ctx, chat.SendRequest{To: alice.ref(), Text: "too early"}); !errors.Is(err, chat.ErrConflict) {
		t.Fatalf("sent to somebody not accepted: %v", err)
	}
	_, err := bob.chat.Accept(ctx, alice.ref())
	w.must(err)
	alice.untilState(bob, chat.Accepted)
	bob.untilText(alice, "before you said yes")
	alice.untilMessage(queued.ID, chat.Delivered)
	bob.until("has proved the handle of alice", func() bool { return bob.contact(alice).Handle == alice.handle })

	m := bob.send(alice, "hello alice")
	alice.untilText(bob, "hello alice")
	bob.untilMessage(m.ID, chat.Delivered)

	alice.restart()
	bob.restart()
	m = alice.send(bob, "still there?")
	bob.untilText(alice, "still there?")
	got := alice.untilMessage(m.ID, chat.Delivered)
	if len(got.Deliveries) != 1 || got.Deliveries[0].Path != "direct" || got.Deliveries[0].State != chat.Delivered {
		t.Fatalf("deliveries %+v", got.Deliveries)
	}
	bob.send(alice, "yes")
	alice.untilText(bob, "yes")
}

func TestReachedByHandleOfContact(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	_, err := alice.chat.Rename(ctx, bob.ref(), "bobby")
	w.must(err)
	for _, to := range []string{"bobby", "bob", bob.handle.String(), bob.ref(), alice.contact(bob).Conversation.String()} {
		_, err := alice.chat.Send(ctx, chat.SendRequest{To: to, Text: "to " + to})
		w.must(err)
		bob.untilText(alice, "to "+to)
	}
	for _, to := range []string{"nobody", "bob~aaaaaaaaaa", strings.Repeat("0", 32), ""} {
		if _, err := alice.chat.Send(ctx, chat.SendRequest{To: to, Text: "x"}); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func TestBothAddAtOnce(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.claimHandle("alice")
	bob.claimHandle("bob")
	done := make(chan struct{})
	go func() {
		defer close(done)
		bob.add(alice, "from bob")
	}()
	alice.add(bob, "from alice")
	<-done
	alice.untilState(bob, chat.Accepted)
	bob.untilState(alice, chat.Accepted)
	for i := range 5 {
		alice.send(bob, fmt.Sprint("a", i))
		bob.send(alice, fmt.Sprint("b", i))
	}
	for i := range 5 {
		bob.untilText(alice, fmt.Sprint("a", i))
		alice.untilText(bob, fmt.Sprint("b", i))
	}
	alice.restart()
	bob.restart()
	alice.send(bob, "after")
	bob.untilText(alice, "after")
	for _, p := range []*person{alice, bob} {
		if alarms := p.events(chat.EventIdentityAlarm); len(alarms) != 0 {
			t.Errorf("%s has alarms %v", p.name, alarms)
		}
	}
}

func TestAddSomebodyWhoIsOffline(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	bob.stop()
	alice.add(bob, "whenever you are back")
	alice.until("has sealed the request with what the directory has", func() bool {
		return alice.contact(bob).Problem == "the request is on its way"
	})
	alice.restart()
	bob.start()
	bob.untilState(alice, chat.Incoming)
	_, err := bob.chat.Accept(ctx, alice.ref())
	w.must(err)
	alice.untilState(bob, chat.Accepted)
}

func TestAddWhenNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	bob.stop()
	c := alice.add(bob, "")
	w.silence(true)
	_ = c
	alice.until("is told why", func() bool {
		p := alice.contact(bob).Problem
		return strings.HasPrefix(p, "neither") || p == "the request is on its way"
	})
	w.silence(false)
	bob.start()
	bob.untilState(alice, chat.Incoming)
}

func TestBareHandle(t *testing.T) {
	w := newWorld(t)
	alice, bob, bob2 := w.person("alice"), w.person("bob"), w.person("bob")
	bob.claimHandle("bob")
	if _, err := alice.chat.AddContact(ctx, chat.AddRequest{Peer: "carol"}); !errors.Is(err, chat.ErrNotFound) {
		t.Fatalf("nobody: %v", err)
	}
	bob2.claimHandle("bob")
	_, err := alice.chat.AddContact(ctx, chat.AddRequest{Peer: "bob"})
	var many *chat.AmbiguousError
	if !errors.As(err, &many) || len(many.Claimants) != 2 {
		t.Fatalf("two: %v", err)
	}
	if !slices.ContainsFunc(many.Claimants, func(k chat.Claimant) bool { return k.Account == bob2.account() }) {
		t.Fatalf("claimants %v", many.Claimants)
	}
	c, err := alice.chat.AddContact(ctx, chat.AddRequest{Peer: bob2.handle.String(), Name: "second"})
	w.must(err)
	if c.Account != bob2.account() || c.Name != "second" {
		t.Fatalf("added %+v", c)
	}
	// From now on the pin decides: the name is not looked up any more.
	again, err := alice.chat.AddContact(ctx, chat.AddRequest{Peer: "bob"})
	w.must(err)
	if again.Account != bob2.account() {
		t.Fatalf("added %+v", again)
	}
	if _, err := alice.chat.AddContact(ctx, chat.AddRequest{Peer: alice.claimHandle("alice").String()}); !errors.Is(err, chat.ErrInvalid) {
		t.Fatalf("myself: %v", err)
	}
}

func TestDeclineIsSilent(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.claimHandle("alice")
	bob.claimHandle("bob")
	alice.add(bob, "please")
	bob.untilState(alice, chat.Incoming)
	w.must(bob.chat.Decline(ctx, alice.ref()))
	if _, err := bob.chat.Contact(alice.ref()); !errors.Is(err, chat.ErrNotFound) {
		t.Fatalf("still there: %v", err)
	}
	w.must(alice.chat.Remove(ctx, bob.ref()))
	alice.add(bob, "please!")
	alice.until("has sealed another request", func() bool { return alice.contact(bob).Problem != "looking for their device" })
	if n := len(bob.events(chat.EventContactRequest)); n != 1 {
		t.Fatalf("%d requests shown", n)
	}
	// Bob changes his mind: his own request meets hers.
	bob.add(alice, "well then")
	alice.untilState(bob, chat.Accepted)
	bob.untilState(alice, chat.Accepted)
}

func TestBlockLooksLikeAbsence(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	before := bob.chat.Profile().Presence
	_, err := bob.chat.Block(ctx, alice.ref())
	w.must(err)
	if bob.chat.Profile().Presence == before {
		t.Error("the presence secret is still the one alice knows")
	}
	if _, err := bob.chat.Send(ctx, chat.SendRequest{To: alice.ref(), Text: "x"}); !errors.Is(err, chat.ErrBlocked) {
		t.Errorf("sent to a blocked one: %v", err)
	}
	m := alice.send(bob, "are you there?")
	_, err = bob.chat.Unblock(ctx, alice.ref())
	w.must(err)
	bob.untilText(alice, "are you there?")
	alice.untilMessage(m.ID, chat.Delivered)
	bob.send(alice, "now I am")
	alice.untilText(bob, "now I am")
}

func TestBlockedIsNotOpened(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	_, err := bob.chat.Block(ctx, alice.ref())
	w.must(err)
	m := alice.send(bob, "into the void")
	bob.restart()
	if got := bob.texts(alice); len(got) != 0 {
		t.Fatalf("bob reads %q", got)
	}
	if s, _ := alice.chat.Message(m.ID); s.State != chat.Queued {
		t.Fatalf("alice sees %v", s.State)
	}
}

func TestRemoveAndMeetAgain(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	bob.send(alice, "remember this")
	alice.untilText(bob, "remember this")
	w.must(alice.chat.Remove(ctx, bob.ref()))
	if _, err := alice.chat.Contact(bob.ref()); !errors.Is(err, chat.ErrNotFound) {
		t.Fatalf("still a contact: %v", err)
	}
	alice.add(bob, "again")
	alice.untilState(bob, chat.Accepted)
	bob.send(alice, "welcome back")
	alice.untilText(bob, "welcome back")
	alice.send(bob, "thanks")
	bob.untilText(alice, "thanks")
	// Alice had lost the session and could not prove it: Bob is shown that.
	if got := bob.contact(alice); !got.Reset {
		t.Error("the security reset is not shown")
	}
	if len(bob.events(chat.EventIdentityAlarm)) != 1 {
		t.Error("the security reset was not announced once")
	}
	got, err := bob.chat.AcknowledgeReset(ctx, alice.ref())
	w.must(err)
	if got.Reset {
		t.Error("still shown")
	}
}

func TestUnprovenResetOfVerifiedContactWaits(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	digits, err := alice.chat.SafetyNumber(bob.ref())
	w.must(err)
	same, err := bob.chat.SafetyNumber(alice.ref())
	w.must(err)
	if digits != same || len(digits) != 60 {
		t.Fatalf("safety numbers %q and %q", digits, same)
	}
	wrong := strings.Repeat("0", 60)
	if _, err := bob.chat.Verify(ctx, alice.ref(), wrong); !errors.Is(err, chat.ErrUnverified) {
		t.Fatalf("wrong digits: %v", err)
	}
	c, err := bob.chat.Verify(ctx, alice.ref(), digits[:30]+" "+digits[30:])
	w.must(err)
	if !c.Verified {
		t.Fatal("not verified")
	}
	w.must(alice.chat.Remove(ctx, bob.ref()))
	alice.add(bob, "a new start")
	bob.until("sees the reset", func() bool { return bob.contact(alice).Reset })
	if _, err := bob.chat.Send(ctx, chat.SendRequest{To: alice.ref(), Text: "x"}); !errors.Is(err, chat.ErrUnverified) {
		t.Fatalf("sent before it was acknowledged: %v", err)
	}
	_, err = bob.chat.AcknowledgeReset(ctx, alice.ref())
	w.must(err)
	alice.untilState(bob, chat.Accepted)
	bob.send(alice, "fine")
	alice.untilText(bob, "fine")
}

func TestProvenResetIsQuiet(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	bob.send(alice, "one")
	alice.untilText(bob, "one")
	alice.send(bob, "two")
	bob.untilText(alice, "two")
	_, err := alice.chat.ResetSessions(ctx, bob.ref())
	w.must(err)
	m := alice.send(bob, "three")
	bob.untilText(alice, "three")
	alice.untilMessage(m.ID, chat.Delivered)
	bob.send(alice, "four")
	alice.untilText(bob, "four")
	if len(bob.events(chat.EventIdentityAlarm)) != 0 || bob.contact(alice).Reset {
		t.Error("a proven reset raised an alarm")
	}
}
