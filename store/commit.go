package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// batch is what goes to the journal as one frame: the writes of many closures.
type batch struct {
	frame    []byte // frameOps free bytes, then ops
	durable  bool   // somebody waits for the disk
	appended bool   // there is an event
	end      state  // after the last closure
	hooks    []func()
	done     chan struct{} // closed when err is set
	err      error
}

// Update runs fn alone, after the updates before it and seeing their writes,
// and returns when its writes are on disk. fn runs on the caller's goroutine:
// its panic is the caller's and leaves nothing behind, nor does an error. When
// ctx ends before fn is run it is not run; after that ctx counts no more. An
// error means that nothing was written, with one exception: when the disk fails
// a sync nobody can know, and the database takes no more until it is opened
// again. fn must not call Update.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return db.update(ctx, fn, true)
}

// UpdateLazy is Update without waiting for the disk: what it wrote survives
// the end of the process, and a power cut once a later Update or
// Limits.LazyDelay took it to disk.
func (db *DB) UpdateLazy(ctx context.Context, fn func(*Tx) error) error {
	return db.update(ctx, fn, false)
}

func (db *DB) update(ctx context.Context, fn func(*Tx) error, durable bool) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	b, err := db.run(fn, durable)
	// Whatever fn saw may not be on disk yet, and its error may say so: wait.
	if werr := db.await(b); werr != nil {
		return werr
	}
	return err
}

