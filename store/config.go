package store

import (
	"log/slog"
	"time"
)

// Config says where a database lives and what it may use.
type Config struct {
	Dir        string           // folder, made 0700 when absent; the database goes to Dir/db
	Logger     *slog.Logger     // nil: nothing is logged
	Limits     Limits           // zero fields take the value of DefaultLimits
	Now        func() time.Time // nil: time.Now; the clock of events and of SetTTL
	Migrations []Migration      // steps from older schemas, oldest first; only ever appended to
}

// DefaultConfig is the configuration for a folder, with default limits.
func DefaultConfig(dir string) Config {
	return Config{Dir: dir, Limits: DefaultLimits()}
}

// Limits bounds what the database may take, in memory and on disk.
type Limits struct {
	KeyBytes     int           // longest encoded key
	ValueBytes   int           // longest value
	ClosureBytes int           // most bytes one closure may write
	BatchBytes   int           // a batch is closed to newcomers above this
	SegmentBytes int64         // journal segment; at most three such files, and the memory of the overlay
	BulkBytes    int           // values from here on go to Badger's value log
	CacheBytes   int64         // Badger's block cache, and once more its index cache
	Events       int           // newest events that are kept
	EventAge     time.Duration // age above which an event is trimmed
	TrimEvery    time.Duration // how often Run looks for events to trim and space to reclaim
	LazyDelay    time.Duration // a lazy write reaches the disk at most this much later, if nothing takes it along
}

// DefaultLimits are limits for a small machine.
func DefaultLimits() Limits {
	return Limits{
		KeyBytes:     256,
		ValueBytes:   1 << 20,
		ClosureBytes: 8 << 20,
		BatchBytes:   1 << 20,
		SegmentBytes: 2 << 20,
		BulkBytes:    32 << 10,
		CacheBytes:   4 << 20,
		Events:       50_000,
		EventAge:     30 * 24 * time.Hour,
		TrimEvery:    5 * time.Minute,
		LazyDelay:    2 * time.Second,
	}
}

// orDefault replaces every zero field by its default.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	pick(&l.KeyBytes, d.KeyBytes)
	pick(&l.ValueBytes, d.ValueBytes)
	pick(&l.ClosureBytes, d.ClosureBytes)
	pick(&l.BatchBytes, d.BatchBytes)
	pick(&l.SegmentBytes, d.SegmentBytes)
	pick(&l.BulkBytes, d.BulkBytes)
	pick(&l.CacheBytes, d.CacheBytes)
	pick(&l.Events, d.Events)
	pick(&l.EventAge, d.EventAge)
	pick(&l.TrimEvery, d.TrimEvery)
	pick(&l.LazyDelay, d.LazyDelay)
	return l
}

func pick[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}
