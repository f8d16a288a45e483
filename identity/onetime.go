package identity

import (
	"bytes"
	"crypto/mlkem"
	"encoding/binary"
	"fmt"
	"slices"
)

// OneTimeKey is the public half of a key pair that serves one session, with the
// proof that it belongs to a bundle. spec/identity.md#one-time-keys
type OneTimeKey struct {
	ID    uint32     `cbor:"1,keyasint"`
	X     [32]byte   `cbor:"2,keyasint"` // X25519
	KEM   []byte     `cbor:"3,keyasint"` // ML-KEM-1024 encapsulation key, 1568 bytes
	Proof [][32]byte `cbor:"4,keyasint"` // siblings from the leaf up, at most 6
}

// Bytes is the key with its proof, canonical CBOR.
func (k OneTimeKey) Bytes() []byte {
	b, err := Encode(k)
	if err != nil {
		panic(err) // a struct of bytes and numbers always encodes
	}
	return b
}

// ParseOneTimeKey checks structure. Whether the key belongs to a bundle is told
// by [Bundle.VerifyOneTime].
func ParseOneTimeKey(b []byte) (OneTimeKey, error) {
	var k OneTimeKey
	if len(b) > MaxOneTimeKeySize {
		return OneTimeKey{}, fmt.Errorf("%w one-time key: %d bytes", ErrMalformed, len(b))
	}
	if err := Decode(b, &k); err != nil {
		return OneTimeKey{}, fmt.Errorf("one-time key: %w", err)
	}
	if err := k.check(); err != nil {
		return OneTimeKey{}, err
	}
	return k, nil
}

func (k OneTimeKey) check() error {
	if len(k.Proof) > maxProof {
		return fmt.Errorf("%w: one-time key's proof", ErrMalformed)
	}
	if _, err := mlkem.NewEncapsulationKey1024(k.KEM); err != nil {
		return fmt.Errorf("%w: one-time encapsulation key", ErrMalformed)
	}
	return checkAgreement(k.X)
}

// VerifyOneTime tells whether k is one of the bundle's one-time keys, and sound.
func (b *Bundle) VerifyOneTime(k OneTimeKey) error {
	if err := k.check(); err != nil {
		return err
	}
	at := k.leaf()
	for _, sibling := range k.Proof {
		at = node(at, sibling)
	}
	if b.OPKCount == 0 || at != b.OPKRoot {
		return fmt.Errorf("%w: one-time key is not the bundle's", ErrForged)
	}
	return nil
}

func (k OneTimeKey) leaf() [32]byte {
	return Hash("opk-leaf", binary.BigEndian.AppendUint32(nil, k.ID), k.X[:], k.KEM)
}

// node joins two hashes, the lower one first: a proof then needs no directions,
// and it proves membership, which is all that is asked.
func node(a, b [32]byte) [32]byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return Hash("opk-node", a[:], b[:])
}

// OneTimeTree builds the tree over at most [MaxOneTimeKeys] keys, in the order
// given, and a proof for each. A last node without a sibling rises as it is.
// Without keys the root is zero.
func OneTimeTree(keys []OneTimeKey) (root [32]byte, proofs [][][32]byte) {
	if len(keys) == 0 {
		return root, nil
	}
	proofs = make([][][32]byte, len(keys))
	level := make([][32]byte, len(keys))
	under := make([][]int, len(keys)) // the leaves below each node of the level
	for i, k := range keys {
		level[i], under[i] = k.leaf(), []int{i}
	}
	for len(level) > 1 {
		level, under = rise(level, under, proofs)
	}
	return level[0], proofs
}

func rise(level [][32]byte, under [][]int, proofs [][][32]byte) (up [][32]byte, leaves [][]int) {
	for i := 0; i+1 < len(level); i += 2 {
		for _, l := range under[i] {
			proofs[l] = append(proofs[l], level[i+1])
		}
		for _, l := range under[i+1] {
			proofs[l] = append(proofs[l], level[i])
		}
		up = append(up, node(level[i], level[i+1]))
		leaves = append(leaves, slices.Concat(under[i], under[i+1]))
	}
	if last := len(level) - 1; last%2 == 0 {
		up, leaves = append(up, level[last]), append(leaves, under[last])
	}
	return up, leaves
}