// enter takes the turn.
func (db *DB) enter(ctx context.Context) error {
	for {
		select {
		case <-db.closing:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		select {
		case db.turn <- struct{}{}:
		case <-db.closing:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		full, err := db.crowded()
		if full == nil && err == nil {
			return nil
		}
		<-db.turn
		if err != nil {
			return err
		}
		db.await(full) // its callers hear of its error
	}
}

// crowded is the pending batch, when it takes no more.
func (db *DB) crowded() (*batch, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.fault != nil {
		return nil, db.fault
	}
	if db.pending != nil && len(db.pending.frame) >= db.limits.BatchBytes {
		return db.pending, nil
	}
	return nil, nil
}

// run runs a closure and gives up the turn. The batch it returns is the one
// whose commit makes everything fn saw and wrote durable; nil: nothing to wait for.
func (db *DB) run(fn func(*Tx) error, durable bool) (*batch, error) {
	tx := db.beginUpdate()
	defer func() {
		tx.finish()
		<-db.turn
	}()
	err := fn(tx)
	if err == nil {
		err = tx.fault
	}
	if err != nil {
		tx.frame, tx.hooks = nil, nil
	}
	return db.join(tx, durable), err
}

// join puts a closure's writes at the end of the pending batch.
func (db *DB) join(tx *Tx, durable bool) *batch {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.pending == nil {
		if len(tx.frame) == 0 && len(tx.hooks) == 0 && db.tip == db.pub {
			return nil
		}
		db.pending = &batch{frame: make([]byte, frameOps, frameOps+len(tx.frame)+tagLen), end: db.tip, done: make(chan struct{})}
	}
	b := db.pending
	if len(tx.frame) > 0 {
		b.frame = append(b.frame, tx.frame...)
		b.durable = b.durable || durable
		b.appended = b.appended || tx.appended
		// The frozen layer may have been settled while fn ran.
		tx.state.frozen = db.tip.frozen
		db.tip, b.end = tx.state, tx.state
	}
	b.hooks = append(b.hooks, tx.hooks...)
	return b
}

// await returns when a batch is committed. The first caller that finds the
// journal free writes it for all of them.
func (db *DB) await(b *batch) error {
	if b == nil {
		return nil
	}
	select {
	case <-b.done:
		return b.err
	default:
	}
	select {
	case <-b.done:
	case db.io <- struct{}{}:
		defer func() { <-db.io }()
		select {
		case <-b.done:
		default:
			db.commit(true)
		}
	}
	return b.err
}

// commit writes the pending batch; the caller holds io.
func (db *DB) commit(mayFreeze bool) {
	b, freeze, err := db.take(mayFreeze)
	if err == nil {
		err = db.persist(b)
	}
	if err != nil {
		db.rollback(b, err, mayFreeze)
		return
	}
	db.publish(b, freeze)
	close(b.done)
	if freeze != nil {
		db.startSettling(*freeze)
	}
}

// take closes the pending batch to newcomers. When the segment is full it also
// freezes the overlay, so that it can be settled.
func (db *DB) take(mayFreeze bool) (*batch, *freeze, error) {
	if !mayFreeze || db.active.end < db.limits.SegmentBytes {
		db.mu.Lock()
		defer db.mu.Unlock()
		return db.takeLocked(), nil, nil
	}
	err := db.waitRoom()
	db.turn <- struct{}{} // so that no closure runs on the state that is frozen
	defer func() { <-db.turn }()
	db.mu.Lock()
	defer db.mu.Unlock()
	b := db.takeLocked()
	if err != nil || db.spare == nil || db.tip.frozen != nil {
		return b, nil, err
	}
	f := &freeze{root: db.tip.young, seq: db.active.seq, used: []*segment{db.active}}
	db.tip.young, db.tip.frozen = nil, f.root
	return b, f, nil
}

func (db *DB) takeLocked() *batch {
	b := db.pending
	db.pending = nil
	return b
}

// waitRoom slows writers down when settling cannot keep up, and fails them
// when it cannot get on at all.
func (db *DB) waitRoom() error {
	for db.active.end > 3*db.limits.SegmentBytes {
		db.mu.Lock()
		ready, err := db.spare != nil && db.tip.frozen == nil, db.stuck
		db.mu.Unlock()
		if ready || err != nil {
			return err
		}
		select {
		case <-db.progress:
		case <-db.closing:
			return nil // let it in: the last one
		}
	}
	return nil
}

// persist writes a batch to the journal, and to the disk when somebody waits
// for that.
func (db *DB) persist(b *batch) error {
	if len(b.frame) == frameOps {
		return nil
	}
	if err := db.active.append(b.frame); err != nil {
		return err
	}
	if !b.durable {
		db.armLazy()
		return nil
	}
	return db.syncActive()
}

// syncActive syncs the journal. After a sync that failed nobody knows what is
// on disk, and asking again would not tell: the database takes no more.
func (db *DB) syncActive() error {
	err := db.active.sync()
	if err != nil {
		db.log.Error("store: sync failed", "err", err)
		db.mu.Lock()
		db.fault = err
		db.mu.Unlock()
	}
	return err
}

// armLazy sees to it that lazy writes reach the disk some time.
func (db *DB) armLazy() {
	if db.lazy == nil {
		db.lazy = time.AfterFunc(db.limits.LazyDelay, db.syncLazy)
	}
}

func (db *DB) syncLazy() {
	select {
	case <-db.closing:
	case db.io <- struct{}{}:
		db.lazy = nil
		db.syncActive()
		<-db.io
	}
}

// publish makes a committed batch visible.
func (db *DB) publish(b *batch, f *freeze) {
	db.mu.Lock()
	defer db.mu.Unlock()
	frozen := db.pub.frozen
	if db.pub = b.end; f != nil {
		db.pub.young, frozen = nil, f.root
	}
	db.pub.frozen = frozen
	db.queueHooksLocked(b.hooks)
	if b.appended {
		db.pokeLocked()
	}
}

// rollback undoes a batch that could not be written, and with it everything
// that was built on it.
func (db *DB) rollback(b *batch, err error, turn bool) {
	err = fmt.Errorf("commit: %w", err)
	if turn {
		db.turn <- struct{}{}
		defer func() { <-db.turn }()
	}
	db.mu.Lock()
	later := db.takeLocked()
	db.tip = db.pub
	db.mu.Unlock()
	for _, b := range []*batch{b, later} {
		if b != nil {
			b.err = err
			close(b.done)
		}
	}
}

func (db *DB) queueHooksLocked(hooks []func()) {
	db.hooks = append(db.hooks, hooks...)
	if len(db.hooks) > 0 && !db.hooking {
		db.hooking = true
		go db.runHooks()
	}
}

// runHooks runs what OnCommit left, in order, until none is left.
func (db *DB) runHooks() {
	for {
		db.mu.Lock()
		todo := db.hooks
		db.hooks = nil
		if len(todo) == 0 {
			db.hooking = false
			db.idle.Broadcast()
			db.mu.Unlock()
			return
		}
		db.mu.Unlock()
		for _, fn := range todo {
			db.runHook(fn)
		}
	}
}

func (db *DB) runHook(fn func()) {
	defer func() {
		if r := recover(); r != nil {
			db.log.Error("store: hook panicked", "stack", string(debug.Stack()))
		}
	}()
	fn()
}
