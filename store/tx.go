package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Tx is a transaction, valid inside the closure it was given to and used by
// one goroutine. It sees one state of the database, and its own writes.
type Tx struct {
	db     *DB
	state  state
	settle uint64      // Badger's timestamp of that state
	snap   *badger.Txn // opened by the first read that needs Badger
	write  bool
	done   bool

	frame    []byte // the writes, encoded
	hooks    []func()
	appended bool  // an event was
	fault    error // the first wrong write: it fails the whole closure
}

// Get reads a copy of a record, or ErrNotFound.
func (tx *Tx) Get(k Key) ([]byte, error) {
	e, err := tx.find(k.encode(&tx.db.names))
	if err != nil {
		return nil, err
	}
	return e.value, nil
}

// Has says whether a record exists.
func (tx *Tx) Has(k Key) (bool, error) {
	_, err := tx.find(k.encode(&tx.db.names))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// find looks from the newest layer to the oldest. The value is the caller's.
func (tx *Tx) find(key string) (entry, error) {
	if tx.done {
		return entry{}, errTxDone
	}
	e, ok := tx.state.young.get(key)
	if !ok {
		e, ok = tx.state.frozen.get(key)
	}
	if ok {
		e.value = slices.Clone(e.value)
	} else {
		var err error
		if e, err = tx.settled(key); err != nil {
			return entry{}, err
		}
	}
	if e.gone(tx.db.now().UnixMilli()) {
		return entry{}, ErrNotFound
	}
	return e, nil
}

// settled reads from Badger. A value can be moved to another file between
// finding and reading it, once: then it is found again.
func (tx *Tx) settled(key string) (e entry, err error) {
	for range 3 {
		var item *badger.Item
		item, err = tx.snapshot().Get([]byte(key))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return e, ErrNotFound
		}
		if err == nil {
			err = item.Value(func(v []byte) (err error) {
				e, err = tx.db.seal.open(key, v)
				return err
			})
		}
		if err == nil || errors.Is(err, ErrCorrupt) {
			return e, err
		}
	}
	return e, fmt.Errorf("read: %w", err)
}

func (tx *Tx) snapshot() *badger.Txn {
	if tx.snap == nil {
		tx.snap = tx.db.badger.NewTransactionAt(tx.settle, false)
	}
	return tx.snap
}

// Set writes a record. A fault (too large, read-only) fails the whole closure.
func (tx *Tx) Set(k Key, v []byte) { tx.set(k, entry{value: v}) }

// SetTTL is Set of a record that vanishes after ttl.
func (tx *Tx) SetTTL(k Key, v []byte, ttl time.Duration) {
	tx.set(k, entry{value: v, expires: max(1, tx.db.now().Add(ttl).UnixMilli())})
}

// Delete removes a record; an absent one is no fault.
func (tx *Tx) Delete(k Key) { tx.set(k, entry{dead: true}) }

func (tx *Tx) set(k Key, e entry) {
	key := k.encode(&tx.db.names)
	if tx.fault = tx.check(key, e); tx.fault != nil {
		return
	}
	e.value = slices.Clone(e.value)
	tx.state.young = tx.state.young.put(key, e)
	tx.frame = appendOp(tx.frame, key, e)
}

// check is the first fault of the transaction, counting this write.
func (tx *Tx) check(key string, e entry) error {
	l := &tx.db.limits
	switch {
	case tx.fault != nil:
		return tx.fault
	case tx.done:
		return errTxDone
	case !tx.write:
		return ErrReadOnly
	case key[0] == tableBit || k0(key) > maxTable:
		return fmt.Errorf("table %#02x is out of range", k0(key))
	case len(key) > l.KeyBytes:
		return fmt.Errorf("key of %d bytes in table %#02x: %w", len(key), k0(key), ErrTooLarge)
	case len(e.value) > l.ValueBytes:
		return fmt.Errorf("value of %d bytes in table %#02x: %w", len(e.value), k0(key), ErrTooLarge)
	case len(tx.frame)+len(key)+len(e.value)+opExtra > l.ClosureBytes:
		return fmt.Errorf("writes of one closure: %w", ErrTooLarge)
	}
	return nil
}

const maxTable = 0x7f

// k0 is the table ID of an encoded key.
func k0(key string) byte { return key[0] &^ tableBit }

// OnCommit runs fn after the transaction is committed (durably for Update), in
// order of commits, under no lock, on a goroutine of its own: Update may return
// first. Not for a transaction that failed. fn must not call Close.
func (tx *Tx) OnCommit(fn func()) {
	if !tx.write && tx.fault == nil {
		tx.fault = ErrReadOnly
	}
	tx.hooks = append(tx.hooks, fn)
}

// finish ends the transaction's hold on its snapshot.
func (tx *Tx) finish() {
	tx.done = true
	if tx.snap != nil {
		tx.snap.Discard()
	}
	tx.db.release(tx.settle)
}

var errTxDone = errors.New("transaction used outside its closure")
