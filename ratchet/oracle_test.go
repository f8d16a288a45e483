package ratchet_test

import (
	"crypto/rand"
	"math"
	prand "math/rand/v2"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// laneModel is the post-quantum lane with a mock KEM: what a side knows is
// only who has which pieces. It is the oracle for the real one.
type laneModel struct {
	initiator   bool
	known, send uint32
	sendingEK   bool
	sendingCT   bool
	stopped     bool
	made        uint32 // epoch the last key was made for
	idx         int
	got         map[int]bool
}

// modelMessage is what one message of the model says.
type modelMessage struct {
	epoch  uint32
	ek, ct bool
	leads  uint32
	pieces []int
}

func newLaneModel(initiator bool) *laneModel {
	m := &laneModel{initiator: initiator, got: map[int]bool{}}
	if initiator {
		m.made, m.sendingEK, m.stopped = 1, true, true // the key is in the certificate
	} else {
		m.known, m.sendingCT = 1, true
	}
	return m
}

func (m *laneModel) sendsKey(epoch uint32) bool { return (epoch%2 == 1) == m.initiator }

func (m *laneModel) seal(pieces int) modelMessage {
	if next := m.known + 1; m.send == m.known && m.sendsKey(next) && m.made != next {
		m.made, m.sendingEK, m.stopped, m.idx = next, true, false, 0
	}
	out := modelMessage{epoch: m.send}
	for range pieces {
		switch {
		case m.sendingCT:
			out.ct, out.leads = true, m.known
		case m.sendingEK && !m.stopped:
			out.ek, out.leads = true, m.made
		default:
			continue
		}
		out.pieces = append(out.pieces, m.idx%256)
		m.idx++
	}
	return out
}

func (m *laneModel) open(in modelMessage) {
	if in.epoch == m.known && m.send < m.known {
		m.send, m.sendingCT = m.known, false
	}
	for _, i := range in.pieces {
		if in.leads != m.known+1 || in.ek == m.sendsKey(in.leads) {
			continue
		}
		if in.ct {
			m.stopped = true
		}
		m.got[i] = true
		if len(m.got) < 3 {
			continue
		}
		m.got, m.idx, m.known = map[int]bool{}, 0, in.leads
		if in.ek {
			m.sendingCT = true
		} else {
			m.send, m.sendingEK = m.known, false
		}
	}
}

// schedule is how two sides talk: who, and what becomes of it.
type schedule struct {
	fromA    float64 // share of messages from the initiator
	pingPong bool
	loss     float64
	delay    float64 // mean, in messages
	dup      float64
	control  bool // control messages with three pieces each
}

// flight is a message under way, in the real and in the mock lane.
type flight struct {
	at    float64
	to    int
	env   []byte
	model modelMessage
}

// lockstep runs the real lane and the oracle through one schedule of n
// messages and compares them after every step. It returns the last epoch.
func lockstep(t *testing.T, s schedule, n int, seed uint64) uint32 {
	t.Helper()
	rng := prand.New(prand.NewPCG(seed, 1))
	alice, bob := pair(t)
	real := [2]ratchet.Session{alice, bob}
	model := [2]*laneModel{newLaneModel(true), newLaneModel(false)}
	model[0].seal(1) // the first message of pair
	var wire []flight
	for k := range n {
		from := 1
		if s.pingPong && k%2 == 1 || !s.pingPong && rng.Float64() < s.fromA {
			from = 0
		}
		f := flight{at: float64(k), to: 1 - from}
		real[from], f.env, f.model = sealBoth(t, real[from], model[from], s.control)
		if rng.Float64() >= s.loss {
			f.at += rng.ExpFloat64() * s.delay
			wire = append(wire, f)
			if rng.Float64() < s.dup {
				f.at += rng.Float64() * 20
				wire = append(wire, f)
			}
		}
		wire = deliverDue(t, wire, float64(k), &real, model)
		for i := range 2 {
			if real[i].LaneEpoch() != model[i].send || real[i].LaneKnown() != model[i].known {
				t.Fatalf("after %d messages side %d sends in %d, knows %d; the oracle %d, %d",
					k, i, real[i].LaneEpoch(), real[i].LaneKnown(), model[i].send, model[i].known)
			}
		}
	}
	return min(real[0].LaneEpoch(), real[1].LaneEpoch())
}

func sealBoth(t *testing.T, s ratchet.Session, m *laneModel, control bool) (ratchet.Session, []byte, modelMessage) {
	pieces := 1
	sealOne := func() (ratchet.Session, ratchet.Sealed, error) { return s.Seal(rand.Reader, nil) }
	if control {
		pieces, sealOne = 3, func() (ratchet.Session, ratchet.Sealed, error) { return s.SealControl(rand.Reader) }
	}
	next, sealed, err := sealOne()
	must(t, err)
	return next, sealed.Envelope, m.seal(pieces)
}

// deliverDue delivers what is due. What the real session refuses, as a
// duplicate or too old, the oracle does not see either.
func deliverDue(t *testing.T, wire []flight, now float64, real *[2]ratchet.Session, model [2]*laneModel) (rest []flight) {
	for {
		first := -1
		for i, f := range wire {
			if f.at <= now && (first < 0 || f.at < wire[first].at) {
				first = i
			}
		}
		if first < 0 {
			return wire
		}
		f := wire[first]
		wire = append(wire[:first], wire[first+1:]...)
		next, _, err := real[f.to].Open(f.env)
		if err == nil {
			real[f.to] = next
			model[f.to].open(f.model)
		} else if err == ratchet.ErrCorrupt {
			t.Fatalf("a good message did not open: %v", err)
		}
	}
}

// The figures are what the mock lane takes per epoch.
func TestLaneSpeed(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule schedule
		n        int
		want     float64 // messages per epoch
	}{
		{"ping-pong", schedule{pingPong: true}, 330, 11},
		{"ping-pong control", schedule{pingPong: true, control: true}, 150, 3},
		{"even", schedule{fromA: 0.5}, 700, 14},
		{"nine to one", schedule{fromA: 0.9}, 1200, 38},
	} {
		epochs := lockstep(t, c.schedule, c.n, 7)
		got := float64(c.n) / float64(epochs)
		t.Logf("%-18s %.1f messages per epoch", c.name, got)
		if math.Abs(got-c.want) > c.want/4+0.5 {
			t.Errorf("%s: %.1f messages per epoch, the design says %.0f", c.name, got, c.want)
		}
	}
}

