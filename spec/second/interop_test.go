package second_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// schedules is how many conversations to play, from P2PMSG_INTEROP.
func schedules(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("P2PMSG_INTEROP"))
	if err != nil || n <= 0 {
		t.Skip("set P2PMSG_INTEROP to a number of schedules, or run `make interop`: it needs Node 20 and npm ci")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("no node_modules here: run npm ci in spec/second first")
	}
	return n
}

// TestInteropVectors lets the second implementation derive the vectors.
func TestInteropVectors(t *testing.T) {
	schedules(t)
	if out, err := exec.Command("node", "--test").CombinedOutput(); err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}

// TestInteropSchedules lets the two implementations talk to one another over a
// network that drops, repeats, reorders and damages. Each of them begins every
// other conversation.
func TestInteropSchedules(t *testing.T) {
	n := schedules(t)
	js := startNode(t)
	var sum tally
	for i := range n {
		play(t, js, uint64(i), &sum)
	}
	t.Logf("%d schedules: %+v", n, sum)
}

// tally is what happened in all schedules.
type tally struct {
	Sealed, Opened, Control, Dropped, Refused, Damaged, Lost, Restored int
	Epochs                                                             uint32
}

// letter is a message on its way.
type letter struct {
	from    int // 0 is the initiator
	content []byte
	control bool
	sealed  ratchet.Sealed
	opened  bool
}

// world is one conversation.
type world struct {
	name    string
	t       *testing.T
	r       *rand.Rand
	devices [2]device
	sides   [2]*side
	letters []*letter
	flying  []*letter
	sum     *tally
	mood
}

// mood says what kind of conversation it is; numbers but burst are percentages.
type mood struct {
	burst    int // longest run of messages by one side
	control  int
	drop     int
	late     int  // not the oldest message arrives
	restores bool // a device comes back with an old state: repetitions are then allowed
}

var moods = []mood{
	{burst: 4, control: 20, drop: 12, late: 30},
	{burst: 1, control: 80, drop: 2, late: 5}, // many epochs
	{burst: 2, control: 30, drop: 5, late: 70},
	{burst: 3, control: 40, drop: 5, late: 20, restores: true},
	{burst: 8, control: 5, drop: 30, late: 50},
}

func play(t *testing.T, js *node, seed uint64, sum *tally) {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), sum: sum, mood: moods[seed/2%uint64(len(moods))]}
	w.name = fmt.Sprintf("in schedule %d", seed)
	w.begin(js, int(seed%2))
	for todo := 5 + w.r.IntN(36); todo > 0; {
		todo -= w.burst(1 + w.r.IntN(w.mood.burst))
		for range w.r.IntN(2 + len(w.flying)) {
			w.event()
		}
	}
	for len(w.flying) > 0 {
		w.deliver(w.take())
	}
	w.check()
	js.ask("forgetAll", nil)
}

func (w *world) begin(js *node, which int) {
	bytesOf := &stream{seed: binary.BigEndian.AppendUint64(nil, w.r.Uint64())}
	w.devices[0] = newDevice(w.t, bytesOf, false, w.r.IntN(ratchet.MaxIdentity+1))
	w.devices[1] = newDevice(w.t, bytesOf, w.r.IntN(2) == 0, 0)
	w.devices[0].want = w.options()
	for i := range w.sides {
		seed := binary.BigEndian.AppendUint64(nil, w.r.Uint64())
		w.sides[i] = newSide(w.t, nil, []string{"a", "b"}[i], seed)
		w.sides[i].doing = w.name
	}
	w.sides[which].js = js
	w.sides[0].initiate(w.devices[0], w.devices[1])
}

func (w *world) options() (o ratchet.Options) {
	o.Token = w.bytes(w.r.IntN(ratchet.MaxToken + 1))
	o.Work = max(0, w.r.IntN(16)-8)
	switch w.r.IntN(4) {
	case 0:
		o.PSK = (*[32]byte)(w.bytes(32))
	case 1:
		o.Resume = &ratchet.ResumeKey{Key: [32]byte(w.bytes(32)),
			ResumeRef: ratchet.ResumeRef{Session: [32]byte(w.bytes(32)), Step: w.r.Uint32()}}
	}
	return o
}

