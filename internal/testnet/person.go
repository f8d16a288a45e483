package testnet

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/daemon"
)

// Patience is how long a test waits for something that must come.
const Patience = 90 * time.Second

// Person is somebody with a daemon. A stopped person keeps their data folder.
type Person struct {
	Name string
	// API is a client of the daemon; nil while stopped.
	API *api.Client

	world *World
	addr  netip.Addr
	dir   string
	info  daemon.ReadyInfo
	stop  context.CancelFunc
	done  chan error

	account api.AccountID // once known: it stays, also while stopped
}

// Start runs the person's daemon until Stop.
func (p *Person) Start() {
	t := p.world.t
	t.Helper()
	d, err := daemon.New(p.world.config(p))
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop, p.done = stop, make(chan error, 1)
	go func() { p.done <- d.Run(ctx) }()
	select {
	case p.info = <-d.Ready():
	case err := <-p.done:
		t.Fatalf("%s: daemon ended: %v", p.Name, err)
	}
	if p.API, err = api.Dial(ctx, p.info.Socket); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
}

// Stop ends the person's daemon and waits until it has gone. Stopping twice is
// no fault.
func (p *Person) Stop() {
	if p.stop == nil {
		return
	}
	p.world.t.Helper()
	p.API.Close()
	p.stop()
	if err := <-p.done; err != nil {
		p.world.t.Errorf("%s: daemon: %v", p.Name, err)
	}
	p.stop, p.API = nil, nil
}

// Dir is the person's data folder.
func (p *Person) Dir() string { return p.dir }

// Claim claims a name and returns the full handle.
func (p *Person) Claim(name string) string {
	p.world.t.Helper()
	r, err := p.API.HandleClaim(Ctx(p.world.t), api.HandleClaimParams{Name: name})
	p.must(err)
	return r.Handle
}

// Befriend has p ask other by invite and waits until both are contacts.
func (p *Person) Befriend(other *Person) {
	t := p.world.t
	t.Helper()
	inv, err := other.API.InviteCreate(Ctx(t), api.InviteCreateParams{})
	other.must(err)
	_, err = p.API.InviteOpen(Ctx(t), api.InviteOpenParams{URI: inv.URI})
	p.must(err)
	p.Await("contact "+other.Name, func() bool { return p.Knows(other) && other.Knows(p) })
}

// Account is who the person is; they must have an account by now.
func (p *Person) Account() api.AccountID {
	p.world.t.Helper()
	if p.account == "" {
		a, err := p.API.AccountGet(Ctx(p.world.t))
		p.must(err)
		p.account = a.Account
	}
	return p.account
}

// Knows says whether other is an accepted contact of p.
func (p *Person) Knows(other *Person) bool {
	c, err := p.API.ContactGet(Ctx(p.world.t), api.PeerParams{Peer: string(other.Account())})
	return err == nil && c.State == api.ContactAccepted
}

// Says sends a text to other.
func (p *Person) Says(other *Person, text string) api.Message {
	p.world.t.Helper()
	m, err := p.API.MessageSend(Ctx(p.world.t), api.MessageSendParams{To: string(other.Account()), Text: text})
	p.must(err)
	return m
}

// Texts are the texts of the conversation with other, oldest first.
func (p *Person) Texts(other *Person) (texts []string) {
	p.world.t.Helper()
	for _, m := range p.History(other) {
		texts = append(texts, m.Text)
	}
	return texts
}

// History is the whole conversation with other, oldest first.
func (p *Person) History(other *Person) (all []api.Message) {
	t := p.world.t
	t.Helper()
	c, err := p.API.ContactGet(Ctx(t), api.PeerParams{Peer: string(other.Account())})
	p.must(err)
	for before := ""; ; {
		r, err := p.API.MessageList(Ctx(t), api.MessageListParams{
			Conversation: c.Conversation, Page: api.Page{Limit: api.MaxPage, Before: before},
		})
		p.must(err)
		all = append(r.Messages, all...)
		if before = r.Before; before == "" {
			return all
		}
	}
}

// Await polls until done, and fails the test when that takes too long.
func (p *Person) Await(what string, done func() bool) {
	p.world.t.Helper()
	for deadline := time.Now().Add(Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.world.t.Fatalf("%s: waited in vain for %s", p.Name, what)
		}
	}
}

func (p *Person) must(err error) {
	p.world.t.Helper()
	if err != nil {
		p.world.t.Fatalf("%s: %v", p.Name, err)
	}
}

// Ctx is a context that ends when a test has waited long enough.
func Ctx(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}
