package ratchet

import "golang.org/x/crypto/chacha20poly1305"

// sealTo appends the XChaCha20-Poly1305 sealing of plain to dst. plain may lie
// exactly where it will be written.
func sealTo(dst []byte, k *key, nonce, plain, ad []byte) []byte {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic(err) // the key is 32 bytes long
	}
	return a.Seal(dst, nonce, plain, ad)
}

// openTo appends the opened text to dst.
func openTo(dst []byte, k *key, nonce, sealed, ad []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic(err) // the key is 32 bytes long
	}
	return a.Open(dst, nonce, sealed, ad)
}
