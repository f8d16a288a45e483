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
	labelReceipt  = "dr-receipt"
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
func kdf(salt, ikm []byte, label string, ctx []byte, n int) []byte {
	name := labelSpace + label
	info := make([]byte, 0, 2+len(name)+len(ctx))
	info = binary.BigEndian.AppendUint16(info, uint16(len(name)))
	info = append(append(info, name...), ctx...)
	out, err := hkdf.Key(sha256.New, ikm, salt, string(info), n)
	if err != nil {
		panic(err)
	}
	return out
}

// advance is the step of a symmetric chain: the key for one message and the
// chain key after it.
func advance(chain key) (message, next key) {
	m := hmac.New(sha256.New, chain[:])
	m.Write([]byte{1})
	m.Sum(message[:0])
	m.Reset()
	m.Write([]byte{2})
	m.Sum(next[:0])
	return message, next
}
