package dht

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

func TestRatesOfPeerAndNeighbourhood(t *testing.T) {
	now := noon
	l := quick()
	l.GetBurst, l.GetPerMinute, l.PrefixShare = 3, 60, 2
	s := newServer(l, func() time.Time { return now }, newShelves(l, [32]byte{}))
	get := func(from asker) status { return s.get(from, &request{Op: opGet})[0].Status }
	for range 3 {
		if get(asker{"a", "net"}) != statusOK {
			t.Fatal("within the burst")
		}
	}
	if get(asker{"a", "net"}) != statusRate {
		t.Error("over the burst of a peer")
	}
	for i := range 3 {
		if get(asker{peer.ID(fmt.Sprint(i)), "net"}) != statusOK {
			t.Error("over the burst of a neighbourhood too early")
		}
	}
	if get(asker{"z", "net"}) != statusRate {
		t.Error("over the burst of a neighbourhood")
	}
	if get(asker{"z2", ""}) != statusOK {
		t.Error("a loopback peer has no neighbourhood")
	}
	now = now.Add(time.Second)
	if get(asker{"a", ""}) != statusOK {
		t.Error("a second later there is one more")
	}
}

func TestNeighbourhoods(t *testing.T) {
	for addr, want := range map[string]string{
		"/ip4/93.184.216.34/udp/1/quic-v1":      "93.184.216.0/24",
		"/ip6/2a00:1450:4001:81b::200e/tcp/443": "2a00:1450:4001:800::/56",
		"/ip4/127.0.0.1/tcp/1":                  "",
		"/ip4/192.168.1.7/tcp/1":                "",
		"/ip6/fe80::1/tcp/1":                    "",
		"/dns4/example.org/tcp/1":               "",
	} {
		if got := neighbourhood(multiaddr.StringCast(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets(1, 1)
	for i := range 5 * maxBuckets {
		b.take(fmt.Sprint(i), noon)
	}
	if n := len(b.now) + len(b.old); n > 2*maxBuckets {
		t.Errorf("%d buckets", n)
	}
}

func TestGateTurnsAwayTheLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 2)
		must(t, g.enter(t.Context(), 1))
		results := make(map[uint8]chan error)
		for _, bits := range []uint8{6, 7} {
			results[bits] = make(chan error, 1)
			go func() { results[bits] <- g.enter(t.Context(), bits) }()
			synctest.Wait()
		}
		if err := g.enter(t.Context(), 6); !errors.Is(err, ErrBusy) {
			t.Errorf("no more than those who wait: %v", err)
		}
		results[8] = make(chan error, 1)
		go func() { results[8] <- g.enter(t.Context(), 8) }()
		if err := <-results[6]; !errors.Is(err, ErrBusy) {
			t.Errorf("the least of those who wait: %v", err)
		}
		g.leave()
		must(t, <-results[7])
		ctx, cancel := context.WithCancel(t.Context())
		go func() { results[6] <- g.enter(ctx, 9) }()
		synctest.Wait()
		cancel()
		if err := <-results[6]; !errors.Is(err, context.Canceled) {
			t.Errorf("gave up: %v", err)
		}
		g.leave()
		must(t, <-results[8])
		g.leave()
		if g.free != 1 || len(g.waiting) != 0 {
			t.Errorf("at the end: %+v", g)
		}
	})
}

// TestAnybodyMayPutAgain: identical bytes cost no work and need no owner.
func TestAnybodyMayPutAgain(t *testing.T) {
	alice := newPersonAt(t, "alice", noon)
	m := newMint(t, alice, quick(), noon)
	raw := m.strike(m.coin())
	s := newServer(quick(), func() time.Time { return noon }, newShelves(quick(), [32]byte{}))
	if put(s, m, raw).Status != statusOK {
		t.Fatal("first put")
	}
	must(t, s.work.enter(t.Context(), 1))
	must(t, s.work.enter(t.Context(), 1)) // nobody may check work now
	if put(s, m, raw).Status != statusOK {
		t.Error("the same bytes")
	}
	h := hashRecord(raw)
	if r := s.refresh(asker{peer: "x"}, &request{Op: opRefresh, Index: m.place.index, Hash: h[:]}); r.Status != statusOK {
		t.Errorf("refresh: %d", r.Status)
	}
	if r := s.refresh(asker{peer: "x"}, &request{Op: opRefresh, Index: m.place.index, Hash: make([]byte, 32)}); r.Status != statusMissing {
		t.Errorf("refresh of another: %d", r.Status)
	}
	c := m.coin()
	c.seq++
	if put(s, m, m.strike(c)).Status != statusOK {
		t.Error("a newer one with the same nonces needs no check of work")
	}
}

func TestReservedAndUnknownRequests(t *testing.T) {
	s := newServer(quick(), func() time.Time { return noon }, newShelves(quick(), [32]byte{}))
	for _, o := range []op{0, 4, 9} {
		b, err := identity.Encode(request{Op: o})
		must(t, err)
		if got := s.answer(t.Context(), asker{peer: "x"}, b); got[0].Status != statusBad {
			t.Errorf("op %d: %+v", o, got)
		}
	}
}

func TestEpochs(t *testing.T) {
	start := epochStart(2900, week)
	for _, c := range []struct {
		at            time.Time
		read, publish []uint32
	}{
		{start.Add(3 * day), []uint32{2900}, []uint32{2900}},
		{start.Add(time.Hour), []uint32{2900, 2899}, []uint32{2900}},
		{start.Add(-time.Hour), []uint32{2899, 2900}, []uint32{2899, 2900}},
		{start.Add(-23 * time.Hour), []uint32{2899}, []uint32{2899, 2900}},
	} {
		if got := KindName.epochsToRead(c.at); fmt.Sprint(got) != fmt.Sprint(c.read) {
			t.Errorf("%v: reads %v, want %v", c.at, got, c.read)
		}
		if got := KindName.epochsToPublish(c.at); fmt.Sprint(got) != fmt.Sprint(c.publish) {
			t.Errorf("%v: publishes %v, want %v", c.at, got, c.publish)
		}
	}
	e := envelope{kind: KindName, epoch: 2900}
	window := func(now time.Time) bool {
		e.issued, e.expires = unix(now), unix(now.Add(time.Hour))
		return e.checkTime(now) == nil
	}
	for at, want := range map[time.Duration]bool{
		-27 * time.Hour: false, -25 * time.Hour: true, 0: true, week - time.Minute: true,
		week + time.Hour: true, week + 3*time.Hour: false,
	} {
		if window(start.Add(at)) != want {
			t.Errorf("a record of the epoch, %v after its start: want %v", at, want)
		}
	}
}
