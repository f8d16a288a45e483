package ratchet

import (
	"crypto/mlkem"
	"io"
)

// encapsulator draws ML-KEM encapsulations. crypto/mlkem takes its randomness
// from the system and not from a reader; a reader that also is an
// encapsulator, as the known-answer tests have, replaces it.
type encapsulator interface {
	encaps768(ek []byte) (shared key, ct []byte, err error)
	encaps1024(ek []byte) (shared key, ct []byte, err error)
}

// encapsulatorOf returns what to encapsulate with beside this reader.
func encapsulatorOf(rand io.Reader) encapsulator {
	if e, ok := rand.(encapsulator); ok {
		return e
	}
	return systemKEM{}
}

// systemKEM is crypto/mlkem with the randomness of the system.
type systemKEM struct{}

func (systemKEM) encaps768(ek []byte) (key, []byte, error) {
	k, err := mlkem.NewEncapsulationKey768(ek)
	if err != nil {
		return key{}, nil, err
	}
	shared, ct := k.Encapsulate()
	defer clear(shared)
	return key(shared), ct, nil
}

func (systemKEM) encaps1024(ek []byte) (key, []byte, error) {
	k, err := mlkem.NewEncapsulationKey1024(ek)
	if err != nil {
		return key{}, nil, err
	}
	shared, ct := k.Encapsulate()
	defer clear(shared)
	return key(shared), ct, nil
}

// decaps1024 opens an encapsulation with the 64-byte seed of the key. A wrong
// ciphertext gives an unrelated secret, not an error (FIPS 203).
func decaps1024(seed *[64]byte, ct []byte) (key, error) {
	dk, err := mlkem.NewDecapsulationKey1024(seed[:])
	if err != nil {
		return key{}, err
	}
	shared, err := dk.Decapsulate(ct)
	if err != nil {
		return key{}, err
	}
	defer clear(shared)
	return key(shared), nil
}

// decaps768 is decaps1024 for ML-KEM-768; it also returns the public half.
func decaps768(seed *[64]byte, ct []byte) (shared key, ek []byte, err error) {
	dk, err := mlkem.NewDecapsulationKey768(seed[:])
	if err != nil {
		return key{}, nil, err
	}
	raw, err := dk.Decapsulate(ct)
	if err != nil {
		return key{}, nil, err
	}
	defer clear(raw)
	return key(raw), dk.EncapsulationKey().Bytes(), nil
}

// validKEM768 tells whether an encapsulation key can be used at all.
func validKEM768(ek []byte) bool {
	_, err := mlkem.NewEncapsulationKey768(ek)
	return err == nil
}
