package mesh_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
)

// against starts Alice's mesh against a Bob who answers as told.
func against(t *testing.T, lim mesh.Limits, bob func(s network.Stream)) (*end, *floor, *pair) {
	p := newPair(t, lim)
	n := p.node(t, meshtest.Bob)
	n.Host().SetStreamHandler(mesh.ProtocolDM, bob)
	t.Cleanup(runNode(t, n))
	up := &floor{}
	return p.start(t, meshtest.Alice, up, nil, nil), up, p
}

// Bob takes everything and says nothing: Alice sends no more than the window,
// keeps no more than the queue, is never held up, and can say what is wrong.
func TestSilentReceiver(t *testing.T) {
	lim := quick()
	lim.Window, lim.Queue, lim.AckTimeout = 10, 20, time.Second
	alice, up, _ := against(t, lim, func(s network.Stream) {
		buf := make([]byte, 4096)
		for {
			if _, err := s.Read(buf); err != nil {
				return
			}
		}
	})
	for id := uint64(1); id <= 500; id++ {
		alice.Push(up.put(items(id, 1, 100)...)...)
	}
	eventually(t, "the window is full", func() bool { return alice.mesh.State(alice.to).InFlight == 10 })
	eventually(t, "Alice gives up", func() bool {
		s := alice.mesh.State(alice.to)
		if s.InFlight > 10 || s.Queued > 20+128 {
			t.Fatalf("%d under way, %d queued", s.InFlight, s.Queued)
		}
		return s.Obstacle == mesh.ObstacleSilent
	})
}

// Bob does not even read: writing blocks, Push does not, and the end of Run
// does not wait for it.
func TestReceiverDoesNotRead(t *testing.T) {
	lim := quick()
	lim.WindowBytes, lim.QueueBytes, lim.AckTimeout = 16<<20, 16<<20, time.Minute
	hold := make(chan struct{})
	defer close(hold)
	alice, up, _ := against(t, lim, func(network.Stream) { <-hold })
	for id := uint64(1); id <= 300; id++ {
		alice.Push(up.put(items(id, 1, mesh.MaxEnvelope)...)...)
	}
	eventually(t, "some are under way", func() bool { return alice.mesh.State(alice.to).InFlight > 0 })
	alice.Close()
}

// Answers to numbers that nobody waits for change nothing, and many of them
// end the stream; so does garbage.
func TestStrangeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		say   []byte
		holds bool
	}{
		"a few unknown": {slices.Concat(
			mesh.AckFrame(9, [16]byte{9}), mesh.RefuseFrame(1<<60, mesh.CodeBad), mesh.AckFrame(1, [16]byte{1}), mesh.AckFrame(1, [16]byte{2}),
		), true},
		"many unknown": {bytes.Repeat(mesh.AckFrame(9, [16]byte{}), 2000), false},
		"garbage":      {bytes.Repeat([]byte{0xff}, 1000), false},
		"data":         {mesh.DataFrame(1, []byte{1}), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lim := quick()
			lim.AckTimeout = time.Minute
			ended := make(chan struct{}, 100)
			alice, up, _ := against(t, lim, func(s network.Stream) {
				buf := make([]byte, 1000)
				if n, _ := s.Read(buf); n > 0 {
					_, _ = s.Write(c.say)
				}
				for {
					if _, err := s.Read(buf); err != nil {
						ended <- struct{}{}
						return
					}
				}
			})
			alice.Push(up.put(items(1, 1, 50)...)...)
			if !c.holds {
				<-ended // and Alice comes again
				<-ended
				return
			}
			eventually(t, "an answer", func() bool { return len(up.answers()) > 0 })
			if a := up.answers(); len(a) != 1 || a[0].ID != 1 || a[0].Receipt != [16]byte{1} || a[0].Path != mesh.PathDirect {
				t.Errorf("settled %+v", a)
			}
		})
	}
}

// A code that only later versions know is still a no.
func TestUnknownCode(t *testing.T) {
	alice, up, _ := against(t, quick(), func(s network.Stream) {
		_, _ = s.Read(make([]byte, 1000))
		_, _ = s.Write(mesh.RefuseFrame(1, 77))
	})
	alice.Push(up.put(items(1, 1, 50)...)...)
	eventually(t, "an answer", func() bool { return len(up.answers()) > 0 })
	if a := up.answers()[0]; a.Refused != mesh.CodeDeclined {
		t.Errorf("refused as %v", a.Refused)
	}
}

// Busy is retried with growing waits, and said.
func TestBusy(t *testing.T) {
	alice, up, _ := against(t, quick(), func(s network.Stream) {
		defer s.Close()
		if _, err := s.Read(make([]byte, 1000)); err == nil {
			_, _ = s.Write(mesh.RefuseFrame(1, mesh.CodeBusy))
		}
	})
	alice.Push(up.put(items(1, 1, 50)...)...)
	eventually(t, "several attempts", func() bool {
		s := alice.mesh.State(alice.to)
		return s.Obstacle == mesh.ObstacleBusy && s.Attempts >= 3
	})
	if a := up.answers(); len(a) > 0 {
		t.Errorf("settled %+v", a)
	}
}

// An outbox that cannot be read is said, and read again later.
func TestBrokenOutbox(t *testing.T) {
	p := newPair(t, quick())
	aloneBob(t, p, &floor{})
	up := &floor{broken: errors.New("disk on fire")}
	up.put(items(1, 3, 50)...)
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	eventually(t, "the fault is said", func() bool {
		return alice.mesh.State(alice.to).Obstacle == mesh.ObstacleOutbox
	})
	up.mu.Lock()
	up.broken = nil
	up.mu.Unlock()
	eventually(t, "all is settled", func() bool { return len(up.answers()) == 3 })
}

// A device that is somewhere, but does not speak our protocol.
func TestOtherProtocol(t *testing.T) {
	p := newPair(t, quick())
	t.Cleanup(runNode(t, p.node(t, meshtest.Bob)))
	alice := p.start(t, meshtest.Alice, &floor{}, nil, nil)
	eventually(t, "the obstacle is named", func() bool {
		return alice.mesh.State(alice.to).Obstacle == mesh.ObstacleProtocol
	})
}

// Run needs a floor above.
func TestRunNeedsAttach(t *testing.T) {
	p := newPair(t, quick())
	n := p.node(t, meshtest.Alice)
	defer n.Close()
	m, err := mesh.New(mesh.DefaultConfig(), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(context.Background()); !errors.Is(err, mesh.ErrNotAttached) {
		t.Errorf("got %v", err)
	}
	if _, err := mesh.New(mesh.Config{}, n); err == nil {
		t.Error("limits of zero are accepted")
	}
}
