package dht

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// TestSimulation runs the directory among many nodes in memory: unmodified
// Kademlia and this package over stub hosts, in virtual time. With P2PMSG_SIM=1
// there are 1,000 of them and the figures of spec/directory.md#regions are
// printed; otherwise 100, and only the bars are checked.
func TestSimulation(t *testing.T) {
	s := simulation{nodes: 100, names: 5, lookups: 10, targets: 1, small: true}
	if os.Getenv("P2PMSG_SIM") != "" {
		s = simulation{nodes: 1000, names: 50, lookups: 100, targets: 25}
	}
	wall := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		s.T, s.w = t, newWorld(42)
		s.settle()
		defer s.leave()
		s.measureLookups("all alive")
		s.publish()
		s.resolveAll("all alive", 1)
		s.sybils()
		s.forgers()
		s.killHalf()
		s.resolveAll("half the nodes gone", 0.98)
		s.measureLookups("half the nodes gone")
	})
	fmt.Printf("sim N=%d: %v wall\n", s.nodes, time.Since(wall).Round(time.Millisecond))
}

type simulation struct {
	*testing.T
	w                              *world
	nodes, names, lookups, targets int
	small                          bool
	members                        []*member
	people                         []*person
	owners                         []*member
}

// settle lets everybody join and know as many others as a long life would.
func (s *simulation) settle() {
	for range s.nodes {
		s.members = append(s.members, s.w.join(s, s.w.peerID(anyID), simLimits()))
	}
	acquaint(s.w, s.members)
}

// simLimits price nothing, keep all times, and are generous where the stub
// world puts everybody on one timetable.
func simLimits() Limits {
	l := quick()
	l.NameMemory, l.WorkMemory = 64, 8
	l.IdlePause, l.Retry = time.Hour, 15*time.Second
	return l
}

func (s *simulation) leave() {
	for _, m := range s.members {
		m.stop()
	}
}

func (s *simulation) someone() *member {
	for {
		if m := s.members[s.w.rng.IntN(len(s.members))]; !m.host.dead.Load() {
			return m
		}
	}
}

func (s *simulation) publish() {
	start := time.Now()
	for i := range s.names {
		p := newPersonAt(s, fmt.Sprintf("person-%d", i), time.Now())
		m := s.members[i*len(s.members)/s.names]
		m.run()
		m.Publish(p.profile(m.self))
		s.people, s.owners = append(s.people, p), append(s.owners, m)
	}
	for i, m := range s.owners {
		must(s, m.WaitPublished(within(s, time.Minute), s.people[i].name))
	}
	first := time.Since(start)
	s.until(func() bool { return !slices.ContainsFunc(s.owners, func(m *member) bool { return !heldBy(m.DHT, 8) }) })
	fmt.Printf("sim N=%d: %d people published: everybody's name with a first server after %v, every record with 8 after %v\n",
		s.nodes, s.names, first.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
}

func (s *simulation) until(ok func() bool) {
	for end := time.Now().Add(10 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatal("not published")
		}
	}
}

// measureLookups counts what a plain Kademlia look-up takes.
func (s *simulation) measureLookups(when string) {
	var ms, hops, rpcs figures
	for i := range s.lookups {
		before, start := s.w.rpcs.Load(), time.Now()
		hops.add(float64(s.depth(s.someone(), fmt.Sprint("key", when, i))))
		ms.add(float64(time.Since(start).Milliseconds()))
		rpcs.add(float64(s.w.rpcs.Load() - before))
	}
	fmt.Printf("sim N=%d, %s: look-up %s ms, hops mean %.1f p90 %.0f, requests mean %.0f\n",
		s.nodes, when, ms, hops.mean(), hops.pct(.9), rpcs.mean())
}

// depth is the longest chain of who told whom in one look-up.
func (s *simulation) depth(m *member, key string) (deepest int) {
	ctx, cancel := context.WithCancel(s.Context())
	ctx, events := kad.RegisterForLookupEvents(ctx)
	at := map[peer.ID]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events {
			if e.Request == nil {
				continue
			}
			for _, p := range e.Request.Waiting {
				d := 1
				if src := e.Request.Source; src != nil && src.Peer != m.self {
					d = at[src.Peer] + 1
				}
				at[p.Peer], deepest = d, max(deepest, d)
			}
		}
	}()
	_, _ = m.wan.GetClosestPeers(ctx, key)
	cancel()
	<-done
	return deepest
}

