package mesh

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The kinds of frame of ProtocolDM (spec/delivery.md#frames).
const (
	kindData   = 0
	kindAck    = 1
	kindRefuse = 2
)

// frame is every frame of ProtocolDM: Data{n, body} from the sender, Ack{n,
// body} and Refuse{n, code} from the receiver.
//
// Frames are written and read here rather than by package identity, which goes
// by reflection: four of them lie in the path of each message, and all have
// one shape. A fuzz test holds the two against each other.
type frame struct {
	Kind uint8  `cbor:"1,keyasint"`
	N    uint64 `cbor:"2,keyasint"`
	Body []byte `cbor:"3,keyasint,omitempty"` // the envelope, or the receipt
	Code Code   `cbor:"4,keyasint,omitempty"`
}

// CBOR: the first byte of a map of three, and the high bits of the first byte
// of a number and of a byte string.
const (
	mapOfThree  = 0xa3
	numberMajor = 0x00
	bytesMajor  = 0x40
)

// append writes the frame, which has a body or a code, with its length before
// it.
func (f frame) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(f.size()))
	dst = append(dst, mapOfThree, 1, f.Kind, 2)
	dst = appendHead(dst, numberMajor, f.N)
	if f.Code != 0 {
		return appendHead(append(dst, 4), numberMajor, uint64(f.Code))
	}
	dst = appendHead(append(dst, 3), bytesMajor, uint64(len(f.Body)))
	return append(dst, f.Body...)
}

func (f frame) size() int {
	if f.Code != 0 {
		return 5 + headSize(f.N) + headSize(uint64(f.Code))
	}
	return 5 + headSize(f.N) + headSize(uint64(len(f.Body))) + len(f.Body)
}

// appendHead writes the shortest head with the argument v.
func appendHead(dst []byte, major byte, v uint64) []byte {
	switch headSize(v) {
	case 1:
		return append(dst, major|byte(v))
	case 2:
		return append(dst, major|24, byte(v))
	case 3:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(v))
	case 5:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), v)
}

func headSize(v uint64) int {
	switch n := bits.Len64(v); {
	case v < 24:
		return 1
	case n <= 8:
		return 2
	case n <= 16:
		return 3
	case n <= 32:
		return 5
	}
	return 9
}

// cutHead reads a head of the given major type; not ok when it is another one,
// cut, or longer than it must be.
func cutHead(b []byte, major byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&0xe0 != major || b[0]&0x1f > 27 {
		return 0, nil, false
	}
	if v = uint64(b[0] & 0x1f); v < 24 {
		return v, b[1:], true
	}
	n := 1 << (v - 24)
	if len(b) < 1+n {
		return 0, nil, false
	}
	v = 0
	for _, c := range b[1 : 1+n] {
		v = v<<8 | uint64(c)
	}
	return v, b[1+n:], headSize(v) == 1+n
}

// decodeData reads what a sender sends. The body is a copy.
func decodeData(b []byte) (frame, error) {
	f, ok := decodeFrame(b)
	if !ok || f.Kind != kindData || len(f.Body) == 0 || len(f.Body) > MaxEnvelope {
		return frame{}, fmt.Errorf("%w: not data", ErrFrame)
	}
	f.Body = bytes.Clone(f.Body)
	return f, nil
}

// decodeAnswer reads what a receiver sends. The body is a part of b.
func decodeAnswer(b []byte) (frame, error) {
	f, ok := decodeFrame(b)
	ack := f.Kind == kindAck && len(f.Body) == ReceiptSize
	refuse := f.Kind == kindRefuse && f.Code != 0
	if !ok || !ack && !refuse {
		return frame{}, fmt.Errorf("%w: not an answer", ErrFrame)
	}
	return f, nil
}

// decodeFrame reads a frame with a body or a code that is not zero.
func decodeFrame(b []byte) (f frame, ok bool) {
	if len(b) < 4 || b[0] != mapOfThree || b[1] != 1 || b[2] > kindRefuse || b[3] != 2 {
		return frame{}, false
	}
	f.Kind = b[2]
	f.N, b, ok = cutHead(b[4:], numberMajor)
	if !ok || f.N == 0 || len(b) == 0 {
		return frame{}, false
	}
	var v uint64
	switch key := b[0]; key {
	case 3:
		v, f.Body, ok = cutHead(b[1:], bytesMajor)
		return f, ok && v > 0 && v == uint64(len(f.Body))
	case 4:
		v, b, ok = cutHead(b[1:], numberMajor)
		f.Code = Code(v)
		return f, ok && v > 0 && v <= 255 && len(b) == 0
	}
	return frame{}, false
}

// answer is the frame for a verdict.
func answer(n uint64, v Verdict) frame {
	if v.Refuse != 0 {
		return frame{Kind: kindRefuse, N: n, Code: v.Refuse}
	}
	return frame{Kind: kindAck, N: n, Body: v.Receipt[:]}
}
