package ratchet_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// established is a pair in which both sides have answered.
func established(t tester) (alice, bob ratchet.Session) {
	alice, bob = pair(t)
	open(t, &alice, seal(t, &bob, "x"), "x")
	open(t, &bob, seal(t, &alice, "y"), "y")
	return alice, bob
}

func TestSizes(t *testing.T) {
	alice, bob := established(t)
	for _, c := range []struct{ content, envelope int }{
		{0, 1 << 10}, {499, 1 << 10}, {500, 2 << 10}, {1523, 2 << 10}, {1524, 4 << 10},
		{8192 - 525, 8 << 10}, {8192 - 524, 16 << 10}, {ratchet.MaxContent, 64 << 10},
	} {
		text := strings.Repeat("a", c.content)
		sealed := seal(t, &alice, text)
		if len(sealed.Envelope) != c.envelope {
			t.Errorf("%d bytes in %d", c.content, len(sealed.Envelope))
		}
		open(t, &bob, sealed, text)
	}
	if alice.Room() != ratchet.MaxContent {
		t.Errorf("room for %d", alice.Room())
	}
	if _, _, err := alice.Seal(rand.Reader, make([]byte, ratchet.MaxContent+1)); !errors.Is(err, ratchet.ErrTooBig) {
		t.Errorf("too big: %v", err)
	}
}

func TestInitSizes(t *testing.T) {
	a, b := newDevice(), newDevice()
	from := a.initiator()
	from.Identity = make([]byte, ratchet.MaxIdentity)
	alice, err := ratchet.Initiate(rand.Reader, from, b.target(true), ratchet.Options{})
	must(t, err)
	for _, n := range []int{0, 3000, 20000, alice.Room()} {
		next, sealed, err := alice.Seal(rand.Reader, make([]byte, n))
		must(t, err)
		alice = next
		_, opened, err := b.answer(sealed.Envelope, a, nil)
		must(t, err)
		if len(opened.Content) != n || len(sealed.Envelope)&(len(sealed.Envelope)-1) != 0 {
			t.Fatalf("%d bytes came as %d in %d", n, len(opened.Content), len(sealed.Envelope))
		}
	}
	if _, _, err := alice.Seal(rand.Reader, make([]byte, alice.Room()+1)); !errors.Is(err, ratchet.ErrTooBig) {
		t.Fatalf("too big: %v", err)
	}
}

// lose seals n messages that never arrive.
func lose(t tester, s *ratchet.Session, n int) (lost []ratchet.Sealed) {
	t.Helper()
	for range n {
		lost = append(lost, seal(t, s, "lost"))
	}
	return lost
}

func TestSkipOneStep(t *testing.T) {
	alice, bob := established(t)
	lost := lose(t, &alice, ratchet.MaxSkip)
	sealed := seal(t, &alice, "after a thousand")
	far := seal(t, &alice, "one more")
	wantUnchanged(t, bob, far.Envelope, ratchet.ErrSkip)
	open(t, &bob, sealed, "after a thousand")
	if d, l, _ := bob.Stored(); d != ratchet.MaxSkip || l != ratchet.MaxSkip || bob.Skipped() != d {
		t.Fatalf("%d and %d keys are kept", d, l)
	}
	bob = restart(t, bob)
	for i := len(lost) - 1; i >= 0; i-- {
		open(t, &bob, lost[i], "lost")
		wantUnchanged(t, bob, lost[i].Envelope, ratchet.ErrDuplicate)
	}
	if d, l, _ := bob.Stored(); d != 0 || l != 0 {
		t.Fatalf("%d and %d keys are left", d, l)
	}
}

// 900 messages are lost in each of three chains: the oldest keys go.
func TestStoredCap(t *testing.T) {
	alice, bob := established(t)
	var lost []ratchet.Sealed
	for range 3 {
		lost = append(lost, lose(t, &alice, 900)...)
		open(t, &bob, seal(t, &alice, "end"), "end")
		open(t, &alice, seal(t, &bob, "turn"), "turn")
	}
	open(t, &bob, seal(t, &alice, "x"), "x")
	d, l, heads := bob.Stored()
	if d != ratchet.MaxStored || l != ratchet.MaxStored || heads != 3 {
		t.Fatalf("%d and %d keys, %d header keys", d, l, heads)
	}
	wantUnchanged(t, bob, lost[699].Envelope, ratchet.ErrDuplicate)
	open(t, &bob, lost[700], "lost")
	open(t, &bob, lost[2699], "lost")
	bob = restart(t, bob)
	open(t, &bob, lost[1500], "lost")
}

