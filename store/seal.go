package store

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// DataKey is the secret that every storage key of one folder derives from. It
// cannot be printed: formatting shows a pointer.
type DataKey struct{ secret *[32]byte }

// derive makes a 32-byte key for one use.
func (k DataKey) derive(label string, ctx []byte) (out [32]byte) {
	copy(out[:], identity.Derive(nil, k.secret[:], label, ctx, len(out)))
	return out
}

const (
	nonceLen = chacha20poly1305.NonceSizeX
	tagLen   = chacha20poly1305.Overhead

	recordVersion = 1
	// recordExtra is what sealing adds to a value.
	recordExtra = 1 + nonceLen + 8 + tagLen
)

// sealer seals records for Badger, each table under its own key.
type sealer struct {
	tables [128]cipher.AEAD
	ad     []byte // label and version, the beginning of every AD
}

func newSealer(key DataKey) *sealer {
	s := &sealer{ad: append([]byte(identity.Label("store-record")), recordVersion)}
	for t := range s.tables {
		k := key.derive("store-record", []byte{byte(t)})
		s.tables[t] = newAEAD(k)
	}
	return s
}

func newAEAD(key [32]byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("store: " + err.Error()) // the key has the one right length
	}
	return a
}

func newNonce() (n [nonceLen]byte) {
	rand.Read(n[:]) // never fails
	return n
}

func (s *sealer) adOf(key string) []byte { return append(s.ad[:len(s.ad):len(s.ad)], key...) }

// seal makes the stored form of a record; spec/storage.md#records.
func (s *sealer) seal(key string, e entry) []byte {
	nonce := newNonce()
	out := make([]byte, 0, len(e.value)+recordExtra)
	out = append(append(out, recordVersion), nonce[:]...)
	plain := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(e.value)), uint64(e.expires))
	plain = append(plain, e.value...)
	return s.tables[key[0]&^tableBit].Seal(out, nonce[:], plain, s.adOf(key))
}

// open undoes seal for the record that was found under key.
func (s *sealer) open(key string, rec []byte) (entry, error) {
	if len(key) == 0 || len(rec) < recordExtra || rec[0] != recordVersion {
		return entry{}, fmt.Errorf("record: %w", ErrCorrupt)
	}
	nonce, sealed := rec[1:1+nonceLen], rec[1+nonceLen:]
	plain, err := s.tables[key[0]&^tableBit].Open(nil, nonce, sealed, s.adOf(key))
	if err != nil {
		return entry{}, fmt.Errorf("record of table %#02x: %w", key[0]&^tableBit, ErrCorrupt)
	}
	return entry{expires: int64(binary.BigEndian.Uint64(plain)), value: plain[8:]}, nil
}