// resolveAll looks for everybody by bare name, from anywhere.
func (s *simulation) resolveAll(when string, bar float64) {
	var first, all figures
	found := 0
	for i, p := range s.people {
		m := s.someone()
		start := time.Now()
		at := time.Duration(-1)
		_, err := m.Resolve(s.Context(), identity.Handle{Name: p.name}, func(c Claimant) {
			if c.Account != p.account.ID() {
				s.Errorf("%s resolves to somebody else", p.name)
			}
			if at < 0 {
				at = time.Since(start)
				found++
			}
		})
		must(s, err)
		if s.owners[i] != m && at >= 0 {
			first.add(float64(at.Milliseconds()))
			all.add(float64(time.Since(start).Milliseconds()))
		}
	}
	recall := float64(found) / float64(len(s.people))
	fmt.Printf("sim N=%d, %s: found %.1f %%, first claim %s ms, complete %s ms\n", s.nodes, when, 100*recall, first, all)
	if recall < bar {
		s.Errorf("%s: found only %.1f %%", when, 100*recall)
	}
}

func (s *simulation) killHalf() {
	for _, i := range s.w.rng.Perm(len(s.members))[:len(s.members)/2] {
		s.members[i].host.dead.Store(true)
	}
}

// sybils prints how often peers that crowd around an index keep a claim from
// being found.
func (s *simulation) sybils() {
	counts := []int{20, 45}
	if s.small {
		counts = counts[:1]
	}
	for _, n := range counts {
		for _, region := range []int{0, 4} {
			denied := 0
			for target := range s.targets {
				if !s.survives(fmt.Sprintf("victim-%d-%d-%d", n, region, target), n, region) {
					denied++
				}
			}
			fmt.Printf("sim N=%d: %d Sybils nearest an index, R=%d: %d of %d claims denied\n", s.nodes, n, region, denied, s.targets)
			if region > 0 && !s.small && denied > s.targets/10 {
				s.Errorf("%d Sybils deny %d of %d with R=%d", n, denied, s.targets, region)
			}
		}
	}
}

// survives tells whether a claim written and read amid Sybils is found.
func (s *simulation) survives(name string, sybils, region int) bool {
	p := newPersonAt(s, name, time.Now())
	mint := newMint(s, p, simLimits(), time.Now())
	raw := mint.strike(mint.coin())
	crowd := s.crowd(mint.place.index, sybils)
	defer s.disperse(crowd)
	writer, reader := s.visitor(region, crowd), s.visitor(region, crowd)
	defer writer.stop()
	defer reader.stop()
	j := job{id: itemID{kind: KindName}, index: mint.place.index, raw: raw, hash: hashRecord(raw)}
	writer.push(s.Context(), j, func(pushResult) {})
	found := false
	_, err := reader.Resolve(s.Context(), identity.Handle{Name: name}, func(Claimant) { found = true })
	must(s, err)
	return found
}

// visitor is a fresh node with a full table and its own idea of regions.
func (s *simulation) visitor(region int, crowd []*stubHost) *member {
	l := simLimits()
	l.Region = region
	l.RegionFrom = 20
	m := s.w.join(s, s.w.peerID(anyID), l)
	for _, o := range s.members {
		_, _ = m.wan.RoutingTable().TryAddPeer(o.self, true, false)
	}
	for _, o := range crowd {
		_, _ = m.wan.RoutingTable().TryAddPeer(o.id, true, false)
	}
	return m
}

// crowd puts hosts nearer to an index than any member; they name only each
// other, take every record and hold none.
func (s *simulation) crowd(index [32]byte, n int) (out []*stubHost) {
	best := distance(keyspace(string(s.members[0].self)), index)
	for _, m := range s.members {
		if d := distance(keyspace(string(m.self)), index); slices.Compare(d[:], best[:]) < 0 {
			best = d
		}
	}
	nearer := func(id peer.ID) bool {
		d := distance(keyspace(string(id)), index)
		return slices.Compare(d[:], best[:]) < 0
	}
	for range n {
		out = append(out, s.w.liar(s.w.peerID(nearer), func(request) [][]byte { return nil }))
	}
	for _, h := range out {
		h.SetStreamHandler(wanPrefix+"/kad/1.0.0", conspire(out))
		for _, m := range s.members {
			_, _ = m.wan.RoutingTable().TryAddPeer(h.id, true, false)
		}
	}
	return out
}

