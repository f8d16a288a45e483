package ratchet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// side is one of the two in the adversary's world.
type side struct {
	session ratchet.Session
	opened  map[string]bool // contents, in this line of states
}

func (s *side) copy() *side {
	c := &side{session: s.session, opened: map[string]bool{}}
	for k := range s.opened {
		c.opened[k] = true
	}
	return c
}

// letter is an envelope on its way.
type letter struct {
	to      int
	content string
	control bool
	sealed  ratchet.Sealed
	fresh   bool // never delivered, and sealed since the last snapshot came back
}

// world is two sides and an adversary who owns the wire.
type world struct {
	t      *rapid.T
	sides  [2]*side
	saved  [2]*side
	wire   []letter
	nonces map[string]bool
	count  int
	window int  // letters per direction the adversary can still deliver, 0 for all
	torn   bool // a snapshot came back, so messages may be lost for good
}

// newWorld begins from sessions that may be shared, as they are values.
func newWorld(t *rapid.T, alice, bob ratchet.Session, window int) *world {
	w := &world{t: t, nonces: map[string]bool{}, window: window}
	for i, s := range []ratchet.Session{alice, bob} {
		w.sides[i] = &side{session: s, opened: map[string]bool{}}
		w.saved[i] = w.sides[i].copy()
	}
	return w
}

func (w *world) send() {
	from := rapid.IntRange(0, 1).Draw(w.t, "from")
	s := w.sides[from]
	w.count++
	l := letter{to: 1 - from, content: fmt.Sprint("message ", w.count), fresh: true}
	if rapid.IntRange(0, 9).Draw(w.t, "big") == 0 {
		l.content += string(make([]byte, 2000))
	}
	l.control = rapid.IntRange(0, 7).Draw(w.t, "control") == 0
	var next ratchet.Session
	var err error
	if l.control {
		l.content = ""
		next, l.sealed, err = s.session.SealControl(rand.Reader)
	} else {
		next, l.sealed, err = s.session.Seal(rand.Reader, []byte(l.content))
	}
	if err != nil {
		w.t.Fatalf("seal: %v", err)
	}
	s.session = next
	w.record(l.sealed.Envelope)
	w.wire = append(w.wire, l)
	w.forgetOld(l.to)
}

// record asserts that no nonce comes twice, under whatever key.
func (w *world) record(env []byte) {
	nonce := env[1:25]
	if kind, _ := ratchet.EnvelopeKind(env); kind == ratchet.KindInit {
		n := ratchet.OffsetSealed + int(env[ratchet.OffsetLength])<<8 + int(env[ratchet.OffsetLength+1])
		nonce = env[n : n+24]
	}
	if w.nonces[string(nonce)] {
		w.t.Fatalf("nonce %x came twice", nonce)
	}
	w.nonces[string(nonce)] = true
}

// forgetOld keeps the adversary to the last letters of a direction.
func (w *world) forgetOld(to int) {
	if w.window == 0 {
		return
	}
	kept, n := w.wire[:0], 0
	for _, l := range w.wire {
		if l.to == to {
			n++
		}
	}
	for _, l := range w.wire {
		if l.to == to && n > w.window {
			n--
			continue
		}
		kept = append(kept, l)
	}
	w.wire = kept
}

func (w *world) pick() int {
	if len(w.wire) == 0 {
		w.t.Skip("nothing on the wire")
	}
	return rapid.IntRange(0, len(w.wire)-1).Draw(w.t, "letter")
}

// deliver opens a letter, which may stay on the wire to come again.
func (w *world) deliver() {
	i := w.pick()
	l := &w.wire[i]
	s := w.sides[l.to]
	next, opened, err := s.session.Open(l.sealed.Envelope)
	if err != nil {
		w.failed(s, l, next, err)
		return
	}
	if string(opened.Content) != l.content || opened.Receipt != l.sealed.Receipt || opened.Control != l.control {
		w.t.Fatalf("%q came as %q", l.content, opened.Content)
	}
	id := string(l.sealed.Receipt[:])
	if s.opened[id] {
		w.t.Fatalf("%q was opened twice", l.content)
	}
	s.opened[id], s.session, l.fresh = true, next, false
	if rapid.Bool().Draw(w.t, "gone") {
		w.wire = append(w.wire[:i], w.wire[i+1:]...)
	}
}