// Two chains of a thousand lost messages each are within the limits of the
// Double Ratchet, so the lane must not refuse either.
func TestSkipOverTurn(t *testing.T) {
	alice, bob := established(t)
	lose(t, &alice, 900)
	open(t, &alice, seal(t, &bob, "turn"), "turn")
	lose(t, &alice, 900)
	open(t, &bob, seal(t, &alice, "x"), "x")
}

func TestOldHeaders(t *testing.T) {
	alice, bob := established(t)
	var lost []ratchet.Sealed
	for range 8 {
		lost = append(lost, lose(t, &alice, 1)...)
		open(t, &bob, seal(t, &alice, "x"), "x")
		open(t, &alice, seal(t, &bob, "turn"), "turn")
	}
	open(t, &bob, seal(t, &alice, "x"), "x")
	if d, _, heads := bob.Stored(); heads != ratchet.MaxOldHeaders || d != heads {
		t.Fatalf("%d header keys, %d keys", heads, d)
	}
	for _, s := range lost[:3] {
		wantUnchanged(t, bob, s.Envelope, ratchet.ErrNotMine)
	}
	for _, s := range lost[3:] {
		open(t, &bob, s, "lost")
	}
	if d, _, heads := bob.Stored(); heads != 0 || d != 0 {
		t.Fatalf("%d header keys, %d keys are left", heads, d)
	}
}

func TestForget(t *testing.T) {
	alice, bob := established(t)
	old := lose(t, &alice, 100)
	open(t, &bob, seal(t, &alice, "x"), "x")
	mark := bob.Mark()
	young := lose(t, &alice, 100)
	open(t, &bob, seal(t, &alice, "x"), "x")
	bob = bob.Forget(mark)
	if d, l, _ := bob.Stored(); d != 100 || l != 100 {
		t.Fatalf("%d and %d keys are left", d, l)
	}
	wantUnchanged(t, bob, old[99].Envelope, ratchet.ErrDuplicate)
	open(t, &bob, young[0], "lost")
	bob = bob.Forget(bob.Mark())
	if d, l, _ := bob.Stored(); d != 0 || l != 0 {
		t.Fatalf("%d and %d keys are left of all", d, l)
	}
	open(t, &bob, seal(t, &alice, "still fine"), "still fine")
}

// A peer that lies about its counters gets refused at no great cost.
func TestAbsurdCounters(t *testing.T) {
	alice, bob := established(t)
	alice = turned(t, alice)
	for _, c := range [][4]uint32{
		{1<<31 - 2, 0, 2, 0}, {2000, 0, 2, 0}, {2, 0, 1 << 30, 0}, {2, 0, 2<<10 + 10, 0},
	} {
		_, sealed, err := alice.WithCounters(c[0], c[1], c[2], c[3]).Seal(rand.Reader, nil)
		must(t, err)
		wantUnchanged(t, bob, sealed.Envelope, ratchet.ErrSkip)
	}
	for _, n := range []uint32{1<<31 - 1, 1 << 31, 1<<32 - 1} {
		if _, _, err := alice.WithCounters(n, 0, 2, 0).Seal(rand.Reader, nil); !errors.Is(err, ratchet.ErrExhausted) {
			t.Fatalf("sealed number %d: %v", n, err)
		}
	}
	_, sealed, err := alice.WithCounters(2, 1<<32-1, 2, 0).Seal(rand.Reader, nil)
	must(t, err)
	wantUnchanged(t, bob, sealed.Envelope, ratchet.ErrNotMine)
	_, sealed, err = alice.WithEpoch(9).Seal(rand.Reader, nil)
	must(t, err)
	wantUnchanged(t, bob, sealed.Envelope, ratchet.ErrCorrupt)
}

// A closed chain cannot be longer in the past than it was.
func TestChainShrinks(t *testing.T) {
	alice, bob := established(t)
	for range 5 {
		open(t, &bob, seal(t, &alice, "x"), "x")
	}
	open(t, &alice, seal(t, &bob, "turn"), "turn")
	alice = turned(t, alice)
	_, sealed, err := alice.WithCounters(1, 3, 8, 0).Seal(rand.Reader, nil)
	must(t, err)
	wantUnchanged(t, bob, sealed.Envelope, ratchet.ErrCorrupt)
}
