package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
	"go.uber.org/goleak"
)

// home is a data folder and the daemon that runs on it.
type home struct {
	t    *testing.T
	dir  string
	d    *Daemon
	api  *api.Client
	stop func()
}

func newHome(t *testing.T) *home {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	dir, err := os.MkdirTemp("", "pm") // short, because a socket path has to be
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: dir}
	t.Cleanup(func() {
		h.stop()
		os.RemoveAll(dir)
		goleak.VerifyNone(t, leaks)
	})
	h.start()
	return h
}

func (h *home) start() {
	h.t.Helper()
	cfg := DefaultConfig(h.dir)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	cfg.MDNS, cfg.Node.PortMap = false, false
	cfg.DHT.Limits.MinBits, cfg.DHT.Limits.IdleBits = 1, 1
	cfg.ClaimWait = 50 * time.Millisecond // there is nobody to hold a claim
	d, err := New(cfg)
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	var info ReadyInfo
	select {
	case info = <-d.Ready():
	case err := <-ended:
		h.t.Fatalf("ended before it was ready: %v", err)
	}
	c, err := api.Dial(ctx, info.Socket)
	h.must(err)
	h.d, h.api = d, c
	h.stop = func() {
		c.Close()
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("daemon: %v", err)
		}
		h.stop = func() {}
	}
}

func (h *home) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

func (h *home) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// refuses checks the kind of a refusal.
func (h *home) refuses(err error, want api.Kind) {
	h.t.Helper()
	if got := api.KindOf(err); got != want {
		h.t.Fatalf("answer %v, want kind %q", err, want)
	}
}

func (h *home) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	h.t.Cleanup(cancel)
	return ctx
}

func TestAccountStory(t *testing.T) {
	h := newHome(t)
	ctx := h.ctx()
	_, err := h.api.AccountGet(ctx)
	h.refuses(err, api.KindNotFound)
	_, err = h.api.ContactList(ctx, api.ContactListParams{})
	h.refuses(err, api.KindNotFound)

	create := api.AccountCreateParams{Name: "Alice", Handle: "alice", Once: api.Once{ClientID: "c1"}}
	made, err := h.api.AccountCreate(ctx, create)
	h.must(err)
	if made.Name != "Alice" || !strings.HasPrefix(made.Handle, "alice~") || len(made.Devices) != 1 {
		t.Fatalf("account %+v", made)
	}
	again, err := h.api.AccountCreate(ctx, create)
	h.must(err)
	if again.Account != made.Account {
		t.Fatalf("a repeated call made %v, the first %v", again.Account, made.Account)
	}
	_, err = h.api.AccountCreate(ctx, api.AccountCreateParams{Name: "Eve"})
	h.refuses(err, api.KindConflict)
	words, err := h.api.AccountRecoveryPhrase(ctx)
	h.must(err)
	if n := len(strings.Fields(words.Phrase)); n != 24 {
		t.Fatalf("%d words", n)
	}

	h.refuses(h.api.AccountLock(ctx, api.AccountLockParams{}), api.KindConflict)
	h.refuses(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{Old: "guess", New: "one"}), api.KindForbidden)
	h.must(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{New: "one"}))
	h.refuses(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{Old: "guess", New: "two"}), api.KindForbidden)

	h.must(h.api.AccountLock(ctx, api.AccountLockParams{Once: api.Once{ClientID: "l1"}}))
	h.must(h.api.AccountLock(ctx, api.AccountLockParams{})) // it is locked already
	h.isLocked()
	h.refuses(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "guess"}), api.KindForbidden)
	h.refuses(h.api.AccountUnlock(ctx, api.AccountUnlockParams{}), api.KindLocked)
	h.isLocked()
	h.must(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "one"}))
	h.must(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "one"})) // it is open already
	h.isAccount(made)

	h.restart()
	ctx = h.ctx()
	h.isLocked()
	h.must(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "one"}))
	h.isAccount(made)
	again, err = h.api.AccountCreate(ctx, create) // the answer outlives the process
	h.must(err)
	if again.Account != made.Account {
		t.Fatalf("a repeated call made %v, the first %v", again.Account, made.Account)
	}

	h.must(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{Old: "one"}))
	h.restart()
	h.isAccount(made)
}

// isLocked checks that nothing of the account is shown, and that the node goes on.
func (h *home) isLocked() {
	h.t.Helper()
	_, err := h.api.AccountGet(h.ctx())
	h.refuses(err, api.KindLocked)
	_, err = h.api.AccountRecoveryPhrase(h.ctx())
	h.refuses(err, api.KindLocked)
	_, err = h.api.HandleClaim(h.ctx(), api.HandleClaimParams{Name: "alice"})
	h.refuses(err, api.KindLocked)
	h.refuses(h.api.AccountSetPassphrase(h.ctx(), api.AccountSetPassphraseParams{Old: "one", New: "two"}), api.KindLocked)
	_, err = h.api.NodeStatus(h.ctx())
	h.must(err)
}

