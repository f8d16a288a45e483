package dht

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	logging "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multihash"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// world is a network of hosts that are little more than an address: Kademlia
// and the directory above them are the real ones, time is that of synctest.
type world struct {
	mu    sync.RWMutex
	hosts map[peer.ID]*stubHost
	rpcs  atomic.Int64
	rng   *mrand.Rand
}

// dialTimeout is what a dial to a peer that is gone costs.
const dialTimeout = 3 * time.Second

func newWorld(seed uint64) *world {
	logging.SetAllLoggers(logging.LevelFatal)
	return &world{hosts: map[peer.ID]*stubHost{}, rng: mrand.New(mrand.NewPCG(seed, 1))}
}

func (w *world) host(id peer.ID) *stubHost {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.hosts[id]
}

// peerID draws IDs until one pleases.
func (w *world) peerID(pleases func(peer.ID) bool) peer.ID {
	for {
		var b [32]byte
		for i := 0; i < 32; i += 8 {
			binary.BigEndian.PutUint64(b[i:], w.rng.Uint64())
		}
		m, err := multihash.Encode(b[:], multihash.SHA2_256)
		if err != nil {
			panic(err)
		}
		if id := peer.ID(m); pleases(id) {
			return id
		}
	}
}

func anyID(peer.ID) bool { return true }

func (w *world) add(id peer.ID) *stubHost {
	n := len(w.hosts)
	a := multiaddr.StringCast(fmt.Sprintf("/ip4/%d.%d.%d.%d/udp/4001/quic-v1", 20+n%180, (n/180)%250, (n/45000)%250, 1+n%250))
	h := &stubHost{
		w: w, id: id, addr: a, bus: eventbus.NewBus(), conns: map[peer.ID]bool{},
		handlers: map[protocol.ID]network.StreamHandler{}, x: w.rng.Float64(), y: w.rng.Float64(),
	}
	h.ident, _ = h.bus.Emitter(new(event.EvtPeerIdentificationCompleted))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[id] = h
	return h
}

// remove takes a host out of the address book.
func (w *world) remove(id peer.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.hosts, id)
}

// stubHost is a libp2p host as far as kad-dht and dht look.
type stubHost struct {
	host.Host
	w     *world
	id    peer.ID
	bus   event.Bus
	ident event.Emitter
	x, y  float64
	dead  atomic.Bool

	mu       sync.Mutex
	addr     multiaddr.Multiaddr
	conns    map[peer.ID]bool
	handlers map[protocol.ID]network.StreamHandler
}

func (h *stubHost) ID() peer.ID                      { return h.id }
func (h *stubHost) Peerstore() peerstore.Peerstore   { return stubStore{w: h.w} }
func (h *stubHost) Addrs() []multiaddr.Multiaddr     { return []multiaddr.Multiaddr{h.where()} }
func (h *stubHost) Network() network.Network         { return stubNet{h: h} }
func (h *stubHost) ConnManager() connmgr.ConnManager { return connmgr.NullConnMgr{} }
func (h *stubHost) EventBus() event.Bus              { return h.bus }
func (h *stubHost) RemoveStreamHandler(p protocol.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.handlers, p)
}

func (h *stubHost) SetStreamHandler(p protocol.ID, f network.StreamHandler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handlers[p] = f
}

func (h *stubHost) where() multiaddr.Multiaddr {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addr
}

func (h *stubHost) move(to multiaddr.Multiaddr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addr = to
}

func (h *stubHost) handler(p protocol.ID) network.StreamHandler {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.handlers[p]
}

func (h *stubHost) connected(p peer.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns[p]
}

// rtt is 20 to 260 ms, by where the two are on a square.
func (h *stubHost) rtt(o *stubHost) time.Duration {
	dx, dy := h.x-o.x, h.y-o.y
	return time.Duration(20+120*(dx*dx+dy*dy)) * time.Millisecond
}

var errGone = errors.New("dial timeout")

func pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *stubHost) Connect(ctx context.Context, ai peer.AddrInfo) error {
	if h.connected(ai.ID) {
		return nil
	}
	o := h.w.host(ai.ID)
	if o == nil || o.dead.Load() {
		if err := pass(ctx, dialTimeout); err != nil {
			return err
		}
		return errGone
	}
	if err := pass(ctx, 3*h.rtt(o)); err != nil { // handshake and identify
		return err
	}
	h.meet(o)
	o.meet(h)
	return nil
}

func (h *stubHost) meet(o *stubHost) {
	h.mu.Lock()
	h.conns[o.id] = true
	h.mu.Unlock()
	_ = h.ident.Emit(event.EvtPeerIdentificationCompleted{Peer: o.id})
}

func (h *stubHost) part(p peer.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, p)
}

// Handle, Open and Host make a stubHost all that dht asks of a node.
func (h *stubHost) Handle(p protocol.ID, _ node.StreamLimits, f func(context.Context, network.Stream)) {
	h.SetStreamHandler(p, func(s network.Stream) { f(context.Background(), s) })
}

func (h *stubHost) Open(ctx context.Context, id peer.ID, p protocol.ID, _ node.OpenOptions) (network.Stream, error) {
	if err := h.Connect(ctx, peer.AddrInfo{ID: id}); err != nil {
		return nil, err
	}
	return &stubStream{to: h.w.host(id), from: h, proto: p, reset: make(chan struct{})}, nil
}

// reachable gives a stubHost the method Host, which its embedded interface has
// as a field.
type reachable struct{ *stubHost }

func (r reachable) Host() host.Host { return r.stubHost }

// stubStream carries one request and its reply, the handler runs in Read.
type stubStream struct {
	network.Stream
	to, from *stubHost
	proto    protocol.ID
	request  bytes.Buffer
	reply    *bytes.Reader
	once     sync.Once
	reset    chan struct{}
}

func (s *stubStream) Write(b []byte) (int, error) { return s.request.Write(b) }
func (s *stubStream) CloseWrite() error           { return nil }
func (s *stubStream) Close() error                { return nil }
func (s *stubStream) SetDeadline(time.Time) error { return nil }
func (s *stubStream) Reset() error                { s.once.Do(func() { close(s.reset) }); return nil }

func (s *stubStream) Read(b []byte) (int, error) {
	if s.reply == nil {
		if err := s.exchange(); err != nil {
			return 0, err
		}
	}
	return s.reply.Read(b)
}

func (s *stubStream) exchange() error {
	var delay <-chan time.Time
	if s.to != nil && !s.to.dead.Load() {
		t := time.NewTimer(s.from.rtt(s.to))
		defer t.Stop()
		delay = t.C
	}
	select {
	case <-delay:
	case <-s.reset:
		s.from.part(s.to.id)
		return network.ErrReset
	}
	f := s.to.handler(s.proto)
	if f == nil {
		return network.ErrReset
	}
	s.from.w.rpcs.Add(1)
	in := &servedStream{in: bytes.NewReader(s.request.Bytes()), conn: stubConn{remote: s.from}}
	f(in)
	s.reply = bytes.NewReader(in.out.Bytes())
	return nil
}

type servedStream struct {
	network.Stream
	in   *bytes.Reader
	out  bytes.Buffer
	conn stubConn
}

func (s *servedStream) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s *servedStream) Write(b []byte) (int, error) { return s.out.Write(b) }
func (s *servedStream) Close() error                { return nil }
func (s *servedStream) Reset() error                { return nil }
func (s *servedStream) Conn() network.Conn          { return &s.conn }

type stubConn struct {
	network.Conn
	remote *stubHost
}

func (c *stubConn) RemotePeer() peer.ID                  { return c.remote.id }
func (c *stubConn) RemoteMultiaddr() multiaddr.Multiaddr { return c.remote.where() }

type stubNet struct {
	network.Network
	h *stubHost
}

func (n stubNet) LocalPeer() peer.ID    { return n.h.id }
func (n stubNet) Conns() []network.Conn { return nil }

func (n stubNet) Connectedness(p peer.ID) network.Connectedness {
	if n.h.connected(p) {
		return network.Connected
	}
	return network.NotConnected
}

