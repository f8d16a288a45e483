package node

import (
	"bufio"
	"io"
	"time"
)

// DeadlineReader is what a FrameReader needs of a stream.
type DeadlineReader interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

// DeadlineWriter is what a FrameWriter needs of a stream.
type DeadlineWriter interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// FrameReader reads frames from a stream, buffered, with one deadline for the
// wait between frames and another for each frame: a stream may rest for long,
// yet a peer that dribbles a frame byte by byte is cut off. Not for concurrent
// use.
type FrameReader struct {
	src  DeadlineReader
	buf  *bufio.Reader
	max  int
	idle time.Duration
	each time.Duration
}

// NewFrameReader reads frames of at most max bytes. A frame must begin within
// idle of the call to Next and, once begun, be whole within each. Zero means
// without limit.
func NewFrameReader(r DeadlineReader, max int, idle, each time.Duration) *FrameReader {
	return &FrameReader{src: r, buf: bufio.NewReaderSize(r, frameChunk), max: max, idle: idle, each: each}
}

// Next returns the next frame; the slice is the caller's. The error is one of
// ReadFrame, or os.ErrDeadlineExceeded. After an error the stream is of no use.
func (f *FrameReader) Next() ([]byte, error) {
	if f.buf.Buffered() == 0 {
		if err := f.src.SetReadDeadline(deadline(f.idle)); err != nil {
			return nil, err
		}
		if _, err := f.buf.Peek(1); err != nil {
			return nil, err
		}
	}
	if err := f.src.SetReadDeadline(deadline(f.each)); err != nil {
		return nil, err
	}
	return ReadFrame(f.buf, f.max)
}

// Buffered says whether bytes of a further frame have arrived already, so that
// a reader can handle what came together, together.
func (f *FrameReader) Buffered() bool { return f.buf.Buffered() > 0 }

// FrameWriter writes frames to a stream, with a deadline for each write: a peer
// that does not read is given up. Not for concurrent use.
type FrameWriter struct {
	dst     DeadlineWriter
	timeout time.Duration
}

// NewFrameWriter writes frames; each Write must end within timeout (zero:
// without limit).
func NewFrameWriter(w DeadlineWriter, timeout time.Duration) *FrameWriter {
	return &FrameWriter{dst: w, timeout: timeout}
}

// Write sends the frames, none of them empty, with one write of the stream.
func (f *FrameWriter) Write(frames ...[]byte) error {
	size := 0
	for _, b := range frames {
		if err := checkBody(b); err != nil {
			return err
		}
		size += FrameSize(len(b))
	}
	out := make([]byte, 0, size)
	for _, b := range frames {
		out = AppendFrame(out, b)
	}
	if err := f.dst.SetWriteDeadline(deadline(f.timeout)); err != nil {
		return err
	}
	_, err := f.dst.Write(out)
	return err
}

// deadline is the zero time, which is none, for a timeout of zero.
func deadline(timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}
