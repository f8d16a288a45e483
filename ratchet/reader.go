package ratchet

import "encoding/binary"

// reader takes fixed-width fields off the front of b. After the first field
// that is not there, bad is set and everything read is zero.
type reader struct {
	b   []byte
	bad bool
}

// take returns the next n bytes, nil when there are fewer.
func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// fixed is take with zeros when there are fewer bytes.
func (r *reader) fixed(n int) []byte {
	if b := r.take(n); b != nil {
		return b
	}
	return make([]byte, n)
}

func (r *reader) byte() byte        { return r.fixed(1)[0] }
func (r *reader) uint16() uint16    { return binary.BigEndian.Uint16(r.fixed(2)) }
func (r *reader) uint32() uint32    { return binary.BigEndian.Uint32(r.fixed(4)) }
func (r *reader) uint64() uint64    { return binary.BigEndian.Uint64(r.fixed(8)) }
func (r *reader) array16() [16]byte { return [16]byte(r.fixed(16)) }
func (r *reader) array32() [32]byte { return [32]byte(r.fixed(32)) }
func (r *reader) key() key          { return key(r.fixed(32)) }
