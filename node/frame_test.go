package node_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/p2pmsgd/p2pmsgd/node"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

// frameCase is one case of spec/vectors/frame.json.
type frameCase struct {
	Name, Wire, Body, Error string
	Max                     int
}

var frameErrors = map[string]error{
	"too long": node.ErrFrameTooLong, "malformed": node.ErrFrameMalformed,
	"end": io.EOF, "cut": io.ErrUnexpectedEOF,
}

func TestFrameVectors(t *testing.T) {
	b, err := spec.Vector("frame")
	if err != nil {
		t.Fatal(err)
	}
	var cases []frameCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
}

func (c frameCase) check(t *testing.T) {
	wire, err := hex.DecodeString(c.Wire)
	if err != nil {
		t.Fatal(err)
	}
	got, err := node.ReadFrame(bytes.NewReader(wire), c.Max)
	if !errors.Is(err, frameErrors[c.Error]) || (err == nil) != (c.Error == "") {
		t.Fatalf("got error %v, want %q", err, c.Error)
	}
	if hex.EncodeToString(got) != c.Body {
		t.Fatalf("got %x, want %s", got, c.Body)
	}
	if c.Error == "" && !bytes.Equal(node.AppendFrame(nil, got), wire) {
		t.Error("written again, it differs")
	}
}

// What is written is read, over any reader, and nothing beyond it is touched.
func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 1<<15).Draw(t, "body")
		var w bytes.Buffer
		if err := node.WriteFrame(&w, body); err != nil {
			t.Fatal(err)
		}
		if w.Len() != node.FrameSize(len(body)) {
			t.Fatalf("size %d, foretold %d", w.Len(), node.FrameSize(len(body)))
		}
		w.WriteString("next")
		r := io.Reader(&w)
		if rapid.Bool().Draw(t, "dribble") {
			r = iotest.OneByteReader(r)
		}
		got, err := node.ReadFrame(r, len(body))
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%v: %d bytes of %d", err, len(got), len(body))
		}
		if rest, _ := io.ReadAll(r); string(rest) != "next" {
			t.Fatalf("rest is %q", rest)
		}
	})
}

func TestWriteFrameRefuses(t *testing.T) {
	if err := node.WriteFrame(io.Discard, nil); !errors.Is(err, node.ErrFrameMalformed) {
		t.Errorf("empty: %v", err)
	}
	if err := node.WriteFrame(io.Discard, make([]byte, node.MaxFrame+1)); !errors.Is(err, node.ErrFrameTooLong) {
		t.Errorf("too long: %v", err)
	}
}

// A peer that announces much and sends nothing must not cost what it announced.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	wire := node.AppendFrame(nil, make([]byte, node.MaxFrame))[:16]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 64 {
		if _, err := node.ReadFrame(bytes.NewReader(wire), node.MaxFrame); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > node.MaxFrame {
		t.Errorf("64 announcements cost %d bytes", spent)
	}
}

// slowPipe is a stream whose deadlines can be seen.
type slowPipe struct {
	io.Reader
	deadlines []time.Time
}

func (p *slowPipe) SetReadDeadline(d time.Time) error {
	p.deadlines = append(p.deadlines, d)
	return nil
}

// The wait for a frame may be endless, the frame itself may not.
func TestFrameReaderDeadlines(t *testing.T) {
	p := &slowPipe{Reader: bytes.NewReader(node.AppendFrame(node.AppendFrame(nil, []byte("a")), []byte("b")))}
	r := node.NewFrameReader(p, 16, 0, time.Minute)
	if b, err := r.Next(); err != nil || string(b) != "a" {
		t.Fatal(b, err)
	}
	if !r.Buffered() {
		t.Error("the second frame should have come with the first")
	}
	if b, err := r.Next(); err != nil || string(b) != "b" {
		t.Fatal(b, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	if d := p.deadlines; len(d) != 4 || !d[0].IsZero() || d[1].IsZero() || d[2].IsZero() || !d[3].IsZero() {
		t.Errorf("deadlines %v", d)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x05hello"), 16)
	f.Add([]byte("\x80\x00"), 16)
	f.Add([]byte("\xff\xff\xff\xff\x0f"), 1<<20)
	f.Fuzz(func(t *testing.T, wire []byte, max int) {
		body, err := node.ReadFrame(bytes.NewReader(wire), max)
		if err != nil {
			return
		}
		if len(body) > max || len(body) > node.MaxFrame {
			t.Fatalf("%d bytes, at most %d", len(body), max)
		}
		again := node.AppendFrame(nil, body)
		if !bytes.HasPrefix(wire, again) {
			t.Fatalf("read from %x, written as %x", wire, again)
		}
		r := node.NewFrameReader(&slowPipe{Reader: bytes.NewReader(wire)}, max, 0, 0)
		if b, err := r.Next(); err != nil || !bytes.Equal(b, body) {
			t.Fatalf("buffered reader says %x, %v", b, err)
		}
	})
}
