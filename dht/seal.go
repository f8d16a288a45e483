package dht

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// plainHead is what precedes the content inside the seal:
// length 2 | identity signature 64. spec/directory.md#sealed-content
const plainHead = 2 + identity.SignatureSize

// vouched is what the account signs: the content and everything that says
// where and when it holds.
func (e *envelope) vouched(content []byte) []byte {
	b := []byte{byte(e.kind)}
	b = append(b, epochBytes(e.epoch)...)
	b = append(b, e.index[:]...)
	b = append(b, e.key[:]...)
	b = binary.BigEndian.AppendUint64(b, e.seq)
	return append(b, content...)
}

// seal signs content for the account, pads it and encrypts it into e.
func (e *envelope) seal(rand io.Reader, key [32]byte, sign func(string, []byte) []byte, content []byte) error {
	plain := binary.BigEndian.AppendUint16(nil, uint16(len(content)))
	plain = append(plain, sign("claim", e.vouched(content))...)
	plain = append(plain, content...)
	pad := rules[e.kind].pad
	plain = append(plain, make([]byte, (pad-len(plain)%pad)%pad)...)
	if n := headSize + sealSize + len(plain) + sigSize; n > rules[e.kind].max {
		return fmt.Errorf("%w: a %v record of %d bytes", ErrMalformed, e.kind, n)
	}
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return fmt.Errorf("dht: seal: %w", err)
	}
	nonce := make([]byte, a.NonceSize())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return fmt.Errorf("dht: seal: %w", err)
	}
	e.sealed = a.Seal(nonce, nonce, plain, e.bound())
	return nil
}

// sealed content once opened; nothing is known yet of who signed it.
type opened struct {
	sig     []byte
	content []byte
}

func (e *envelope) open(key [32]byte) (opened, error) {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return opened{}, fmt.Errorf("dht: open: %w", err)
	}
	n := a.NonceSize()
	if len(e.sealed) < n {
		return opened{}, ErrMalformed
	}
	plain, err := a.Open(nil, e.sealed[:n], e.sealed[n:], e.bound())
	if err != nil {
		return opened{}, fmt.Errorf("%w: seal", ErrForged)
	}
	return splitPlain(plain, rules[e.kind].pad)
}

func splitPlain(plain []byte, pad int) (opened, error) {
	if len(plain) < plainHead || len(plain)%pad != 0 {
		return opened{}, fmt.Errorf("%w: padding", ErrMalformed)
	}
	n := int(binary.BigEndian.Uint16(plain))
	rest := plain[plainHead:]
	if n > len(rest) || len(bytes.Trim(rest[n:], "\x00")) > 0 || len(rest)-n >= pad {
		return opened{}, fmt.Errorf("%w: padding", ErrMalformed)
	}
	return opened{sig: plain[2:plainHead], content: rest[:n]}, nil
}

// checkVouched verifies that the account behind g said so.
func (e *envelope) checkVouched(o opened, g identity.Genesis) error {
	if !identity.Verify(g.SigningKey(), "claim", e.vouched(o.content), o.sig) {
		return fmt.Errorf("%w: by the account", ErrForged)
	}
	return nil
}
