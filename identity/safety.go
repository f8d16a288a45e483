package identity

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

const (
	safetyVersion    = 0x0001
	safetyIterations = 5200
)

// SafetyNumber is what two people compare: 60 digits that depend on both
// accounts and on nothing else, the same on both sides. It is Signal's numeric
// fingerprint with version 0x0001, the account ID in the place of the identity
// key and the genesis in that of the stable identifier.
// spec/identity.md#safety-number
func SafetyNumber(a AccountID, ga Genesis, b AccountID, gb Genesis) string {
	x, y := fingerprint(a, ga), fingerprint(b, gb)
	if x > y {
		x, y = y, x
	}
	return x + y
}

// fingerprint is one party's 30 digits: the iteration makes the search for a
// second account with similar digits dear.
func fingerprint(id AccountID, g Genesis) (digits string) {
	h := binary.BigEndian.AppendUint16(nil, safetyVersion)
	h = append(append(h, id[:]...), g[:]...)
	for range safetyIterations {
		sum := sha512.Sum512(append(h, id[:]...))
		h = append(h[:0], sum[:]...)
	}
	for i := 0; i < 30; i += 5 {
		n := binary.BigEndian.Uint64(append([]byte{0, 0, 0}, h[i:i+5]...))
		digits += fmt.Sprintf("%05d", n%100000)
	}
	return digits
}
