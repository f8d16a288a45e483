package chat_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// TestForkRaisesTheAlarm: an account shows two manifests of one number.
func TestForkRaisesTheAlarm(t *testing.T) {
	for name, tell := range map[string]bool{"shown": true, "only its head": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice, bob := w.person("alice"), w.person("bob")
			friends(alice, bob)
			pinned := alice.chat.PinOf(bob.account())
			w.must(bob.chat.Fork(tell))
			bob.send(alice, "nothing to see here")
			alice.until("has an alarm", func() bool { return alice.contact(bob).Alarm })
			if e := alice.events(chat.EventIdentityAlarm); len(e) != 1 || e[0].Reason != chat.AlarmFork || e[0].Account != bob.account() {
				t.Fatalf("alarms %+v", e)
			}
			if alice.chat.PinOf(bob.account()) != pinned {
				t.Error("the pin moved")
			}
			if _, err := alice.chat.Send(ctx, chat.SendRequest{To: bob.ref(), Text: "x"}); !errors.Is(err, chat.ErrIdentityChanged) {
				t.Fatalf("send: %v", err)
			}
			alice.restart()
			if _, err := alice.chat.Send(ctx, chat.SendRequest{To: bob.ref(), Text: "x"}); !errors.Is(err, chat.ErrIdentityChanged) {
				t.Fatalf("send after restart: %v", err)
			}
			digits, err := bob.chat.SafetyNumber(alice.ref())
			w.must(err)
			c, err := alice.chat.Verify(ctx, bob.ref(), digits)
			w.must(err)
			if c.Alarm || !c.Verified {
				t.Fatalf("after verification %+v", c)
			}
			alice.until("pins what bob has now", func() bool { return alice.chat.PinOf(bob.account()) == bob.chat.Profile().Pin })
			alice.send(bob, "all right")
			bob.untilText(alice, "all right")
		})
	}
}

func TestManifestsMoveForwardOnly(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	w.must(bob.chat.Renew())
	alice.until("pins the second", func() bool { return alice.chat.PinOf(bob.account()).Seq == 2 })
	second := alice.chat.PinOf(bob.account())
	w.must(bob.chat.Rollback())
	bob.send(alice, "it is still the first")
	alice.untilText(bob, "it is still the first")
	if alice.chat.PinOf(bob.account()) != second || alice.contact(bob).Alarm {
		t.Fatalf("rolled back to %v", alice.chat.PinOf(bob.account()))
	}
}

func TestRenewalWhileAway(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.stop()
	for range 2 {
		bob.clock.advance(8 * 24 * time.Hour)
		w.must(bob.chat.Upkeep())
	}
	alice.clock.advance(16 * 24 * time.Hour)
	alice.start()
	bob.send(alice, "long time no see")
	alice.untilText(bob, "long time no see")
	alice.until("has caught up", func() bool { return alice.chat.PinOf(bob.account()).Seq == 3 })
	alice.send(bob, "indeed")
	bob.untilText(alice, "indeed")
}

func TestSomebodyElseShowsOurManifest(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	w.must(alice.chat.Mispin(bob.account()))
	alice.send(bob, "your manifest looks odd")
	bob.untilText(alice, "your manifest looks odd")
	bob.until("hears of it", func() bool {
		e := bob.events(chat.EventIdentityAlarm)
		return len(e) == 1 && e[0].Reason == chat.AlarmSelfSeen
	})
}

func TestImpostorSameName(t *testing.T) {
	w := newWorld(t)
	alice, bob, mallory := w.person("alice"), w.person("bob"), w.person("mallory")
	friends(bob, alice)
	_, err := mallory.chat.SetName(ctx, "alice")
	w.must(err)
	friends(mallory, bob)
	w.must(mallory.chat.Whisper(bob.account(), chat.TypeProfile, chat.Profile{Card: claiming(mallory, alice.handle)}, nil))
	mallory.send(bob, "it is me, alice")
	bob.untilText(mallory, "it is me, alice")
	if c := bob.contact(mallory); c.Handle.Tag != "" {
		t.Fatalf("mallory is shown as %v", c.Handle)
	}
	c, err := bob.chat.Contact(alice.handle.String())
	w.must(err)
	if c.Account != alice.account() {
		t.Fatal("alice's handle finds mallory")
	}
	if _, err := bob.chat.Contact("mallory"); !errors.Is(err, chat.ErrNotFound) {
		t.Errorf("a name they gave themselves finds them: %v", err)
	}
}

