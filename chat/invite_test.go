package chat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/chat"
)

func TestInviteNeedsNoDirectory(t *testing.T) {
	w := newWorld(t)
	w.silence(true)
	alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
	i, err := bob.chat.CreateInvite(ctx, chat.InviteRequest{})
	w.must(err)
	if !strings.HasPrefix(i.URI, "p2pmsg:") || i.Uses != 1 || i.Used != 0 || len(i.URI) > 600 {
		t.Fatalf("invite %+v (%d characters)", i, len(i.URI))
	}
	c, err := alice.chat.OpenInvite(ctx, i.URI)
	w.must(err)
	if c.Account != bob.account() {
		t.Fatalf("contact %+v", c)
	}
	alice.untilState(bob, chat.Accepted)
	bob.untilState(alice, chat.Accepted)
	bob.send(alice, "welcome")
	alice.untilText(bob, "welcome")
	list, err := bob.chat.Invites()
	w.must(err)
	if len(list) != 1 || list[0].Used != 1 || list[0].ID != i.ID {
		t.Fatalf("invites %+v", list)
	}

	// It was for one.
	_, err = carol.chat.AddContact(ctx, chat.AddRequest{Peer: i.URI, Name: "b"})
	w.must(err)
	carol.until("is told", func() bool { return strings.Contains(carol.contact(bob).Problem, "declined") })
	if _, err := bob.chat.Contact(carol.ref()); !errors.Is(err, chat.ErrNotFound) {
		t.Fatalf("bob has carol: %v", err)
	}
}

func TestInviteWhileAway(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	i, err := bob.chat.CreateInvite(ctx, chat.InviteRequest{Uses: 2, ExpiresIn: time.Hour})
	w.must(err)
	bob.stop()
	_, err = alice.chat.OpenInvite(ctx, "  "+i.URI+"\n")
	w.must(err)
	alice.until("is told", func() bool { return alice.contact(bob).Problem != "looking for their device" })
	bob.start()
	alice.untilState(bob, chat.Accepted)
	bob.untilState(alice, chat.Accepted)
}

func TestInviteRevokedExpiredMangled(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	i, err := bob.chat.CreateInvite(ctx, chat.InviteRequest{ExpiresIn: time.Hour})
	w.must(err)
	if _, err := bob.chat.OpenInvite(ctx, i.URI); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("my own: %v", err)
	}
	for _, uri := range []string{"", "p2pmsg:", i.URI[:len(i.URI)-4], i.URI + "AA", strings.Replace(i.URI, "p2pmsg:", "p2pmsg:A", 1)} {
		if _, err := alice.chat.OpenInvite(ctx, uri); !errors.Is(err, chat.ErrInvite) {
			t.Errorf("%.20q: %v", uri, err)
		}
	}
	alice.clock.advance(2 * time.Hour)
	if _, err := alice.chat.OpenInvite(ctx, i.URI); !errors.Is(err, chat.ErrInvite) {
		t.Errorf("expired: %v", err)
	}
	alice.clock.advance(-2 * time.Hour)
	r, err := bob.chat.RevokeInvite(ctx, i.ID)
	w.must(err)
	if !r.Revoked {
		t.Fatal("not revoked")
	}
	_, err = alice.chat.OpenInvite(ctx, i.URI)
	w.must(err)
	// What is left is the way of any stranger: a request, with work.
	bob.untilState(alice, chat.Incoming)
	if _, err := bob.chat.RevokeInvite(ctx, chat.InviteID{1}); !errors.Is(err, chat.ErrNotFound) {
		t.Errorf("revoke nothing: %v", err)
	}
	for _, bad := range []chat.InviteRequest{{ExpiresIn: 365 * 24 * time.Hour}, {Uses: 5000}, {Uses: -1}} {
		if _, err := bob.chat.CreateInvite(ctx, bad); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
