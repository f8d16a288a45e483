package store

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// DB is an open database, safe for concurrent use.
//
// Locks, in the order they are taken: io, turn, settling, mu. turn is held by
// the closure that runs, io by the caller that writes the journal for everybody
// who waits, settling by whoever changes Badger; mu guards the fields below it
// and is never held over anything slow.
type DB struct {
	dir    string
	limits Limits
	log    *slog.Logger
	now    func() time.Time

	badger *badger.DB
	noise  *badgerLog
	seal   *sealer
	names  nameKey
	keys   *journalKeys

	turn     chan struct{} // cap 1: a token to run a closure
	io       chan struct{} // cap 1: a token to write the journal
	closing  chan struct{} // closed by Close
	progress chan struct{} // cap 1: poked when settling got on or failed
	bulk     chan struct{} // cap 1: poked when there may be space to reclaim
	closed   sync.Once
	closeErr error

	active *segment    // under io
	lazy   *time.Timer // under io: armed while something lazy is not on disk

	settling sync.Mutex
	work     sync.WaitGroup // settling in the background

	mu       sync.Mutex
	tip      state // what the next closure sees; the end of pending
	pub      state // what View sees: durable, but for lazy writes
	pending  *batch
	settle   uint64 // Badger's timestamp of what is settled
	readers  map[uint64]int
	idle     *sync.Cond // no readers
	spare    *segment   // empty, its place comes after active's
	stuck    error      // why settling does not get on
	fault    error      // the disk let a sync fail: nothing can be promised any more
	ended    bool
	unswept  int64 // bytes of bulk values settled since space was last reclaimed
	watchers map[chan struct{}]struct{}
	hooks    []func()
	hooking  bool
}

// state is one state of the database above what is settled.
type state struct {
	young  *node  // written since the last freeze
	frozen *node  // being settled into Badger; nil when all of it is
	last   uint64 // newest event
	floor  uint64 // newest trimmed event
}

// View runs fn on a snapshot.
func (db *DB) View(fn func(*Tx) error) error {
	db.mu.Lock()
	if db.ended {
		db.mu.Unlock()
		return ErrClosed
	}
	tx := &Tx{db: db, state: db.pub, settle: db.settle}
	db.readers[tx.settle]++
	db.mu.Unlock()
	defer tx.finish()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.fault
}

// beginUpdate makes the transaction of whoever holds the turn.
func (db *DB) beginUpdate() *Tx {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.readers[db.settle]++
	return &Tx{db: db, state: db.tip, settle: db.settle, write: true}
}

// release ends a reader of a timestamp.
func (db *DB) release(settle uint64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.readers[settle]--; db.readers[settle] == 0 {
		delete(db.readers, settle)
	}
	if len(db.readers) == 0 {
		db.idle.Broadcast()
	}
}

// oldestReaderLocked is the oldest timestamp somebody reads at.
func (db *DB) oldestReaderLocked() uint64 {
	oldest := db.settle
	for ts := range db.readers {
		oldest = min(oldest, ts)
	}
	return oldest
}

// Close lets the closures that ran be committed, fails those that wait with
// ErrClosed, waits for the views that run, settles everything and lets go of
// the folder. Idempotent. A closure or a hook must not call it.
func (db *DB) Close() error {
	db.closed.Do(func() { db.closeErr = db.close() })
	return db.closeErr
}

func (db *DB) close() error {
	close(db.closing)
	db.io <- struct{}{} // for good: nobody writes any more
	db.turn <- struct{}{}
	if db.pending != nil {
		db.commit(false)
	}
	if db.lazy != nil {
		db.lazy.Stop()
	}
	db.work.Wait()
	err := db.closeJournal()
	db.drain()
	db.settling.Lock() // for good: no space is being reclaimed
	return errors.Join(err, db.badger.Close())
}

// drain waits until no view runs and no hook is left.
func (db *DB) drain() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.ended = true
	for w := range db.watchers {
		close(w)
	}
	db.watchers = nil
	for len(db.readers) > 0 || db.hooking {
		db.idle.Wait()
	}
}

// Verify reads all of Badger's tables and reports damage (ErrCorrupt).
func (db *DB) Verify() error {
	db.settling.Lock()
	defer db.settling.Unlock()
	if db.isClosing() {
		return ErrClosed
	}
	return verify(db.badger)
}

// Size is the disk use of the database in bytes.
func (db *DB) Size() int64 { return folderSize(db.badgerDir()) + folderSize(db.journalDir()) }
