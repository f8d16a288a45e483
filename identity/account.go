package identity

import (
	"crypto/ed25519"
	"fmt"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
)

const genesisVersion = 0x01

// Genesis is the birth of an account: 0x01 | Ed25519 public key 32 | hash of
// the ML-DSA-65 public key 32. The second key is committed to now, so that a
// later version can demand its signatures without a new identity.
// spec/identity.md#account
type Genesis [65]byte

func newGenesis(pub ed25519.PublicKey, pq [mldsa65.PublicKeySize]byte) Genesis {
	commit := Hash("arq-key", pq[:])
	var g Genesis
	g[0] = genesisVersion
	copy(g[1:33], pub)
	copy(g[33:], commit[:])
	return g
}

// ParseGenesis checks length and version.
func ParseGenesis(b []byte) (Genesis, error) {
	if len(b) != len(Genesis{}) || b[0] != genesisVersion {
		return Genesis{}, fmt.Errorf("%w genesis", ErrMalformed)
	}
	return Genesis(b), nil
}

// AccountID is the account that began with g.
func (g Genesis) AccountID() AccountID { return AccountID(Hash("account", g[:])) }

// SigningKey is the account key's public half.
func (g Genesis) SigningKey() ed25519.PublicKey { return ed25519.PublicKey(g[1:33:33]) }

// AccountKey signs for the account itself: its first manifest, and whatever
// must hold when every device is lost. It has no String on purpose.
type AccountKey struct {
	id      AccountID
	genesis Genesis
	signing hidden[ed25519.PrivateKey]
}

// ID names the account.
func (k *AccountKey) ID() AccountID { return k.id }

// Genesis is what others need to check the account's signatures.
func (k *AccountKey) Genesis() Genesis { return k.genesis }

// Issuer is zero: the account key signs, not a device.
func (k *AccountKey) Issuer() DeviceID { return DeviceID{} }

// Sign makes an Ed25519ctx signature with the context L(label).
func (k *AccountKey) Sign(label string, msg []byte) []byte {
	return sign(*k.signing(), label, msg)
}

// postQuantumKey is the public half of the account's ML-DSA-65 key.
func (p Phrase) postQuantumKey() (packed [mldsa65.PublicKeySize]byte) {
	seed := [mldsa65.SeedSize]byte(Derive(nil, p.secret()[:], "ark-mldsa65", nil, mldsa65.SeedSize))
	pub, _ := mldsa65.NewKeyFromSeed(&seed)
	pub.Pack(&packed)
	return packed
}
