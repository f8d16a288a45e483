package ratchet

import (
	"crypto/ecdh"
	"fmt"
	"io"
)

// dhKey is an X25519 key pair. It is never changed once made. full is kept
// while the session stays in memory, as rebuilding it costs as much as an
// agreement.
type dhKey struct {
	secret key
	public [32]byte
	full   *ecdh.PrivateKey
}

// newDHKey draws a key pair.
func newDHKey(rand io.Reader) (*dhKey, error) {
	var secret key
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return nil, fmt.Errorf("ratchet: draw agreement key: %w", err)
	}
	return dhKeyOf(secret)
}

// dhKeyOf rebuilds a key pair from its secret half.
func dhKeyOf(secret key) (*dhKey, error) {
	full, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		return nil, err
	}
	return &dhKey{secret: secret, public: [32]byte(full.PublicKey().Bytes()), full: full}, nil
}

// agree is X25519. A public key of low order is an error: it would make the
// result known to everybody.
func (k *dhKey) agree(public [32]byte) (key, error) {
	full := k.full
	if full == nil {
		var err error
		if full, err = ecdh.X25519().NewPrivateKey(k.secret[:]); err != nil {
			return key{}, err
		}
	}
	remote, err := ecdh.X25519().NewPublicKey(public[:])
	if err != nil {
		return key{}, err
	}
	shared, err := full.ECDH(remote)
	if err != nil {
		return key{}, err
	}
	defer clear(shared)
	return key(shared), nil
}