func (w *world) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.r.Uint32())
	}
	return b
}

// burst lets one side write a few messages.
func (w *world) burst(n int) int {
	from := w.r.IntN(2)
	if !w.sides[from].begun {
		from = 0
	}
	for range n {
		l := &letter{from: from, control: w.r.IntN(100) < w.control}
		if !l.control {
			l.content = w.bytes(w.length())
		}
		l.sealed = w.sides[from].seal(l.content, l.control)
		w.letters, w.flying = append(w.letters, l), append(w.flying, l)
		w.sum.Sealed++
	}
	return n
}

// length is mostly short, and now and then about where the envelope grows.
func (w *world) length() int {
	switch w.r.IntN(8) {
	case 0:
		return 490 + w.r.IntN(20)
	case 1:
		return w.r.IntN(6000)
	}
	return w.r.IntN(200)
}

// take picks a message on its way.
func (w *world) take() *letter {
	i := 0
	if w.r.IntN(100) < w.late {
		i = w.r.IntN(len(w.flying))
	}
	l := w.flying[i]
	w.flying = append(w.flying[:i:i], w.flying[i+1:]...)
	return l
}

// event is what the network, or bad luck, does next.
func (w *world) event() {
	s := w.sides[w.r.IntN(2)]
	switch k := w.r.IntN(100); {
	case k < 5 && s.begun:
		s.restart()
	case k < 15 && w.restores && s.begun && s.saved == nil:
		s.save()
	case k < 20 && w.restores && s.saved != nil:
		s.restore()
		w.sum.Restored++
	case len(w.flying) == 0:
	case k < 25:
		w.damage(w.flying[w.r.IntN(len(w.flying))])
	case k < 32:
		l := w.letters[w.r.IntN(len(w.letters))] // perhaps again, perhaps after it was dropped
		w.deliver(l)
	case w.r.IntN(100) < w.drop:
		w.take()
		w.sum.Dropped++
	default:
		w.deliver(w.take())
	}
}

func (w *world) open(l *letter, env []byte) (ratchet.Opened, error) {
	to := w.sides[1-l.from]
	if !to.begun {
		return to.respond(w.devices[1], w.devices[0], env)
	}
	return to.open(env)
}

func (w *world) deliver(l *letter) {
	got, err := w.open(l, l.sealed.Envelope)
	if err != nil {
		w.sum.Refused++
		return
	}
	if l.opened && !w.restores {
		w.t.Fatal(w.name, ": a message opened twice")
	}
	l.opened = true
	w.sum.Opened++
	if got.Control {
		w.sum.Control++
	}
	if !bytes.Equal(got.Content, l.content) || got.Receipt != l.sealed.Receipt || got.Control != l.control {
		w.t.Fatal(w.name, ": a message opened as another one")
	}
}

// damage changes a byte: no state may move, which the next comparison shows.
func (w *world) damage(l *letter) {
	env := bytes.Clone(l.sealed.Envelope)
	at := w.r.IntN(len(env))
	if w.r.IntN(2) == 0 {
		at = w.r.IntN(600)
	}
	env[at] ^= byte(1 + w.r.IntN(255))
	w.sum.Damaged++
	begun := w.sides[1-l.from].begun
	if _, err := w.open(l, env); err == nil && !unread(env, at, begun) {
		w.t.Fatalf("%s: opened with byte %d changed", w.name, at)
	}
}

// unread tells whether a byte of an envelope is one that need not be looked at:
// the hashcash, and once there is a session, what only made the session.
func unread(env []byte, at int, begun bool) bool {
	const work, ek, ctI, sealed = 12, 20, 1620, 2710
	prefix := sealed + int(binary.BigEndian.Uint16(env[sealed-2:]))
	return env[0] == byte(ratchet.KindInit) &&
		(at >= work && at < ek || begun && (at > 0 && at < ek || at >= ctI && at < prefix))
}

func (w *world) check() {
	for _, s := range w.sides {
		if s.begun {
			w.sum.Epochs = max(w.sum.Epochs, s.sess.LaneEpoch())
		}
	}
	for _, l := range w.letters {
		if !l.opened {
			w.sum.Lost++
		}
	}
}
