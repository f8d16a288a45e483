package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// model is what the database must be: a map, and a list of events.
type model struct {
	records map[string]string // conversation byte and number → value
	events  []string
}

func (m *model) clone() *model {
	c := &model{records: map[string]string{}, events: slices.Clone(m.events)}
	for k, v := range m.records {
		c.records[k] = v
	}
	return c
}

func modelKey(conv byte, n uint64) (store.Key, string) {
	return lines.Key(store.Bytes([]byte{conv}), store.Uint(n)), fmt.Sprintf("%c%02d", 'a'+conv, n)
}

// TestTxIsAMap runs random transactions, some of which fail, against a map,
// closing and opening again on the way.
func TestTxIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "model")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		tiny := func(c *store.Config) {
			c.Limits.SegmentBytes = int64(rapid.SampledFrom([]int{2 << 10, 64 << 10}).Draw(t, "segment"))
		}
		db, err := open(dir, tiny)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{records: map[string]string{}}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 19).Draw(t, "step") {
			case 0:
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				if db, err = open(dir, tiny); err != nil {
					t.Fatal(err)
				}
			case 1, 2, 3, 4:
				if err := db.View(func(tx *store.Tx) error { return m.compare(t, tx) }); err != nil {
					t.Fatal(err)
				}
			default:
				m = m.update(t, db)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

var errModel = errors.New("closure fails")

func (m *model) update(t *rapid.T, db *store.DB) *model {
	fails := rapid.IntRange(0, 4).Draw(t, "fails") == 0
	update := db.Update
	if rapid.Bool().Draw(t, "lazy") {
		update = db.UpdateLazy
	}
	next := m.clone()
	err := update(ctx, func(tx *store.Tx) error {
		for range rapid.IntRange(0, 6).Draw(t, "writes") {
			next.write(t, tx)
		}
		if fails {
			return errModel
		}
		return next.compare(t, tx)
	})
	if fails {
		if !errors.Is(err, errModel) {
			t.Fatal(err)
		}
		return m
	}
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func (m *model) write(t *rapid.T, tx *store.Tx) {
	key, name := modelKey(rapid.ByteRange(0, 2).Draw(t, "conversation"), rapid.Uint64Range(0, 9).Draw(t, "n"))
	switch rapid.IntRange(0, 5).Draw(t, "write") {
	case 0:
		tx.Delete(key)
		delete(m.records, name)
	case 1:
		m.events = append(m.events, name)
		if got := tx.Append(name, []byte(name)); got != uint64(len(m.events)) {
			t.Fatalf("cursor %d, want %d", got, len(m.events))
		}
	default:
		v := strings.Repeat(name, rapid.SampledFrom([]int{0, 1, 100, 15000}).Draw(t, "size"))
		tx.Set(key, []byte(v))
		m.records[name] = v
	}
}

// compare reads everything there is in several ways.
func (m *model) compare(t *rapid.T, tx *store.Tx) error {
	for conv := range byte(3) {
		for n := range uint64(10) {
			key, name := modelKey(conv, n)
			got, err := tx.Get(key)
			if v, ok := m.records[name]; ok != (err == nil) || string(got) != v {
				return fmt.Errorf("get %s: %d bytes (%v), want %d", name, len(got), err, len(v))
			}
		}
	}
	if err := m.compareScan(t, tx); err != nil {
		return err
	}
	events, err := tx.Events(0, 1000)
	if len(events) != len(m.events) {
		return fmt.Errorf("%d events, want %d (%v)", len(events), len(m.events), err)
	}
	for i, e := range events {
		if e.Cursor != uint64(i+1) || e.Type != m.events[i] || string(e.Data) != m.events[i] {
			return fmt.Errorf("event %d is %v", i+1, e)
		}
	}
	return err
}

func (m *model) compareScan(t *rapid.T, tx *store.Tx) error {
	conv := rapid.ByteRange(0, 2).Draw(t, "scan")
	r := store.Range{Prefix: lines.Key(store.Bytes([]byte{conv})), Reverse: rapid.Bool().Draw(t, "reverse"), Limit: rapid.IntRange(0, 4).Draw(t, "limit")}
	bound := func(name string) []byte {
		n := rapid.IntRange(-1, 9).Draw(t, name)
		if n < 0 {
			return nil
		}
		return []byte{0, 0, 0, 0, 0, 0, 0, byte(n)}
	}
	r.After, r.Before = bound("after"), bound("before")
	var wanted, got []string
	for n := range uint64(10) {
		tail := []byte{0, 0, 0, 0, 0, 0, 0, byte(n)}
		_, name := modelKey(conv, n)
		v, ok := m.records[name]
		if ok && (r.After == nil || bytes.Compare(tail, r.After) > 0) && (r.Before == nil || bytes.Compare(tail, r.Before) < 0) {
			wanted = append(wanted, name+v)
		}
	}
	if r.Reverse {
		slices.Reverse(wanted)
	}
	if r.Limit > 0 && len(wanted) > r.Limit {
		wanted = wanted[:r.Limit]
	}
	err := tx.Scan(r, func(k store.Key, v []byte) (bool, error) {
		_, name := modelKey(conv, uint64(k.Tail()[7]))
		got = append(got, name+string(v))
		return true, nil
	})
	if !slices.Equal(got, wanted) {
		return fmt.Errorf("scan %+v: %d records, want %d", r, len(got), len(wanted))
	}
	return err
}
