package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/store"
)

func ring(t *testing.T, dir string) *store.Keyring {
	t.Helper()
	k, err := store.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPassphraseComesChangesAndGoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := opened(t, dir)
	k := contacts.Key(store.Secret("bob"))
	set(t, db, k, "hello")
	db.Close()

	r := ring(t, dir)
	want(t, r.Protected(), false)
	wantErr(t, r.SetPassphrase([]byte("guess"), []byte("one")), store.ErrPassphrase)
	must(t, r.SetPassphrase(nil, []byte("one")))
	want(t, r.Protected(), true)
	if _, err := os.Stat(filepath.Join(dir, "storage.key")); err == nil {
		t.Fatal("the key file is still there")
	}

	r = ring(t, dir)
	_, err := r.Unlock(nil)
	wantErr(t, err, store.ErrLocked)
	_, err = r.Unlock([]byte("two"))
	wantErr(t, err, store.ErrPassphrase)
	wantErr(t, r.SetPassphrase([]byte("two"), []byte("three")), store.ErrPassphrase)
	must(t, r.SetPassphrase([]byte("one"), []byte("two")))

	key, err := ring(t, dir).Unlock([]byte("two"))
	must(t, err)
	db, err = store.Open(store.DefaultConfig(dir), key)
	must(t, err)
	want(t, get(t, db, k), "hello")
	db.Close()

	must(t, ring(t, dir).SetPassphrase([]byte("two"), nil))
	want(t, ring(t, dir).Protected(), false)
	want(t, get(t, opened(t, dir), k), "hello")
}

// TestPassphraseChangeCutShort puts every state of the files that a crash can
// leave in place and checks that the old or the new protection opens it.
func TestPassphraseChangeCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened(t, dir).Close()
	read := func(name string) []byte { b, _ := os.ReadFile(filepath.Join(dir, name)); return b }
	write := func(name string, b []byte) { must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600)) }
	openKeys, openFile := read("keys"), read("storage.key")
	must(t, ring(t, dir).SetPassphrase(nil, []byte("one")))
	lockedKeys := read("keys")

	// Setting one: new keyring written beside the old one, half and whole.
	for _, half := range [][]byte{lockedKeys[:40], lockedKeys} {
		write("keys", openKeys)
		write("storage.key", openFile)
		write("keys.new", half)
		opened(t, dir).Close()
	}
	// Renamed, but the key file not wiped, or wiped but not removed.
	for _, left := range [][]byte{openFile, make([]byte, 32)} {
		write("keys", lockedKeys)
		write("storage.key", left)
		r := ring(t, dir)
		want(t, r.Protected(), true)
		_, err := r.Unlock([]byte("one"))
		must(t, err)
		if read("storage.key") != nil {
			t.Fatal("the key file is still there")
		}
	}
	// Dropping it: a new key file written, the keyring not yet.
	write("storage.key", bytes.Repeat([]byte{1}, 32))
	_, err := ring(t, dir).Unlock([]byte("one"))
	must(t, err)
}

func TestKeyringRefusesDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened(t, dir).Close()
	path, file := filepath.Join(dir, "keys"), filepath.Join(dir, "storage.key")
	whole, err := os.ReadFile(path)
	must(t, err)
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x20
		must(t, os.WriteFile(path, b, 0o600))
		_, err := store.OpenKeyring(dir)
		wantErr(t, err, store.ErrCorrupt)
	}
	must(t, os.Remove(path))
	_, err = store.OpenKeyring(dir) // a new data key would be of no use
	wantErr(t, err, store.ErrCorrupt)
	must(t, os.WriteFile(path, whole, 0o600))

	must(t, os.Chmod(file, 0o644))
	_, err = ring(t, dir).Unlock(nil)
	wantErr(t, err, store.ErrKeyFile)
	must(t, os.WriteFile(file, make([]byte, 32), 0o600))
	must(t, os.Chmod(file, 0o600))
	_, err = ring(t, dir).Unlock(nil)
	wantErr(t, err, store.ErrKeyFile)
	must(t, os.Remove(file))
	_, err = ring(t, dir).Unlock(nil)
	wantErr(t, err, store.ErrKeyFile)
}

func TestAnotherFoldersKeyDoesNotOpen(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	opened(t, dir).Close()
	key, err := ring(t, other).Unlock(nil)
	must(t, err)
	_, err = store.Open(store.DefaultConfig(dir), key)
	wantErr(t, err, store.ErrWrongKey)
	_, err = store.Open(store.DefaultConfig(dir), store.DataKey{})
	wantErr(t, err, store.ErrLocked)
	opened(t, dir)
}