func (h *home) isAccount(want api.Account) {
	h.t.Helper()
	got, err := h.api.AccountGet(h.ctx())
	h.must(err)
	if got.Account != want.Account || got.Handle != want.Handle || got.Name != want.Name {
		h.t.Fatalf("account %+v, was %+v", got, want)
	}
}

// TestLockUnderLoad locks and unlocks while calls are under way: each is
// answered, and none by a fault that nobody foresaw.
func TestLockUnderLoad(t *testing.T) {
	h := newHome(t)
	ctx := h.ctx()
	_, err := h.api.AccountCreate(ctx, api.AccountCreateParams{Name: "Alice"})
	h.must(err)
	h.must(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{New: "p"}))
	stop, faults := make(chan struct{}), make(chan error, 4)
	for range cap(faults) {
		go func() { faults <- h.callUntil(ctx, stop) }()
	}
	for range 3 {
		h.must(h.api.AccountLock(ctx, api.AccountLockParams{}))
		h.must(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "p"}))
	}
	close(stop)
	for range cap(faults) {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
}

func (h *home) callUntil(ctx context.Context, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		_, change := h.api.AccountUpdate(ctx, api.AccountUpdateParams{Name: "A"})
		_, invite := h.api.InviteList(ctx, api.InviteListParams{})
		for _, err := range []error{change, invite} {
			if err != nil && api.KindOf(err) != api.KindLocked {
				return err
			}
		}
	}
}

// TestEventsSurviveALock follows events over locks: each comes once, in order,
// on the connection that asked.
func TestEventsSurviveALock(t *testing.T) {
	friend := newHome(t)
	invite, err := friend.api.InviteCreate(friend.ctx(), api.InviteCreateParams{})
	friend.must(err)
	friend.stop()
	h := newHome(t)
	ctx, cancel := context.WithCancel(h.ctx())
	contact, err := h.api.InviteOpen(ctx, api.InviteOpenParams{URI: invite.URI})
	h.must(err)
	h.must(h.api.AccountSetPassphrase(ctx, api.AccountSetPassphraseParams{New: "p"}))
	seen, ready, ended := make(chan uint64, 1000), make(chan uint64, 10), make(chan error, 1)
	sub := api.Subscription{Ready: func(cursor uint64) { ready <- cursor }}
	go func() {
		ended <- h.api.Events(ctx, sub, func(e api.Event) error { seen <- e.Cursor; return nil })
	}()
	last := <-ready
	for range 3 {
		want := h.happen(300, contact)
		h.must(h.api.AccountLock(ctx, api.AccountLockParams{}))
		h.must(h.api.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: "p"}))
		for last < want {
			select {
			case next := <-seen:
				if next != last+1 {
					t.Fatalf("event %d after %d", next, last)
				}
				last = next
			case <-ctx.Done():
				t.Fatalf("no event after %d of %d", last, want)
			}
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("events ended with %v", err)
	}
	if len(ready) != 0 {
		t.Error("the subscription had to be made again")
	}
}

// happen appends events about a contact and returns the cursor of the last.
func (h *home) happen(n int, about api.Contact) uint64 {
	h.t.Helper()
	id, err := identity.ParseAccountID(string(about.Account))
	h.must(err)
	ref, err := identity.Encode(chat.Ref{Account: id})
	h.must(err)
	db := h.d.open.Load().db
	h.must(db.Update(h.ctx(), func(tx *store.Tx) error {
		for range n {
			tx.Append(chat.EventContactChanged, ref)
		}
		return nil
	}))
	return db.LastEvent()
}

func TestHandlersAreTheMethods(t *testing.T) {
	var want []string
	for _, m := range api.Methods() {
		want = append(want, m.Name)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys((&Daemon{}).handlers())); !slices.Equal(got, want) {
		t.Errorf("handlers %v\nmethods %v", got, want)
	}
}

// TestEveryMethodAnswers calls each method as nobody should: with nothing, and
// with what it does not know. None may break.
func TestEveryMethodAnswers(t *testing.T) {
	h := newHome(t)
	_, err := h.api.AccountCreate(h.ctx(), api.AccountCreateParams{})
	h.must(err)
	for _, m := range api.Methods() {
		for _, params := range []string{`{}`, `{"nobody":1}`} {
			_, err := h.api.Call(h.ctx(), m.Name, json.RawMessage(params))
			e, refused := errors.AsType[*api.Error](err)
			if err != nil && (!refused || e.Kind == api.KindInternal || e.Code == api.CodeNoMethod) {
				t.Errorf("%s %s: %v", m.Name, params, err)
			}
		}
	}
}
