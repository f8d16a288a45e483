package store

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Layout of the keyring file; spec/storage.md#keyring-file.
const (
	keyringMagic  = "P2PMKEY\x01"
	keyringParams = 8 + 1 + 4 + 4 + 1 + 32 // what the wrapped key is bound to
	keyringLen    = keyringParams + nonceLen + 32 + tagLen + keyringSum
	keyringSum    = 8
)

// protection says what wraps the data key.
type protection byte

const (
	byKeyFile    protection = 1
	byPassphrase protection = 2
)

// cost is what guessing a passphrase costs: RFC 9106, section 4.
type cost struct {
	time   uint32
	memory uint32 // KiB
	lanes  uint8
}

// usualCost is RFC 9106's second recommended choice, for small machines.
var usualCost = cost{time: 3, memory: 64 << 10, lanes: 4}

// bounded keeps a file from asking for more than a machine has.
func (c cost) bounded() bool {
	return c.time >= 1 && c.time <= 16 && c.lanes >= 1 && c.lanes <= 16 &&
		c.memory >= 8*uint32(c.lanes) && c.memory <= 1<<20
}

// wrapped is a keyring file: the data key under another one.
type wrapped struct {
	by     protection
	cost   cost // zero unless by passphrase
	salt   [32]byte
	nonce  [nonceLen]byte
	sealed [32 + tagLen]byte
}

// wrap seals a data key under a passphrase or the bytes of a key file.
func wrap(key DataKey, by protection, c cost, secret []byte) *wrapped {
	w := &wrapped{by: by, cost: c, nonce: newNonce()}
	rand.Read(w.salt[:]) // never fails
	aead := newAEAD(w.wrapping(secret))
	copy(w.sealed[:], aead.Seal(nil, w.nonce[:], key.secret[:], w.ad()))
	return w
}

// unwrap undoes wrap; false: the secret is another one, or w was changed.
func (w *wrapped) unwrap(secret []byte) (DataKey, bool) {
	b, err := newAEAD(w.wrapping(secret)).Open(nil, w.nonce[:], w.sealed[:], w.ad())
	if err != nil {
		return DataKey{}, false
	}
	return DataKey{secret: (*[32]byte)(b)}, true
}

// wrapping is the key that wraps the data key.
func (w *wrapped) wrapping(secret []byte) (key [32]byte) {
	label := "store-keyfile"
	if w.by == byPassphrase {
		label = "store-passphrase"
		secret = argon2.IDKey(secret, w.salt[:], w.cost.time, w.cost.memory, w.cost.lanes, 32)
	}
	copy(key[:], identity.Derive(w.salt[:], secret, label, nil, len(key)))
	return key
}

func (w *wrapped) params() []byte {
	b := append(make([]byte, 0, keyringLen), keyringMagic...)
	b = append(b, byte(w.by))
	b = binary.BigEndian.AppendUint32(b, w.cost.time)
	b = binary.BigEndian.AppendUint32(b, w.cost.memory)
	b = append(b, w.cost.lanes)
	return append(b, w.salt[:]...)
}

func (w *wrapped) ad() []byte { return append([]byte(identity.Label("store-wrap")), w.params()...) }

func (w *wrapped) encode() []byte {
	b := append(w.params(), w.nonce[:]...)
	b = append(b, w.sealed[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:keyringSum]...)
}

// parseWrapped reads a keyring file. The sum tells damage from a wrong
// passphrase; it protects nothing.
func parseWrapped(b []byte) (*wrapped, error) {
	if len(b) != keyringLen || !bytes.HasPrefix(b, []byte(keyringMagic)) {
		return nil, fmt.Errorf("keyring file: %w", ErrCorrupt)
	}
	w := &wrapped{by: protection(b[8])}
	w.cost = cost{binary.BigEndian.Uint32(b[9:]), binary.BigEndian.Uint32(b[13:]), b[17]}
	copy(w.salt[:], b[18:])
	copy(w.nonce[:], b[keyringParams:])
	copy(w.sealed[:], b[keyringParams+nonceLen:])
	if !bytes.Equal(w.encode(), b) || !w.sane() {
		return nil, fmt.Errorf("keyring file: %w", ErrCorrupt)
	}
	return w, nil
}

func (w *wrapped) sane() bool {
	if w.by == byKeyFile {
		return w.cost == cost{}
	}
	return w.by == byPassphrase && w.cost.bounded()
}
