package chat_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/node"
	"github.com/p2pmsgd/p2pmsgd/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a directory in memory that all persons of a story share. Where the
// DHT is not the subject it stands in for it.
type world struct {
	t testing.TB

	mu      sync.Mutex
	claims  []dht.Claimant
	records map[identity.AccountID]*person
	peers   map[peer.ID][]multiaddr.Multiaddr
	silent  bool // answers nothing
	asked   int
	handles map[string]identity.Handle
}

func newWorld(t testing.TB) *world {
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	return &world{
		t: t, records: map[identity.AccountID]*person{},
		peers: map[peer.ID][]multiaddr.Multiaddr{}, handles: map[string]identity.Handle{},
	}
}

// Resolve is chat.Directory.
func (w *world) Resolve(_ context.Context, h identity.Handle, found func(dht.Claimant)) (dht.Search, error) {
	w.mu.Lock()
	var out []dht.Claimant
	for _, k := range w.claims {
		if k.Handle.Name == h.Name && (h.Tag == "" || h.Tag == k.Handle.Tag) && !w.silent {
			out = append(out, k)
		}
	}
	w.asked++
	w.mu.Unlock()
	for _, k := range out {
		found(k)
	}
	return dht.Search{Asked: 1}, nil
}

var errSilent = errors.New("the directory is silent")

// Account is chat.Directory.
func (w *world) Account(_ context.Context, id identity.AccountID, _ identity.Genesis, locator [32]byte) (*dht.Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.records[id]
	if !ok || w.silent || p.published.Locator != locator {
		return nil, errSilent
	}
	return readProfile(p.published)
}

func readProfile(p dht.Profile) (*dht.Account, error) {
	a := &dht.Account{Bundles: map[identity.DeviceID]*identity.Bundle{}}
	for _, b := range p.Manifests {
		m, err := identity.ParseManifest(b)
		if err != nil {
			return nil, err
		}
		a.Manifests = append(a.Manifests, m)
	}
	for _, b := range p.Certs {
		c, err := identity.ParseDeviceCert(b)
		if err != nil {
			return nil, err
		}
		a.Certs = append(a.Certs, c)
		if raw := p.Bundles[c.Device]; raw != nil {
			if a.Bundles[c.Device], err = identity.ParseBundle(raw, c.Public.DSK); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

// Route is chat.Directory.
func (w *world) Route(_ context.Context, id identity.AccountID, _ identity.Genesis, presence [32]byte) (*dht.Route, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.records[id]
	if !ok || w.silent || p.published.Presence != presence {
		return nil, errSilent
	}
	return p.published.Route, nil
}

// FindPeer is chat.Directory.
func (w *world) FindPeer(_ context.Context, id peer.ID) (peer.AddrInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	addrs, ok := w.peers[id]
	if !ok || w.silent {
		return peer.AddrInfo{}, errSilent
	}
	return peer.AddrInfo{ID: id, Addrs: addrs}, nil
}

func (w *world) silence(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = on
}

// publish takes what a person publishes, as the DHT would keep it.
func (w *world) publish(p *person) {
	prof := p.chat.Profile()
	w.mu.Lock()
	defer w.mu.Unlock()
	p.published = prof
	w.records[prof.Genesis.AccountID()] = p
	if p.node != nil {
		w.peers[p.node.ID()] = p.node.Host().Addrs()
	}
	for _, n := range prof.Names {
		w.claim(n, p.handle, prof)
	}
}

// claim notes a claim of a name; with mu held.
func (w *world) claim(name string, h identity.Handle, prof dht.Profile) {
	k := dht.Claimant{
		Handle: h, Account: prof.Genesis.AccountID(), Genesis: prof.Genesis,
		Pin: prof.Pin, Locator: prof.Locator, Intro: prof.Intro,
	}
	for i, old := range w.claims {
		if old.Account == k.Account && old.Handle.Name == name {
			w.claims[i] = k
			return
		}
	}
	w.claims = append(w.claims, k)
}

// clock is a wall clock that a story may move.
type clock struct {
	mu   sync.Mutex
	skew time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skew)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew += d
}

// person is a complete chat: a real store, a real mesh over a real node on the
// loopback interface.
type person struct {
	t      testing.TB
	w      *world
	name   string
	dir    string
	cfg    chat.Config
	key    identity.PeerKey
	listen []multiaddr.Multiaddr
	clock  *clock
	handle identity.Handle

	published dht.Profile
	db        *store.DB
	node      *node.Node
	mesh      *mesh.Mesh
	chat      *chat.Chat
	stop      func()
	endMesh   func() // so that nothing arrives by itself; the chat goes on
}

func (w *world) person(name string, change ...func(*chat.Config)) *person {
	key, err := identity.NewPeerKey(rand.Reader)
	w.must(err)
	p := &person{t: w.t, w: w, name: name, dir: w.t.TempDir(), key: key, clock: &clock{}, cfg: quickConfig()}
	p.cfg.Now = p.clock.Now
	for _, f := range change {
		f(&p.cfg)
	}
	p.listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")}
	p.start()
	return p
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func quickConfig() chat.Config {
	c := chat.DefaultConfig()
	c.ReceiptJitter = time.Millisecond
	c.WorkBits = 6
	c.Retry, c.RetryMax = 20*time.Millisecond, 200*time.Millisecond
	c.PresenceDelay = time.Millisecond
	c.FetchTimeout, c.DeviceGrace = 2*time.Second, 200*time.Millisecond
	c.RouteGap = 50 * time.Millisecond
	c.Limits.OneTimeKeys = 20
	return c
}

func quickMesh() mesh.Config {
	c := mesh.DefaultConfig()
	l := &c.Limits
	l.BackoffMin, l.BackoffMax, l.BackoffIdle = 20*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	l.PushGap, l.LocateGap = 50*time.Millisecond, 50*time.Millisecond
	l.AckTimeout = 2 * time.Second
	l.StreamRate, l.StreamBurst, l.Failures = 1000, 1000, 10000
	l.PrekeyEvery, l.PrekeyBurst = time.Millisecond, 1000
	return c
}

// start opens the store, makes the account at the first time, and runs.
func (p *person) start() {
	p.t.Helper()
	ring, err := store.OpenKeyring(p.dir)
	p.w.must(err)
	key, err := ring.Unlock(nil)
	p.w.must(err)
	scfg := store.DefaultConfig(p.dir)
	p.db, err = store.Open(scfg, key)
	p.w.must(err)
	self, err := chat.LoadSelf(p.db)
	if errors.Is(err, chat.ErrNoAccount) {
		self, err = chat.CreateAccount(context.Background(), p.cfg, p.db, p.name)
	}
	p.w.must(err)
	ncfg := node.DefaultConfig()
	ncfg.Key, ncfg.Listen = p.key, p.listen
	ncfg.MDNS, ncfg.PortMap, ncfg.AutoNAT = false, false, false
	p.node, err = node.New(ncfg)
	p.w.must(err)
	p.listen = p.node.Host().Addrs()
	p.mesh, err = mesh.New(quickMesh(), p.node)
	p.w.must(err)
	p.chat, err = chat.New(p.cfg, p.db, self, p.w, p.mesh, p.node)
	p.w.must(err)
	p.run()
	p.w.publish(p)
}

// run runs the three parts until stop is called, top to bottom.
func (p *person) run() {
	var ends []func()
	for i, part := range []func(context.Context) error{p.chat.Run, p.mesh.Run, p.node.Run} {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- part(ctx) }()
		end := sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				p.t.Errorf("%s: %v", p.name, err)
			}
		})
		ends = append(ends, end)
		if i == 1 {
			p.endMesh = end
		}
	}
	db := p.db
	p.stop = sync.OnceFunc(func() {
		for _, end := range ends {
			end()
		}
		if err := db.Close(); err != nil {
			p.t.Errorf("%s: close: %v", p.name, err)
		}
	})
	p.t.Cleanup(p.stop)
}

