package store_test

import (
	"crypto/rand"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// TestDiskIsBoundedUnderBulkOverwrites overwrites a few megabytes of bulk
// values until 100 MiB were written.
func TestDiskIsBoundedUnderBulkOverwrites(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MiB")
	}
	t.Parallel()
	db := opened(t, t.TempDir())
	var peak int64
	value := make([]byte, 128<<10)
	write := func(n int) {
		rand.Read(value)
		must(t, db.UpdateLazy(ctx, func(tx *store.Tx) error { tx.Set(contacts.Key(store.Uint(uint64(n%32))), value); return nil }))
		peak = max(peak, db.Size())
	}
	n := 0
	runUntil(t, db, func() bool { write(n); n++; return n > 800 })
	runUntil(t, db, func() bool { return db.Size() < 60<<20 })
	if peak > 120<<20 {
		t.Errorf("4 MiB of live values took %d MiB at most", peak>>20)
	}
	t.Logf("wrote %d MiB over 4 MiB: at most %d MiB on disk, now %d", n>>3, peak>>20, db.Size()>>20)
	want(t, len(get(t, db, contacts.Key(store.Uint(3)))), len(value))
}

// TestDiskIsBoundedUnderSmallOverwrites does so with the size of a session
// state: nearly all of it never reaches Badger.
func TestDiskIsBoundedUnderSmallOverwrites(t *testing.T) {
	t.Parallel()
	db := opened(t, t.TempDir())
	state := make([]byte, 4000)
	for n := range 20_000 { // 80 MB
		rand.Read(state)
		must(t, db.UpdateLazy(ctx, func(tx *store.Tx) error { tx.Set(contacts.Key(store.Uint(uint64(n%50))), state); return nil }))
	}
	if s := db.Size(); s > 40<<20 {
		t.Errorf("200 kB of live values take %d MiB", s>>20)
	}
	t.Log(db.Size()>>20, "MiB")
}
