package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const segmentPrefix = "segment-"

func (db *DB) journalDir() string { return filepath.Join(db.dir, "journal") }

// recover reads the journal on top of what Badger holds: the writes of every
// segment that is not settled become the frozen overlay.
func (db *DB) recover(settled uint64, fresh bool) error {
	root, segs, err := db.loadSegments(settled)
	if err != nil {
		return err
	}
	if len(segs) == 0 && !fresh {
		return fmt.Errorf("the journal is missing: %w", ErrCorrupt)
	}
	f, free, err := sortSegments(segs, settled)
	if err != nil {
		return err
	}
	f.root = root
	return db.beginJournal(f, free, settled)
}

// loadSegments opens every segment, oldest first, and replays the unsettled.
func (db *DB) loadSegments(settled uint64) (root *node, segs []*segment, err error) {
	names, err := os.ReadDir(db.journalDir())
	if err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	frames := map[*segment][][]byte{}
	for _, n := range names {
		path := filepath.Join(db.journalDir(), n.Name())
		if !strings.HasPrefix(n.Name(), segmentPrefix) || strings.HasSuffix(path, ".new") {
			os.Remove(path) // a segment that was never whole
			continue
		}
		var got [][]byte
		s, err := db.keys.openSegment(path, func(ops []byte) error { got = append(got, ops); return nil })
		if err != nil {
			closeAll(segs)
			return nil, nil, err
		}
		segs, frames[s] = append(segs, s), got
	}
	slices.SortFunc(segs, func(a, b *segment) int { return int(int64(a.seq - b.seq)) })
	for _, s := range segs {
		for _, ops := range frames[s] {
			if s.seq <= settled {
				break
			}
			if root, err = replay(root, ops); err != nil {
				closeAll(segs)
				return nil, nil, err
			}
		}
	}
	return root, segs, nil
}

// sortSegments tells the segments that hold unsettled writes from the free
// ones, and refuses a journal that does not belong to what Badger holds.
func sortSegments(segs []*segment, settled uint64) (f freeze, free []*segment, err error) {
	f.seq = settled
	for i, s := range segs {
		switch {
		case s.settled > settled:
			err = fmt.Errorf("the database is older than its journal: %w", ErrCorrupt)
		case i > 0 && s.seq == segs[i-1].seq:
			err = fmt.Errorf("two journal segments of one place: %w", ErrCorrupt)
		case s.seq <= settled || s.empty():
			free = append(free, s)
		case s.seq != f.seq+1:
			err = fmt.Errorf("journal segment %d is missing: %w", f.seq+1, ErrCorrupt)
		default:
			f.seq, f.used = s.seq, append(f.used, s)
		}
	}
	if err == nil && len(segs) > 0 && segs[len(segs)-1].seq <= settled {
		err = fmt.Errorf("the end of the journal is missing: %w", ErrCorrupt)
	}
	if err != nil {
		closeAll(segs)
	}
	return f, free, err
}

// beginJournal gives the journal an empty active segment and settles what was
// found, in the background unless crash followed crash.
func (db *DB) beginJournal(f freeze, free []*segment, settled uint64) error {
	for _, s := range f.used {
		if err := s.sync(); err != nil { // lazy writes of the process that died
			return err
		}
	}
	db.mu.Lock()
	db.tip.frozen, db.pub.frozen = f.root, f.root
	db.mu.Unlock()
	var err error
	if db.active, free, err = db.claim(free, place{seq: f.seq + 1, settled: settled}); err != nil {
		return err
	}
	for _, s := range free {
		if f.seq > settled || db.spare != nil {
			f.used = append(f.used, s)
		} else if db.spare, _, err = db.claim([]*segment{s}, place{f.seq + 2, settled}); err != nil {
			return err
		}
	}
	if db.spare == nil {
		if len(f.used) > 2 {
			return db.settleNow(f)
		}
		db.settleInBackground(f)
		return nil
	}
	db.work.Go(db.tidy)
	return nil
}

// claim takes a segment for a place: one that has it already, or any, or a new one.
func (db *DB) claim(free []*segment, p place) (*segment, []*segment, error) {
	for i, s := range free {
		if s.seq == p.seq && s.empty() {
			return s, slices.Delete(slices.Clone(free), i, i+1), nil
		}
	}
	if len(free) > 0 {
		return free[0], free[1:], db.keys.recycle(free[0], p)
	}
	s, err := db.newSegment(p)
	return s, nil, err
}

func (db *DB) settleNow(f freeze) error {
	if err := db.settleOnce(f); err != nil {
		return err
	}
	return db.reuse(f)
}

// closeJournal settles what is left and closes the segments; the caller holds
// io and turn for good. When it fails the journal still holds everything.
func (db *DB) closeJournal() error {
	db.mu.Lock()
	f := freeze{root: db.tip.young, seq: db.active.seq, used: []*segment{db.active}}
	clean := db.fault == nil && db.tip.frozen == nil && db.spare != nil
	if clean {
		db.tip.young, db.tip.frozen = nil, f.root
		db.pub = db.tip
	}
	spare := db.spare
	db.mu.Unlock()
	err := db.active.sync()
	if clean && err == nil && !db.active.empty() {
		if err = db.settleOnce(f); err == nil {
			err = db.keys.recycle(db.active, place{f.seq + 2, f.seq})
		}
	}
	segs := []*segment{db.active}
	if spare != nil {
		segs = append(segs, spare)
	}
	return errors.Join(err, closeAll(segs))
}

func closeAll(segs []*segment) (err error) {
	for _, s := range segs {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// remove deletes a settled segment.
func (s *segment) remove() error {
	err := errors.Join(s.file.Close(), os.Remove(s.path))
	if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrNotExist) {
		return nil // removed by an attempt before
	}
	return err
}
