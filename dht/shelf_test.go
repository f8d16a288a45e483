package dht

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"pgregory.net/rapid"
)

// stone is a record as far as shelves look at it.
func stone(index, key byte, seq uint64, bits uint8) envelope {
	return envelope{
		kind: KindName, epoch: epochAt(noon, week), index: [32]byte{index}, key: [32]byte{key}, seq: seq, bits: bits,
		issued: unix(noon), expires: unix(noon.Add(time.Hour)), sig: [sigSize]byte{key, byte(seq)},
	}
}

func lay(s *shelves, e envelope, from string) error {
	return s.put(e, e.bytes(), peer.ID(from), false, noon).err
}

func TestFullIndexKeepsMostWorkThenFirst(t *testing.T) {
	l := quick()
	l.PerIndex, l.PerPublisher = 3, 10
	s := newShelves(l, [32]byte{})
	for i := range byte(3) {
		e := stone(1, i+1, 1, 6)
		must(t, s.put(e, e.bytes(), "p", false, noon.Add(time.Duration(i)*time.Second)).err)
	}
	if v := s.admit(ptr(stone(1, 9, 1, 6)), "p"); !errors.Is(v.err, ErrFull) || v.bits != 7 {
		t.Errorf("a fourth with equal work: %+v", v)
	}
	must(t, lay(s, stone(1, 9, 1, 7), "p"))
	got := s.get([32]byte{1}, 0, noon)
	var keys []byte
	for _, h := range got {
		e, _ := parseEnvelopeOfStone(h.raw)
		keys = append(keys, e.key[0])
	}
	if !bytes.Equal(keys, []byte{9, 1, 2}) {
		t.Errorf("left: %v; most work first, the last to come has left", keys)
	}
}

func parseEnvelopeOfStone(raw []byte) (e envelope, _ error) { e.readHead(raw); return e, nil }

func ptr[T any](v T) *T { return &v }

func TestOnePublisherHasFourPlaces(t *testing.T) {
	s := newShelves(quick(), [32]byte{})
	for i := range byte(4) {
		must(t, lay(s, stone(1, i, 1, 6), "greedy"))
	}
	if err := lay(s, stone(1, 8, 1, 6), "greedy"); !errors.Is(err, ErrRate) {
		t.Errorf("a fifth: %v", err)
	}
	must(t, lay(s, stone(1, 2, 2, 6), "greedy")) // a newer one of the same key
	must(t, lay(s, stone(1, 8, 1, 6), "other"))
	must(t, lay(s, stone(2, 8, 1, 6), "greedy")) // elsewhere
}

func TestFullServerDropsLeastWorkThenFarthest(t *testing.T) {
	l := quick()
	l.Records = 100
	s := newShelves(l, keyspace("me"))
	for i := range byte(100) {
		bits := uint8(6)
		if i%2 == 0 {
			bits = 8
		}
		must(t, lay(s, stone(i, 1, 1, bits), fmt.Sprint(i)))
	}
	if err := lay(s, stone(200, 1, 1, 5), "poor"); !errors.Is(err, ErrFull) {
		t.Errorf("less work than all: %v", err)
	}
	for i := range byte(50) {
		must(t, lay(s, stone(i, 2, 1, 9), "rich"))
	}
	for i := range byte(100) {
		for _, h := range s.get([32]byte{i}, 0, noon) {
			if e, _ := parseEnvelopeOfStone(h.raw); e.bits == 6 {
				t.Fatalf("index %d kept 6 bits while 8 and 9 came", i)
			}
		}
	}
	if n, _ := s.size(); n > l.Records {
		t.Errorf("%d records", n)
	}
}

func TestOwnRecordsStay(t *testing.T) {
	l := quick()
	l.Records, l.PerIndex = 2, 1
	s := newShelves(l, [32]byte{})
	mine := stone(1, 1, 1, 2)
	s.put(mine, mine.bytes(), "me", true, noon)
	for i := range byte(20) {
		_ = lay(s, stone(1, 10+i, 1, 9), "them")
		_ = lay(s, stone(2+i, 1, 1, 9), "them")
	}
	if !s.holds(mine.index, hashRecord(mine.bytes()), noon) {
		t.Error("the owner's record was evicted")
	}
}

// TestShelvesStayBounded: whatever comes, counts agree with what is held and
// bounds hold, and no key goes back.
func TestShelvesStayBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := quick()
		l.Records, l.PerIndex, l.Memories, l.Bytes = 12, 3, 1000, 12*186
		s := newShelves(l, [32]byte{})
		newest := map[[2]byte]uint64{}
		now := noon
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			e := stone(rapid.Byte().Draw(t, "index")%6, rapid.Byte().Draw(t, "key")%6, rapid.Uint64Range(1, 9).Draw(t, "seq"), rapid.Uint8Range(2, 9).Draw(t, "bits"))
			id := [2]byte{e.index[0], e.key[0]}
			v := s.put(e, e.bytes(), peer.ID(fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "from"))), false, now)
			if v.err == nil && !v.same {
				if e.seq <= newest[id] {
					t.Fatalf("went back to %d from %d", e.seq, newest[id])
				}
				newest[id] = e.seq
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "pause")) * time.Second)
			if rapid.Bool().Draw(t, "sweep") {
				s.sweep(now)
			}
			checkShelves(t, s, l)
		}
	})
}

func checkShelves(t *rapid.T, s *shelves, l Limits) {
	n, size := 0, 0
	for _, shelf := range s.byPlace {
		if len(shelf) > l.PerIndex || len(shelf) == 0 {
			t.Fatalf("%d records at one index", len(shelf))
		}
		for _, e := range shelf {
			n, size = n+1, size+len(e.raw)
		}
	}
	if n != s.count || size != s.bytes || n > l.Records || size > l.Bytes {
		t.Fatalf("holds %d records of %d bytes, counts %d of %d", n, size, s.count, s.bytes)
	}
}

func TestMemoriesAreBounded(t *testing.T) {
	l := quick()
	l.Memories = 10
	s := newShelves(l, [32]byte{})
	for i := range byte(100) {
		must(t, lay(s, stone(i, 1, 1, 6), fmt.Sprint(i)))
	}
	if len(s.seen) != 10 || len(s.forget) != 10 {
		t.Errorf("%d and %d memories", len(s.seen), len(s.forget))
	}
	s.sweep(KindName.latestExpiry(epochAt(noon, week)))
	if len(s.seen) != 0 || len(s.forget) != 0 || s.count != 0 {
		t.Error("memories outlive their epoch")
	}
}
