package chat

import (
	"encoding/binary"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// get reads a record into v, a pointer to a zero value; store.ErrNotFound when
// there is none.
func get(tx *store.Tx, k store.Key, v any) error {
	b, err := tx.Get(k)
	if err != nil {
		return err
	}
	if err := identity.DecodeOwn(b, v); err != nil {
		return fmt.Errorf("chat: record: %w", err)
	}
	return nil
}

func set(tx *store.Tx, k store.Key, v any) error {
	b, err := identity.Encode(v)
	if err != nil {
		return fmt.Errorf("chat: record: %w", err)
	}
	tx.Set(k, b)
	return nil
}

// change reads, changes and writes a record that must exist.
func change[T any](tx *store.Tx, k store.Key, fn func(*T)) error {
	v := new(T)
	if err := get(tx, k, v); err != nil {
		return err
	}
	fn(v)
	return set(tx, k, v)
}

// scan decodes the records of a range one by one.
func scan[T any](tx *store.Tx, r store.Range, fn func(tail []byte, v *T) error) error {
	return tx.Scan(r, func(k store.Key, b []byte) (bool, error) {
		v := new(T)
		if err := identity.DecodeOwn(b, v); err != nil {
			return false, fmt.Errorf("chat: record: %w", err)
		}
		return true, fn(k.Tail(), v)
	})
}

// deleteAll deletes what is under a prefix.
func deleteAll(tx *store.Tx, prefix store.Key) error {
	return tx.Scan(store.Range{Prefix: prefix}, func(k store.Key, _ []byte) (bool, error) {
		tx.Delete(k)
		return true, nil
	})
}

func uintOf(tail []byte) uint64 {
	if len(tail) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(tail)
}
