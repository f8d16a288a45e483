package identity

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"fmt"
	"slices"
)

// certWire is the content of a certificate, spec/identity.md#device-certificate.
type certWire struct {
	Account  [32]byte `cbor:"1,keyasint"`
	DSK      [32]byte `cbor:"2,keyasint"`
	DIK      [32]byte `cbor:"3,keyasint"`
	DKEM     []byte   `cbor:"4,keyasint"`
	Role     Role     `cbor:"5,keyasint"`
	Suites   []uint16 `cbor:"6,keyasint"`
	Created  uint64   `cbor:"7,keyasint"`
	NotAfter uint64   `cbor:"8,keyasint"`
	Issuer   []byte   `cbor:"9,keyasint,omitempty"` // absent: the account key
}

func (w *certWire) check() error {
	switch {
	case w.Role != Member && w.Role != Admin:
		return fmt.Errorf("%w: certificate role", ErrMalformed)
	case !ascending(w.Suites) || len(w.Suites) == 0 || len(w.Suites) > MaxSuites:
		return fmt.Errorf("%w: certificate suites", ErrMalformed)
	}
	if err := checkIssuer(w.Issuer); err != nil {
		return err
	}
	if err := checkAgreement(w.DIK); err != nil {
		return err
	}
	if _, err := mlkem.NewEncapsulationKey768(w.DKEM); err != nil {
		return fmt.Errorf("%w: certificate encapsulation key", ErrMalformed)
	}
	return span(w.Created, w.NotAfter, CertLifetime)
}

func (w *certWire) cert() *DeviceCert {
	pub := DevicePublic{DSK: w.DSK, DIK: w.DIK, DKEM: w.DKEM}
	return &DeviceCert{
		Account: w.Account, Device: pub.ID(), Public: pub, Role: w.Role, Suites: w.Suites,
		Created: fromSeconds(w.Created), NotAfter: fromSeconds(w.NotAfter), Issuer: issuerID(w.Issuer),
	}
}

// ascending also means: no number twice.
func ascending(list []uint16) bool {
	return slices.IsSorted(list) && len(slices.Compact(slices.Clone(list))) == len(list)
}

// probe is any scalar: X25519 with a point of low order gives zero for all.
var probe, _ = ecdh.X25519().NewPrivateKey(slices.Repeat([]byte{0x42}, 32))

// checkAgreement refuses X25519 keys of low order, with which every agreement
// gives the same zeros.
func checkAgreement(pub [32]byte) error {
	k, err := ecdh.X25519().NewPublicKey(pub[:])
	if err == nil {
		_, err = probe.ECDH(k)
	}
	if err != nil {
		return fmt.Errorf("%w: agreement key of low order", ErrMalformed)
	}
	return nil
}

func checkIssuer(b []byte) error {
	if b != nil && len(b) != len(DeviceID{}) || b != nil && DeviceID(b) == (DeviceID{}) {
		return fmt.Errorf("%w: issuer", ErrMalformed)
	}
	return nil
}

func issuerBytes(d DeviceID) []byte {
	if d == (DeviceID{}) {
		return nil
	}
	return d[:]
}

// issuerID turns what checkIssuer let pass into an ID, zero when absent.
func issuerID(b []byte) (d DeviceID) {
	copy(d[:], b)
	return d
}
