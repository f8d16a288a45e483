package daemon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sync/semaphore"
)

// errLineTooLong is what lineReader.next returns for a line over the limit,
// which it has read to its end and thrown away: the next line may be fine.
var errLineTooLong = errors.New("line too long")

// lineReader reads lines of bounded length. Between lines it holds a small
// buffer and no more. Small lines count against what one connection may hold,
// so that nobody else can be in their way; large ones share a budget with those
// of all connections. A line counts until its release is called.
type lineReader struct {
	nc     net.Conn
	br     *bufio.Reader
	limits RPCLimits
	held   *semaphore.Weighted
	budget *semaphore.Weighted
}

func newLineReader(nc net.Conn, limits RPCLimits, budget *semaphore.Weighted) *lineReader {
	return &lineReader{nc, bufio.NewReaderSize(nc, 4<<10), limits, semaphore.NewWeighted(limits.Held), budget}
}

// largeShare is what a large line takes of the budget, in lines of the largest
// size: the line itself and what parsing it allocates.
const largeShare = 4

// next returns the next line that is not blank, without its end. At the end of
// the stream what is left counts as a line.
func (r *lineReader) next(ctx context.Context) (line []byte, release func(), err error) {
	for {
		if _, err := r.br.Peek(1); err != nil { // waits as long as the client likes: nothing is held
			return nil, nil, err
		}
		line, release, err := r.one(ctx)
		if err != nil || !blank(line) {
			return line, release, err
		}
		release()
	}
}

func (r *lineReader) one(ctx context.Context) ([]byte, func(), error) {
	if !r.whole() {
		r.nc.SetReadDeadline(time.Now().Add(r.limits.SmallTimeout))
		defer r.nc.SetReadDeadline(time.Time{})
	}
	part, err := r.br.ReadSlice('\n')
	line := append([]byte(nil), part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(line) > r.limits.SmallLine {
			return r.large(ctx, line)
		}
		part, err = r.br.ReadSlice('\n')
		line = append(line, part...)
	}
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	return r.claim(ctx, line)
}

// whole reports whether the buffer holds a line to its end, which is usual.
func (r *lineReader) whole() bool {
	b, _ := r.br.Peek(r.br.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

// claim counts a small line that is complete.
func (r *lineReader) claim(ctx context.Context, line []byte) ([]byte, func(), error) {
	n := min(int64(len(line)), r.limits.Held)
	if err := r.held.Acquire(ctx, n); err != nil {
		return nil, nil, err
	}
	return line, func() { r.held.Release(n) }, nil
}

// large reads on a line that has outgrown SmallLine. It first takes the budget
// for the largest line, so that however many clients send half of a large
// request, the memory they hold together stays within Budget.
func (r *lineReader) large(ctx context.Context, line []byte) ([]byte, func(), error) {
	n := min(int64(largeShare*r.limits.Line), r.limits.Budget)
	if err := r.budget.Acquire(ctx, n); err != nil {
		return nil, nil, err
	}
	line, err := r.finish(line)
	if err != nil {
		r.budget.Release(n)
		return nil, nil, err
	}
	return line, func() { r.budget.Release(n) }, nil
}

func (r *lineReader) finish(line []byte) ([]byte, error) {
	r.nc.SetReadDeadline(time.Now().Add(r.limits.LargeTimeout))
	for {
		part, err := r.br.ReadSlice('\n')
		if len(line)+len(part) > r.limits.Line+1 { // +1: the newline
			return nil, r.discard(err)
		}
		line = append(line, part...)
		if err == nil || err == io.EOF {
			return line, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// discard reads to the end of a line that is too long. Hanging up at once would
// be cheaper, but the client would see a broken pipe in place of the reason.
func (r *lineReader) discard(err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.br.ReadSlice('\n')
	}
	if err == nil || err == io.EOF {
		return errLineTooLong
	}
	return err
}

func blank(line []byte) bool { return len(bytes.Trim(line, jsonSpace)) == 0 }
