package mesh_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// aloneBob is Bob's mesh with no link to anybody.
func aloneBob(t *testing.T, p *pair, up mesh.Upper) *end {
	e := p.start(t, meshtest.Bob, up, nil, nil)
	e.mesh.Forget(p.Device(meshtest.Alice))
	return e
}

// answered reads answers until the stream ends, and says how it ended.
func answered(s network.Stream) (numbers []uint64, codes []mesh.Code, err error) {
	for {
		b, err := node.ReadFrame(s, mesh.MaxAnswer)
		if err != nil {
			return numbers, codes, err
		}
		n, c, err := mesh.ReadAnswer(b)
		if err != nil {
			return numbers, codes, err
		}
		numbers, codes = append(numbers, n), append(codes, c)
	}
}

// Mallory's stream is closed at the first fault, whatever it is; what came
// before is taken and answered all the same.
func TestFaultEndsTheStream(t *testing.T) {
	two := slices.Concat(mesh.DataFrame(1, []byte{1}), mesh.DataFrame(2, []byte{2}))
	for name, bad := range map[string][]byte{
		"empty frame":           {0},
		"long length":           {0x81, 0x00},
		"endless length":        bytes.Repeat([]byte{0xff}, 20),
		"too long":              {0xff, 0xff, 0x07},
		"not CBOR":              {3, 1, 2, 3},
		"ack":                   mesh.AckFrame(3, [16]byte{}),
		"number again":          mesh.DataFrame(2, []byte{2}),
		"number skipped":        mesh.DataFrame(4, []byte{2}),
		"envelope of no bytes":  {7, 0xa3, 1, 0, 2, 3, 3, 0x40},
		"large envelope":        mesh.DataFrame(3, make([]byte, mesh.MaxEnvelope+1)),
		"end inside a frame":    mesh.DataFrame(3, make([]byte, 100))[:50],
		"a second, broken half": append(mesh.DataFrame(3, []byte{3})[:4], 0xff, 0xff, 0xff, 0xff, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, up := newPair(t, quick()), &floor{}
			aloneBob(t, p, up)
			s := knock(t, p, stranger(t, p))
			if _, err := s.Write(slices.Concat(two, bad)); err != nil {
				t.Fatal(err)
			}
			_ = s.CloseWrite()
			numbers, _, err := answered(s)
			if !slices.Equal(numbers, []uint64{1, 2}) || err != io.EOF {
				t.Errorf("answered %v, then %v", numbers, err)
			}
			if n := up.received(); n != 2 {
				t.Errorf("%d envelopes were handed up", n)
			}
		})
	}
}

