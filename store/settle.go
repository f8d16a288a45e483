package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// freeze is an overlay on its way into Badger, and the segments that hold its
// writes until it has arrived.
type freeze struct {
	root *node
	seq  uint64 // of the last of those segments
	used []*segment
}

// startSettling switches to the spare segment and settles the full one in the
// background. The caller holds io, and the state is published.
func (db *DB) startSettling(f freeze) {
	// A durable write in the next segment must not outlive a lazy one here.
	if db.syncActive() != nil {
		return // broken: the journal keeps everything
	}
	db.mu.Lock()
	db.active, db.spare = db.spare, nil
	db.mu.Unlock()
	db.settleInBackground(f)
}

func (db *DB) settleInBackground(f freeze) {
	db.work.Go(func() { db.settleAll(f) })
}

// settleAll tries until the frozen overlay is in Badger and a segment is spare,
// or the database closes: then the journal still holds everything.
func (db *DB) settleAll(f freeze) {
	settled := false
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		var err error
		if !settled {
			err = db.settleOnce(f)
			settled = err == nil
		}
		if err == nil {
			err = db.reuse(f)
		}
		db.report(err)
		if err == nil {
			db.tidy()
			return
		}
		db.log.Error("store: settling failed", "err", err)
		select {
		case <-db.closing:
			closeAll(f.used)
			return
		case <-time.After(wait):
		}
	}
}

// tidy compacts when that is due. A failure is Badger's to report: it costs
// space and speed, no data.
func (db *DB) tidy() {
	db.settling.Lock()
	defer db.settling.Unlock()
	if !db.isClosing() {
		if err := db.compact(); err != nil {
			db.log.Warn("store: compaction failed", "err", err)
		}
	}
}

// report tells writers who wait for room how settling goes.
func (db *DB) report(err error) {
	db.mu.Lock()
	db.stuck = err
	db.mu.Unlock()
	poke(db.progress)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settleOnce writes a frozen overlay to Badger, durably, and drops it.
func (db *DB) settleOnce(f freeze) error {
	db.settling.Lock()
	defer db.settling.Unlock()
	noise := db.noise.errors.Load()
	at := db.settle + 1 // only settling changes it
	bulk, err := db.fold(f, at)
	if err == nil && db.noise.errors.Load() != noise {
		err = errors.New("badger reported an error of the disk")
	}
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.settle = at
	db.tip.frozen, db.pub.frozen = nil, nil
	db.badger.SetDiscardTs(db.oldestReaderLocked())
	if db.unswept += bulk; db.unswept >= sweepBytes {
		poke(db.bulk)
	}
	return nil
}

// fold writes an overlay at a timestamp nobody reads at yet, in transactions
// as large as Badger takes, the last one saying that it is whole.
func (db *DB) fold(f freeze, at uint64) (bulk int64, err error) {
	c := &chunk{db: db, at: at}
	for w := f.root.walkFrom("", false); w.at() != nil; w.next() {
		n := w.at()
		if err := c.add(n.key, n.entry); err != nil {
			c.txn.Discard()
			return c.bulk, err
		}
	}
	mark := entry{value: binary.BigEndian.AppendUint64(nil, f.seq)}
	if err := c.add(keySettled.encode(&db.names), mark); err != nil {
		c.txn.Discard()
		return c.bulk, err
	}
	return c.bulk, c.commit()
}

// chunk is one of the transactions of a fold.
type chunk struct {
	db    *DB
	at    uint64
	txn   *badger.Txn // nil: none open
	size  int
	count int
	bulk  int64
}

func (c *chunk) add(key string, e entry) error {
	size := len(key) + len(e.value) + recordExtra + 64
	if c.count > 0 && (c.size+size > chunkBytes || c.count >= chunkEntries) {
		if err := c.commit(); err != nil {
			return err
		}
	}
	if c.txn == nil {
		c.txn = c.db.badger.NewTransactionAt(c.at, true)
	}
	c.size, c.count = c.size+size, c.count+1
	if e.gone(c.db.now().UnixMilli()) {
		return c.remove(key)
	}
	return c.put(key, e)
}

// remove writes a tombstone, but only over something: what was made and
// deleted within one segment never reaches Badger at all.
func (c *chunk) remove(key string) error {
	_, err := c.txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.txn.Delete([]byte(key))
}

func (c *chunk) put(key string, e entry) error {
	rec := badger.NewEntry([]byte(key), c.db.seal.seal(key, e))
	if e.expires != 0 {
		// Badger's clock is the real one; a second more, so that ours decides.
		left := time.Duration(e.expires-c.db.now().UnixMilli()) * time.Millisecond
		rec = rec.WithTTL(left + 2*time.Second)
	}
	if len(rec.Value) >= c.db.limits.BulkBytes {
		c.bulk += int64(len(rec.Value))
	}
	return c.txn.SetEntry(rec)
}

func (c *chunk) commit() error {
	if c.txn == nil {
		return nil
	}
	txn := c.txn
	c.txn, c.size, c.count = nil, 0, 0
	defer txn.Discard()
	return txn.CommitAt(c.at, nil)
}

// reuse makes one settled segment the spare one and removes the others.
func (db *DB) reuse(f freeze) error {
	p := place{seq: f.seq + 2, settled: f.seq}
	for i, s := range f.used {
		if i > 0 {
			if err := s.remove(); err != nil {
				return err
			}
			continue
		}
		if err := db.keys.recycle(s, p); err != nil {
			return fmt.Errorf("journal segment: %w", err)
		}
	}
	var spare *segment
	if len(f.used) > 0 {
		spare = f.used[0]
	} else {
		var err error
		if spare, err = db.newSegment(p); err != nil {
			return err
		}
	}
	db.mu.Lock()
	db.spare = spare
	db.mu.Unlock()
	return nil
}

func (db *DB) newSegment(p place) (*segment, error) {
	name := fmt.Sprintf("%s%08x", segmentPrefix, rand.Uint32())
	return db.keys.createSegment(filepath.Join(db.journalDir(), name), db.limits.SegmentBytes, p)
}
