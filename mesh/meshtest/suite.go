package meshtest

import (
	"testing"

	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// Run tells every story to a carrier, each with a fresh pair.
func Run(t *testing.T, pair func(t *testing.T) Pair) {
	for _, story := range []struct {
		name string
		tell func(t *testing.T, w *world)
	}{
		{"in order", inOrder},
		{"one at a time", oneAtATime},
		{"both ways at once", bothWays},
		{"tiny and large", tinyAndLarge},
		{"a backlog from before", backlog},
		{"the receiver comes later", receiverLater},
		{"losses and doubles", lossesAndDoubles},
		{"the receiver restarts", receiverRestarts},
		{"the sender restarts", senderRestarts},
		{"the receiver refuses", refuses},
		{"the receiver is busy", busy},
		{"pushed out of order", outOfOrder},
		{"too large and empty", tooLarge},
		{"ended in the middle", cancelled},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, newWorld(t, pair(t))) })
	}
}

// world is a pair with a person on each side.
type world struct {
	t      *testing.T
	pair   Pair
	people [2]*person
	ends   [2]End
}

func newWorld(t *testing.T, p Pair) *world {
	w := &world{t: t, pair: p, people: [2]*person{newPerson(t), newPerson(t)}}
	t.Cleanup(func() {
		w.stop(Alice)
		w.stop(Bob)
	})
	return w
}

func (w *world) start(sides ...Side) {
	for _, s := range sides {
		w.ends[s] = w.pair.Start(w.t, s, w.people[s])
	}
}

func (w *world) stop(s Side) {
	if w.ends[s] != nil {
		w.ends[s].Close()
		w.ends[s] = nil
	}
}

func (w *world) restart(s Side) {
	w.stop(s)
	w.start(s)
}

// send writes n envelopes, each pushed as it is committed.
func (w *world) send(s Side, n, size int) {
	for range n {
		w.ends[s].Push(w.people[s].write(1, size)...)
	}
}

func inOrder(t *testing.T, w *world) {
	w.start(Alice, Bob)
	w.send(Alice, 500, 200)
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(500, nil)
}

func oneAtATime(t *testing.T, w *world) {
	w.start(Alice, Bob)
	for range 30 {
		w.send(Alice, 1, 100)
		w.people[Alice].awaitSent()
		w.send(Bob, 1, 100)
		w.people[Bob].awaitSent()
	}
	w.people[Alice].wasShown(30, nil)
	w.people[Bob].wasShown(30, nil)
}

func bothWays(t *testing.T, w *world) {
	w.start(Alice, Bob)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.send(Bob, 400, 300)
	}()
	w.send(Alice, 400, 300)
	<-done
	for _, s := range []Side{Alice, Bob} {
		w.people[s].awaitSent()
		w.people[s.Other()].wasShown(400, nil)
	}
}

func tinyAndLarge(t *testing.T, w *world) {
	w.start(Alice, Bob)
	for _, size := range []int{1, mesh.MaxEnvelope, 2, mesh.MaxEnvelope - 1, 16 << 10, 1, 40 << 10} {
		w.send(Alice, 5, size)
	}
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(35, nil)
}

func backlog(t *testing.T, w *world) {
	w.people[Alice].write(3000, 1)
	w.start(Alice, Bob)
	w.send(Alice, 100, 1)
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(3100, nil)
}

func receiverLater(t *testing.T, w *world) {
	w.start(Bob) // so that it has been somewhere
	w.stop(Bob)
	w.start(Alice)
	w.send(Alice, 20, 100)
	w.start(Bob)
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(20, nil)
}

func lossesAndDoubles(t *testing.T, w *world) {
	w.pair.Spoil(NewFaults(1, 0.3, 0.3))
	w.start(Alice, Bob)
	w.send(Alice, 100, 100)
	w.send(Bob, 100, 100)
	for _, s := range []Side{Alice, Bob} {
		w.people[s].awaitSent()
		w.people[s.Other()].wasShown(100, nil)
	}
}

