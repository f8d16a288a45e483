package store

import "errors"

// The faults of this package. They are wrapped with the operation that met
// them, so compare with errors.Is.
var (
	// ErrNotFound: no record under that key, or it has expired.
	ErrNotFound = errors.New("record not found")
	// ErrTooOld: events after that cursor have been trimmed; reload.
	ErrTooOld = errors.New("event cursor too old")
	// ErrInUse: another process has the folder open.
	ErrInUse = errors.New("folder is in use by another process")
	// ErrClosed: the database is closed or closing.
	ErrClosed = errors.New("database is closed")
	// ErrReadOnly: a write inside View.
	ErrReadOnly = errors.New("write in a read-only transaction")
	// ErrTooLarge: a key, a value or a whole closure is over Limits.
	ErrTooLarge = errors.New("too large")
	// ErrCorrupt: what is on disk was damaged or tampered with.
	ErrCorrupt = errors.New("stored data is corrupt")
	// ErrNewerSchema: a later release wrote this folder.
	ErrNewerSchema = errors.New("written by a newer release")
	// ErrWrongKey: the data key does not belong to this database.
	ErrWrongKey = errors.New("data key does not fit this database")
	// ErrLocked: the keyring needs a passphrase.
	ErrLocked = errors.New("passphrase needed")
	// ErrPassphrase: the passphrase is wrong.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrKeyFile: the key file is missing or unreadable.
	ErrKeyFile = errors.New("storage key file is missing or unreadable")
)