// conspire answers FIND_NODE with the conspirators only.
func conspire(who []*stubHost) network.StreamHandler {
	var infos []peer.AddrInfo
	for _, h := range who[:min(len(who), bucketSize)] {
		infos = append(infos, peer.AddrInfo{ID: h.id, Addrs: h.Addrs()})
	}
	b, err := proto.Marshal(&pb.Message{Type: pb.Message_FIND_NODE, CloserPeers: pb.PeerInfosToPBPeers(who[0].Network(), infos)})
	if err != nil {
		panic(err)
	}
	return func(st network.Stream) { _ = node.WriteFrame(st, b) }
}

func (s *simulation) disperse(crowd []*stubHost) {
	for _, h := range crowd {
		for _, m := range s.members {
			m.wan.RoutingTable().RemovePeer(h.id)
		}
		s.w.remove(h.id)
	}
}

// forgers lets one node in ten answer every GET for a name with forgeries of
// it. None may be believed, and the true claim must still be found.
func (s *simulation) forgers() {
	accepted, told, missing := 0, 0, 0
	var mu sync.Mutex
	for i, p := range s.people {
		thief := newPersonAt(s, p.name, time.Now())
		mint := newMint(s, p, simLimits(), time.Now())
		var lies [][]byte
		for _, f := range forgeries {
			if b := f.make(mint, thief); len(b) <= 800 {
				lies = append(lies, b)
			}
		}
		var liars []*member
		for j := 0; j < len(s.members); j += 10 {
			if m := s.members[j]; m != s.owners[i] {
				liars = append(liars, m)
				m.host.SetStreamHandler(Protocol, lieWith(lies, func(n int) { mu.Lock(); told += n; mu.Unlock() }))
			}
		}
		found := false
		m := s.members[(i*7+3)%len(s.members)]
		_, err := m.Resolve(s.Context(), identity.Handle{Name: p.name}, func(c Claimant) {
			if c.Account != p.account.ID() || c.Locator != p.locator || c.Pin != p.manifest.Pin() {
				accepted++
			}
			found = true
		})
		must(s, err)
		if !found {
			missing++
		}
		for _, m := range liars {
			m.host.Handle(Protocol, node.StreamLimits{}, m.server.serve)
		}
	}
	fmt.Printf("sim N=%d: one server in ten lies: %d forged claims told, %d accepted, %d of %d names not found\n",
		s.nodes, told, accepted, missing, len(s.people))
	if accepted > 0 || missing > 0 || told == 0 {
		s.Errorf("forged claims: %d told, %d accepted, %d names missing", told, accepted, missing)
	}
}

func lieWith(lies [][]byte, count func(int)) network.StreamHandler {
	return func(st network.Stream) {
		b, err := node.ReadFrame(st, maxFrame)
		var q request
		if err != nil || identity.Decode(b, &q) != nil || q.Op != opGet {
			return
		}
		count(len(lies))
		for _, raw := range lies {
			b, _ := identity.Encode(reply{Status: statusRecord, Record: raw, First: 1})
			_ = node.WriteFrame(st, b)
		}
		b, _ = identity.Encode(reply{Status: statusOK})
		_ = node.WriteFrame(st, b)
	}
}

// figures are samples of one thing.
type figures []float64

func (f *figures) add(x float64) { *f = append(*f, x) }

func (f figures) pct(p float64) float64 {
	if len(f) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f))
	return s[int(p*float64(len(s)-1))]
}

func (f figures) mean() (sum float64) {
	for _, x := range f {
		sum += x
	}
	return sum / float64(max(len(f), 1))
}

func (f figures) String() string { return fmt.Sprintf("p50 %.0f p90 %.0f", f.pct(.5), f.pct(.9)) }
