package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Table is one kind of record. ID is on disk, between 0x01 and 0x7f; Name is
// for people.
type Table struct {
	ID   byte
	Name string
}

// Key makes a key of a table. With no parts it is the prefix of the table.
func (t Table) Key(parts ...Part) Key { return Key{table: t.ID, parts: parts} }

// Key names one record, or as Range.Prefix all that begin alike.
type Key struct {
	table byte
	parts []Part
	raw   string // encoded; set for keys that Scan gave
	tail  int    // where what follows the prefix of that scan begins
}

// Tail is, for a key that Scan gave, the encoded bytes after Range.Prefix:
// Bytes as they are, Uint as 8 bytes big-endian, Secret as 16 bytes of MAC.
func (k Key) Tail() []byte { return []byte(k.raw[k.tail:]) }

// Part is one part of a key.
type Part struct {
	kind partKind
	num  uint64
	data string
}

type partKind uint8

const (
	partBytes partKind = iota
	partUint
	partSecret
)

// Bytes is a part kept as it is; give every use in one table the same width.
func Bytes(b []byte) Part { return Part{kind: partBytes, data: string(b)} }

// Uint is an ordered number, 8 bytes big-endian.
func Uint(n uint64) Part { return Part{kind: partUint, num: n} }

// Secret is a part that never reaches the disk: 16 bytes of its MAC do. It has
// no order.
func Secret[T string | []byte](s T) Part { return Part{kind: partSecret, data: string(s)} }

const (
	// tableBit lifts table IDs over every byte that Badger keeps for itself.
	tableBit  = 0x80
	secretLen = 16
)

// encode writes the key as it stands on disk; spec/storage.md#keys.
func (k Key) encode(names *nameKey) string {
	if k.raw != "" {
		return k.raw
	}
	var space [96]byte
	out := append(space[:0], k.table|tableBit)
	for _, p := range k.parts {
		switch p.kind {
		case partUint:
			out = binary.BigEndian.AppendUint64(out, p.num)
		case partSecret:
			out = names.append(out, k.table, p.data)
		default:
			out = append(out, p.data...)
		}
	}
	return string(out)
}

// nameKey hides secret parts of keys.
type nameKey [32]byte

// append writes the MAC of a name in a table.
func (n *nameKey) append(out []byte, table byte, name string) []byte {
	mac := hmac.New(sha256.New, n[:])
	mac.Write([]byte{table})
	mac.Write([]byte(name))
	return append(out, mac.Sum(nil)[:secretLen]...)
}
