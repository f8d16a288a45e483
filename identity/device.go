package identity

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/mlkem"
	"fmt"
	"io"
)

// DeviceKey holds the three secrets of one device: dsk (Ed25519) signs, dik
// (X25519) and dkem (ML-KEM-768) agree on sessions. Only seeds are kept. It has
// no String on purpose. spec/identity.md#device
type DeviceKey struct {
	id     DeviceID
	public DevicePublic
	secret hidden[deviceSecret]
}

type deviceSecret struct {
	dsk  ed25519.PrivateKey
	dik  [32]byte
	dkem [64]byte
}

// DevicePublic is what the certificate says of a device's keys.
type DevicePublic struct {
	DSK  [32]byte // Ed25519, signs
	DIK  [32]byte // X25519, agrees
	DKEM []byte   // ML-KEM-768 encapsulation key, 1184 bytes
}

// ID names the device whose signing key this is.
func (p DevicePublic) ID() DeviceID {
	h := Hash("device", p.DSK[:])
	return DeviceID(h[:16])
}

// NewDeviceKey draws a fresh key from rand.
func NewDeviceKey(rand io.Reader) (*DeviceKey, error) {
	b := make([]byte, DeviceSecretSize)
	defer clear(b)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("identity: new device key: %w", err)
	}
	return DeviceKeyFromSecret(b)
}

// DeviceKeyFromSecret takes back what Secret gave.
func DeviceKeyFromSecret(b []byte) (*DeviceKey, error) {
	if len(b) != DeviceSecretSize {
		return nil, fmt.Errorf("%w: device", ErrSecret)
	}
	s := &deviceSecret{ed25519.NewKeyFromSeed(b[:32]), [32]byte(b[32:64]), [64]byte(b[64:])}
	dik, err := ecdh.X25519().NewPrivateKey(s.dik[:])
	if err != nil {
		return nil, fmt.Errorf("identity: device agreement key: %w", err)
	}
	dkem, err := mlkem.NewDecapsulationKey768(s.dkem[:])
	if err != nil {
		return nil, fmt.Errorf("identity: device encapsulation key: %w", err)
	}
	pub := DevicePublic{
		DSK:  [32]byte(s.dsk.Public().(ed25519.PublicKey)),
		DIK:  [32]byte(dik.PublicKey().Bytes()),
		DKEM: dkem.EncapsulationKey().Bytes(),
	}
	return &DeviceKey{id: pub.ID(), public: pub, secret: hide(s)}, nil
}

// Secret gives a copy of the 128 secret bytes, for sealed storage:
// dsk seed 32 | dik 32 | dkem seed 64.
func (k *DeviceKey) Secret() []byte {
	b := append([]byte(nil), k.secret().dsk.Seed()...)
	b = append(b, k.secret().dik[:]...)
	return append(b, k.secret().dkem[:]...)
}

// ID names the device.
func (k *DeviceKey) ID() DeviceID { return k.id }

// Issuer is the device itself, see [Signer].
func (k *DeviceKey) Issuer() DeviceID { return k.id }

// Public gives the public halves.
func (k *DeviceKey) Public() DevicePublic {
	p := k.public
	p.DKEM = append([]byte(nil), p.DKEM...)
	return p
}

// Sign makes an Ed25519ctx signature with dsk and the context L(label).
func (k *DeviceKey) Sign(label string, msg []byte) []byte { return sign(k.secret().dsk, label, msg) }

// AgreementSecret is the private half of dik, an X25519 scalar.
func (k *DeviceKey) AgreementSecret() [32]byte { return k.secret().dik }

// KEMSeed is the seed of dkem, d | z of FIPS 203.
func (k *DeviceKey) KEMSeed() [64]byte { return k.secret().dkem }
