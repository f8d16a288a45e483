package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/p2pmsgd/p2pmsgd/node"
)

const asked protocol.ID = "/p2pmsg/asked/1"

// pair is two connected nodes; mallory calls, bob serves.
func pair(t *testing.T, log *slog.Logger) (mallory, bob *node.Node) {
	t.Helper()
	cfg := config(t)
	cfg.Logger = log
	bob, _ = start(t, cfg)
	mallory, _ = start(t, config(t))
	if err := mallory.Connect(within(t), info(bob)); err != nil {
		t.Fatal(err)
	}
	return mallory, bob
}

func open(t *testing.T, from, to *node.Node) network.Stream {
	t.Helper()
	s, err := from.Open(within(t), to.ID(), asked, node.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Reset() })
	_ = s.SetDeadline(time.Now().Add(patience))
	return s
}

// say writes a frame and ignores that the other side may have hung up.
func say(s network.Stream, text string) { _ = node.WriteFrame(s, []byte(text)) }

// reset wants the other side to have reset the stream, with this code.
func reset(t *testing.T, s network.Stream, code network.StreamErrorCode) {
	t.Helper()
	_, err := io.Copy(io.Discard, s)
	var e *network.StreamError
	if !errors.As(err, &e) || !e.Remote || e.ErrorCode != code {
		t.Fatalf("got %v, want a reset with code %#x", err, uint32(code))
	}
}

// One peer may hold no more streams than its share, and all peers together no
// more than there are.
func TestStreamsAreCounted(t *testing.T) {
	mallory, bob := pair(t, nil)
	busy := make(chan struct{}, 8)
	l := limits()
	l.Concurrent, l.PerPeer = 3, 2
	bob.Handle(asked, l, func(ctx context.Context, s network.Stream) {
		busy <- struct{}{}
		_, _ = io.Copy(io.Discard, s) // until the caller is done
	})
	first, second := open(t, mallory, bob), open(t, mallory, bob)
	for _, s := range []network.Stream{first, second} {
		say(s, "hold")
		<-busy
	}
	third := open(t, mallory, bob)
	say(third, "one more")
	reset(t, third, network.StreamResourceLimitExceeded)

	eve, _ := start(t, config(t))
	if err := eve.Connect(within(t), info(bob)); err != nil {
		t.Fatal(err)
	}
	say(open(t, eve, bob), "hold")
	<-busy
	late := open(t, eve, bob)
	say(late, "one more")
	reset(t, late, network.StreamResourceLimitExceeded)

	_ = first.Close()
	for { // there is room again as soon as bob has seen the end of the first
		s := open(t, mallory, bob)
		say(s, "again")
		select {
		case <-busy:
			return
		case <-time.After(10 * time.Millisecond):
			_ = s.Reset()
		}
	}
}

func TestFloodIsSlowed(t *testing.T) {
	mallory, bob := pair(t, nil)
	l := limits()
	l.Rate, l.Burst = 0.001, 3
	bob.Handle(asked, l, func(_ context.Context, s network.Stream) {
		_, _ = node.ReadFrame(s, 16)
		_ = node.WriteFrame(s, []byte("ok"))
	})
	for range l.Burst {
		s := open(t, mallory, bob)
		say(s, "hi")
		if b, err := node.ReadFrame(s, 16); err != nil || string(b) != "ok" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	for range 5 {
		s := open(t, mallory, bob)
		say(s, "hi")
		reset(t, s, network.StreamRateLimited)
	}
}

// reads serves frames of at most 64 bytes and tells how reading ended.
func reads(l node.StreamLimits, each time.Duration) (node.StreamLimits, func(context.Context, network.Stream), <-chan error) {
	ends := make(chan error, 8)
	l.FrameMax = 64
	return l, func(_ context.Context, s network.Stream) {
		r := node.NewFrameReader(s, l.FrameMax, 0, each)
		for {
			if _, err := r.Next(); err != nil {
				ends <- err
				_ = s.Reset()
				return
			}
		}
	}, ends
}

func TestBadFramesEndTheStream(t *testing.T) {
	mallory, bob := pair(t, nil)
	l, h, ends := reads(limits(), 50*time.Millisecond)
	bob.Handle(asked, l, h)
	cases := []struct {
		name, wire string
		close      bool
		want       error
	}{
		{"oversized", "\x41" + strings.Repeat("x", 65), false, node.ErrFrameTooLong},
		{"huge", "\xff\xff\xff\x7f", false, node.ErrFrameTooLong},
		{"empty", "\x00", false, node.ErrFrameMalformed},
		{"truncated", "\x10short", true, io.ErrUnexpectedEOF},
		{"whole, then the end", "\x02hi", true, io.EOF},
		{"begun and left lying", "\x10slow", false, os.ErrDeadlineExceeded},
	}
	for _, c := range cases {
		s := open(t, mallory, bob)
		if _, err := s.Write([]byte(c.wire)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.close {
			_ = s.CloseWrite()
		}
		if err := <-ends; !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// A stream with a deadline as a whole ends there, whatever the handler does.
func TestDeadlineEndsTheStream(t *testing.T) {
	mallory, bob := pair(t, nil)
	l := limits()
	l.Deadline = 100 * time.Millisecond
	done := make(chan error, 1)
	bob.Handle(asked, l, func(ctx context.Context, s network.Stream) {
		_, err := io.Copy(io.Discard, s)
		if err == nil || ctx.Err() == nil {
			t.Errorf("read ended with %v, context %v", err, ctx.Err())
		}
		done <- err
	})
	s := open(t, mallory, bob)
	say(s, "I will stay for ever")
	<-done
	reset(t, s, network.StreamShutdown)
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestPanicStaysInTheHandler(t *testing.T) {
	var log lines
	mallory, bob := pair(t, slog.New(slog.NewTextHandler(&log, nil)))
	bob.Handle(asked, limits(), func(_ context.Context, s network.Stream) {
		b, _ := node.ReadFrame(s, 64)
		panic(string(b))
	})
	s := open(t, mallory, bob)
	say(s, "a secret")
	reset(t, s, network.StreamNoError)
	if l := log.String(); !strings.Contains(l, "handler panicked") || strings.Contains(l, "secret") {
		t.Errorf("log says %q", l)
	}
	bob.Handle(asked, limits(), func(_ context.Context, s network.Stream) { _ = node.WriteFrame(s, []byte("alive")) })
	s = open(t, mallory, bob)
	say(s, "still there?")
	if b, err := node.ReadFrame(s, 16); err != nil || string(b) != "alive" {
		t.Fatalf("%q, %v", b, err)
	}
	bob.Unhandle(asked)
	s = open(t, mallory, bob)
	say(s, "and now?")
	if b, err := node.ReadFrame(s, 16); err == nil {
		t.Fatalf("%q from a protocol that is not served", b)
	}
}

// A handler that waits for ever does not keep the node from ending.
func TestEndDoesNotWaitForPeers(t *testing.T) {
	bob, stop := start(t, config(t))
	mallory, _ := start(t, config(t))
	held := make(chan struct{})
	l := limits()
	l.Deadline = 0
	bob.Handle(asked, l, func(_ context.Context, s network.Stream) {
		close(held)
		_, _ = io.Copy(io.Discard, s)
	})
	if err := mallory.Connect(within(t), info(bob)); err != nil {
		t.Fatal(err)
	}
	say(open(t, mallory, bob), "hold the line")
	<-held
	watch := bob.Watch(context.Background())
	stop()
	for range watch { // closed with the node
	}
	for range bob.Watch(context.Background()) {
		t.Error("a node that has ended reports peers")
	}
}