// failed checks that a failure is allowed and changed nothing.
func (w *world) failed(s *side, l *letter, next ratchet.Session, err error) {
	if w.window > 0 && !w.torn && l.fresh {
		w.t.Fatalf("%q did not open: %v", l.content, err)
	}
	for _, known := range []error{ratchet.ErrNotMine, ratchet.ErrDuplicate, ratchet.ErrCorrupt, ratchet.ErrSkip} {
		if errors.Is(err, known) {
			w.same(s.session, next)
			return
		}
	}
	w.t.Fatalf("failed with %v", err)
}

func (w *world) same(a, b ratchet.Session) {
	x, _ := a.Encode()
	y, _ := b.Encode()
	if !bytes.Equal(x, y) {
		w.t.Fatal("the state changed")
	}
}

func (w *world) corrupt() {
	l := w.wire[w.pick()]
	env := bytes.Clone(l.sealed.Envelope)
	at := rapid.IntRange(0, len(env)-1).Draw(w.t, "at")
	if kind, _ := ratchet.EnvelopeKind(env); kind == ratchet.KindInit && at < 6000 {
		return // the prefix of a repetition is not looked at beyond its ID
	}
	env[at] ^= byte(rapid.IntRange(1, 255).Draw(w.t, "xor"))
	s := w.sides[l.to].session
	next, opened, err := s.Open(env)
	if err == nil {
		w.t.Fatalf("opened %q though byte %d was changed", opened.Content, at)
	}
	w.same(s, next)
}

func (w *world) restart() {
	s := w.sides[rapid.IntRange(0, 1).Draw(w.t, "side")]
	s.session = restart(w.t, s.session)
}

func (w *world) snapshot() {
	i := rapid.IntRange(0, 1).Draw(w.t, "side")
	w.saved[i] = w.sides[i].copy()
}

// restore brings an old state back. What was sealed since is lost for good,
// and the other side is ahead.
func (w *world) restore() {
	i := rapid.IntRange(0, 1).Draw(w.t, "side")
	w.sides[i] = w.saved[i].copy()
	w.torn = true
}

func (w *world) check() {
	for _, s := range w.sides {
		d, l, heads := s.session.Stored()
		if d > ratchet.MaxStored || l > ratchet.MaxStored || heads > ratchet.MaxOldHeaders {
			w.t.Fatalf("%d, %d keys and %d header keys are kept", d, l, heads)
		}
	}
	a, b := w.sides[0].session, w.sides[1].session
	if d := int(a.LaneEpoch()) - int(b.LaneEpoch()); !w.torn && (d > 1 || d < -1) {
		w.t.Fatalf("epochs %d and %d", a.LaneEpoch(), b.LaneEpoch())
	}
}

// An adversary drops, delays, repeats, reorders and corrupts, and both sides
// stop and start: what arrives within the window opens, once.
func TestAdversary(t *testing.T) {
	alice, bob := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, alice, bob, 5)
		t.Repeat(map[string]func(*rapid.T){
			"send": at(w, w.send), "send2": at(w, w.send), "deliver": at(w, w.deliver), "deliver2": at(w, w.deliver),
			"corrupt": at(w, w.corrupt), "restart": at(w, w.restart), "": at(w, w.check),
		})
	})
}

// The same with old letters and old states coming back: nothing is opened
// twice by one line of states, no nonce repeats, no limit is passed.
func TestAdversaryWithSnapshots(t *testing.T) {
	alice, bob := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, alice, bob, 0)
		t.Repeat(map[string]func(*rapid.T){
			"send": at(w, w.send), "deliver": at(w, w.deliver), "deliver2": at(w, w.deliver), "corrupt": at(w, w.corrupt),
			"restart": at(w, w.restart), "snapshot": at(w, w.snapshot), "restore": at(w, w.restore), "": at(w, w.check),
		})
	})
}

// at runs an action of the world within the current step.
func at(w *world, f func()) func(*rapid.T) {
	return func(t *rapid.T) {
		w.t = t
		f()
	}
}
