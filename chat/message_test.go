package chat_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/chat"
)

func TestMessagesPageBothWays(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("m%02d", i))
		alice.send(bob, want[i])
	}
	bob.untilText(alice, "m11")
	conv := bob.contact(alice).Conversation
	var got []string
	page := chat.Page{Limit: 5}
	for {
		p, err := bob.chat.Messages(conv, page)
		w.must(err)
		var texts []string
		for _, m := range p.Messages {
			texts = append(texts, m.Text)
		}
		got = append(texts, got...)
		if p.Before == "" {
			break
		}
		page.Before = p.Before
	}
	if !slices.Equal(got, want) {
		t.Fatalf("backwards %q", got)
	}
	first, err := bob.chat.Messages(conv, chat.Page{Limit: 12})
	w.must(err)
	p, err := bob.chat.Messages(conv, chat.Page{After: first.After})
	w.must(err)
	if len(p.Messages) != 0 || p.After != first.After {
		t.Fatalf("at the end %+v", p)
	}
	alice.send(bob, "news")
	bob.untilText(alice, "news")
	p, err = bob.chat.Messages(conv, chat.Page{After: first.After})
	w.must(err)
	if len(p.Messages) != 1 || p.Messages[0].Text != "news" || p.Messages[0].From != alice.account() || p.Messages[0].Outgoing {
		t.Fatalf("forwards %+v", p.Messages)
	}
	for _, bad := range []chat.Page{{Before: "x"}, {After: "!"}, {Before: first.After, After: first.After}} {
		if _, err := bob.chat.Messages(conv, bad); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestReadReceiptsAndUnread(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	var last chat.Message
	for i := range 3 {
		last = alice.send(bob, fmt.Sprint(i))
	}
	bob.untilText(alice, "2")
	conv := bob.contact(alice).Conversation
	c, err := bob.chat.Conversation(conv)
	w.must(err)
	if c.Unread != 3 || c.Last == nil || c.Last.Text != "2" || c.Peer != alice.account() || c.Title != "alice" {
		t.Fatalf("conversation %+v", c)
	}
	page, err := bob.chat.Messages(conv, chat.Page{})
	w.must(err)
	c, err = bob.chat.MarkRead(ctx, conv, page.Messages[1].ID)
	w.must(err)
	if c.Unread != 1 {
		t.Fatalf("%d unread after two were read", c.Unread)
	}
	c, err = bob.chat.MarkRead(ctx, conv, page.Messages[2].ID)
	w.must(err)
	if c.Unread != 0 {
		t.Fatalf("%d unread after all were read", c.Unread)
	}
	alice.untilMessage(last.ID, chat.Read)
	again, err := bob.chat.MarkRead(ctx, conv, page.Messages[0].ID)
	w.must(err)
	if again.Unread != 0 {
		t.Fatal("reading again changes something")
	}

	bob.chat.SetReadReceipts(false)
	quiet := alice.send(bob, "do not tell")
	bob.untilText(alice, "do not tell")
	_, err = bob.chat.MarkRead(ctx, conv, quiet.ID)
	w.must(err)
	bob.chat.SetReadReceipts(true)
	loud := alice.send(bob, "do tell")
	bob.untilText(alice, "do tell")
	_, err = bob.chat.MarkRead(ctx, conv, loud.ID)
	w.must(err)
	alice.untilMessage(loud.ID, chat.Read)
	if m, _ := alice.chat.Message(quiet.ID); m.State != chat.Delivered {
		t.Errorf("the quiet one is %v", m.State)
	}
}

func TestMuteAndClear(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.send(bob, "gone soon")
	bob.untilText(alice, "gone soon")
	conv := bob.contact(alice).Conversation
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	c, err := bob.chat.Mute(ctx, conv, until)
	w.must(err)
	if !c.MutedUntil.Equal(until) {
		t.Fatalf("muted until %v", c.MutedUntil)
	}
	w.must(bob.chat.Clear(ctx, conv))
	c, err = bob.chat.Conversation(conv)
	w.must(err)
	if c.Unread != 0 || c.Last != nil || len(bob.texts(alice)) != 0 {
		t.Fatalf("cleared conversation %+v", c)
	}
	alice.send(bob, "and on")
	bob.untilText(alice, "and on")
	c, err = bob.chat.Conversation(conv)
	w.must(err)
	if c.Unread != 1 {
		t.Fatalf("%d unread", c.Unread)
	}
	list, err := bob.chat.Conversations()
	w.must(err)
	if len(list) != 1 || list[0].ID != conv {
		t.Fatalf("list %+v", list)
	}
}

func TestSizes(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	long := strings.Repeat("l", chat.MaxText)
	m := alice.send(bob, long)
	bob.untilText(alice, long)
	alice.untilMessage(m.ID, chat.Delivered)
	for text, want := range map[string]error{
		long + "l": chat.ErrTooLarge, "": chat.ErrInvalid, "\xff": chat.ErrInvalid,
	} {
		if _, err := alice.chat.Send(ctx, chat.SendRequest{To: bob.ref(), Text: text}); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func TestLongMessageWaitsForTheHandshake(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.claimHandle("bob")
	alice.add(bob, "")
	long := strings.Repeat("l", chat.MaxText)
	m := alice.send(bob, long)
	bob.untilState(alice, chat.Incoming)
	_, err := bob.chat.Accept(ctx, alice.ref())
	w.must(err)
	bob.untilText(alice, long)
	alice.untilMessage(m.ID, chat.Delivered)
}

func TestClientIDSendsOnce(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	r := chat.SendRequest{To: bob.ref(), Text: "once", ClientID: "c1"}
	first, err := alice.chat.Send(ctx, r)
	w.must(err)
	second, err := alice.chat.Send(ctx, r)
	w.must(err)
	alice.restart()
	third, err := alice.chat.Send(ctx, r)
	w.must(err)
	if first.ID != second.ID || first.ID != third.ID || third.Text != "once" {
		t.Fatalf("ids %v %v %v", first.ID, second.ID, third.ID)
	}
	bob.untilText(alice, "once")
	if got := bob.texts(alice); len(got) != 1 {
		t.Fatalf("bob reads %q", got)
	}
	r.ClientID = strings.Repeat("c", 65)
	if _, err := alice.chat.Send(ctx, r); !errors.Is(err, chat.ErrInvalid) {
		t.Fatalf("long client id: %v", err)
	}
}

// TestManyAtOnce sends from many callers in both directions while the receiver
// restarts: every message arrives, once, and in the order of its caller.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	const callers, each = 8, 20
	var wg sync.WaitGroup
	to := bob.ref()
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				_, err := alice.chat.Send(ctx, chat.SendRequest{To: to, Text: fmt.Sprintf("%d/%02d", c, i)})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	bob.restart()
	wg.Wait()
	bob.until("has all", func() bool { return len(bob.texts(alice)) >= callers*each })
	got := bob.texts(alice)
	seen := map[string]bool{}
	last := map[string]string{}
	for _, s := range got {
		caller, _, _ := strings.Cut(s, "/")
		if seen[s] || s < last[caller] {
			t.Fatalf("%q twice or out of order", s)
		}
		seen[s], last[caller] = true, s
	}
	if len(seen) != callers*each {
		t.Fatalf("%d of %d", len(seen), callers*each)
	}
	if n := len(bob.events(chat.EventMessageNew)); n != callers*each {
		t.Fatalf("%d events", n)
	}
	if bob.contact(alice).Alarm {
		t.Fatal("alarm")
	}
	c, err := bob.chat.Conversation(bob.contact(alice).Conversation)
	w.must(err)
	if c.Unread != callers*each {
		t.Fatalf("%d unread", c.Unread)
	}
}

func TestWaitsForSomebodyOffline(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.until("sees bob online", func() bool { return alice.contact(bob).Online })
	bob.stop()
	alice.until("sees bob offline", func() bool { return !alice.contact(bob).Online })
	var ids []chat.MessageID
	for i := range 3 {
		ids = append(ids, alice.send(bob, fmt.Sprint(i)).ID)
	}
	alice.until("knows what is in the way", func() bool {
		m, err := alice.chat.Message(ids[0])
		w.must(err)
		return m.State == chat.Queued && len(m.Deliveries) == 1 && m.Deliveries[0].Reason != ""
	})
	alice.restart()
	bob.start()
	for _, id := range ids {
		alice.untilMessage(id, chat.Delivered)
	}
	if got := bob.texts(alice); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Fatalf("bob reads %q", got)
	}
	alice.until("sees bob online again", func() bool { return alice.contact(bob).Online })
	alice.until("has announced it", func() bool {
		e := alice.events(chat.EventPresence)
		return len(e) > 0 && e[len(e)-1].Online && e[len(e)-1].Account == bob.account()
	})
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	bob.send(alice, "hi")
	alice.untilText(bob, "hi")
	alice.send(bob, "hi you")
	bob.untilText(alice, "hi you")
	// Bob removes Alice: what she sends then is not taken, and she is told.
	w.must(bob.chat.Remove(ctx, alice.ref()))
	m := alice.send(bob, "hello?")
	got := alice.untilMessage(m.ID, chat.Failed)
	if len(got.Deliveries) != 1 || got.Deliveries[0].Reason == "" {
		t.Fatalf("deliveries %+v", got.Deliveries)
	}
	bob.add2(alice)
	alice.until("has met bob again", func() bool { return bob.contact(alice).State == chat.Accepted })
	_, err := alice.chat.Retry(ctx, m.ID)
	w.must(err)
	bob.untilText(alice, "hello?")
	alice.untilMessage(m.ID, chat.Delivered)
	for _, id := range []chat.MessageID{{}, {1}} {
		if _, err := alice.chat.Retry(ctx, id); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("retry of nothing: %v", err)
		}
	}
}

// add2 adds somebody back who claims no handle, by an invite of theirs.
func (p *person) add2(q *person) {
	p.t.Helper()
	i, err := q.chat.CreateInvite(ctx, chat.InviteRequest{})
	p.w.must(err)
	_, err = p.chat.OpenInvite(ctx, i.URI)
	p.w.must(err)
}
