package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Event is one durable, numbered event.
type Event struct {
	Cursor uint64    // from 1, one by one
	Time   time.Time // when it was appended, milliseconds
	Type   string    // at most 255 bytes
	Data   []byte    // the appender's own
}

// encode writes what is stored under the cursor; spec/storage.md#events.
func (e Event) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(e.Time.UnixMilli()))
	b = append(b, byte(len(e.Type)))
	b = append(b, e.Type...)
	return append(b, e.Data...)
}

func parseEvent(cursor uint64, b []byte) (Event, error) {
	if len(b) < 9 || len(b) < 9+int(b[8]) {
		return Event{}, fmt.Errorf("event %d: %w", cursor, ErrCorrupt)
	}
	n := 9 + int(b[8])
	return Event{
		Cursor: cursor,
		Time:   time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC(),
		Type:   string(b[9:n]),
		Data:   b[n:],
	}, nil
}

// Append adds a durable numbered event, visible at commit, and says its cursor.
func (tx *Tx) Append(typ string, data []byte) (cursor uint64) {
	if len(typ) > 255 && tx.fault == nil {
		tx.fault = fmt.Errorf("event type: %w", ErrTooLarge)
	}
	e := Event{Time: tx.db.now(), Type: typ, Data: data}
	cursor = tx.state.last + 1
	if tx.Set(tableEvent.Key(Uint(cursor)), e.encode()); tx.fault == nil {
		tx.state.last, tx.appended = cursor, true
	}
	return cursor
}

// Events lists at most limit events with a cursor greater than after, oldest
// first. ErrTooOld: some of them were trimmed, or that cursor was never given.
func (db *DB) Events(after uint64, limit int) (out []Event, err error) {
	err = db.View(func(tx *Tx) (err error) {
		out, err = tx.Events(after, limit)
		return err
	})
	return out, err
}

// Events is DB.Events as this transaction sees it.
func (tx *Tx) Events(after uint64, limit int) (out []Event, err error) {
	if after < tx.state.floor || after > tx.state.last {
		return nil, fmt.Errorf("events after %d: %w", after, ErrTooOld)
	}
	if after == tx.state.last || limit <= 0 {
		return nil, nil
	}
	bound := binary.BigEndian.AppendUint64(nil, after)
	err = tx.Scan(Range{Prefix: tableEvent.Key(), After: bound, Limit: limit}, func(k Key, v []byte) (bool, error) {
		e, err := parseEvent(binary.BigEndian.Uint64(k.Tail()), v)
		out = append(out, e)
		return true, err
	})
	return out, err
}

// LastEvent is the cursor of the newest committed event, 0 when none.
func (db *DB) LastEvent() uint64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.pub.last
}

// Watch gives a channel that is poked after commits that appended events; pokes
// nobody took are one. Close closes it.
func (db *DB) Watch() (<-chan struct{}, func()) {
	w := make(chan struct{}, 1)
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.ended {
		close(w)
		return w, func() {}
	}
	db.watchers[w] = struct{}{}
	return w, func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		delete(db.watchers, w)
	}
}

func (db *DB) pokeLocked() {
	for w := range db.watchers {
		poke(w)
	}
}

// loadEvents finds the first and the last event.
func (db *DB) loadEvents() error {
	var floor, last uint64
	err := db.View(func(tx *Tx) (err error) {
		if floor, err = tx.number(keyFloor); err != nil {
			return err
		}
		last = floor
		return tx.Scan(Range{Prefix: tableEvent.Key(), Reverse: true, Limit: 1}, func(k Key, _ []byte) (bool, error) {
			last = max(last, binary.BigEndian.Uint64(k.Tail()))
			return false, nil
		})
	})
	db.mu.Lock()
	defer db.mu.Unlock()
	db.tip.last, db.tip.floor = last, floor
	db.pub.last, db.pub.floor = last, floor
	return err
}

// trimChunk bounds one closure of a trim.
const trimChunk = 500

// trim deletes events that are too many or too old.
func (db *DB) trim(ctx context.Context) error {
	for {
		n := 0
		err := db.UpdateLazy(ctx, func(tx *Tx) (err error) {
			n, err = tx.trim(trimChunk)
			return err
		})
		if err != nil || n < trimChunk {
			return err
		}
	}
}

func (tx *Tx) trim(limit int) (n int, err error) {
	oldest := tx.db.now().Add(-tx.db.limits.EventAge)
	keep := uint64(tx.db.limits.Events)
	floor := tx.state.floor
	events, err := tx.Events(floor, limit)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		if tx.state.last-e.Cursor < keep && !e.Time.Before(oldest) {
			break
		}
		tx.Delete(tableEvent.Key(Uint(e.Cursor)))
		floor, n = e.Cursor, n+1
	}
	if n > 0 {
		tx.Set(keyFloor, binary.BigEndian.AppendUint64(nil, floor))
		tx.state.floor = floor
	}
	return n, nil
}
