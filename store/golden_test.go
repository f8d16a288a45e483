package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const golden = "testdata/v1.tar.gz"

var (
	goldenPeople = Table{ID: 0x20, Name: "people"}
	goldenLines  = Table{ID: 0x21, Name: "lines"}
)

// fillGolden writes what the golden folder holds: some settled, some in the
// journal, as a kill would leave it.
func fillGolden(t *testing.T, dir string) {
	k, err := OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig(dir)
	cfg.Limits.SegmentBytes = 4 << 10
	for _, round := range []string{"settled", "in the journal"} {
		db, err := Open(cfg, key)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(context.Background(), func(tx *Tx) error {
			tx.Set(goldenPeople.Key(Secret("alice")), []byte(round))
			for n := range uint64(20) {
				tx.Set(goldenLines.Key(Uint(n)), fmt.Appendf(nil, "%s %d", round, n))
			}
			tx.Set(goldenLines.Key(Uint(99)), bytes.Repeat([]byte("bulk"), 10_000))
			tx.Append("golden", []byte(round))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if round == "settled" {
			err = db.Close()
		} else {
			err = writeGolden(dir)
			db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeGolden(dir string) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close())
	return errors.Join(err, os.MkdirAll("testdata", 0o755), os.WriteFile(golden, b.Bytes(), 0o644))
}

func unpackGolden(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, "/") || h.FileInfo().IsDir() {
			continue
		}
		b, err := io.ReadAll(r)
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoldenFolder opens a folder that the first release wrote.
func TestGoldenFolder(t *testing.T) {
	t.Parallel()
	if *update {
		fillGolden(t, t.TempDir())
	}
	dir := t.TempDir()
	unpackGolden(t, dir)
	db := openGolden(t, dir)
	defer db.Close()
	err := db.View(func(tx *Tx) error {
		b, err := tx.Get(goldenPeople.Key(Secret("alice")))
		if string(b) != "in the journal" {
			t.Errorf("alice: %q", b)
		}
		n := 0
		serr := tx.Scan(Range{Prefix: goldenLines.Key()}, func(Key, []byte) (bool, error) { n++; return true, nil })
		if n != 21 {
			t.Errorf("%d lines", n)
		}
		events, eerr := tx.Events(0, 10)
		if len(events) != 2 || string(events[1].Data) != "in the journal" {
			t.Errorf("events: %v", events)
		}
		return errors.Join(err, serr, eerr)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openGolden(t *testing.T, dir string, steps ...Migration) *DB {
	t.Helper()
	db, err := tryGolden(dir, steps...)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func tryGolden(dir string, steps ...Migration) (*DB, error) {
	k, err := OpenKeyring(dir)
	if err != nil {
		return nil, err
	}
	key, err := k.Unlock(nil)
	if err != nil {
		return nil, err
	}
	cfg := DefaultConfig(dir)
	cfg.Migrations = steps
	return Open(cfg, key)
}

// TestMigrations brings the first release's folder to later schemas, with a
// failure in between, and then to an old release.
func TestMigrations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpackGolden(t, dir)
	var ran []string
	step := func(name string, err error) Migration {
		return Migration{Name: name, Run: func(ctx context.Context, db *DB) error {
			ran = append(ran, name)
			return errors.Join(err, db.Update(ctx, func(tx *Tx) error {
				tx.Set(goldenPeople.Key(Secret(name)), []byte("migrated"))
				return nil
			}))
		}}
	}
	fault := errors.New("out of luck")
	if _, err := tryGolden(dir, step("a", nil), step("b", fault)); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	openGolden(t, dir, step("a", nil), step("b", nil), step("c", nil)).Close()
	openGolden(t, dir, step("a", nil), step("b", nil), step("c", nil)).Close()
	if got := strings.Join(ran, ""); got != "abbc" {
		t.Errorf("ran %s", got)
	}
	if _, err := tryGolden(dir, step("a", nil)); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("an old release: %v", err)
	}
	// A new folder begins with the newest schema.
	ran = nil
	openGolden(t, t.TempDir(), step("a", nil)).Close()
	if len(ran) > 0 {
		t.Error("a new folder was migrated")
	}
}
