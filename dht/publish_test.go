package dht

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// village is a small world whose members know and publish nothing yet.
func village(t *testing.T, n int, l Limits) (*world, []*member) {
	time.Sleep(time.Until(noon))
	w := newWorld(7)
	var ms []*member
	for range n {
		ms = append(ms, w.join(t, w.peerID(anyID), l))
	}
	return w, ms
}

func endVillage(ms []*member) {
	for _, m := range ms {
		m.stop()
	}
}

// TestWorkImprovesInIdleTime: first the least, then more, at the same servers.
func TestWorkImprovesInIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quick()
		l.IdleBits = 5
		_, ms := village(t, 2, l)
		defer endVillage(ms)
		must(t, ms[0].host.Connect(t.Context(), peer.AddrInfo{ID: ms[1].self}))
		alice := newPersonAt(t, "alice", noon)
		ms[0].run()
		ms[0].Publish(alice.profile(ms[0].self))
		must(t, ms[0].WaitPublished(t.Context(), "alice"))
		least := resolve(t, ms[1].DHT, "alice")[alice.account.ID()].Bits
		time.Sleep(time.Hour)
		if got := resolve(t, ms[1].DHT, "alice")[alice.account.ID()].Bits; got < 5 || least >= got {
			t.Errorf("bits went from %d to %d", least, got)
		}
	})
}

// TestNewcomersGetRecords: while few hold them, each newcomer is asked, once.
func TestNewcomersGetRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := village(t, 6, quick())
		defer endVillage(ms)
		alice := newPersonAt(t, "alice", noon)
		ms[0].run()
		ms[0].Publish(alice.profile(ms[0].self))
		must(t, ms[0].WaitPublished(t.Context(), "alice"))
		for i := 1; i < 6; i++ {
			must(t, ms[i].host.Connect(t.Context(), peer.AddrInfo{ID: ms[0].self}))
			time.Sleep(5 * time.Second)
			if !heldBy(ms[0].DHT, i) {
				t.Fatalf("after %d newcomers: %+v", i, ms[0].Published())
			}
		}
		puts := ms[1].shelves
		before, _ := puts.size()
		ms[1].host.part(ms[0].self)
		ms[0].host.part(ms[1].self)
		ms[1].shelves = newShelves(quick(), [32]byte{}) // forgotten, as after a restart
		ms[1].server.shelves = ms[1].shelves
		must(t, ms[1].host.Connect(t.Context(), peer.AddrInfo{ID: ms[0].self}))
		time.Sleep(5 * time.Second)
		if after, _ := ms[1].shelves.size(); after != before {
			t.Errorf("a server that forgot got %d records of %d", after, before)
		}
	})
}

// TestRouteFollowsAddresses: at once, then at most once a minute.
func TestRouteFollowsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := village(t, 2, quick())
		defer endVillage(ms)
		must(t, ms[0].host.Connect(t.Context(), peer.AddrInfo{ID: ms[1].self}))
		alice := newPersonAt(t, "alice", noon)
		ms[0].run()
		ms[0].Publish(alice.profile(ms[0].self))
		g := alice.account.Genesis()
		route := func() string {
			r, err := ms[1].Route(t.Context(), g.AccountID(), g, alice.presence)
			must(t, err)
			return r.Devices[0].Addrs[0].String()
		}
		time.Sleep(90 * time.Second)
		moved, err := ms[0].host.bus.Emitter(new(event.EvtLocalAddressesUpdated))
		must(t, err)
		move := func(a string) {
			ms[0].host.move(multiaddr.StringCast(a))
			must(t, moved.Emit(event.EvtLocalAddressesUpdated{}))
			time.Sleep(5 * time.Second)
		}
		first, second := "/ip4/81.2.3.4/udp/1/quic-v1", "/ip4/81.2.3.5/udp/1/quic-v1"
		move(first)
		if got := route(); got != first {
			t.Errorf("after the first move: %s", got)
		}
		move(second)
		if got := route(); got != first {
			t.Errorf("ten seconds later already: %s", got)
		}
		time.Sleep(time.Minute)
		if got := route(); got != second {
			t.Errorf("a minute later: %s", got)
		}
	})
}

// TestWeekTurns: found in every moment around the end of an epoch, by clocks
// that differ.
func TestWeekTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quick()
		l.IdlePause = time.Hour
		turn := epochStart(epochAt(noon, week)+1, week)
		time.Sleep(time.Until(turn.Add(-26 * time.Hour)))
		_, ms := village(t, 2, l)
		defer endVillage(ms)
		must(t, ms[0].host.Connect(t.Context(), peer.AddrInfo{ID: ms[1].self}))
		alice := newPersonAt(t, "alice", noon)
		ms[0].run()
		ms[0].Publish(alice.profile(ms[0].self))
		must(t, ms[0].WaitPublished(t.Context(), "alice"))
		skewed := time.Duration(0)
		ms[1].cfg.Now = func() time.Time { return time.Now().Add(skewed) }
		for _, at := range []time.Duration{-25 * time.Hour, -23 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 3 * time.Hour, 27 * time.Hour} {
			time.Sleep(time.Until(turn.Add(at)))
			for _, skewed = range []time.Duration{-time.Hour, 0, time.Hour} {
				if len(resolve(t, ms[1].DHT, "alice")) != 1 {
					t.Errorf("not found %v after the turn with a clock off by %v", at, skewed)
				}
			}
		}
		if n := len(ms[0].Published().Records); n != 5 {
			t.Errorf("%d records are kept published in mid-epoch", n)
		}
		ms[0].Publish(Profile{})
		time.Sleep(49 * time.Hour)
		if n := len(ms[0].Published().Records); n != 0 || len(resolve(t, ms[1].DHT, "alice")) != 0 {
			t.Errorf("%d records are left after the end of publishing", n)
		}
	})
}

