package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	memTableBytes = 4 << 20
	vlogFileBytes = 16 << 20
	// chunkBytes keeps a transaction under Badger's limit of 15 % of a memtable.
	chunkBytes   = 512 << 10
	chunkEntries = 4000
	// compactFrom is how many tables of Badger's level 0 are worth a compaction.
	compactFrom = 4
	// never is when Badger makes itself another data key: what it is given is
	// sealed already, so that a new one every so often gains nothing.
	never = 100 * 365 * 24 * time.Hour
)

// badgerOptions are settings for a small machine. Badger is written to only by
// settling, a megabyte at a time and synced; commits wait for the journal.
func badgerOptions(dir string, l Limits, key [32]byte, log badger.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithEncryptionKey(key[:]).
		WithEncryptionKeyRotationDuration(never).
		WithSyncWrites(true).
		WithDetectConflicts(false).
		WithMemTableSize(memTableBytes).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(100).
		WithBaseTableSize(1 << 20).
		WithBaseLevelSize(8 << 20).
		WithNumCompactors(0). // they would wake up 40 times a second for ever; see compact
		WithValueLogFileSize(vlogFileBytes).
		WithValueThreshold(int64(l.BulkBytes)).
		WithBlockCacheSize(l.CacheBytes).
		WithIndexCacheSize(l.CacheBytes).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithMetricsEnabled(false).
		WithLogger(log)
}

// openBadger opens the settled store and names what is wrong with it.
func openBadger(opt badger.Options) (db *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, r) // damage can trip Badger's own slices
		}
	}()
	var size int64
	err = withFolderLock(opt.Dir, func() (err error) {
		size, err = prepare(opt)
		return err
	})
	if err != nil {
		return nil, err
	}
	db, err = badger.OpenManaged(opt)
	if err != nil {
		return nil, badgerFault(err)
	}
	if size <= verifyWhole {
		err = verify(db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// verify reads every block of every table. Badger's own check trips over a
// block that it finds damaged.
func verify(db *badger.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("block of a table: %w", ErrCorrupt)
		}
	}()
	if err := db.VerifyChecksum(); err != nil {
		return badgerFault(err)
	}
	return nil
}

func badgerFault(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, badger.ErrEncryptionKeyMismatch):
		return ErrWrongKey
	case strings.Contains(err.Error(), "Another process is using"):
		return ErrInUse
	case errors.As(err, &errno) && !errors.Is(err, fs.ErrNotExist):
		return err // the disk's fault, not the data's
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, err)
}

// badgerLog forwards Badger's complaints without their arguments, which may
// hold keys, and counts its errors: some of them it tells nobody else.
type badgerLog struct {
	log    *slog.Logger
	errors atomic.Uint64
}

func (l *badgerLog) Errorf(format string, _ ...any) {
	l.errors.Add(1)
	l.log.Error("badger", "message", strings.TrimSpace(format))
}

func (l *badgerLog) Warningf(format string, _ ...any) {
	l.log.Warn("badger", "message", strings.TrimSpace(format))
}

func (l *badgerLog) Infof(string, ...any)  {}
func (l *badgerLog) Debugf(string, ...any) {}
