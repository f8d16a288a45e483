package identity

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
)

const verificationVersion = 0x01

// Verification is the code that one person shows and the other scans instead of
// reading digits aloud. spec/identity.md#scanned-code
type Verification struct {
	Mine, Theirs      AccountID // as the one who shows it sees them
	MyHead, TheirHead Head
	Nonce             [16]byte
}

// NewVerification makes the code to show, with a fresh nonce from rand.
func NewVerification(rand io.Reader, mine, theirs AccountID, my, their Pin) (Verification, error) {
	v := Verification{Mine: mine, Theirs: theirs, MyHead: my.Head(), TheirHead: their.Head()}
	if _, err := io.ReadFull(rand, v.Nonce[:]); err != nil {
		return Verification{}, fmt.Errorf("identity: new verification: %w", err)
	}
	return v, nil
}

// Bytes is the payload, 129 bytes:
// 0x01 | mine 32 | theirs 32 | my head 8+16 | their head 8+16 | nonce 16.
func (v Verification) Bytes() []byte {
	b := append([]byte{verificationVersion}, v.Mine[:]...)
	b = append(b, v.Theirs[:]...)
	for _, h := range []Head{v.MyHead, v.TheirHead} {
		b = binary.BigEndian.AppendUint64(b, h.Seq)
		b = append(b, h.Hash[:]...)
	}
	return append(b, v.Nonce[:]...)
}

// ParseVerification reads a scanned payload.
func ParseVerification(b []byte) (Verification, error) {
	if len(b) != VerificationSize || b[0] != verificationVersion {
		return Verification{}, fmt.Errorf("%w verification", ErrMalformed)
	}
	return Verification{
		Mine: AccountID(b[1:33]), Theirs: AccountID(b[33:65]),
		MyHead: parseHead(b[65:89]), TheirHead: parseHead(b[89:113]), Nonce: [16]byte(b[113:]),
	}, nil
}

func parseHead(b []byte) Head {
	return Head{binary.BigEndian.Uint64(b), [16]byte(b[8:24])}
}

// Check compares a scanned code with the one that the scanner would show
// itself. [ErrMismatch]: it names other accounts. [ErrFork]: the two sides hold
// different manifests with one number. Heads with different numbers are no
// fault: one side has not caught up yet.
func (v Verification) Check(own Verification) error {
	same := subtle.ConstantTimeCompare(v.Mine[:], own.Theirs[:]) & subtle.ConstantTimeCompare(v.Theirs[:], own.Mine[:])
	if same != 1 {
		return fmt.Errorf("%w: scanned code", ErrMismatch)
	}
	if forked(v.MyHead, own.TheirHead) || forked(v.TheirHead, own.MyHead) {
		return fmt.Errorf("%w: scanned code", ErrFork)
	}
	return nil
}

func forked(a, b Head) bool {
	return a.Seq == b.Seq && subtle.ConstantTimeCompare(a.Hash[:], b.Hash[:]) != 1
}
