package identity

import (
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// PeerKey is the key of a libp2p host. It is bound to no account and no device,
// and may be changed at will: an address must not give away an identity. It
// has no String on purpose. spec/identity.md#peer-key
type PeerKey struct {
	id      peer.ID
	private hidden[crypto.PrivKey]
}

// NewPeerKey draws a fresh key from rand.
func NewPeerKey(rand io.Reader) (PeerKey, error) {
	b := make([]byte, ed25519.SeedSize)
	defer clear(b)
	if _, err := io.ReadFull(rand, b); err != nil {
		return PeerKey{}, fmt.Errorf("identity: new peer key: %w", err)
	}
	return PeerKeyFromSecret(b)
}

// PeerKeyFromSecret takes back what Secret gave.
func PeerKeyFromSecret(seed []byte) (PeerKey, error) {
	if len(seed) != ed25519.SeedSize {
		return PeerKey{}, fmt.Errorf("%w: peer", ErrSecret)
	}
	private, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return PeerKey{}, fmt.Errorf("identity: peer key: %w", err)
	}
	id, err := peer.IDFromPrivateKey(private)
	if err != nil {
		return PeerKey{}, fmt.Errorf("identity: peer id: %w", err)
	}
	return PeerKey{id: id, private: hide(&private)}, nil
}

// Secret gives a copy of the 32-byte seed, for sealed storage.
func (k PeerKey) Secret() []byte {
	raw, err := (*k.private()).Raw() // seed 32 | public 32
	if err != nil {
		panic("identity: " + err.Error()) // an Ed25519 key in memory always has its bytes
	}
	return append([]byte(nil), raw[:ed25519.SeedSize]...)
}

// Private is the key in the form that a libp2p host takes.
func (k PeerKey) Private() crypto.PrivKey { return *k.private() }

// ID is the peer ID that follows from the public half.
func (k PeerKey) ID() peer.ID { return k.id }
