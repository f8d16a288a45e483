package dht

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// noon is inside an epoch of either length.
var noon = epochStart(2900, week).Add(3*day + 12*time.Hour)

// judgement is how a reader judges one record for a bare name.
func judgement(t *testing.T, d *DHT, who *person, raw []byte) error {
	t.Helper()
	places, err := d.claimPlaces(context.Background(), identity.Handle{Name: who.name})
	must(t, err)
	c := &claims{d: d, asked: identity.Handle{Name: who.name}, byAccount: map[identity.AccountID]*judged{}, content: map[[32]byte]Claimant{}}
	r := d.newReading(func(rec *record) error { return c.check(context.Background(), rec) }, places...)
	if _, _, err := r.locate(raw); err != nil {
		return err
	}
	return r.examine(answer{from: "somebody", raw: raw}).err
}

// TestForgeriesAreRefused: each by the server, as far as a server can know, and
// each by the reader, separately.
func TestForgeriesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		w := newWorld(1)
		m := w.join(t, w.peerID(anyID), quick())
		defer m.stop()
		alice, thief := newPersonAt(t, "alice", noon), newPersonAt(t, "alice", noon)
		mint := newMint(t, alice, quick(), noon)
		honest := mint.strike(mint.coin())
		if err := judgement(t, m.DHT, alice, honest); err != nil {
			t.Fatalf("the honest claim: %v", err)
		}
		if got := serverSays(m.DHT, mint, honest); got.Status != statusOK {
			t.Fatalf("the honest claim: status %d", got.Status)
		}
		for _, f := range forgeries {
			raw := f.make(mint, thief)
			want := refusal(verdict{err: f.server}).Status
			fresh := newServer(quick(), time.Now, newShelves(quick(), [32]byte{}))
			if got := put(fresh, mint, raw); got.Status != want {
				t.Errorf("%s: server: status %d, want %d", f.name, got.Status, want)
			}
			if err := judgement(t, m.DHT, alice, raw); !errors.Is(err, f.reader) {
				t.Errorf("%s: reader: %v, want %v", f.name, err, f.reader)
			}
		}
	})
}

func serverSays(d *DHT, m *mint, raw []byte) reply { return put(d.server, m, raw) }

func put(s *server, m *mint, raw []byte) reply {
	b, err := identity.Encode(request{Op: opPut, Index: m.place.index, Record: raw})
	must(m.t, err)
	return s.answer(context.Background(), asker{peer: "somebody"}, b)[0]
}

// TestRolledBackClaim: an older claim of the same key is refused by a server
// that has seen the newer one, even after that is gone, and by a reader.
func TestRolledBackClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		w := newWorld(2)
		m := w.join(t, w.peerID(anyID), quick())
		defer m.stop()
		alice := newPersonAt(t, "alice", noon)
		mint := newMint(t, alice, quick(), noon)
		old, newer := mint.coin(), mint.coin()
		newer.seq++
		newer.expires = unix(noon.Add(time.Hour))
		older, newest := mint.strike(old), mint.strike(newer)
		if got := serverSays(m.DHT, mint, newest); got.Status != statusOK {
			t.Fatalf("newer: %d", got.Status)
		}
		if got := serverSays(m.DHT, mint, older); got.Status != statusOld || got.Seq != newer.seq {
			t.Errorf("older: %+v", got)
		}
		time.Sleep(2 * time.Hour) // the newer one has expired, the older has not
		m.shelves.sweep(time.Now())
		if got := m.shelves.get(mint.place.index, 0, time.Now()); len(got) != 0 {
			t.Fatalf("%d records left", len(got))
		}
		if got := serverSays(m.DHT, mint, older); got.Status != statusOld {
			t.Errorf("older, after the newer is gone: %+v", got)
		}
	})
}

// liar is a host that answers GET with what it likes.
func (w *world) liar(id peer.ID, say func(request) [][]byte) *stubHost {
	h := w.add(id)
	h.SetStreamHandler(Protocol, func(s network.Stream) {
		b, err := node.ReadFrame(s, maxFrame)
		var q request
		if err != nil || identity.Decode(b, &q) != nil {
			return
		}
		if q.Op == opGet {
			for _, raw := range say(q) {
				b, _ := identity.Encode(reply{Status: statusRecord, Record: raw, First: 1})
				_ = node.WriteFrame(s, b)
			}
		}
		b, _ = identity.Encode(reply{Status: statusOK})
		_ = node.WriteFrame(s, b)
	})
	return h
}

// TestHostileServer answers a reader with every forgery, and with an old claim
// after the new one was seen. The reader finds nobody, then only the newest.
func TestHostileServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		w := newWorld(3)
		bob := w.join(t, w.peerID(anyID), quick())
		defer bob.stop()
		alice, thief := newPersonAt(t, "alice", noon), newPersonAt(t, "alice", noon)
		mint := newMint(t, alice, quick(), noon)
		var lies [][]byte
		for _, f := range forgeries {
			if len(f.make(mint, thief)) <= 800 {
				lies = append(lies, f.make(mint, thief))
			}
		}
		for _, lie := range lies { // one each, so that no lie hides another
			h := w.liar(w.peerID(anyID), func(request) [][]byte { return [][]byte{lie, lie} })
			must(t, bob.host.Connect(t.Context(), peer.AddrInfo{ID: h.id}))
		}
		if got := resolve(t, bob.DHT, "alice"); len(got) != 0 {
			t.Fatalf("believed %d", len(got))
		}
		old, newer := mint.coin(), mint.coin()
		newer.seq++
		newer.content, _ = identity.Encode(func() claimContent {
			p := alice.profile("")
			c := p.claim("alice")
			c.PinSeq++
			return c
		}())
		older, newest := mint.strike(old), mint.strike(newer)
		h := w.liar(w.peerID(anyID), func(request) [][]byte { return [][]byte{older, newest, older} })
		must(t, bob.host.Connect(t.Context(), peer.AddrInfo{ID: h.id}))
		got := resolve(t, bob.DHT, "alice")
		if c := got[alice.account.ID()]; len(got) != 1 || c.Pin.Seq != 2 {
			t.Fatalf("found %+v", got)
		}
		w.remove(h.id)
		bob.host.part(h.id)
		h = w.liar(w.peerID(anyID), func(request) [][]byte { return [][]byte{older} })
		must(t, bob.host.Connect(t.Context(), peer.AddrInfo{ID: h.id}))
		if got := resolve(t, bob.DHT, "alice"); len(got) != 0 {
			t.Errorf("a rolled-back claim was believed: %+v", got)
		}
	})
}