func (p *person) restart() {
	p.stop()
	p.start()
}

// claim claims a handle and publishes it.
func (p *person) claimHandle(name string) identity.Handle {
	p.t.Helper()
	h, err := identity.NewHandle(name, p.account())
	p.w.must(err)
	_, err = p.chat.SetHandles(context.Background(), h)
	p.w.must(err)
	p.handle = h
	p.w.publish(p)
	return h
}

func (p *person) account() identity.AccountID { return p.chat.Me().Account }

func (p *person) ref() string { return p.account().String() }

// until waits for a condition; the story fails when it never comes.
func (p *person) until(what string, cond func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: never %s", p.name, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (p *person) contact(q *person) chat.Contact {
	c, err := p.chat.Contact(q.ref())
	if err != nil && !errors.Is(err, chat.ErrNotFound) {
		p.t.Fatal(err)
	}
	return c
}

func (p *person) untilState(q *person, s chat.ContactState) {
	p.t.Helper()
	p.until(fmt.Sprintf("sees %s as %v (is %v, problem %q)", q.name, s, p.contact(q).State, p.contact(q).Problem),
		func() bool { return p.contact(q).State == s })
}

// add adds somebody by handle.
func (p *person) add(q *person, greeting string) chat.Contact {
	p.t.Helper()
	c, err := p.chat.AddContact(context.Background(), chat.AddRequest{Peer: q.handle.String(), Greeting: greeting})
	p.w.must(err)
	return c
}

func (p *person) send(q *person, text string) chat.Message {
	p.t.Helper()
	m, err := p.chat.Send(context.Background(), chat.SendRequest{To: q.ref(), Text: text})
	p.w.must(err)
	return m
}

func (p *person) texts(q *person) []string {
	p.t.Helper()
	page, err := p.chat.Messages(p.contact(q).Conversation, chat.Page{Limit: 500})
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range page.Messages {
		out = append(out, m.Text)
	}
	return out
}

func (p *person) untilText(q *person, want string) {
	p.t.Helper()
	p.until("reads "+want, func() bool {
		for _, s := range p.texts(q) {
			if s == want {
				return true
			}
		}
		return false
	})
}

func (p *person) untilMessage(id chat.MessageID, s chat.MessageState) chat.Message {
	p.t.Helper()
	var m chat.Message
	p.until("message is "+s.String(), func() bool {
		var err error
		m, err = p.chat.Message(id)
		p.w.must(err)
		return m.State == s
	})
	return m
}

// friends makes two people contacts of each other.
func friends(a, b *person) {
	a.t.Helper()
	if b.handle.Tag == "" {
		b.claimHandle(b.name)
	}
	a.add(b, "hello")
	b.untilState(a, chat.Incoming)
	_, err := b.chat.Accept(context.Background(), a.ref())
	a.w.must(err)
	a.untilState(b, chat.Accepted)
}

// events lists the events of a type.
func (p *person) events(typ string) []chat.Ref {
	p.t.Helper()
	list, err := p.db.Events(0, 10000)
	p.w.must(err)
	var out []chat.Ref
	for _, e := range list {
		if e.Type != typ {
			continue
		}
		r, err := chat.DecodeRef(e.Data)
		p.w.must(err)
		out = append(out, r)
	}
	return out
}
