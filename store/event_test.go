package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/store"
)

func appendEvent(t *testing.T, db *store.DB, data string) {
	t.Helper()
	must(t, db.Update(ctx, func(tx *store.Tx) error { tx.Append("line", []byte(data)); return nil }))
}

func TestEventsAreNumberedAndDurable(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	pokes, stop := db.Watch()
	defer stop()
	for n := 1; n <= 5; n++ {
		appendEvent(t, db, fmt.Sprint(n))
		<-pokes
		want(t, db.LastEvent(), uint64(n))
	}
	db.Close()
	if _, open := <-pokes; open {
		t.Fatal("poked by nothing")
	}
	db = opened(t, dir)
	want(t, db.LastEvent(), 5)
	appendEvent(t, db, "6")
	events, err := db.Events(2, 3)
	must(t, err)
	want(t, len(events), 3)
	for i, e := range events {
		want(t, e.Cursor, uint64(3+i))
		want(t, string(e.Data), fmt.Sprint(3+i))
		want(t, e.Type, "line")
	}
	events, err = db.Events(6, 10)
	must(t, err)
	want(t, len(events), 0)
	_, err = db.Events(7, 10)
	wantErr(t, err, store.ErrTooOld)
}

func TestOldEventsAreTrimmed(t *testing.T) {
	dir := t.TempDir()
	few := func(c *store.Config) { c.Limits.Events, c.Limits.TrimEvery = 20, time.Millisecond }
	db := opened(t, dir, few)
	for n := range 100 {
		appendEvent(t, db, fmt.Sprint(n+1))
	}
	runUntil(t, db, func() bool { _, err := db.Events(79, 1); return err != nil })
	_, err := db.Events(79, 1)
	wantErr(t, err, store.ErrTooOld)
	events, err := db.Events(80, 100)
	must(t, err)
	want(t, len(events), 20)
	db.Close()
	db = opened(t, dir, few)
	want(t, db.LastEvent(), 100)
	_, err = db.Events(0, 1)
	wantErr(t, err, store.ErrTooOld)
}

func TestEventsAge(t *testing.T) {
	now := time.Now()
	db := opened(t, t.TempDir(), func(c *store.Config) {
		c.Now = func() time.Time { return now }
		c.Limits.TrimEvery = time.Millisecond
	})
	appendEvent(t, db, "old")
	now = now.Add(31 * 24 * time.Hour)
	appendEvent(t, db, "new")
	runUntil(t, db, func() bool { _, err := db.Events(0, 1); return err != nil })
	events, err := db.Events(1, 10)
	must(t, err)
	want(t, len(events), 1)
	want(t, string(events[0].Data), "new")
}

// runUntil keeps house until something holds.
func runUntil(t *testing.T, db *store.DB, done func() bool) {
	t.Helper()
	run, stop := context.WithTimeout(ctx, 50*time.Second)
	ended := make(chan error)
	go func() { ended <- db.Run(run) }()
	for !done() && run.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	must(t, <-ended)
	if !done() {
		t.Fatal("it never came to hold")
	}
}
