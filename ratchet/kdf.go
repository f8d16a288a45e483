package ratchet

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// key is a symmetric secret of any kind. It has no String and no encoding but
// the one of the session that holds it.
type key [32]byte

// labelSpace comes before every label; spec/labels.md.
const labelSpace = "p2pmsg/1/"

// Labels of this package; spec/labels.md.
const (
	labelTH0      = "hs-th0"
	labelTH1      = "hs-th1"
	labelWork     = "hs-work"
	labelInit     = "hs-init"
	labelSealed   = "hs-sealed"
	labelKeys     = "hs-keys"
	labelSession  = "hs-sid"
	labelPrefix   = "hs-prefix"
	labelWinner   = "hs-winner"
	labelRoot     = "dr-root"
	labelMessage  = "dr-mk"
	labelHeader   = "dr-head"
	labelBody     = "dr-body"
	labelLaneRoot = "lane-root"
	labelLaneEK   = "lane-ek"
	labelLaneCT   = "lane-ct"
)

// hash is SHA-256 over the label and the parts, whose lengths the caller fixes.
func hash(label string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(labelSpace + label))
	for _, p := range parts {
		h.Write(p)
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// kdf is HKDF-SHA256 with a labelled info; spec/handshake.md#notation.
// It panics only when n is beyond HKDF's bound, which no caller asks for.
// Its inputs are copied, so that secrets in the caller's variables stay where
// they are instead of moving to the heap.
func kdf(salt, ikm []byte, label string, ctx []byte, n int) []byte {
	secret := append(append(make([]byte, 0, len(salt)+len(ikm)), salt...), ikm...)
	defer clear(secret)
	out, err := hkdf.Key(sha256.New, secret[len(salt):], secret[:len(salt)], info(label, ctx), n)
	if err != nil {
		panic(err)
	}
	return out
}

// info is what binds a derivation to its purpose.
func info(label string, ctx []byte) string {
	b := make([]byte, 0, 128)
	b = binary.BigEndian.AppendUint16(b, uint16(len(labelSpace)+len(label)))
	b = append(append(b, labelSpace...), label...)
	return string(append(b, ctx...))
}

// advance is the step of a symmetric chain: the key for one message and the
// chain key after it.
func advance(chain key) (message, next key) {
	b := append(make([]byte, 0, 3*32+2), chain[:]...)
	b = append(b, 1, 2)
	defer clear(b[:cap(b)])
	m := hmac.New(sha256.New, b[:32])
	m.Write(b[32:33])
	out := m.Sum(b[34:34])
	m.Reset()
	m.Write(b[33:34])
	out = m.Sum(out)
	return key(out[:32]), key(out[32:])
}