func claiming(p *person, h identity.Handle) chat.Card {
	c := p.chat.OwnCard()
	c.Handle = h.String()
	return c
}

func TestBodiesOutOfPlace(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
	friends(alice, bob)
	friends(bob, carol)
	theirs := bob.send(carol, "for carol")
	carol.untilText(bob, "for carol")
	to, before := bob.account(), bob.contact(alice)
	foreign := carol.chat.OwnCard()
	text := func(fn func(*chat.Body)) {
		w.must(alice.chat.Whisper(to, chat.TypeText, nil, func(b *chat.Body) {
			b.Payload, b.Lamport = []byte("evil"), 1
			fn(b)
		}))
	}
	text(func(b *chat.Body) { b.Conv = bob.contact(carol).Conversation })
	text(func(b *chat.Body) { b.Lamport = 0 })
	text(func(b *chat.Body) { b.Lamport = 1 << 61 })
	text(func(b *chat.Body) { b.Lamport = 1 << 63 })
	text(func(b *chat.Body) { b.Payload = nil })
	text(func(b *chat.Body) { b.Payload = []byte{0xff} })
	text(func(b *chat.Body) { b.Parents = make([]chat.MessageID, 5) })
	text(func(b *chat.Body) { b.DevPrev[0] = 1 })
	text(func(b *chat.Body) { b.Type = 99 })
	w.must(alice.chat.Whisper(to, chat.TypeProfile, chat.Profile{Card: foreign}, nil))
	w.must(alice.chat.Whisper(to, chat.TypeRequest, chat.Request{Card: foreign, Greeting: "g"}, nil))
	w.must(alice.chat.Whisper(to, chat.TypeAccept, chat.Request{Card: foreign}, nil))
	w.must(alice.chat.Whisper(to, chat.TypeReceipt, chat.Receipt{Read: [][16]byte{theirs.ID}}, nil))
	w.must(alice.chat.WhisperBytes(to, []byte("not a body")))
	w.must(alice.chat.WhisperBytes(to, nil))
	alice.send(bob, "honest")
	bob.untilText(alice, "honest")
	if got := bob.texts(alice); len(got) != 1 {
		t.Fatalf("bob reads %q", got)
	}
	if got := bob.texts(carol); len(got) != 1 {
		t.Fatalf("carol's conversation reads %q", got)
	}
	if m, _ := bob.chat.Message(theirs.ID); m.State == chat.Read {
		t.Error("alice marked a message to carol as read")
	}
	after := bob.contact(alice)
	if after.Account != before.Account || after.Name != before.Name || after.Alarm {
		t.Errorf("contact became %+v", after)
	}
}

// envelopes are what waits in the outbox of a person who is offline to another.
func (p *person) envelopes(q *person) [][]byte {
	p.t.Helper()
	items, err := p.chat.Pending(q.chat.Me().Device, 0, 100)
	p.w.must(err)
	var out [][]byte
	for _, i := range items {
		out = append(out, i.Envelope)
	}
	return out
}

func TestReplayShowsNothingTwice(t *testing.T) {
	w := newWorld(t)
	alice, bob, mallory := w.person("alice"), w.person("bob"), w.person("mallory")
	bob.claimHandle("bob")
	bob.endMesh()
	alice.add(bob, "hello")
	alice.until("has sealed a request", func() bool { return len(alice.envelopes(bob)) == 1 })
	envs := alice.envelopes(bob)
	first := bob.chat.Receive(ctx, alice.node.ID(), envs)
	again := bob.chat.Receive(ctx, mallory.node.ID(), envs)
	if first[0].Refuse != 0 || again[0] != first[0] {
		t.Fatalf("verdicts %+v and %+v", first, again)
	}
	bob.restart()
	w.must(bob.chat.DropReplies())
	late := bob.chat.Receive(ctx, mallory.node.ID(), envs)
	if late[0].Refuse == 0 {
		t.Fatalf("a replayed handshake was taken: %+v", late)
	}
	if n := len(bob.events(chat.EventContactRequest)); n != 1 {
		t.Fatalf("%d requests", n)
	}
	w.must(bob.chat.Decline(ctx, alice.ref()))
	if v := bob.chat.Receive(ctx, mallory.node.ID(), envs); v[0].Refuse == 0 {
		t.Fatalf("a replayed handshake made a session: %+v", v)
	}
}

