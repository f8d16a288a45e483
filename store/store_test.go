package store_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/p2pmsgd/p2pmsgd/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_CHILD"); dir != "" {
		child(dir)
		return
	}
	flag.Set("rapid.checks", "40") // each opens a folder; the command line overrides it
	goleak.VerifyTestMain(m,
		// What Badger leaves behind when it cannot open a damaged database.
		goleak.IgnoreAnyFunction("github.com/dgraph-io/badger/v4.(*DB).monitorCache"),
		goleak.IgnoreAnyFunction("github.com/dgraph-io/ristretto/v2/z.(*AllocatorPool).freeupAllocators"),
	)
}

var (
	ctx      = context.Background()
	contacts = store.Table{ID: 0x20, Name: "contact"}
	lines    = store.Table{ID: 0x21, Name: "line"}
)

// opened opens the database of a folder until the test ends.
func opened(t testing.TB, dir string, change ...func(*store.Config)) *store.DB {
	t.Helper()
	db, err := open(dir, change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func open(dir string, change ...func(*store.Config)) (*store.DB, error) {
	ring, err := store.OpenKeyring(dir)
	if err != nil {
		return nil, err
	}
	key, err := ring.Unlock(nil)
	if err != nil {
		return nil, err
	}
	cfg := store.DefaultConfig(dir)
	for _, c := range change {
		c(&cfg)
	}
	return store.Open(cfg, key)
}

func set(t testing.TB, db *store.DB, k store.Key, v string) {
	t.Helper()
	if err := db.Update(ctx, func(tx *store.Tx) error { tx.Set(k, []byte(v)); return nil }); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, db *store.DB, k store.Key) string {
	t.Helper()
	v := "(none)"
	err := db.View(func(tx *store.Tx) error {
		b, err := tx.Get(k)
		if err == nil {
			v = string(b)
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func want[T comparable](t testing.TB, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, want %v", got, wanted)
	}
}

func wantErr(t testing.TB, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("got error %v, want %v", err, wanted)
	}
}

func TestWhatIsWrittenIsThereTomorrow(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	alice := contacts.Key(store.Secret("alice"))
	want(t, get(t, db, alice), "(none)")
	set(t, db, alice, "met on Monday")
	want(t, get(t, db, alice), "met on Monday")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, db.Update(ctx, func(*store.Tx) error { return nil }), store.ErrClosed)
	want(t, db.View(func(*store.Tx) error { return nil }), store.ErrClosed)

	db = opened(t, dir)
	want(t, get(t, db, alice), "met on Monday")
	set(t, db, alice, "met on Tuesday")
	if err := db.Update(ctx, func(tx *store.Tx) error { tx.Delete(alice); return nil }); err != nil {
		t.Fatal(err)
	}
	want(t, get(t, db, alice), "(none)")
	db.Close()
	want(t, get(t, opened(t, dir), alice), "(none)")
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	opened(t, dir)
	_, err := open(dir)
	wantErr(t, err, store.ErrInUse)
}

func TestFailedClosureLeavesNothing(t *testing.T) {
	db := opened(t, t.TempDir())
	a, b := contacts.Key(store.Uint(1)), contacts.Key(store.Uint(2))
	set(t, db, a, "kept")
	fault := errors.New("no")
	err := db.Update(ctx, func(tx *store.Tx) error {
		tx.Set(a, []byte("lost"))
		tx.Set(b, []byte("lost"))
		tx.Append("lost", nil)
		tx.OnCommit(func() { t.Error("hook of a failed closure ran") })
		return fault
	})
	wantErr(t, err, fault)
	want(t, get(t, db, a), "kept")
	want(t, get(t, db, b), "(none)")
	want(t, db.LastEvent(), 0)
}

func TestPanicIsTheCallers(t *testing.T) {
	db := opened(t, t.TempDir())
	a := contacts.Key(store.Uint(1))
	func() {
		defer func() { want(t, recover(), any("oh")) }()
		db.Update(ctx, func(tx *store.Tx) error { tx.Set(a, []byte("lost")); panic("oh") })
	}()
	want(t, get(t, db, a), "(none)")
	set(t, db, a, "fine")
	want(t, get(t, db, a), "fine")
}

func TestUpdatesSeeEachOther(t *testing.T) {
	db := opened(t, t.TempDir())
	k := contacts.Key(store.Secret("counter"))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 50 {
				update := db.Update
				if i%4 == 0 {
					update = db.UpdateLazy
				}
				if err := update(ctx, func(tx *store.Tx) error { return count(tx, k) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(t, get(t, db, k), fmt.Sprint(800))
}

func count(tx *store.Tx, k store.Key) error {
	n := 0
	b, err := tx.Get(k)
	if err == nil {
		fmt.Sscan(string(b), &n)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	tx.Set(k, fmt.Append(nil, n+1))
	return nil
}

func TestScanIsOrderedAndBounded(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	id := bytes.Repeat([]byte{7}, 16)
	for n := range 10 {
		set(t, db, lines.Key(store.Bytes(id), store.Uint(uint64(n))), fmt.Sprint(n))
	}
	set(t, db, lines.Key(store.Bytes(bytes.Repeat([]byte{8}, 16)), store.Uint(1)), "other")
	set(t, db, lines.Key(store.Bytes(bytes.Repeat([]byte{6}, 16)), store.Uint(1)), "other")
	u := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, n} }
	check := func() {
		t.Helper()
		p := lines.Key(store.Bytes(id))
		want(t, scan(t, db, store.Range{Prefix: p}), "0 1 2 3 4 5 6 7 8 9 ")
		want(t, scan(t, db, store.Range{Prefix: p, Limit: 3}), "0 1 2 ")
		want(t, scan(t, db, store.Range{Prefix: p, After: u(3), Limit: 3}), "4 5 6 ")
		want(t, scan(t, db, store.Range{Prefix: p, Before: u(3)}), "0 1 2 ")
		want(t, scan(t, db, store.Range{Prefix: p, Reverse: true, Limit: 3}), "9 8 7 ")
		want(t, scan(t, db, store.Range{Prefix: p, Reverse: true, Before: u(3)}), "2 1 0 ")
		want(t, scan(t, db, store.Range{Prefix: p, Reverse: true, After: u(6)}), "9 8 7 ")
		want(t, scan(t, db, store.Range{Prefix: p, After: u(2), Before: u(5)}), "3 4 ")
	}
	check()
	db.Close() // from here on Badger has them
	db = opened(t, dir)
	check()
	db.Update(ctx, func(tx *store.Tx) error { tx.Delete(lines.Key(store.Bytes(id), store.Uint(4))); return nil })
	set(t, db, lines.Key(store.Bytes(id), store.Uint(5)), "five")
	want(t, scan(t, db, store.Range{Prefix: lines.Key(store.Bytes(id)), After: u(2), Before: u(7)}), "3 five 6 ")
}

func scan(t testing.TB, db *store.DB, r store.Range) (out string) {
	t.Helper()
	err := db.View(func(tx *store.Tx) error {
		return tx.Scan(r, func(_ store.Key, v []byte) (bool, error) {
			out += string(v) + " "
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestViewIsASnapshot(t *testing.T) {
	db := opened(t, t.TempDir(), func(c *store.Config) { c.Limits.SegmentBytes = 16 << 10 })
	k := contacts.Key(store.Uint(1))
	set(t, db, k, "before")
	err := db.View(func(tx *store.Tx) error {
		for n := range 200 { // several times through Badger
			set(t, db, contacts.Key(store.Uint(uint64(n+2))), string(make([]byte, 1000)))
			set(t, db, k, "after")
		}
		b, err := tx.Get(k)
		want(t, string(b), "before")
		n := 0
		serr := tx.Scan(store.Range{Prefix: contacts.Key()}, func(store.Key, []byte) (bool, error) { n++; return true, nil })
		want(t, n, 1)
		return errors.Join(err, serr)
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, get(t, db, k), "after")
}

func TestTTL(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	clock := func(c *store.Config) { c.Now = func() time.Time { return now } }
	db := opened(t, dir, clock)
	k := contacts.Key(store.Uint(1))
	soon := func(tx *store.Tx) error { tx.SetTTL(k, []byte("soon gone"), time.Minute); return nil }
	if err := db.Update(ctx, soon); err != nil {
		t.Fatal(err)
	}
	now = now.Add(59 * time.Second)
	want(t, get(t, db, k), "soon gone")
	now = now.Add(2 * time.Second)
	want(t, get(t, db, k), "(none)")
	if err := db.Update(ctx, soon); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = opened(t, dir, clock)
	want(t, get(t, db, k), "soon gone")
	now = now.Add(61 * time.Second)
	want(t, get(t, db, k), "(none)")
	want(t, scan(t, db, store.Range{Prefix: contacts.Key()}), "")
}

func TestHooksRunInOrder(t *testing.T) {
	db := opened(t, t.TempDir())
	got := make(chan int, 100)
	for n := range 100 {
		err := db.Update(ctx, func(tx *store.Tx) error {
			tx.Set(contacts.Key(store.Uint(1)), []byte{byte(n)})
			tx.OnCommit(func() {
				if get(t, db, contacts.Key(store.Uint(1))) < string([]byte{byte(n)}) {
					t.Error("hook ran before the commit was visible")
				}
				got <- n
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 100 {
		want(t, <-got, n)
	}
}

func TestFaults(t *testing.T) {
	db := opened(t, t.TempDir())
	long := string(make([]byte, 2<<20))
	try := func(k store.Key, v string) error {
		return db.Update(ctx, func(tx *store.Tx) error { tx.Set(k, []byte(v)); return nil })
	}
	wantErr(t, try(contacts.Key(store.Uint(1)), long), store.ErrTooLarge)
	wantErr(t, try(contacts.Key(store.Bytes([]byte(long))), ""), store.ErrTooLarge)
	if try(store.Table{}.Key(), "") == nil || try(store.Table{ID: 0x80}.Key(), "") == nil {
		t.Fatal("table out of range taken")
	}
	wantErr(t, db.Update(ctx, func(tx *store.Tx) error {
		for n := range uint64(20) {
			tx.Set(contacts.Key(store.Uint(n)), []byte(long[:1<<20]))
		}
		return nil
	}), store.ErrTooLarge)
	wantErr(t, db.View(func(tx *store.Tx) error { tx.Delete(contacts.Key()); return nil }), store.ErrReadOnly)
	want(t, scan(t, db, store.Range{Prefix: contacts.Key()}), "")
}

func TestCancelledCallerIsNotRun(t *testing.T) {
	db := opened(t, t.TempDir())
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		db.Update(ctx, func(*store.Tx) error { close(inside); <-leave; return nil })
	})
	<-inside
	short, cancel := context.WithCancel(ctx)
	wg.Go(func() {
		err := db.Update(short, func(*store.Tx) error { t.Error("ran"); return nil })
		wantErr(t, err, context.Canceled)
		close(leave)
	})
	cancel()
	wg.Wait()
}

func TestCloseWhileWritersWait(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	var wg sync.WaitGroup
	kept := make([]uint64, 32)
	started := make(chan struct{}, len(kept))
	for i := range kept {
		wg.Go(func() {
			for n := uint64(1); ; n++ {
				k := lines.Key(store.Uint(uint64(i)), store.Uint(n))
				err := db.Update(ctx, func(tx *store.Tx) error { tx.Set(k, []byte("x")); return nil })
				if err != nil {
					wantErr(t, err, store.ErrClosed)
					return
				}
				if kept[i] = n; n == 3 {
					started <- struct{}{}
				}
			}
		})
	}
	for range kept {
		<-started
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	db = opened(t, dir)
	for i, n := range kept {
		want(t, get(t, db, lines.Key(store.Uint(uint64(i)), store.Uint(n))), "x")
		want(t, get(t, db, lines.Key(store.Uint(uint64(i)), store.Uint(n+1))), "(none)")
	}
}

func TestSizeIsWhatTheFilesTake(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	if s := db.Size(); s < 1<<20 || s > 16<<20 {
		t.Fatalf("an empty database takes %d bytes", s)
	}
	if _, err := os.Stat(filepath.Join(dir, "db")); err != nil {
		t.Fatal(err)
	}
}
