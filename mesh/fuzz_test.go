package mesh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

func seed(f *testing.F, from ...string) {
	for _, v := range vectors(f) {
		for _, side := range from {
			if v.From == side {
				f.Add([]byte(v.Bytes))
			}
		}
	}
}

// FuzzFrame: what parses is written as the same bytes, and package identity
// reads the same from it or refuses it too.
func FuzzFrame(f *testing.F) {
	seed(f, "sender", "receiver")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decodeFrame(b)
		var want frame
		err := identity.Decode(b, &want)
		whole := err == nil && want.N > 0 && want.Kind <= kindRefuse && (len(want.Body) > 0) != (want.Code > 0)
		if ok != whole {
			t.Fatalf("read %v, %+v; identity reads %v, %+v", ok, got, err, want)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Fatalf("read %+v, identity reads %+v", got, want)
		}
		if ok {
			same(t, b)(encode(t, got), nil)
		}
	})
}

// FuzzRequest: what parses is written as the same bytes.
func FuzzRequest(f *testing.F) {
	seed(f, "requester")
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeRequest(b); err == nil {
			same(t, b)(encodeRequest(r))
		}
	})
}

// FuzzResponse: what parses is written as the same bytes.
func FuzzResponse(f *testing.F) {
	seed(f, "server")
	f.Fuzz(func(t *testing.T, b []byte) {
		r, refused, err := decodeResponse(b)
		switch {
		case err != nil:
		case refused != nil:
			same(t, b)(encodeRefusal(*refused))
		default:
			same(t, b)(encodeResponse(r))
		}
	})
}

// pieces is a stream that arrives in pieces of the given sizes.
type pieces struct {
	b     []byte
	sizes []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(p.b))
	if len(p.sizes) > 0 {
		n = min(n, int(p.sizes[0])+1)
		p.sizes = p.sizes[1:]
	}
	copy(b, p.b[:n])
	p.b = p.b[n:]
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// FuzzBatches: however a stream is cut into pieces, its batches are the frames
// that node.ReadFrame reads from it one by one, and the memory is bounded.
func FuzzBatches(f *testing.F) {
	f.Add([]byte{1, 7, 2, 8, 9}, []byte{0, 0, 3})
	f.Add([]byte{0x80, 0x00, 1}, []byte{})
	f.Add(node.AppendFrame(node.AppendFrame(nil, make([]byte, 5000)), make([]byte, 300)), []byte{255, 255})
	f.Fuzz(func(t *testing.T, b, sizes []byte) {
		const maxFrame, most = 6000, 9000
		shared := newBudget(most)
		r := &batchReader{s: &pieces{b, sizes}, maxFrame: maxFrame, frame: time.Second, most: most, budget: shared}
		in := bytes.NewReader(b)
		for {
			frames, err := r.batch(10)
			if len(r.buf) > most {
				t.Fatalf("the buffer grew to %d", len(r.buf))
			}
			if err != nil {
				compareEnd(t, in, maxFrame, err)
				break
			}
			for _, got := range frames {
				if want, err := node.ReadFrame(in, maxFrame); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("frame %x, want %x, %v", got, want, err)
				}
			}
		}
		r.close()
		if left := shared.left.Load(); left != most {
			t.Errorf("%d of the budget are not given back", most-left)
		}
	})
}

// compareEnd expects the reader to have stopped where and because node did.
func compareEnd(t *testing.T, in io.Reader, maxFrame int, err error) {
	_, want := node.ReadFrame(in, maxFrame)
	for _, kind := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(want, kind) && !errors.Is(err, ErrFrame) && err != kind {
			t.Fatalf("ended with %v, want %v", err, want)
		}
	}
	if want == nil {
		t.Fatalf("ended with %v where a frame is", err)
	}
}

// TestReaderGrowsWithTraffic: a burst makes the buffer grow, rest makes it
// shrink, an empty budget keeps it at one frame.
func TestReaderGrowsWithTraffic(t *testing.T) {
	frame := node.AppendFrame(nil, make([]byte, 1000))
	burst := bytes.Repeat(frame, 300)
	for name, c := range map[string]struct {
		budget int64
		most   int
	}{"rich": {1 << 20, 256 << 10}, "poor": {0, MaxFrame + binary.MaxVarintLen32}} {
		t.Run(name, func(t *testing.T) {
			src := &pieces{b: bytes.Clone(burst)}
			r := &batchReader{s: src, maxFrame: MaxFrame, frame: time.Second, most: 256 << 10, budget: newBudget(c.budget)}
			grown := drain(t, r)
			if grown < 32<<10 || grown > c.most {
				t.Errorf("the buffer grew to %d", grown)
			}
			src.b = bytes.Clone(frame)
			drain(t, r)
			src.b = bytes.Clone(frame)
			drain(t, r)
			if len(r.buf) != smallBuffer || r.taken != 0 {
				t.Errorf("at rest %d bytes are held, %d of the budget", len(r.buf), r.taken)
			}
		})
	}
}

func drain(t *testing.T, r *batchReader) (grown int) {
	for {
		_, err := r.batch(1000)
		grown = max(grown, len(r.buf))
		if err == io.EOF {
			return grown
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