func TestLaneOracle(t *testing.T) {
	runs := 16
	if testing.Short() {
		runs = 5
	}
	for seed := range uint64(runs) {
		rng := prand.New(prand.NewPCG(seed, 2))
		s := schedule{fromA: rng.Float64(), loss: 0.4, dup: 0.3, delay: []float64{0, 5, 50}[rng.IntN(3)], control: rng.IntN(4) == 0}
		lockstep(t, s, 300, seed)
	}
}

// A side that stays silent does not stop the other one, and the lane goes on
// when it comes back, over more pieces than the erasure code has numbers.
func TestLaneWaits(t *testing.T) {
	alice, bob := established(t)
	for range 700 {
		open(t, &bob, seal(t, &alice, "x"), "x")
	}
	if alice.LaneEpoch() > 2 {
		t.Fatalf("epoch %d without answers", alice.LaneEpoch())
	}
	for range 20 {
		open(t, &alice, seal(t, &bob, "x"), "x")
		open(t, &bob, seal(t, &alice, "x"), "x")
	}
	if alice.LaneEpoch() < 3 {
		t.Fatalf("epoch %d after twenty turns", alice.LaneEpoch())
	}
}

// Bob goes back to the state he had before he offered a key, and offers
// another one: Alice does not mix the pieces of the two.
func TestLaneSurvivesRollback(t *testing.T) {
	alice, bob := pair(t)
	b1, b2, b3 := seal(t, &bob, "1"), seal(t, &bob, "2"), seal(t, &bob, "3")
	open(t, &alice, b1, "1")
	a1 := seal(t, &alice, "a1")
	open(t, &alice, b2, "2")
	open(t, &alice, b3, "3") // the third piece of the ciphertext
	a2 := seal(t, &alice, "a2")
	open(t, &bob, a1, "a1")
	seal(t, &bob, "turns")
	open(t, &bob, a2, "a2") // shows epoch 1, and bob's chain stays
	saved := bob
	open(t, &alice, seal(t, &bob, "with a piece of the first key"), "with a piece of the first key")
	bob = saved
	wantUnchanged(t, alice, seal(t, &bob, "same number").Envelope, ratchet.ErrDuplicate)
	for range 3 {
		open(t, &alice, seal(t, &bob, "more"), "more")
	}
	for range 4 {
		open(t, &bob, seal(t, &alice, "x"), "x")
		open(t, &alice, seal(t, &bob, "x"), "x")
	}
	if alice.LaneEpoch() != 2 || bob.LaneEpoch() != 2 {
		t.Fatalf("epochs %d and %d", alice.LaneEpoch(), bob.LaneEpoch())
	}
}
