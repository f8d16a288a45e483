package meshtest

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// Side is one of the two devices of a Pair.
type Side int

// The two sides.
const (
	Alice Side = 0
	Bob   Side = 1
)

// Other is the other side.
func (s Side) Other() Side { return 1 - s }

// Pair is two devices that the carrier under test joins.
type Pair interface {
	// Device names the device of a side. It does not change.
	Device(s Side) identity.DeviceID
	// Start runs the daemon of a side, which keeps trying to reach the other
	// one, until the End is closed. It may be started again after that, with
	// the same addresses.
	Start(t testing.TB, s Side, up mesh.Upper) End
	// Spoil makes the way bad from now on, for ends started later.
	Spoil(f *Faults)
}

// End is a running daemon, seen by its floor above.
type End interface {
	// Push is mesh.Carrier.Push, to the device of the other side.
	Push(items ...mesh.Item)
	// Close ends the daemon and returns when it has ended. It is idempotent.
	Close()
}

// Fate is what a bad way does to one envelope or answer.
type Fate int

// The fates.
const (
	Pass Fate = iota
	Lose
	Double
)

// Faults decides fates. Safe for concurrent use; a nil one lets all pass.
type Faults struct {
	mu         sync.Mutex
	rand       *rand.Rand
	lose, both float64
}

// NewFaults loses and doubles with the given probabilities, as the seed says.
func NewFaults(seed uint64, lose, double float64) *Faults {
	return &Faults{rand: rand.New(rand.NewPCG(seed, seed)), lose: lose, both: double}
}

// Next is the fate of the next envelope or answer.
func (f *Faults) Next() Fate {
	if f == nil {
		return Pass
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch x := f.rand.Float64(); {
	case x < f.lose:
		return Lose
	case x < f.lose+f.both:
		return Double
	}
	return Pass
}
