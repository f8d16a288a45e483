package store

import (
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// sweepBytes of bulk values settled make it worth looking for garbage at once.
const sweepBytes = 2 * vlogFileBytes

// Run does the housekeeping until ctx ends: it trims events and reclaims disk
// space. Without it the database works, and grows.
func (db *DB) Run(ctx context.Context) error {
	tick := time.NewTicker(db.limits.TrimEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-db.closing:
			return nil
		case <-tick.C:
			err = db.trim(ctx)
		case <-db.bulk:
			err = db.reclaim()
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			db.log.Warn("store: housekeeping failed", "err", err)
		}
	}
}

// reclaim gives the space of overwritten and deleted bulk values back. Badger
// learns what is garbage only when it compacts, and entries for bulk values are
// so short that its memtable would take hundreds of megabytes of them to fill:
// dropping a prefix that only we use makes it compact now.
func (db *DB) reclaim() error {
	db.settling.Lock()
	defer db.settling.Unlock()
	if db.isClosing() {
		return nil
	}
	if !db.onlyNewestReaders() {
		time.AfterFunc(time.Second, func() { poke(db.bulk) }) // somebody may still read what would go
		return nil
	}
	if err := errors.Join(db.flush(), db.badger.Flatten(1)); err != nil {
		return err
	}
	db.mu.Lock()
	db.unswept = 0
	db.mu.Unlock()
	for !db.isClosing() {
		if err := db.badger.RunValueLogGC(0.5); errors.Is(err, badger.ErrNoRewrite) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) isClosing() bool {
	select {
	case <-db.closing:
		return true
	default:
		return false
	}
}

func (db *DB) onlyNewestReaders() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.oldestReaderLocked() != db.settle {
		return false
	}
	db.badger.SetDiscardTs(db.settle)
	return true
}

// flush makes Badger write its memtable to a table of level 0.
func (db *DB) flush() error {
	key := []byte(keyBallast.encode(&db.names))
	txn := db.badger.NewTransactionAt(db.settle, true)
	defer txn.Discard()
	if err := txn.Set(key, nil); err != nil {
		return err
	}
	if err := txn.CommitAt(db.settle, nil); err != nil {
		return err
	}
	return db.badger.DropPrefix(key[:1])
}

// compact merges Badger's tables when enough new ones have come together. The
// caller holds settling.
func (db *DB) compact() error {
	if db.badger.Levels()[0].NumTables < compactFrom {
		return nil
	}
	return db.badger.Flatten(1)
}
