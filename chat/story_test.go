package chat_test

import (
	"context"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/chat"
)

func TestAddAcceptTalkRestart(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")

	c := alice.add(bob, "it is me, alice")
	if c.State != chat.Requested {
		t.Fatalf("state %v", c.State)
	}
	bob.untilState(alice, chat.Incoming)
	if got := bob.contact(alice); got.Greeting != "it is me, alice" || got.Name != "alice" {
		t.Fatalf("request shows %+v", got)
	}
	if n := len(bob.events(chat.EventContactRequest)); n != 1 {
		t.Fatalf("%d request events", n)
	}
	queued := alice.send(bob, "before you said yes")
	if queued.State != chat.Queued {
		t.Fatalf("state %v", queued.State)
	}
	_, err := bob.chat.Accept(context.Background(), alice.ref())
	w.must(err)
	alice.untilState(bob, chat.Accepted)
	bob.untilText(alice, "before you said yes")
	alice.untilMessage(queued.ID, chat.Delivered)

	m := bob.send(alice, "hello alice")
	alice.untilText(bob, "hello alice")
	bob.untilMessage(m.ID, chat.Delivered)

	alice.restart()
	bob.restart()
	m = alice.send(bob, "still there?")
	bob.untilText(alice, "still there?")
	alice.untilMessage(m.ID, chat.Delivered)
	bob.send(alice, "yes")
	alice.untilText(bob, "yes")
}
