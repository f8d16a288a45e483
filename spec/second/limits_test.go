package second_test

import (
	"math/rand/v2"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// TestInteropLimits fills the stores of skipped keys: both implementations must
// keep the same keys, and give up the same ones.
func TestInteropLimits(t *testing.T) {
	schedules(t)
	js := startNode(t)
	for name, lengths := range map[string][]int{
		"as many as may be skipped at once":   {1001},
		"one more than may be skipped":        {1002},
		"more than are kept":                  {800, 800, 800, 30},
		"one chain more than are kept":        {3, 4, 5, 6, 7, 8, 9},
		"many chains, long ones first":        {900, 70, 65, 64, 63, 2, 2},
		"many chains, some without skipped":   {2, 1, 3, 1, 1, 4, 2, 1, 2, 2, 1},
		"the lane skips less than two chains": {999, 999, 999},
	} {
		t.Run(name, func(t *testing.T) {
			js.t = t
			skipChains(t, js, lengths)
		})
	}
}

// TestInteropWins lets both choose between two sessions that began at once.
func TestInteropWins(t *testing.T) {
	schedules(t)
	js := startNode(t)
	a, _ := pair(t, js, js, 1)
	won := 0
	for turns := range 20 {
		a.save()
		before := a.sess
		t.Run("another", func(t *testing.T) { a, _ = pair(t, js, js, turns%2) })
		got := a.ask("wins", nil).Wins
		if got != a.sess.Wins(before) || got == before.Wins(a.sess) {
			t.Fatalf("pair %d: wins is %v", turns, got)
		}
		if got {
			won++
		}
	}
	t.Logf("won %d of 20", won)
}

// skipChains lets only the last message of each chain arrive, and then, in
// any order, most of the others, with a few of them twice.
func skipChains(t *testing.T, js *node, lengths []int) {
	a, b := pair(t, nil, js, 4)
	var late [][]byte
	for _, n := range lengths {
		var env []byte
		for range n {
			env = a.seal(nil, false).Envelope
			late = append(late, env)
		}
		_, err := b.open(env)
		t.Logf("chain of %d: %q, %d keys aside", n, kindOf(err), b.sess.Skipped())
		if _, err := a.open(b.seal(nil, false).Envelope); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, uint64(len(late))))
	seen := map[string]int{}
	for range min(len(late), 400) {
		_, err := b.open(late[r.IntN(len(late))])
		seen[kindOf(err)]++
	}
	t.Logf("late: %v, %d keys aside of at most %d", seen, b.sess.Skipped(), ratchet.MaxStored)
}