// A frame that begins and does not end costs its sender the stream, also when
// a byte comes now and then.
func TestSlowFrame(t *testing.T) {
	lim := quick()
	lim.FrameTimeout = 300 * time.Millisecond
	p := newPair(t, lim)
	aloneBob(t, p, &floor{})
	s := knock(t, p, stranger(t, p))
	frame := mesh.DataFrame(1, make([]byte, 1000))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, c := range frame {
			if _, err := s.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if _, _, err := answered(s); errors.Is(err, mesh.ErrFrame) || err == nil {
		t.Errorf("the stream ended with %v", err)
	}
	_ = s.Reset()
	<-done
}

// A stranger may not sit on a stream, and there may not be many strangers.
func TestStrangers(t *testing.T) {
	lim := quick()
	lim.StrangerIdle, lim.Strangers = 300*time.Millisecond, 1
	p := newPair(t, lim)
	aloneBob(t, p, &floor{})
	s := knock(t, p, stranger(t, p))
	say(t, s, mesh.DataFrame(1, []byte{1}))
	if b, err := node.ReadFrame(s, mesh.MaxAnswer); err != nil {
		t.Fatal(b, err)
	}
	other := newPair(t, lim)
	other.addrs[meshtest.Bob], other.keys[meshtest.Bob] = p.addrs[meshtest.Bob], p.keys[meshtest.Bob]
	s2 := knock(t, other, stranger(t, other))
	say(t, s2, mesh.DataFrame(1, []byte{1}))
	if numbers, _, _ := answered(s2); len(numbers) > 0 {
		t.Error("a second stranger was served")
	}
	if _, _, err := answered(s); err == nil {
		t.Error("the silent stream goes on")
	}
}

func say(t *testing.T, s network.Stream, b []byte) {
	t.Helper()
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
}

// Who sends much that does not open is shut out for a while.
func TestTooManyFailures(t *testing.T) {
	lim := quick()
	lim.Failures = 5
	p := newPair(t, lim)
	aloneBob(t, p, &floor{verdict: func([]byte) mesh.Verdict { return mesh.Verdict{Refuse: mesh.CodeUnknown} }})
	mallory := stranger(t, p)
	s := knock(t, p, mallory)
	total := 0
	for n := uint64(1); n <= 8; n++ {
		if _, err := s.Write(mesh.DataFrame(n, []byte{1})); err != nil {
			break
		}
		if _, err := node.ReadFrame(s, mesh.MaxAnswer); err != nil {
			break
		}
		total++
	}
	if total != 6 {
		t.Errorf("%d were answered", total)
	}
	s = knock(t, p, mallory)
	say(t, s, mesh.DataFrame(1, []byte{1}))
	if numbers, _, _ := answered(s); len(numbers) > 0 {
		t.Error("answered again at once")
	}
}

// A sender that comes again has given its former stream up.
func TestNewStreamEndsFormer(t *testing.T) {
	p, up := newPair(t, quick()), &floor{}
	aloneBob(t, p, up)
	alice := stranger(t, p)
	s1 := knock(t, p, alice)
	say(t, s1, mesh.DataFrame(1, []byte{1}))
	if _, err := node.ReadFrame(s1, mesh.MaxAnswer); err != nil {
		t.Fatal(err)
	}
	s2 := knock(t, p, alice)
	say(t, s2, mesh.DataFrame(1, []byte{2}))
	if _, err := node.ReadFrame(s2, mesh.MaxAnswer); err != nil {
		t.Fatal(err)
	}
	if _, _, err := answered(s1); err == nil || err == io.EOF {
		t.Errorf("the former stream ended with %v", err)
	}
}

// What arrives together is handed up together, so that it shares a commit.
func TestBatchesShareACommit(t *testing.T) {
	p, up := newPair(t, quick()), &floor{}
	hold := make(chan struct{})
	up.verdict = func(env []byte) mesh.Verdict {
		if env[0] == 1 {
			<-hold
		}
		return mesh.Verdict{}
	}
	aloneBob(t, p, up)
	s := knock(t, p, stranger(t, p))
	say(t, s, mesh.DataFrame(1, []byte{1}))
	var rest []byte
	for n := uint64(2); n <= 200; n++ {
		rest = append(rest, mesh.DataFrame(n, []byte{2})...)
	}
	say(t, s, rest)
	_ = s.CloseWrite()
	close(hold)
	numbers, _, _ := answered(s)
	if len(numbers) != 200 {
		t.Errorf("%d were answered", len(numbers))
	}
	if up.calls > 20 { // how many is up to the network; 200 would be one each
		t.Errorf("200 envelopes took %d calls", up.calls)
	}
}

// A sender that does not read its answers holds little of Bob's memory, and
// not for ever.
func TestAnswersAreNotRead(t *testing.T) {
	lim := quick()
	lim.WriteTimeout = 500 * time.Millisecond
	p, up := newPair(t, lim), &floor{}
	bob := aloneBob(t, p, up)
	s := knock(t, p, stranger(t, p))
	_ = s.SetWriteDeadline(time.Now().Add(patience))
	var err error
	env := []byte{1}
	for n := uint64(1); err == nil; {
		var burst []byte
		for range 2000 {
			burst = append(burst, mesh.DataFrame(n, env)...)
			n++
		}
		_, err = s.Write(burst)
	}
	if held := bob.mesh.Held(); held > 1<<20 {
		t.Errorf("%d bytes of buffers are held", held)
	}
	eventually(t, "the buffers are given back", func() bool { return bob.mesh.Held() == 0 })
}
