package store_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// eachFile visits the files below a folder.
func eachFile(t *testing.T, dir string, fn func(path string, b []byte)) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fn(path, b)
		return err
	}))
}

// TestNothingReadableOnDisk looks for what was written in every file: while it
// is open, as a crash would leave it, and closed.
func TestNothingReadableOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := opened(t, dir, smallSegments)
	small, big := "plaintext-of-a-message", strings.Repeat("plaintext-of-a-file ", 5000)
	for n := range uint64(200) {
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			tx.Set(contacts.Key(store.Secret("plainname~of-alice"), store.Uint(n)), []byte(small))
			tx.Set(lines.Key(store.Bytes([]byte("plainkey-bytes")), store.Uint(n)), []byte(big[:n*400]))
			tx.Append("plaintype.of-event", []byte("plaintext-of-event"))
			return nil
		}))
	}
	look := func(when string) {
		t.Helper()
		eachFile(t, dir, func(path string, b []byte) {
			for _, needle := range []string{"plaintext", "plainname", "of-alice", "plainkey", "plaintype"} {
				if bytes.Contains(b, []byte(needle)) {
					t.Errorf("%s: %q is in %s", when, needle, path)
				}
			}
		})
	}
	look("open")
	db.Close()
	look("closed")
	key, err := ring(t, dir).Unlock(nil)
	must(t, err)
	if s := fmt.Sprintf("%v %+v %#v", key, key, key); len(s) > 120 {
		t.Errorf("a data key prints as %s", s)
	}
}

// grown makes a folder with everything in it: tables, value logs, a journal
// with frames. It is left as a crash would leave it.
func grown(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db := opened(t, dir, smallSegments)
	for n := range uint64(100) {
		set(t, db, contacts.Key(store.Uint(n)), strings.Repeat("x", 100+int(n)*500))
	}
	db.Close()
	db = opened(t, dir, smallSegments)
	for n := range uint64(5) {
		set(t, db, lines.Key(store.Uint(n)), "in the journal")
	}
	crashed := t.TempDir()
	must(t, os.CopyFS(crashed, os.DirFS(dir)))
	must(t, os.Chmod(filepath.Join(crashed, "storage.key"), 0o600))
	return crashed
}

// TestDamageIsNoticed changes one byte in the middle of what each file holds,
// cuts files short and removes them: opening and reading everything must then
// fail in so many words, or find everything.
func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	dir := grown(t)
	readAll(t, dir, true, "untouched")
	eachFile(t, dir, func(path string, whole []byte) {
		name, _ := filepath.Rel(dir, path)
		end := len(bytes.TrimRight(whole, "\x00"))
		if strings.HasSuffix(path, "LOCK") || end == 0 {
			return
		}
		for what, b := range map[string][]byte{"flipped": flip(whole, end/2), "cut": whole[:end/2], "removed": nil} {
			t.Run(name+" "+what, func(t *testing.T) {
				broken := t.TempDir()
				must(t, os.CopyFS(broken, os.DirFS(dir)))
				must(t, os.Chmod(filepath.Join(broken, "storage.key"), 0o600))
				target := filepath.Join(broken, name)
				if b == nil {
					must(t, os.Remove(target))
				} else {
					must(t, os.WriteFile(target, b, 0o600))
				}
				readAll(t, broken, false, what)
			})
		}
	})
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

// readAll reads everything of a grown folder. Silence about a loss is the one
// thing it does not take.
func readAll(t *testing.T, dir string, whole bool, what string) {
	t.Helper()
	db, err := open(dir)
	if err != nil {
		t.Log(err)
		if whole || strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
		return
	}
	defer db.Close()
	n := 0
	err = db.View(func(tx *store.Tx) error {
		for _, table := range []store.Table{contacts, lines} {
			err := tx.Scan(store.Range{Prefix: table.Key()}, func(_ store.Key, v []byte) (bool, error) { n++; return true, nil })
			if err != nil {
				return err
			}
		}
		return nil
	})
	t.Log(n, "records", err)
	if err == nil && n != 105 {
		t.Errorf("%s: %d records of 105 and no error", what, n)
	}
}
