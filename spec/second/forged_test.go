package second_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// pair begins a session and lets the sides exchange control messages, all of
// which arrive. The initiator is played by peer.js too if jsA is set.
func pair(t *testing.T, jsA, js *node, turns int) (a, b *side) {
	t.Helper()
	seed := []byte(t.Name())
	r := &stream{seed: seed}
	da, db := newDevice(t, r, false, 100), newDevice(t, r, true, 0)
	a, b = newSide(t, jsA, "a", append(seed, 'a')), newSide(t, js, "b", append(seed, 'b'))
	a.initiate(da, db)
	if _, err := b.respond(db, da, a.seal([]byte("first"), false).Envelope); err != nil {
		t.Fatal(err)
	}
	from, to := b, a
	for range turns {
		if _, err := to.open(from.seal(nil, true).Envelope); err != nil {
			t.Fatal(err)
		}
		from, to = to, from
	}
	return a, b
}

// forgery is a message as no honest device seals it.
type forgery struct {
	name   string
	body   []byte  // plaintext, in place of an empty one
	change request // fields of the header, in place of honest ones
}

func piece(fields request) request { return request{"piece": fields} }

var forgeries = []forgery{
	{"nothing is changed", nil, request{}},
	{"n skips 1000", nil, request{"n": 1000}}, // the key is another one
	{"n skips 1001", nil, request{"n": 1001}},
	{"n of 2^31", nil, request{"n": 1 << 31}},
	{"pn of 2^31", nil, request{"pn": 1 << 31}},
	{"pq_idx skips 2001", nil, request{"pqIdx": 3000}},
	{"pq_idx of 2^31", nil, request{"pqIdx": 1 << 31}},
	{"pq_pn of 2^31", nil, request{"pqPn": 1 << 31}},
	{"pn is too far", nil, request{"pn": 1002}},
	{"pn is 0", nil, request{"pn": 0}},
	{"an epoch nobody knows", nil, request{"pqEpoch": 9}},
	{"pq_pn is 77", nil, request{"pqPn": 77}},
	{"pq_pn is 0", nil, request{"pqPn": 0}},
	{"pq_pn is 1", nil, request{"pqPn": 1}},
	{"pq_pn is too far", nil, request{"pqPn": 2100}},
	{"ratchet key of low order", nil, request{"dh": make([]byte, 32)}},
	{"unknown flags", nil, request{"flags": 0xfffe}},
	{"control without a piece", nil, request{"flags": 1}},
	{"control with one piece more", body(2048, 401), request{"flags": 1}},
	{"control with two pieces more", body(2048, 802), request{"flags": 1}},
	{"control with three pieces more", body(2048, 1203), request{"flags": 1}},
	{"control with a broken piece", body(1024, 400), request{"flags": 1}},
	{"control with pieces of nothing", body(2048, 401), request{"flags": 1, "piece": request{"kind": 0}}},
	{"envelope of twice the size", body(2048, 3), nil},
	{"envelope of no size", body(1536, 3), nil},
	{"content fills the envelope", body(1024, 499), nil},
	{"content runs over", body(1024, 500), nil},
	{"content of 2^32-1 bytes", body(1024, -1), nil},
	{"padding is not zero", body(1024, 0, 1), nil},
	{"unknown object", nil, piece(request{"kind": 3})},
	{"fields of no object", nil, piece(request{"kind": 0, "idx": 7, "epoch": 5})},
	{"piece for a past epoch", nil, piece(request{"epoch": 1})},
	{"piece for a far epoch", nil, piece(request{"epoch": 77})},
	{"key from the wrong side", nil, piece(request{"kind": 1})},
	{"ciphertext from the wrong side", nil, piece(request{"kind": 2})},
	{"piece with another tag", nil, piece(request{"tag": []byte("tags")})},
	{"object with another tag", body(1024, 401, 200),
		request{"flags": 1, "piece": request{"tag": []byte("tags"), "idx": 100}}},
	{"key made up", madeUp(), request{"flags": 1, "piece": request{"kind": 1, "idx": 100}}},
	{"ciphertext made up", madeUp(), request{"flags": 1, "piece": request{"kind": 2, "idx": 100}}},
}

// madeUp is the body of two pieces that a third one does not fit.
func madeUp() []byte {
	b := body(2048, 802, 101)
	b[4+401] = 102
	return b
}

// body is the plaintext that fills an envelope of the given size and claims n
// bytes of content, which begins as given.
func body(size, n int, content ...byte) []byte {
	b := make([]byte, size-525+4)
	binary.BigEndian.PutUint32(b, uint32(n))
	copy(b[4:], content)
	return b
}

// forge seals with peer.js alone; no state moves but that of the random source.
func (s *side) forge(body []byte, change request) []byte {
	a := s.ask("forge", request{"body": body, "change": change})
	s.rand.at = a.Drawn
	return a.Envelope
}

// TestInteropLaneKeyGone names a key of the lane that is used, in a message
// whose other key is there: put aside, or still ahead.
func TestInteropLaneKeyGone(t *testing.T) {
	schedules(t)
	js := startNode(t)
	for turns := 4; turns < 12; turns++ {
		from, to := pair(t, js, js, turns)
		if turns%2 == 0 {
			from, to = to, from
		}
		if _, err := to.open(from.seal(nil, false).Envelope); err != nil { // makes the turn
			t.Fatal(err)
		}
		now := from.sess.LaneEpoch()
		for epoch := range now + 1 {
			change := request{"pqEpoch": epoch, "pqIdx": 0}
			to.doing = fmt.Sprintf("in epoch %d of %d", epoch, now)
			aside := from.forge(nil, change)
			from.seal(nil, false)
			if _, err := to.open(from.seal(nil, false).Envelope); err != nil {
				t.Fatal(err)
			}
			ahead := from.forge(nil, change)
			for _, env := range [][]byte{aside, ahead} {
				if _, err := to.open(env); !errors.Is(err, ratchet.ErrDuplicate) {
					t.Fatalf("epoch %d of %d: %v", epoch, now, err)
				}
			}
		}
	}
}

// TestInteropForged lets both implementations judge what an authentic peer
// without honesty sends, at many points of a conversation: as the first message
// of its turn, and as the second.
func TestInteropForged(t *testing.T) {
	schedules(t)
	js := startNode(t)
	seen := map[string]int{}
	for turns := range 12 {
		for second := range 2 {
			from, to := pair(t, js, js, turns)
			if turns%2 == 0 {
				from, to = to, from
			}
			if second == 1 {
				if _, err := to.open(from.seal(nil, true).Envelope); err != nil {
					t.Fatal(err)
				}
			}
			to.save()
			for _, f := range forgeries {
				env := from.forge(f.body, f.change)
				to.doing = f.name
				_, err := to.open(env)
				seen[f.name+": "+kindOf(err)]++
				to.restore()
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%3d %s", seen[what], what)
	}
}
