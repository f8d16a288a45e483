package dht

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// envelope is the outer form of every record, spec/directory.md#envelope. It
// is a fixed layout, so that a server judges it before it parses anything.
type envelope struct {
	kind    Kind
	epoch   uint32
	index   [32]byte
	key     [32]byte // Ed25519 public key of this record alone
	seq     uint64
	issued  uint32
	expires uint32
	bits    uint8
	nonces  [nonces]uint64
	sealed  []byte
	sig     [sigSize]byte
}

// parseEnvelope checks the layout and the size of the kind, nothing else. The
// result shares memory with b.
func parseEnvelope(b []byte) (envelope, error) {
	var e envelope
	if len(b) < headSize+sealSize+sigSize {
		return e, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if b[0] != version || b[1] != algorithm {
		return e, fmt.Errorf("%w: version %d.%d", ErrMalformed, b[0], b[1])
	}
	e.kind = Kind(b[2])
	r, ok := rules[e.kind]
	if !ok || len(b) > r.max {
		return e, fmt.Errorf("%w: kind %d of %d bytes", ErrMalformed, e.kind, len(b))
	}
	if n := int(binary.BigEndian.Uint16(b[headSize-2:])); len(b) != headSize+n+sigSize {
		return e, fmt.Errorf("%w: content of %d bytes", ErrMalformed, n)
	}
	e.readHead(b)
	e.sealed = b[headSize : len(b)-sigSize]
	copy(e.sig[:], b[len(b)-sigSize:])
	return e, nil
}

func (e *envelope) readHead(b []byte) {
	be := binary.BigEndian
	e.epoch = be.Uint32(b[3:])
	copy(e.index[:], b[7:])
	copy(e.key[:], b[39:])
	e.seq = be.Uint64(b[71:])
	e.issued = be.Uint32(b[79:])
	e.expires = be.Uint32(b[83:])
	e.bits = b[87]
	for i := range e.nonces {
		e.nonces[i] = be.Uint64(b[88+8*i:])
	}
}

// bound is what ties the sealed content to its place: the first 71 bytes.
func (e *envelope) bound() []byte {
	b := []byte{version, algorithm, byte(e.kind)}
	b = binary.BigEndian.AppendUint32(b, e.epoch)
	b = append(b, e.index[:]...)
	return append(b, e.key[:]...)
}

// signed is everything but the signature.
func (e *envelope) signed() []byte {
	be := binary.BigEndian
	b := be.AppendUint64(e.bound(), e.seq)
	b = be.AppendUint32(b, e.issued)
	b = be.AppendUint32(b, e.expires)
	b = append(b, e.bits)
	for _, n := range e.nonces {
		b = be.AppendUint64(b, n)
	}
	b = be.AppendUint16(b, uint16(len(e.sealed)))
	return append(b, e.sealed...)
}

// bytes is the record as it travels.
func (e *envelope) bytes() []byte { return append(e.signed(), e.sig[:]...) }

func (e *envelope) sign(key ed25519.PrivateKey) error {
	s, err := key.Sign(nil, e.signed(), &ed25519.Options{Context: identity.Label("dir-envelope")})
	if err != nil {
		return fmt.Errorf("dht: sign record: %w", err)
	}
	copy(e.sig[:], s)
	return nil
}

// checkSignature holds for whoever made the record, not for the account.
func (e *envelope) checkSignature() error {
	if !identity.Verify(e.key[:], "dir-envelope", e.signed(), e.sig[:]) {
		return ErrForged
	}
	return nil
}

func hashRecord(b []byte) [32]byte { return sha256.Sum256(b) }

func unix(t time.Time) uint32 { return uint32(t.Unix()) }

func fromUnix(s uint32) time.Time { return time.Unix(int64(s), 0) }
