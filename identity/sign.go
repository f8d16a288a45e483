package identity

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
)

// Signer may sign for an account: its account key, or a device whose role is
// [Admin].
type Signer interface {
	// Sign signs msg for one purpose.
	Sign(label string, msg []byte) []byte
	// Issuer names the signing device; zero is the account key.
	Issuer() DeviceID
}

// Verify tells whether sig is pub's Ed25519ctx signature (RFC 8032) over msg
// with the context L(label). A signature made for one label fits no other.
func Verify(pub ed25519.PublicKey, label string, msg, sig []byte) bool {
	if len(pub) != ed25519.PublicKeySize || len(sig) != SignatureSize {
		return false
	}
	return ed25519.VerifyWithOptions(pub, msg, sig, &ed25519.Options{Context: Label(label)}) == nil
}

func sign(key ed25519.PrivateKey, label string, msg []byte) []byte {
	sig, err := key.Sign(nil, msg, &ed25519.Options{Hash: crypto.Hash(0), Context: Label(label)})
	if err != nil {
		panic("identity: " + err.Error()) // only a label over 255 bytes, a constant of the caller
	}
	return sig
}

// split takes n signatures off the end of a signed object of at most max bytes.
func split(b []byte, n, max int, what string) (content []byte, sigs [][]byte, err error) {
	cut := len(b) - n*SignatureSize
	if cut <= 0 || len(b) > max {
		return nil, nil, fmt.Errorf("%w %s: %d bytes", ErrMalformed, what, len(b))
	}
	for at := cut; at < len(b); at += SignatureSize {
		sigs = append(sigs, b[at:at+SignatureSize])
	}
	return b[:cut], sigs, nil
}