func TestGarbageIsRefused(t *testing.T) {
	w := newWorld(t)
	bob, mallory := w.person("bob"), w.person("mallory")
	for _, kind := range []byte{0, 1, 2, 3} {
		for _, size := range []int{0, 1, 1024, 8192, 65536, 65537} {
			env := make([]byte, size)
			if size > 0 {
				env[0] = kind
			}
			v := bob.chat.Receive(ctx, mallory.node.ID(), [][]byte{env})
			if len(v) != 1 || v[0].Refuse == 0 {
				t.Errorf("kind %d, %d bytes: %+v", kind, size, v)
			}
		}
	}
}

func TestRequestFlood(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob", func(c *chat.Config) { c.Limits.RequestsPerDay = 2 })
	bob.claimHandle("bob")
	for i, name := range []string{"m1x", "m2x", "m3x"} {
		p := w.person(name)
		p.add(bob, "buy this")
		if i < 2 {
			bob.untilState(p, chat.Incoming)
			continue
		}
		bob.until("has counted one more", func() bool { return bob.chat.HiddenRequests() > 0 })
	}
	list, err := bob.chat.Contacts(chat.Incoming)
	w.must(err)
	if len(list) != 2 {
		t.Fatalf("%d requests shown", len(list))
	}
}

func TestRequestWithoutWork(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob", func(c *chat.Config) { c.WorkBits = 40 })
	bob.claimHandle("bob")
	bob.endMesh()
	lazy := w.person("lazy")
	lazy.add(bob, "no work done")
	lazy.until("has sealed a request", func() bool { return len(lazy.envelopes(bob)) == 1 })
	v := bob.chat.Receive(ctx, lazy.node.ID(), lazy.envelopes(bob))
	if v[0].Refuse != mesh.CodeWork {
		t.Fatalf("verdict %+v", v)
	}
	if list, _ := bob.chat.Contacts(); len(list) != 0 {
		t.Fatalf("contacts %+v", list)
	}
}

// TestCloneIsFound copies the whole data folder and lets both go on.
func TestCloneIsFound(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	alice.send(bob, "before")
	bob.untilText(alice, "before")
	alice.stop()
	copied := t.TempDir()
	w.must(os.CopyFS(filepath.Join(copied, "c"), os.DirFS(alice.dir)))
	w.must(filepath.WalkDir(filepath.Join(copied, "c"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	alice.start()
	m := alice.send(bob, "the real one")
	alice.untilMessage(m.ID, chat.Delivered)
	alice.stop()

	clone := *alice
	clone.dir = filepath.Join(copied, "c")
	clone.start()
	clone.send(bob, "the copy, one")
	clone.send(bob, "the copy, two")
	bob.until("has an alarm", func() bool { return bob.contact(alice).Alarm })
	if e := bob.events(chat.EventIdentityAlarm); len(e) != 1 || e[0].Reason != chat.AlarmClone {
		t.Fatalf("alarms %+v", e)
	}
	if _, err := bob.chat.Send(ctx, chat.SendRequest{To: alice.ref(), Text: "x"}); !errors.Is(err, chat.ErrIdentityChanged) {
		t.Fatalf("send: %v", err)
	}
}

func TestPrekeysRotateAndDie(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob")
	g, o := bob.chat.Prekeyed()
	if g != 1 || o != 20 {
		t.Fatalf("%d generations, %d one-time keys", g, o)
	}
	bob.clock.advance(25 * time.Hour)
	w.must(bob.chat.Upkeep())
	if g, _ = bob.chat.Prekeyed(); g != 2 {
		t.Fatalf("%d generations after a day", g)
	}
	bob.clock.advance(25 * time.Hour)
	w.must(bob.chat.Upkeep())
	bob.clock.advance(25 * time.Hour)
	w.must(bob.chat.Upkeep())
	if g, o = bob.chat.Prekeyed(); g > 3 || o > 60 {
		t.Fatalf("%d generations and %d one-time keys are still there", g, o)
	}
}

func TestUsedOneTimeKeyIsGone(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	if _, o := bob.chat.Prekeyed(); o != 19 {
		t.Fatalf("%d one-time keys are left of 20", o)
	}
	if n := bob.chat.Sessions(alice.account()); n != 1 {
		t.Fatalf("%d sessions", n)
	}
}
