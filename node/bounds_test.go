package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"pgregory.net/rapid"
)

// However peers come and go, a gate's numbers hold and it forgets who has left.
func TestGateHolds(t *testing.T) {
	ids := make([]peer.ID, 300)
	for i := range ids {
		ids[i] = newID(t)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := StreamLimits{Concurrent: 5, PerPeer: 2, Rate: 10, Burst: 4}
		g, now := newGate(l), time.Unix(0, 0)
		open := map[peer.ID]int{}
		total := 0
		for range rapid.IntRange(0, 500).Draw(t, "steps") {
			id := ids[rapid.IntRange(0, len(ids)-1).Draw(t, "who")]
			if open[id] > 0 && rapid.Bool().Draw(t, "leaves") {
				g.leave(id)
				open[id]--
				total--
			} else if g.enter(id, false, now) == admitted {
				open[id]++
				total++
			}
			if open[id] > l.PerPeer || total > l.Concurrent {
				t.Fatalf("%d streams of one peer, %d in all", open[id], total)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "ms")) * time.Millisecond)
		}
		now = now.Add(time.Hour)
		g.mu.Lock()
		g.sweepLocked(now)
		g.mu.Unlock()
		if len(g.peers) > total {
			t.Fatalf("%d peers remembered for %d streams", len(g.peers), total)
		}
	})
}

func TestGateRefusesLimited(t *testing.T) {
	l := StreamLimits{Concurrent: 1, PerPeer: 1, Rate: 1, Burst: 1}
	if got := newGate(l).enter(newID(t), true, time.Now()); got != notDirect {
		t.Errorf("got %q", got)
	}
	l.Limited = true
	if got := newGate(l).enter(newID(t), true, time.Now()); got != admitted {
		t.Errorf("got %q", got)
	}
}

// Anybody on the local network can announce anything.
func TestAnnouncements(t *testing.T) {
	bob, eve := newID(t).String(), newID(t).String()
	near := "/ip4/192.168.1.2/tcp/4001/p2p/"
	cases := []struct {
		name  string
		texts []string
		want  int
	}{
		{"two addresses", []string{"dnsaddr=" + near + bob, "dnsaddr=/ip6/fe80::1/udp/4001/quic-v1/p2p/" + bob}, 2},
		{"far away", []string{"dnsaddr=/ip4/8.8.8.8/tcp/53/p2p/" + bob}, 0},
		{"a name", []string{"dnsaddr=/dns4/example.com/tcp/53/p2p/" + bob}, 0},
		{"over a relay", []string{"dnsaddr=" + near + eve + "/p2p-circuit/p2p/" + bob}, 0},
		{"somebody else's", []string{"dnsaddr=" + near + bob, "dnsaddr=" + near + eve}, 1},
		{"other keys", []string{"x=y", "dnsaddr", "dnsaddr=", near + bob}, 0},
		{"too many", slices.Repeat([]string{"dnsaddr=" + near + bob}, 100), mdnsAddrs},
		{"too long", []string{"dnsaddr=/ip6zone/" + strings.Repeat("x", 300) + near + bob}, 0},
		{"nothing", nil, 0},
	}
	for _, c := range cases {
		if _, got := parseAnnouncement(c.texts); len(got) != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func FuzzAnnouncement(f *testing.F) {
	f.Add("dnsaddr=/ip4/192.168.1.2/tcp/4001/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X", "")
	f.Add("dnsaddr=", "dnsaddr=/p2p-circuit")
	f.Fuzz(func(t *testing.T, a, b string) {
		id, addrs := parseAnnouncement([]string{a, b})
		if len(addrs) > 0 && id == "" {
			t.Fatal("addresses of nobody")
		}
		for _, x := range addrs {
			if !isNear(x) {
				t.Fatalf("%s is far away", x)
			}
		}
	})
}

// One port serves all transports, and the last one is asked for again.
func TestOnePortForAll(t *testing.T) {
	listen := []multiaddr.Multiaddr{
		multiaddr.StringCast("/ip4/127.0.0.1/udp/0/quic-v1"),
		multiaddr.StringCast("/ip4/127.0.0.1/tcp/0"),
		multiaddr.StringCast("/ip4/127.0.0.1/tcp/4999"),
	}
	got := settlePort(listen, 0)
	port := portOf(got[0])
	if port <= 0 || portOf(got[1]) != port || portOf(got[2]) != 4999 {
		t.Fatalf("got %v", got)
	}
	if again := settlePort(listen, port); portOf(again[0]) != port {
		t.Errorf("got %v, want port %d again", again, port)
	}
	_, release := bind(got[0])
	if release == nil {
		t.Skip("the port went to somebody else")
	}
	defer release()
	if other := settlePort(listen, port); portOf(other[0]) == port || portOf(other[0]) != portOf(other[1]) {
		t.Errorf("got %v though %d is taken", other, port)
	}
}

// On a network in memory there is nothing to bind; the addresses stay.
func TestPortElsewhere(t *testing.T) {
	listen := []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/198.51.100.1/udp/0/quic-v1")}
	if got := settlePort(listen, 0); !got[0].Equal(listen[0]) {
		t.Errorf("got %v", got)
	}
}