func receiverRestarts(t *testing.T, w *world) { restarts(w, Bob) }

func senderRestarts(t *testing.T, w *world) { restarts(w, Alice) }

// restarts interrupts a side in the middle of what Alice sends.
func restarts(w *world, who Side) {
	w.start(Alice, Bob)
	bob := w.people[Bob]
	for round := 1; round <= 4; round++ {
		w.send(Alice, 100, 500)
		bob.await("some of them", func() bool { return len(bob.shown) > 100*round-80 })
		w.restart(who)
	}
	w.people[Alice].awaitSent()
	bob.wasShown(400, nil)
}

func refuses(t *testing.T, w *world) {
	codes := map[uint64]mesh.Code{
		3: mesh.CodeUnknown, 7: mesh.CodeDeclined, 8: mesh.CodeWork, 20: mesh.CodeBad,
	}
	w.people[Bob].refuse = func(n uint64) mesh.Code { return codes[n] }
	w.start(Alice, Bob)
	w.send(Alice, 20, 100)
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(20, func(n uint64) bool { return codes[n] != 0 })
	w.people[Alice].set(func(p *person) {
		for id, a := range p.settled {
			if a.Refused != codes[id] {
				t.Errorf("item %d: refused %v, want %v", id, a.Refused, codes[id])
			}
		}
	})
}

// busy: what is refused for now comes again, and nothing overtakes it.
func busy(t *testing.T, w *world) {
	tries := 0
	w.people[Bob].refuse = func(n uint64) mesh.Code {
		if n == 5 || n == 6 {
			if tries++; tries <= 3 {
				return mesh.CodeBusy
			}
		}
		return 0
	}
	w.start(Alice, Bob)
	w.send(Alice, 50, 100)
	w.people[Alice].awaitSent()
	w.people[Bob].wasShown(50, nil)
	w.people[Alice].set(func(p *person) {
		for id, a := range p.settled {
			if a.Refused != 0 {
				t.Errorf("item %d settled as %v", id, a.Refused)
			}
		}
	})
}

// outOfOrder: callers that overtake each other between commit and push lose
// nothing.
func outOfOrder(t *testing.T, w *world) {
	w.start(Alice, Bob)
	alice, bob := w.people[Alice], w.people[Bob]
	for range 20 {
		items := alice.write(2, 50)
		w.ends[Alice].Push(items[1])
		w.ends[Alice].Push(items[0])
	}
	alice.awaitSent()
	bob.await("all", func() bool { return len(bob.shown) == 40 })
}

// tooLarge: what no receiver would take is refused at home, and does not stand
// in the way.
func tooLarge(t *testing.T, w *world) {
	w.start(Alice, Bob)
	alice := w.people[Alice]
	alice.set(func(p *person) {
		p.outbox = []mesh.Item{{ID: 1, Envelope: make([]byte, mesh.MaxEnvelope+1)}, {ID: 2}}
		p.last = 2
	})
	w.send(Alice, 3, 10)
	alice.awaitSent()
	w.people[Bob].wasShown(5, func(n uint64) bool { return n <= 2 })
	alice.set(func(p *person) {
		for id := uint64(1); id <= 5; id++ {
			if bad := p.settled[id].Refused == mesh.CodeBad; bad != (id <= 2) {
				t.Errorf("item %d settled as %v", id, p.settled[id].Refused)
			}
		}
	})
}

// cancelled: both ends stop at once although the receiver is in the middle of
// a commit, and later nothing is missing.
func cancelled(t *testing.T, w *world) {
	bob := w.people[Bob]
	bob.hold = make(chan struct{})
	w.start(Alice, Bob)
	w.send(Alice, 200, 1000)
	bob.await("the first of them", func() bool { return bob.calls > 0 })
	w.stop(Bob)
	w.stop(Alice)
	bob.set(func(p *person) { p.hold = nil })
	w.start(Alice, Bob)
	w.people[Alice].awaitSent()
	bob.wasShown(200, nil)
}