func (n stubNet) Peers() (out []peer.ID) {
	n.h.mu.Lock()
	defer n.h.mu.Unlock()
	for p := range n.h.conns {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// ConnsToPeer always names an address, so that tables can be filled by hand.
func (n stubNet) ConnsToPeer(p peer.ID) []network.Conn {
	if o := n.h.w.host(p); o != nil {
		return []network.Conn{&stubConn{remote: o}}
	}
	return nil
}

// stubStore knows everybody's address and that they keep a directory.
type stubStore struct {
	peerstore.Peerstore
	w *world
}

func (s stubStore) Addrs(p peer.ID) []multiaddr.Multiaddr {
	if h := s.w.host(p); h != nil {
		return h.Addrs()
	}
	return nil
}
func (s stubStore) PeerInfo(p peer.ID) peer.AddrInfo                       { return peer.AddrInfo{ID: p, Addrs: s.Addrs(p)} }
func (s stubStore) AddAddrs(peer.ID, []multiaddr.Multiaddr, time.Duration) {}
func (s stubStore) UpdateAddrs(peer.ID, time.Duration, time.Duration)      {}
func (s stubStore) LatencyEWMA(peer.ID) time.Duration                      { return 0 }
func (s stubStore) RecordLatency(peer.ID, time.Duration)                   {}
func (s stubStore) FirstSupportedProtocol(_ peer.ID, ps ...protocol.ID) (protocol.ID, error) {
	if ps[0] == lanPrefix+"/kad/1.0.0" {
		return "", nil // this world is the wide one
	}
	return ps[0], nil
}
func (s stubStore) SupportsProtocols(_ peer.ID, ps ...protocol.ID) ([]protocol.ID, error) {
	return ps, nil
}

// cheapTags stands in for the slow hash of handles, one for a whole world.
func cheapTags(name string, id identity.AccountID) (identity.Handle, error) {
	h := sha256.Sum256(append([]byte(name), id[:]...))
	tag := make([]byte, identity.TagSize)
	for i := range tag {
		tag[i] = "abcdefghijklmnopqrstuvwxyz234567"[h[i]&31]
	}
	return identity.Handle{Name: name, Tag: string(tag)}, nil
}

// member is a node of a world.
type member struct {
	*DHT
	host *stubHost
	run  func()
	stop func()
}

// join opens a directory on a new host. It runs only when told: a thousand
// publishers with nothing to publish would only cost.
func (w *world) join(t testing.TB, id peer.ID, l Limits) *member {
	t.Helper()
	h := w.add(id)
	d, err := open(Config{Limits: l, Public: true}, reachable{h})
	must(t, err)
	d.slow.tag = cheapTags
	m := &member{DHT: d, host: h, stop: func() { _ = d.Close() }}
	m.run = func() {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = d.Run(ctx) }()
		m.run = func() {}
		m.stop = func() { cancel(); <-done }
	}
	return m
}

// acquaint fills every table as a long life in the network would have.
func acquaint(w *world, ms []*member) {
	type spot struct {
		x [32]byte
		m *member
	}
	spots := make([]spot, len(ms))
	for i, m := range ms {
		spots[i] = spot{keyspace(string(m.self)), m}
	}
	slices.SortFunc(spots, func(a, b spot) int { return bytes.Compare(a.x[:], b.x[:]) })
	find := func(x [32]byte) int {
		i, _ := slices.BinarySearchFunc(spots, x, func(s spot, x [32]byte) int { return bytes.Compare(s.x[:], x[:]) })
		return i
	}
	for _, s := range spots {
		for cpl := range 24 {
			lo := s.x
			lo[cpl/8] ^= 0x80 >> (cpl % 8)
			hi := lo
			for b := cpl + 1; b < 256; b++ {
				lo[b/8] &^= 0x80 >> (b % 8)
				hi[b/8] |= 0x80 >> (b % 8)
			}
			from, to := find(lo), find(hi)
			for n, j := range w.rng.Perm(to - from) {
				if n >= bucketSize {
					break
				}
				_, _ = s.m.wan.RoutingTable().TryAddPeer(spots[from+j].m.self, true, false)
			}
		}
	}
}

var _ io.Reader = (*stubStream)(nil)
