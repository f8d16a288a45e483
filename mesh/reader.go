package mesh

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// smallBuffer is what a link at rest holds for reading.
const smallBuffer = 2 << 10

// budget is memory that many readers share.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := new(budget)
	b.left.Store(n)
	return b
}

func (b *budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.left.Add(int64(n))
	return false
}

func (b *budget) give(n int) { b.left.Add(int64(n)) }

// deadlineReader is what a batchReader needs of a stream.
type deadlineReader interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

// batchReader reads all frames that have arrived at once, so that they can
// share a commit; node.FrameReader gives them one by one. Its buffer is small at rest, holds
// one frame always, and grows beyond that only within the budget. Not for
// concurrent use.
type batchReader struct {
	s           deadlineReader
	maxFrame    int
	idle, frame time.Duration // how long the wait for a frame, and a frame, may take; idle 0: for ever
	most        int           // how far the buffer may grow; a frame always fits
	budget      *budget
	taken       int // what of the budget is held

	buf   []byte
	r, w  int
	timed bool // a deadline is set: true from the beginning of a frame to its end
}

// batch returns the whole frames at hand, at least one, at most count, after
// waiting for the first. The slices are good until the next call. An error is
// returned only when no frame is before it.
func (b *batchReader) batch(count int) ([][]byte, error) {
	var out [][]byte
	size := 0
	for {
		f, err := b.whole()
		switch {
		case f != nil && err == nil:
			out = append(out, f)
			if size += len(f); len(out) < count && size < b.most {
				continue
			}
			return out, nil
		case len(out) > 0:
			return out, nil // an error is found again by the next call
		case err != nil:
			return nil, err
		}
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
}

// whole takes the next frame out of the buffer; nil when it is not all there.
func (b *batchReader) whole() ([]byte, error) {
	head, n, err := b.length()
	if err != nil || head == 0 || b.w-b.r < head+n {
		return nil, err
	}
	f := b.buf[b.r+head : b.r+head+n]
	b.r += head + n
	b.unlimit()
	return f, nil
}

// length reads the length of the frame at hand: the bytes it takes, and what it
// says. Zero when it is not all there.
func (b *batchReader) length() (head, n int, err error) {
	v, head := binary.Uvarint(b.buf[b.r:b.w])
	switch {
	case head == 0 && b.w-b.r < binary.MaxVarintLen32:
		return 0, 0, nil
	case head <= 0, head > 1 && b.buf[b.r+head-1] == 0, v == 0:
		return 0, 0, fmt.Errorf("%w: %w", ErrFrame, node.ErrFrameMalformed)
	case v > uint64(b.maxFrame):
		return 0, 0, fmt.Errorf("%w: %w", ErrFrame, node.ErrFrameTooLong)
	}
	return head, int(v), nil
}

// fill reads once, into room for at least the frame that has begun.
func (b *batchReader) fill() error {
	if err := b.limit(); err != nil {
		return err
	}
	b.room()
	n, err := b.s.Read(b.buf[b.w:])
	b.w += n
	switch {
	case n > 0:
		return nil // an error comes again
	case err == io.EOF && b.w > b.r:
		return io.ErrUnexpectedEOF
	}
	return err
}

// limit sets the deadline for what is awaited, once for each frame, so that
// byte after byte does not prolong it.
func (b *batchReader) limit() error {
	d := b.frame
	if b.w == b.r {
		d = b.idle
	}
	if b.timed || d == 0 {
		return nil
	}
	b.timed = b.w > b.r
	return b.s.SetReadDeadline(time.Now().Add(d))
}

func (b *batchReader) unlimit() {
	if b.timed {
		b.timed = false
		b.s.SetReadDeadline(time.Time{}) //nolint:errcheck // a stream that is gone says so on Read
	}
}

// room makes place behind what is buffered.
func (b *batchReader) room() {
	if size := b.size(); size != len(b.buf) {
		b.resize(size)
	} else if b.r > 0 {
		b.r, b.w = 0, copy(b.buf, b.buf[b.r:b.w])
	}
}

// size says how large the buffer should be now. It grows with what arrives: a
// peer that announces much and sends little does not cost what it announced.
func (b *batchReader) size() int {
	size := max(len(b.buf), smallBuffer)
	switch {
	case b.w == len(b.buf) && b.w > 0: // the last read filled it: more is coming
		size = max(size, min(2*size, b.most))
	case b.w == b.r && b.w < smallBuffer: // the last burst is over
		size = smallBuffer
	}
	return size
}

// resize moves to a buffer of size bytes, or, when the budget forbids, to one
// that holds a frame.
func (b *batchReader) resize(size int) {
	free := max(b.maxFrame+binary.MaxVarintLen32, smallBuffer) // held without asking
	extra := max(0, size-free)
	if extra > b.taken && !b.budget.take(extra-b.taken) {
		size, extra = max(len(b.buf), free), b.taken
	} else if extra < b.taken {
		b.budget.give(b.taken - extra)
	}
	b.taken = extra
	buf := b.buf
	if size != len(buf) {
		buf = make([]byte, size)
	}
	b.w = copy(buf, b.buf[b.r:b.w])
	b.r, b.buf = 0, buf
}

// close gives back what was taken of the budget.
func (b *batchReader) close() {
	b.budget.give(b.taken)
	b.taken = 0
}
