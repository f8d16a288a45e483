package store_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/store"
)

// crashWriters is how many goroutines of the child write at once.
const crashWriters = 6

// smallSegments makes settling happen all the time.
func smallSegments(c *store.Config) { c.Limits.SegmentBytes = 24 << 10 }

// child writes until it is killed and says on stdout what was acknowledged. One
// step of a writer changes four records and an event together; the record
// "sum" counts the steps of all.
func child(dir string) {
	db, err := open(dir, smallSegments)
	if err != nil {
		fmt.Println("fault", err)
		os.Exit(1)
	}
	go db.Run(ctx)
	acks := make(chan string, 100)
	for w := range uint64(crashWriters) {
		go func() {
			for {
				var step uint64
				update := db.Update
				if w == 0 {
					update = db.UpdateLazy
				}
				err := update(ctx, func(tx *store.Tx) (err error) { step, err = crashStep(tx, w); return err })
				if err != nil {
					acks <- fmt.Sprintln("fault", err)
					return
				}
				acks <- fmt.Sprintln("ack", w, step)
			}
		}()
	}
	for a := range acks {
		os.Stdout.WriteString(a)
	}
}

func crashKey(w, part uint64) store.Key { return contacts.Key(store.Uint(w), store.Uint(part)) }

func crashStep(tx *store.Tx, w uint64) (step uint64, err error) {
	if step, err = readCount(tx, crashKey(w, 0)); err != nil {
		return 0, err
	}
	sum, err := readCount(tx, lines.Key())
	if err != nil {
		return 0, err
	}
	step++
	pad := make([]byte, rand.IntN(3000))
	if step%50 == 0 {
		pad = make([]byte, 40<<10) // a bulk value
	}
	for part := range uint64(4) {
		tx.Set(crashKey(w, part), append(binary.BigEndian.AppendUint64(nil, step), pad[:len(pad)/(1+int(part))]...))
	}
	tx.Set(lines.Key(), binary.BigEndian.AppendUint64(nil, sum+1))
	tx.Append("step", binary.BigEndian.AppendUint64(nil, w))
	return step, nil
}

func readCount(tx *store.Tx, k store.Key) (uint64, error) {
	b, err := tx.Get(k)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// runChild lets a child write until it is killed after some time, and adds to
// acked the last step of each writer that it had acknowledged.
func runChild(t *testing.T, dir string, life time.Duration, acked *[crashWriters]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	first, _ := r.ReadString('\n') // it is open and writes
	time.AfterFunc(life, func() { cmd.Process.Kill() })
	rest, _ := io.ReadAll(r)
	cmd.Wait()
	for line := range strings.Lines(first + string(rest)) {
		var w, step uint64
		if n, _ := fmt.Sscanf(line, "ack %d %d\n", &w, &step); n == 2 {
			acked[w] = max(acked[w], step)
		} else if strings.HasPrefix(line, "fault") {
			t.Fatal(line)
		}
	}
}

// TestKilledWhileWriting kills a writing process again and again: nothing it
// acknowledged is lost, not even a lazy write, and no transaction is torn.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	var acked [crashWriters]uint64
	for range rounds {
		runChild(t, dir, time.Duration(rand.IntN(250))*time.Millisecond, &acked)
		db, err := open(dir, smallSegments)
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, db, acked)
		db.Close()
	}
	if acked[1] == 0 {
		t.Fatal("nothing was written")
	}
	t.Log("acknowledged steps:", acked)
}

func checkWhole(t *testing.T, db *store.DB, acked [crashWriters]uint64) {
	t.Helper()
	err := db.View(func(tx *store.Tx) error {
		var total uint64
		for w := range uint64(crashWriters) {
			first, err := readCount(tx, crashKey(w, 0))
			if err != nil {
				return err
			}
			if first < acked[w] {
				t.Errorf("writer %d: step %d was acknowledged, %d is there", w, acked[w], first)
			}
			for part := range uint64(4) {
				if n, err := readCount(tx, crashKey(w, part)); err != nil || n != first {
					t.Errorf("writer %d: torn: part %d at %d, part 0 at %d (%v)", w, part, n, first, err)
				}
			}
			total += first
		}
		sum, err := readCount(tx, lines.Key())
		want(t, sum, total)
		want(t, db.LastEvent(), total)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
