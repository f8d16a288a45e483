package dht

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// keyspace is where Kademlia puts a key or a peer ID.
func keyspace(key string) [32]byte { return hashRecord([]byte(key)) }

// distance from a place in the key space to an index.
func distance(self, index [32]byte) (d [32]byte) {
	k := keyspace(string(index[:]))
	for i := range d {
		d[i] = self[i] ^ k[i]
	}
	return d
}

func commonPrefix(a, b [32]byte) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return 8*i + bits.LeadingZeros8(x)
		}
	}
	return 256
}

// regionKeys draws n keys that Kademlia puts into the region of index: whoever
// crowds around the index alone does not catch what lies around them.
// spec/directory.md#regions
func regionKeys(rand io.Reader, index [32]byte, prefix, n int) ([]string, error) {
	var seed [24]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, fmt.Errorf("dht: region: %w", err)
	}
	want := keyspace(string(index[:]))
	keys := make([]string, 0, n)
	for i := uint64(0); len(keys) < n; i++ {
		k := string(binary.BigEndian.AppendUint64(seed[:], i))
		if commonPrefix(want, keyspace(k)) >= prefix {
			keys = append(keys, k)
		}
	}
	return keys, nil
}
