package store

import (
	"context"
	"log/slog"
	"time"
)

// Config says where a database lives and what it may use.
type Config struct {
	Dir    string           // folder, made 0700 when absent; the database goes to Dir/db
	Logger *slog.Logger     // nil: nothing is logged
	Limits Limits           // zero fields take the value of DefaultLimits
	Now    func() time.Time // nil: time.Now; the clock of events and of SetTTL
}

// DefaultConfig is the configuration for a folder, with default limits.
func DefaultConfig(dir string) Config { panic("soon") }

// Limits bounds what the database may take.
type Limits struct{}

// DefaultLimits are limits for a small machine.
func DefaultLimits() Limits { panic("soon") }

// DataKey is the 32-byte secret all storage keys derive from.
type DataKey struct{ b [32]byte }

// Keyring holds the data key, wrapped, in a folder.
type Keyring struct{}

// OpenKeyring opens the keyring of a folder, or makes a new one.
func OpenKeyring(dir string) (*Keyring, error) { panic("soon") }

// Protected says whether a passphrase is needed to unlock.
func (k *Keyring) Protected() bool { panic("soon") }

// Unlock gives the data key. pass is empty when the keyring is not protected.
func (k *Keyring) Unlock(pass []byte) (DataKey, error) { panic("soon") }

// SetPassphrase replaces the passphrase; empty means none (a key file).
func (k *Keyring) SetPassphrase(old, new []byte) error { panic("soon") }

// DB is an open database, safe for concurrent use.
type DB struct{}

// Open opens or makes the database of cfg.Dir.
func Open(cfg Config, key DataKey) (*DB, error) { panic("soon") }

// Close finishes what was accepted, answers waiting writers and lets go of the
// folder. Idempotent.
func (db *DB) Close() error { panic("soon") }

// Run does the housekeeping until ctx ends: value-log GC and event trim.
func (db *DB) Run(ctx context.Context) error { panic("soon") }

// View runs fn on a snapshot.
func (db *DB) View(fn func(*Tx) error) error { panic("soon") }

// Update runs fn alone, in order, and returns when its writes are durable.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error { panic("soon") }

// UpdateLazy is Update without waiting for the disk.
func (db *DB) UpdateLazy(ctx context.Context, fn func(*Tx) error) error { panic("soon") }

// Size is the disk use of the database in bytes.
func (db *DB) Size() int64 { panic("soon") }

// LastEvent is the cursor of the newest committed event, 0 when none.
func (db *DB) LastEvent() uint64 { panic("soon") }

// Watch gives a channel that is poked after commits that appended events.
func (db *DB) Watch() (<-chan struct{}, func()) { panic("soon") }

// Events lists events with a cursor greater than after, oldest first.
func (db *DB) Events(after uint64, limit int) ([]Event, error) { panic("soon") }

// Event is one durable, numbered event.
type Event struct {
	Cursor uint64
	Time   time.Time
	Type   string
	Data   []byte
}

// Tx is a transaction, valid inside the closure it was given to.
type Tx struct{}

// Get reads a copy of a record, or ErrNotFound.
func (tx *Tx) Get(k Key) ([]byte, error) { panic("soon") }

// Has says whether a record exists.
func (tx *Tx) Has(k Key) (bool, error) { panic("soon") }

// Set writes a record. A fault (too large, read-only) fails the whole closure.
func (tx *Tx) Set(k Key, v []byte) { panic("soon") }

// SetTTL is Set of a record that vanishes after ttl.
func (tx *Tx) SetTTL(k Key, v []byte, ttl time.Duration) { panic("soon") }

// Delete removes a record; an absent one is no fault.
func (tx *Tx) Delete(k Key) { panic("soon") }

// Scan visits the records of a range in key order until fn says no more.
// In an update transaction fn may write; the scan sees the state at its start.
func (tx *Tx) Scan(r Range, fn func(k Key, v []byte) (more bool, err error)) error { panic("soon") }

// OnCommit runs fn after the transaction is committed (durably for Update), in
// order of commits, under no lock. Not for a transaction that failed.
func (tx *Tx) OnCommit(fn func()) { panic("soon") }

// Append adds a durable numbered event, visible at commit, and says its cursor.
func (tx *Tx) Append(typ string, data []byte) (cursor uint64) { panic("soon") }

// Events is DB.Events as this transaction sees it.
func (tx *Tx) Events(after uint64, limit int) ([]Event, error) { panic("soon") }

// Range is an ordered set of keys under a prefix.
type Range struct {
	Prefix  Key    // table and leading parts
	After   []byte // exclusive lower bound on what follows the prefix (Key.Tail); nil: none
	Before  []byte // exclusive upper bound on what follows the prefix; nil: none
	Reverse bool   // from the last to the first
	Limit   int    // at most so many records; 0: no bound
}

// Table is one kind of record. ID is on disk; Name is for people.
type Table struct {
	ID   byte
	Name string
}

// Key makes a key of a table. With no parts it is the prefix of the table.
func (t Table) Key(parts ...Part) Key { panic("soon") }

// Key names one record.
type Key struct{}

// Tail is, for a key that Scan gave, the encoded bytes after Range.Prefix:
// fixed-width Bytes as they are, Uint as 8 bytes big-endian. Do not keep or
// change the slice: copy it.
func (k Key) Tail() []byte { panic("soon") }

// Part is one part of a key.
type Part struct{}

// Bytes is a part kept as it is; give every use in one table the same width.
func Bytes(b []byte) Part { panic("soon") }

// Uint is an ordered number, 8 bytes big-endian.
func Uint(n uint64) Part { panic("soon") }

// Secret is a part that never reaches the disk: 16 bytes of its MAC do.
func Secret[T string | []byte](s T) Part { panic("soon") }
