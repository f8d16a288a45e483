package testnet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"

	"github.com/p2pmsgd/p2pmsgd/daemon"
)

// Config says what world to make. The zero value is a fast and faithful one.
type Config struct {
	Seed  uint64 // of the dice that lose and repeat packets
	Usual Link   // between any two hosts, unless World.Link says otherwise
	// Tune changes the configuration of every daemon before it starts.
	Tune func(*daemon.Config)
}

// World holds people and what lies between them.
type World struct {
	t     testing.TB
	cfg   Config
	net   *internet
	Clock *Clock

	mu     sync.Mutex
	people []*Person
}

// New makes an empty world, which ends with the test.
func New(t testing.TB, cfg Config) *World {
	return &World{t: t, cfg: cfg, net: newInternet(cfg.Seed, cfg.Usual), Clock: &Clock{}}
}

// Person puts somebody into the world and starts their daemon. Everybody joins
// through the first person, if that one can be reached.
func (w *World) Person(name string) *Person {
	w.t.Helper()
	w.mu.Lock()
	p := &Person{world: w, Name: name, addr: netip.AddrFrom4([4]byte{45, 10, 0, byte(len(w.people) + 1)})}
	w.people = append(w.people, p)
	w.mu.Unlock()
	p.dir = tempFolder(w.t)
	p.Start()
	w.t.Cleanup(p.Stop)
	return p
}

// tempFolder is short, because a socket path has to be.
func tempFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Link sets what lies between two people.
func (w *World) Link(a, b *Person, l Link) { w.net.set(a.addr, b.addr, l) }

// Cut lets nothing pass between the people of one group and those of another.
func (w *World) Cut(some, others []*Person) { w.between(some, others, true) }

// Heal ends what Cut began.
func (w *World) Heal(some, others []*Person) { w.between(some, others, false) }

func (w *World) between(some, others []*Person, cut bool) {
	for _, a := range some {
		for _, b := range others {
			l := w.net.get(a.addr, b.addr)
			l.Cut = cut
			w.net.set(a.addr, b.addr, l)
		}
	}
}

// first is through whom a person joins; nil for the first one.
func (w *World) first(p *Person) *Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.people[0] == p {
		return nil
	}
	return w.people[0]
}

// config is the configuration of a daemon at an address of the world.
func (w *World) config(p *Person) daemon.Config {
	cfg := daemon.DefaultConfig(p.dir)
	cfg.MDNS = false
	cfg.Now = w.Clock.Now
	cfg.Listen = []string{fmt.Sprintf("/ip4/%s/udp/4001/quic-v1", p.addr)}
	if host := w.first(p); host != nil && host.info.PeerID != "" {
		cfg.Bootstrap = host.info.Listen
	}
	cfg.Node.TCP, cfg.Node.PortMap, cfg.Node.AutoNAT, cfg.Node.ObservedAddrs, cfg.Node.HolePunch = false, false, false, false, false
	cfg.Node.Unmetered = true
	cfg.Node.Options = []libp2p.Option{w.net.quic()}
	cfg.DHT.Public = true
	cfg.DHT.Limits.MinBits, cfg.DHT.Limits.IdleBits = 1, 1 // work is the subject of other tests
	if w.cfg.Tune != nil {
		w.cfg.Tune(&cfg)
	}
	return cfg
}

// quic is the option that puts a host's QUIC on the simulated internet.
func (n *internet) quic() libp2p.Option {
	src := &sourceIP{}
	return libp2p.QUICReuse(newConnManager,
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return src, nil }),
		quicreuse.OverrideListenUDP(func(_ string, addr *net.UDPAddr) (net.PacketConn, error) {
			src.set(addr.IP)
			return n.listen(addr), nil
		}))
}

// newConnManager closes with the host, which does not close a manager that it
// did not make.
func newConnManager(l fx.Lifecycle, reset quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
	cm, err := quicreuse.NewConnManager(reset, token, opts...)
	if err != nil {
		return nil, err
	}
	l.Append(fx.StopHook(cm.Close))
	return cm, nil
}

// sourceIP answers from which address a host sends: it has only one.
type sourceIP struct {
	mu sync.Mutex
	ip net.IP
}

func (s *sourceIP) set(ip net.IP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ip = ip
}

// PreferredSourceIPForDestination implements quicreuse.SourceIPSelector.
func (s *sourceIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ip, nil
}

// Clock is the wall clock of a world: that of the machine, moved forward by
// what a test asked for. The zero value shows the machine's.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the time in the world.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves the world forward. Timers that run keep their pace; what looks
// at the clock sees the new time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
