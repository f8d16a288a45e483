package identity

import (
	"crypto/mlkem"
	"fmt"
	"slices"
	"time"
)

// Bundle is what a device publishes so that others can start a session with it
// while it is away: a signed medium-term key pair and the root of its one-time
// keys. The fields are a view: what counts, and what is hashed, is Bytes. Treat
// it as immutable.
type Bundle struct {
	Device   DeviceID
	Seq      uint64
	Issued   time.Time
	Expires  time.Time
	SPKID    uint32
	SPK      [32]byte // X25519
	PQSPK    []byte   // ML-KEM-1024 encapsulation key, 1568 bytes
	OPKRoot  [32]byte // zero when OPKCount is
	OPKCount uint32

	bytes []byte
}

// bundleWire is the content of a bundle, spec/identity.md#prekey-bundle.
type bundleWire struct {
	Device   [16]byte `cbor:"1,keyasint"`
	Seq      uint64   `cbor:"2,keyasint"`
	Issued   uint64   `cbor:"3,keyasint"`
	Expires  uint64   `cbor:"4,keyasint"`
	SPKID    uint32   `cbor:"5,keyasint"`
	SPK      [32]byte `cbor:"6,keyasint"`
	PQSPK    []byte   `cbor:"7,keyasint"`
	OPKRoot  [32]byte `cbor:"8,keyasint"`
	OPKCount uint32   `cbor:"9,keyasint"`
}

// Bytes is the bundle as it was signed: content | device's signature.
func (b *Bundle) Bytes() []byte { return slices.Clone(b.bytes) }

// Hash is what a handshake binds.
func (b *Bundle) Hash() [32]byte { return Hash("bundle-hash", b.bytes) }

// Valid tells whether the bundle holds at a time, give or take [ClockSkew].
func (b *Bundle) Valid(now time.Time) error {
	if !valid(b.Issued, b.Expires, now) {
		return fmt.Errorf("%w: bundle", ErrExpired)
	}
	return nil
}

// NewBundle signs the fields of b, of which Device is filled in. When Expires
// is zero the bundle lives for [BundleLifetime].
func NewBundle(dev *DeviceKey, b Bundle) (*Bundle, error) {
	if b.Expires.IsZero() {
		b.Expires = b.Issued.Add(BundleLifetime)
	}
	w := bundleWire{
		dev.id, b.Seq, seconds(b.Issued), seconds(b.Expires),
		b.SPKID, b.SPK, slices.Clone(b.PQSPK), b.OPKRoot, b.OPKCount,
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	content, err := Encode(w)
	if err != nil {
		return nil, err
	}
	return w.bundle(append(content, dev.Sign("bundle-sig", content)...)), nil
}

// ParseBundle checks the signature of the device whose dsk the certificate
// names, and only then looks inside. The time is left to [Bundle.Valid].
func ParseBundle(b []byte, dsk [32]byte) (*Bundle, error) {
	content, sigs, err := split(b, 1, MaxBundleSize, "bundle")
	if err != nil {
		return nil, err
	}
	if !Verify(dsk[:], "bundle-sig", content, sigs[0]) {
		return nil, fmt.Errorf("%w: bundle", ErrForged)
	}
	var w bundleWire
	if err := Decode(content, &w); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if (DevicePublic{DSK: dsk}).ID() != w.Device {
		return nil, fmt.Errorf("%w: bundle of another device", ErrMismatch)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w.bundle(slices.Clone(b)), nil
}

func (w *bundleWire) check() error {
	if w.OPKCount > MaxOneTimeKeys || (w.OPKCount == 0) != (w.OPKRoot == [32]byte{}) {
		return fmt.Errorf("%w: bundle one-time keys", ErrMalformed)
	}
	if err := checkAgreement(w.SPK); err != nil {
		return err
	}
	if _, err := mlkem.NewEncapsulationKey1024(w.PQSPK); err != nil {
		return fmt.Errorf("%w: bundle encapsulation key", ErrMalformed)
	}
	return span(w.Issued, w.Expires, BundleLifetime)
}

func (w *bundleWire) bundle(signed []byte) *Bundle {
	return &Bundle{
		w.Device, w.Seq, fromSeconds(w.Issued), fromSeconds(w.Expires),
		w.SPKID, w.SPK, w.PQSPK, w.OPKRoot, w.OPKCount, signed,
	}
}
