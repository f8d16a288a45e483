package store

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
)

// TestDiskRefusesWrites takes the journal file away under a running database:
// everything that waits fails, nothing of it is seen, and when the disk takes
// writes again the database does, too.
func TestDiskRefusesWrites(t *testing.T) {
	dir := t.TempDir()
	db := openGolden(t, dir)
	defer db.Close()
	k := goldenPeople.Key(Secret("counter"))
	add := func() error {
		return db.Update(context.Background(), func(tx *Tx) error {
			b, err := tx.Get(k)
			if errors.Is(err, ErrNotFound) {
				b, err = nil, nil
			}
			tx.Set(k, append(b, '+'))
			tx.Append("plus", nil)
			return err
		})
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	good := db.active.file
	readOnly, err := os.Open(db.active.path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	db.io <- struct{}{}
	db.active.file = readOnly
	<-db.io
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if add() == nil {
				t.Error("a write that cannot be was acknowledged")
			}
		})
	}
	wg.Wait()
	db.io <- struct{}{}
	db.active.file = good
	<-db.io
	if n := db.LastEvent(); n != 1 {
		t.Errorf("%d events", n)
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	var got []byte
	err = db.View(func(tx *Tx) (err error) { got, err = tx.Get(k); return err })
	if string(got) != "++" || db.LastEvent() != 2 {
		t.Errorf("%q, %d events, %v", got, db.LastEvent(), err)
	}
}
