package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// Label puts a purpose under the protocol's name and version: L(x) of
// spec/README.md#conventions. Every x is listed in spec/labels.md.
func Label(x string) string { return "p2pmsg/1/" + x }

// Hash is SHA-256 over L(label) and the parts, joined without separators: parts
// must have fixed widths, or the caller puts their lengths before them.
func Hash(label string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(Label(label)))
	for _, p := range parts {
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}

// Derive is KDF of spec/README.md#conventions: HKDF-SHA-256 of ikm under salt
// (nil: 32 zero bytes) to n bytes, bound to the label and to ctx, whose fields
// must have fixed widths. It panics when n exceeds 8160, HKDF's bound.
func Derive(salt, ikm []byte, label string, ctx []byte, n int) []byte {
	l := Label(label)
	info := binary.BigEndian.AppendUint16(nil, uint16(len(l)))
	info = append(append(info, l...), ctx...)
	okm, err := hkdf.Key(sha256.New, ikm, salt, string(info), n)
	if err != nil {
		panic("identity: " + err.Error()) // n is a constant of the caller
	}
	return okm
}
