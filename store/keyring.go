package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	keyringName = "keys"        // params and wrapped data key
	keyFileName = "storage.key" // 32 bytes, when there is no passphrase
	keyFileLen  = 32
)

// Keyring holds the data key of a folder, wrapped by a passphrase or, when
// none is set, by a file that only its owner can read. Safe for concurrent use;
// one process at a time.
type Keyring struct {
	dir string

	mu      sync.Mutex
	wrapped *wrapped
}

// OpenKeyring opens the keyring of a folder, or makes one without passphrase.
// It finishes a change of passphrase that a crash cut short.
func OpenKeyring(dir string) (*Keyring, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	k := &Keyring{dir: dir}
	b, err := os.ReadFile(k.path(keyringName))
	if errors.Is(err, os.ErrNotExist) {
		return k, k.create()
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if k.wrapped, err = parseWrapped(b); err != nil {
		return nil, err
	}
	if k.Protected() {
		return k, k.dropKeyFile()
	}
	return k, nil
}

func (k *Keyring) path(name string) string { return filepath.Join(k.dir, name) }

// create makes a data key. A key file that is there is kept: it may belong to a
// keyring file that somebody will put back.
func (k *Keyring) create() error {
	if _, err := os.Stat(k.path("db")); err == nil {
		return fmt.Errorf("keyring file is missing: %w", ErrCorrupt)
	}
	secret, err := k.readKeyFile()
	if _, serr := os.Lstat(k.path(keyFileName)); errors.Is(serr, os.ErrNotExist) {
		secret, err = k.newKeyFile()
	}
	if err != nil {
		return err
	}
	key := DataKey{secret: new([32]byte)}
	rand.Read(key.secret[:]) // never fails
	return k.replace(wrap(key, byKeyFile, cost{}, secret))
}

// replace is the one moment a change counts from.
func (k *Keyring) replace(w *wrapped) error {
	path := k.path(keyringName)
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keyring: %w", err)
	}
	if old != nil {
		defer old.Close()
	}
	if err := replaceFile(path, w.encode()); err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	k.wrapped = w
	if old != nil && runtime.GOOS != "windows" {
		wipeFile(old) // no name leads there any more; best effort
	}
	return nil
}

// Protected says whether a passphrase is needed to unlock.
func (k *Keyring) Protected() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wrapped.by == byPassphrase
}

// Unlock gives the data key; pass is not looked at when the keyring is not
// protected. ErrLocked: no passphrase given. ErrPassphrase: a wrong one.
// ErrKeyFile: the key file is missing, open to others, or another one. With a
// passphrase it takes 64 MiB for some tenths of a second.
func (k *Keyring) Unlock(pass []byte) (DataKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unlockLocked(pass)
}

func (k *Keyring) unlockLocked(pass []byte) (DataKey, error) {
	if k.wrapped.by == byKeyFile {
		return k.unlockByFile()
	}
	if len(pass) == 0 {
		return DataKey{}, ErrLocked
	}
	defer debug.FreeOSMemory() // Argon2id's, at once
	key, ok := k.wrapped.unwrap(pass)
	if !ok {
		return DataKey{}, ErrPassphrase
	}
	return key, nil
}

func (k *Keyring) unlockByFile() (DataKey, error) {
	secret, err := k.readKeyFile()
	if err != nil {
		return DataKey{}, err
	}
	key, ok := k.wrapped.unwrap(secret)
	if !ok {
		return DataKey{}, fmt.Errorf("it does not fit the keyring: %w", ErrKeyFile)
	}
	return key, nil
}

// SetPassphrase replaces the passphrase; an empty new one means a key file
// instead. A crash at any moment leaves either the old protection or the new
// one. The data key stays: who had it, or a copy of the old keyring and its
// passphrase, has it still.
func (k *Keyring) SetPassphrase(old, new []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wrapped.by == byKeyFile && len(old) > 0 {
		return ErrPassphrase
	}
	key, err := k.unlockLocked(old)
	if err != nil {
		return err
	}
	if len(new) == 0 {
		return k.unprotect(key)
	}
	if err := k.replace(wrap(key, byPassphrase, usualCost, new)); err != nil {
		return err
	}
	debug.FreeOSMemory()
	return k.dropKeyFile()
}

func (k *Keyring) unprotect(key DataKey) error {
	if k.wrapped.by == byKeyFile {
		return nil
	}
	secret, err := k.newKeyFile()
	if err != nil {
		return err
	}
	return k.replace(wrap(key, byKeyFile, cost{}, secret))
}

func (k *Keyring) newKeyFile() ([]byte, error) {
	secret := make([]byte, keyFileLen)
	rand.Read(secret) // never fails
	if err := replaceFile(k.path(keyFileName), secret); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return secret, nil
}

func (k *Keyring) readKeyFile() ([]byte, error) {
	path := k.path(keyFileName)
	fi, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKeyFile, err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others than its owner may read it (%v)", ErrKeyFile, fi.Mode().Perm())
	}
	secret, err := os.ReadFile(path)
	if err != nil || len(secret) != keyFileLen {
		return nil, fmt.Errorf("%w: %d bytes: %v", ErrKeyFile, len(secret), err)
	}
	return secret, nil
}

// dropKeyFile wipes and removes the key file; an absent one is no fault.
func (k *Keyring) dropKeyFile() error {
	path := k.path(keyFileName)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	if err := errors.Join(wipeFile(f), os.Remove(path), syncParent(path)); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}