// TestTwoClaimants: both are listed, and a full handle picks one.
func TestTwoClaimants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := village(t, 3, quick())
		defer endVillage(ms)
		people := []*person{newPersonAt(t, "alice", noon), newPersonAt(t, "alice", noon)}
		for i, p := range people {
			must(t, ms[i].host.Connect(t.Context(), peer.AddrInfo{ID: ms[2].self}))
			ms[i].run()
			ms[i].Publish(p.profile(ms[i].self))
			must(t, ms[i].WaitPublished(t.Context(), "alice"))
		}
		time.Sleep(time.Minute)
		got := resolve(t, ms[2].DHT, "alice")
		if len(got) != 2 {
			t.Fatalf("%d claimants", len(got))
		}
		for _, p := range people {
			full := got[p.account.ID()].Handle.String()
			one := resolve(t, ms[2].DHT, full)
			if _, ok := one[p.account.ID()]; len(one) != 1 || !ok {
				t.Errorf("%s: %d claimants", full, len(one))
			}
		}
	})
}

// TestPinIsNeverLowered: an account record may go forward, never back.
func TestPinIsNeverLowered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ms := village(t, 2, quick())
		defer endVillage(ms)
		must(t, ms[0].host.Connect(t.Context(), peer.AddrInfo{ID: ms[1].self}))
		alice := newPersonAt(t, "alice", noon)
		first := alice.profile(ms[0].self)
		next, err := alice.manifest.Next(alice.account, noon, identity.Change{})
		must(t, err)
		second := first
		second.Manifests, second.Pin = append(second.Manifests, next.Bytes()), next.Pin()
		ms[0].run()
		ms[0].Publish(second)
		time.Sleep(time.Minute)
		g := alice.account.Genesis()
		acc, err := ms[1].Account(t.Context(), g.AccountID(), g, alice.locator)
		must(t, err)
		if acc.Pin != next.Pin() || len(acc.Manifests) != 2 || acc.Bundles[alice.device.ID()] == nil {
			t.Fatalf("account %+v", acc)
		}
		if _, err := ms[1].AccountSince(t.Context(), g.AccountID(), g, alice.locator, identity.Pin{Seq: 2, Hash: [32]byte{1}}); err == nil {
			t.Error("a fork of the pinned manifest was believed")
		}
		// The owner's device was restored from an old backup.
		ms[0].Publish(first)
		time.Sleep(time.Minute)
		if acc, err := ms[1].Account(t.Context(), g.AccountID(), g, alice.locator); err == nil {
			t.Errorf("an older chain was believed: %+v", acc.Pin)
		}
		stranger := w.join(t, w.peerID(anyID), quick())
		defer stranger.stop()
		must(t, stranger.host.Connect(t.Context(), peer.AddrInfo{ID: ms[0].self}))
		if acc, err := stranger.Account(t.Context(), g.AccountID(), g, alice.locator); err != nil || acc.Pin.Seq != 1 {
			t.Errorf("somebody without a pin: %v", err)
		}
	})
}

// TestContactsCannotForgeRoutes: a contact knows the presence secret, and so
// the place and its seal, but not the account.
func TestContactsCannotForgeRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := village(t, 3, quick())
		defer endVillage(ms)
		alice, contact := newPersonAt(t, "alice", noon), newPersonAt(t, "carol", noon)
		contact.presence, contact.locator = alice.presence, alice.locator
		for i, p := range []*person{alice, contact} {
			must(t, ms[i].host.Connect(t.Context(), peer.AddrInfo{ID: ms[2].self}))
			ms[i].run()
			prof := p.profile(ms[i].self)
			if p == contact {
				prof.Genesis = alice.account.Genesis()
			}
			ms[i].Publish(prof)
			must(t, ms[i].WaitPublished(t.Context(), p.name))
		}
		time.Sleep(time.Minute)
		g := alice.account.Genesis()
		r, err := ms[2].Route(t.Context(), g.AccountID(), g, alice.presence)
		must(t, err)
		if r.Devices[0].Peer != ms[0].self {
			t.Error("a contact's route was believed")
		}
		acc, err := ms[2].Account(t.Context(), g.AccountID(), g, alice.locator)
		must(t, err)
		if len(acc.Certs) != 1 || acc.Certs[0].Device != alice.device.ID() {
			t.Error("a contact's device was believed")
		}
		if got := resolve(t, ms[2].DHT, "carol"); len(got) != 0 {
			t.Error("a claim in another account's name was believed")
		}
	})
}

func someRoute(t testing.TB) *Route {
	t.Helper()
	key, err := identity.PeerKeyFromSecret(make([]byte, 32))
	must(t, err)
	return &Route{Devices: []RouteDevice{{
		Device: identity.DeviceID{1, 2, 3}, Peer: key.ID(),
		Addrs: []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/203.0.113.7/udp/4001/quic-v1")},
	}}}
}
