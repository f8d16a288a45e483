package ratchet

// The erasure code of the lane: Reed-Solomon over GF(2^8) with the polynomial
// x^8+x^4+x^3+x^2+1 (0x11d). An object is three chunks of data; chunk i is, in
// each byte, the value at i of the polynomial of degree below three through
// the data at 0, 1 and 2. So chunks 0 to 2 are the data itself, and any three
// different ones give it back; spec/ratchet.md#erasure-code.

const (
	codeK      = 3
	objectSize = codeK * chunkSize
)

// times2 multiplies by x.
func times2(a byte) byte {
	return a<<1 ^ 0x1d&-(a>>7)
}

// times multiplies in the field.
func times(a, b byte) byte {
	var out byte
	for ; b != 0; b >>= 1 {
		out ^= a & -(b & 1)
		a = times2(a)
	}
	return out
}

// inverse is a^254; 0 for 0.
func inverse(a byte) byte {
	out := byte(1)
	for range 7 {
		a = times(a, a)
		out = times(out, a)
	}
	return out
}

// weight is the Lagrange weight at x of the i-th of three points.
func weight(points [codeK]byte, i int, x byte) byte {
	num, den := byte(1), byte(1)
	for j, p := range points {
		if j != i {
			num = times(num, x^p)
			den = times(den, points[i]^p)
		}
	}
	return times(num, inverse(den))
}

// products returns the multiples of c by each byte.
func products(c byte) (t [256]byte) {
	for bit := 1; bit < 256; bit <<= 1 {
		for low := range bit {
			t[bit|low] = c ^ t[low]
		}
		c = times2(c)
	}
	return t
}

// addScaled adds c times src to dst.
func addScaled(dst *[chunkSize]byte, src []byte, c byte) {
	if c == 0 {
		return
	}
	t := products(c)
	for i, v := range src {
		dst[i] ^= t[v]
	}
}

// encodeChunk writes chunk idx of an object. The object may be shorter than
// objectSize: zeros follow it.
func encodeChunk(out *[chunkSize]byte, object []byte, idx byte) {
	if idx < codeK {
		copy(out[:], dataChunk(object, int(idx)))
		return
	}
	for i := range codeK {
		addScaled(out, dataChunk(object, i), weight([codeK]byte{0, 1, 2}, i, idx))
	}
}

// dataChunk is the i-th chunk of an object, without the zeros after it.
func dataChunk(object []byte, i int) []byte {
	from := min(i*chunkSize, len(object))
	return object[from:min(from+chunkSize, len(object))]
}

// chunk is one numbered chunk. It is never changed once made.
type chunk struct {
	idx  byte
	data [chunkSize]byte
}

// decodeChunks gives the object back from three chunks of different numbers.
func decodeChunks(in [codeK]*chunk) []byte {
	points := [codeK]byte{in[0].idx, in[1].idx, in[2].idx}
	out := make([]byte, objectSize)
	for x := range codeK {
		var data [chunkSize]byte
		for i, c := range in {
			addScaled(&data, c.data[:], weight(points, i, byte(x)))
		}
		copy(out[x*chunkSize:], data[:])
	}
	return out
}
