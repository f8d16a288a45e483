package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Open opens or makes the database of cfg.Dir. It refuses a folder that another
// process has (ErrInUse), that a newer release wrote (ErrNewerSchema), that key
// does not belong to (ErrWrongKey) or that is damaged (ErrCorrupt), and runs
// the migrations that are missing.
func Open(cfg Config, key DataKey) (*DB, error) {
	if key.secret == nil {
		return nil, ErrLocked
	}
	db := newDB(cfg, key)
	for _, dir := range []string{cfg.Dir, db.badgerDir(), db.journalDir()} {
		if err := makeFolder(dir); err != nil {
			return nil, err
		}
	}
	var err error
	opt := badgerOptions(db.badgerDir(), db.limits, key.derive("store-badger", nil), db.noise)
	if db.badger, err = openBadger(opt); err != nil {
		return nil, err
	}
	if err := db.start(cfg.Migrations); err != nil {
		return nil, errors.Join(err, db.abandon())
	}
	return db, nil
}

func newDB(cfg Config, key DataKey) *DB {
	db := &DB{
		dir: cfg.Dir, limits: cfg.Limits.orDefault(), log: cfg.Logger, now: cfg.Now,
		seal:     newSealer(key),
		names:    nameKey(key.derive("store-name", nil)),
		keys:     &journalKeys{head: key.derive("store-segment", nil), data: key},
		turn:     make(chan struct{}, 1),
		io:       make(chan struct{}, 1),
		closing:  make(chan struct{}),
		progress: make(chan struct{}, 1),
		bulk:     make(chan struct{}, 1),
		readers:  map[uint64]int{},
		watchers: map[chan struct{}]struct{}{},
	}
	db.idle = sync.NewCond(&db.mu)
	if db.now == nil {
		db.now = time.Now
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.noise = &badgerLog{log: db.log}
	return db
}

func (db *DB) badgerDir() string { return filepath.Join(db.dir, "db") }

// start brings the layers above Badger to life.
func (db *DB) start(steps []Migration) error {
	db.settle = db.badger.MaxVersion()
	db.badger.SetDiscardTs(db.settle)
	var settled uint64
	err := db.View(func(tx *Tx) (err error) {
		settled, err = tx.number(keySettled)
		return err
	})
	if err != nil {
		return err
	}
	fresh := settled == 0
	if err := db.recover(settled, fresh); err != nil {
		return err
	}
	if err := db.loadEvents(); err != nil {
		return err
	}
	if err := db.migrate(context.Background(), steps, fresh); err != nil || !fresh {
		return err
	}
	return db.settleFirst()
}

// settleFirst settles a new database's first writes at once: from then on
// Badger knows that there must be a journal.
func (db *DB) settleFirst() error {
	db.work.Wait() // for the spare segment
	db.mu.Lock()
	f := freeze{root: db.tip.young, seq: db.active.seq, used: []*segment{db.active}}
	db.tip.young, db.tip.frozen = nil, f.root
	db.pub = db.tip
	db.active, db.spare = db.spare, nil
	db.mu.Unlock()
	return db.settleNow(f)
}

// abandon lets go of a folder that could not be opened.
func (db *DB) abandon() error {
	if db.active != nil {
		return db.Close()
	}
	return db.badger.Close()
}
