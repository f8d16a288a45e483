package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"

	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Directory is what chat asks of the DHT; *dht.DHT satisfies it.
type Directory interface {
	Resolve(ctx context.Context, h identity.Handle, found func(dht.Claimant)) (dht.Search, error)
	Account(ctx context.Context, id identity.AccountID, g identity.Genesis, locator [32]byte) (*dht.Account, error)
	Route(ctx context.Context, id identity.AccountID, g identity.Genesis, presence [32]byte) (*dht.Route, error)
	FindPeer(ctx context.Context, id peer.ID) (peer.AddrInfo, error)
}

// Host is what chat asks of the node; *node.Node satisfies it.
type Host interface {
	ID() peer.ID
	Addrs() []multiaddr.Multiaddr
}

// Chat is the whole; safe for concurrent use. It holds what is only in memory;
// everything that matters is in the store and changes in work.
type Chat struct {
	cfg  Config
	db   *store.DB
	dir  Directory // nil: people are found by invite only
	mesh *mesh.Mesh
	host Host
	self atomic.Pointer[Self]

	sender       *sender
	intros       *introducer
	prover       *prover
	presence     *presence
	hints        *hints
	names        *names
	readReceipts atomic.Bool
	receiptsDue  chan struct{}
	upkeepDue    chan struct{}

	// peers is by ConversationID the AccountID at its other end, which never
	// changes; as large as the list of contacts at most.
	peers sync.Map

	mu        sync.Mutex
	listeners map[int]func() // of Profile, guarded by mu
	listener  int            // guarded by mu
}

// New composes a chat and attaches it to the mesh. dir may be nil: then people
// are found by invite only. Call Run next.
func New(cfg Config, db *store.DB, self *Self, dir Directory, m *mesh.Mesh, host Host) (*Chat, error) {
	if db == nil || self == nil || m == nil || host == nil {
		return nil, errors.New("chat: new: something is missing")
	}
	c := &Chat{
		cfg: cfg.filled(), db: db, dir: dir, mesh: m, host: host,
		prover: newProver(), presence: newPresence(),
		hints: &hints{by: map[peer.ID][]identity.DeviceID{}}, names: &names{},
		receiptsDue: make(chan struct{}, 1), upkeepDue: make(chan struct{}, 1),
		listeners: map[int]func(){},
	}
	c.sender, c.intros = &sender{c: c}, newIntroducer(c)
	c.readReceipts.Store(c.cfg.ReadReceipts)
	c.self.Store(self)
	if err := c.upkeep(context.Background()); err != nil {
		return nil, fmt.Errorf("chat: new: %w", err)
	}
	m.Attach(c, c, c)
	return c, nil
}

// Run does what happens by itself: introductions, key rotation, receipts,
// presence. It returns when ctx is over and all it started has ended.
func (c *Chat) Run(ctx context.Context) error {
	if err := errors.Join(c.reconnect(), c.resumeIntroductions()); err != nil {
		return fmt.Errorf("chat: run: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		c.runUpkeep, c.intros.run, c.runReceipts, c.runPresence, c.runProver, c.runRoute,
	} {
		g.Go(func() error { return part(ctx) })
	}
	err := g.Wait()
	c.sender.ended.Wait()
	return err
}
