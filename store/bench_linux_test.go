package store_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// messageWrites is what one message changes: a session state, the message, an
// outbox entry and an event.
func messageWrites(tx *store.Tx, n uint64, state []byte) {
	tx.Set(contacts.Key(store.Uint(n%16)), state)
	tx.Set(lines.Key(store.Uint(n%64), store.Uint(n)), state[:300])
	tx.Append("message.new", state[:40])
}

const messageBytes = 3000 + 300 + 40 + 150

func report(b *testing.B, name string, ds []time.Duration) {
	slices.Sort(ds)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(ds[min(len(ds)-1, len(ds)*p/100)].Nanoseconds())/1000, fmt.Sprintf("%s-p%d-µs", name, p))
	}
}

// BenchmarkUpdate compares one durable commit at a time with appending the same
// bytes to a plain file and syncing it, in turns.
func BenchmarkUpdate(b *testing.B) {
	dir := b.TempDir()
	db := opened(b, dir)
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	state := make([]byte, 3000)
	plain := make([]byte, messageBytes)
	rand.Read(state)
	var ours, raw []time.Duration
	for n := uint64(0); b.Loop(); n++ {
		start := time.Now()
		if err := db.Update(ctx, func(tx *store.Tx) error { messageWrites(tx, n, state); return nil }); err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		start = time.Now()
		if _, err := f.Write(plain); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		raw = append(raw, time.Since(start))
	}
	report(b, "update", ours)
	report(b, "write+fsync", raw)
}

func BenchmarkUpdateConcurrent(b *testing.B) {
	for _, writers := range []int{1, 4, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) { concurrent(b, writers) })
	}
}

func concurrent(b *testing.B, writers int) {
	db := opened(b, b.TempDir())
	state := make([]byte, 3000)
	var next atomic.Uint64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for n := next.Add(1); n <= uint64(b.N); n = next.Add(1) {
				if err := db.Update(ctx, func(tx *store.Tx) error { messageWrites(tx, n, state); return nil }); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
}

func BenchmarkUpdateLazy(b *testing.B) {
	db := opened(b, b.TempDir())
	state := make([]byte, 300)
	for n := uint64(0); b.Loop(); n++ {
		if err := db.UpdateLazy(ctx, func(tx *store.Tx) error { tx.Set(contacts.Key(store.Uint(n%1000)), state); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView reads what is still in the overlay, and what Badger has.
func BenchmarkView(b *testing.B) {
	dir := b.TempDir()
	db := opened(b, dir)
	for n := range uint64(2000) {
		db.UpdateLazy(ctx, func(tx *store.Tx) error {
			tx.Set(contacts.Key(store.Uint(n)), make([]byte, 1000))
			tx.Set(lines.Key(store.Uint(n%20), store.Uint(n)), make([]byte, 300))
			return nil
		})
	}
	views := func(b *testing.B) {
		b.Run("get", func(b *testing.B) {
			for n := uint64(0); b.Loop(); n++ {
				get(b, db, contacts.Key(store.Uint(n%2000)))
			}
		})
		b.Run("last50", func(b *testing.B) {
			for n := uint64(0); b.Loop(); n++ {
				seen := 0
				err := db.View(func(tx *store.Tx) error {
					return tx.Scan(store.Range{Prefix: lines.Key(store.Uint(n % 20)), Reverse: true, Limit: 50}, func(store.Key, []byte) (bool, error) {
						seen++
						return true, nil
					})
				})
				if err != nil || seen != 50 {
					b.Fatal(seen, err)
				}
			}
		})
	}
	b.Run("overlay", views)
	db.Close()
	db = opened(b, dir)
	b.Run("settled", views)
}

// BenchmarkOpen opens and closes a database with some thousand records.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	db := opened(b, dir)
	for n := range uint64(20_000) {
		db.UpdateLazy(ctx, func(tx *store.Tx) error { tx.Set(lines.Key(store.Uint(n)), make([]byte, 300)); return nil })
	}
	db.Close()
	var opens []time.Duration
	for b.Loop() {
		start := time.Now()
		db := opened(b, dir)
		opens = append(opens, time.Since(start))
		db.Close()
	}
	report(b, "open", opens)
}

// BenchmarkIdle says what a database at rest costs: CPU per second, and memory.
func BenchmarkIdle(b *testing.B) {
	db := opened(b, b.TempDir())
	for n := range uint64(5000) {
		db.Update(ctx, func(tx *store.Tx) error { messageWrites(tx, n, make([]byte, 3000)); return nil })
	}
	time.Sleep(3 * time.Second)
	start, cpu := time.Now(), cpuTime()
	time.Sleep(10 * time.Second)
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/time.Since(start).Seconds(), "cpu-µs/s")
	b.ReportMetric(float64(rss())/(1<<20), "RSS-MiB")
	b.ReportMetric(float64(db.Size())/(1<<20), "disk-MiB")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func rss() (bytes int64) {
	b, _ := os.ReadFile("/proc/self/statm")
	var all, resident int64
	fmt.Sscan(string(b), &all, &resident)
	return resident * int64(os.Getpagesize())
}
