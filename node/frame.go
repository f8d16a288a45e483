package node

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// ReadFrame reads one frame of at most max bytes and not a byte more
// (spec/network.md#frames). The error is io.EOF when r ends before the frame,
// io.ErrUnexpectedEOF when it ends inside, ErrFrameTooLong, ErrFrameMalformed,
// or that of r.
func ReadFrame(r io.Reader, max int) ([]byte, error) {
	n, err := readLength(r, max)
	if err != nil {
		return nil, err
	}
	return readBody(r, n)
}

// WriteFrame writes b, which must not be empty, as one frame with one Write.
func WriteFrame(w io.Writer, b []byte) error {
	if err := checkBody(b); err != nil {
		return err
	}
	_, err := w.Write(AppendFrame(make([]byte, 0, FrameSize(len(b))), b))
	return err
}

// AppendFrame appends b as one frame to dst, so that many go out with one
// write. b must be of 1 to MaxFrame bytes.
func AppendFrame(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// FrameSize is how many bytes a frame with a body of n bytes takes.
func FrameSize(n int) int {
	return (bits.Len64(uint64(n)|1)+6)/7 + n
}

func checkBody(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("write frame: %w: empty", ErrFrameMalformed)
	}
	if len(b) > MaxFrame {
		return fmt.Errorf("write frame: %w: %d bytes", ErrFrameTooLong, len(b))
	}
	return nil
}

// readLength reads a varint byte by byte, since a byte read too many would be
// lost to whoever reads r next.
func readLength(r io.Reader, max int) (int, error) {
	max = min(max, MaxFrame)
	n := 0
	for shift := 0; ; shift += 7 {
		c, err := readByte(r)
		if err != nil {
			return 0, inside(err, shift > 0)
		}
		n |= int(c&0x7f) << shift
		switch {
		case n > max:
			return 0, fmt.Errorf("read frame: %w", ErrFrameTooLong)
		case c >= 0x80 && shift == 21:
			return 0, fmt.Errorf("read frame: %w: length of more than four bytes", ErrFrameMalformed)
		case c >= 0x80:
			continue
		case c == 0:
			return 0, fmt.Errorf("read frame: %w: empty, or a longer length than needed", ErrFrameMalformed)
		}
		return n, nil
	}
}

func readByte(r io.Reader) (byte, error) {
	if br, ok := r.(io.ByteReader); ok {
		return br.ReadByte()
	}
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

// readBody lets the buffer grow with what arrives: a peer that announces much
// and sends little shall not cost the memory it announced.
func readBody(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, 0, min(n, frameChunk))
	for {
		room := b[len(b):min(cap(b), n)]
		if _, err := io.ReadFull(r, room); err != nil {
			return nil, inside(err, true)
		}
		b = b[:len(b)+len(room)]
		if len(b) == n {
			return b, nil
		}
		b = append(make([]byte, 0, min(4*len(b), n)), b...)
	}
}

// inside turns the end of the stream into an error when it cuts a frame.
func inside(err error, begun bool) error {
	if begun && err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
