package daemon

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// unlocked is what exists while the data folder is open.
//
//	locked ──unlock──► open, no account ──create──► open, talking
//	   ▲                    │                          │
//	   └────────lock────────┴──────────lock────────────┘
//
// The keeper, one goroutine of Run, makes every step of it, so that no two
// steps overlap; everybody else reads Daemon.open.
type unlocked struct {
	db   *store.DB
	chat *chat.Chat // nil before there is an account

	stop  context.CancelFunc
	group *errgroup.Group // db, mesh, chat, publishing
	gone  <-chan struct{} // closed once stop was called or a part failed
}

// task is a step the keeper is asked to make.
type task struct {
	do   func(ctx context.Context) error // ctx is the daemon's
	done chan error
}

// ask has the keeper make a step and waits for it.
func (d *Daemon) ask(ctx context.Context, do func(ctx context.Context) error) error {
	t := task{do: do, done: make(chan error, 1)}
	select {
	case d.tasks <- t:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep opens the data folder unless a passphrase protects it, closes opened,
// then makes the steps that are asked for until ctx ends.
func (d *Daemon) keep(ctx context.Context, opened chan<- struct{}) (err error) {
	defer func() { err = errors.Join(err, d.close()) }()
	if !d.keyring.Protected() {
		if err := d.unlock(ctx, nil); err != nil {
			return err
		}
	}
	close(opened)
	for {
		select {
		case t := <-d.tasks:
			t.done <- t.do(ctx)
		case <-d.failed():
			return d.close()
		case <-ctx.Done():
			return nil
		}
	}
}

// failed is closed when a part of the open account has ended by itself.
func (d *Daemon) failed() <-chan struct{} {
	if u := d.open.Load(); u != nil {
		return u.gone
	}
	return nil
}

// unlock opens the store and, if there is an account, starts it.
func (d *Daemon) unlock(ctx context.Context, passphrase []byte) error {
	if d.open.Load() != nil {
		return nil
	}
	key, err := d.keyring.Unlock(passphrase)
	if err != nil {
		return err
	}
	db, err := store.Open(store.Config{Dir: d.folder.dir, Logger: d.cfg.Logger, Limits: d.cfg.Store, Now: d.cfg.Now}, key)
	if err != nil {
		return err
	}
	self, err := chat.LoadSelf(db)
	if err != nil && !errors.Is(err, chat.ErrNoAccount) {
		return errors.Join(err, db.Close())
	}
	return d.start(ctx, db, self)
}

// start puts an opened store to work; self is nil before there is an account.
func (d *Daemon) start(ctx context.Context, db *store.DB, self *chat.Self) error {
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	u := &unlocked{db: db, stop: stop, group: group, gone: ctx.Done()}
	if self != nil {
		if err := d.talk(ctx, u, self); err != nil {
			stop()
			return errors.Join(err, db.Close())
		}
	}
	group.Go(func() error { return db.Run(ctx) })
	d.open.Store(u)
	close(*d.opening.Swap(new(make(chan struct{}))))
	return nil
}

// waitOpen returns what is open, once something is.
func (d *Daemon) waitOpen(ctx context.Context) (*unlocked, error) {
	for {
		opening := *d.opening.Load()
		if u := d.open.Load(); u != nil {
			return u, nil
		}
		select {
		case <-opening:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// talk starts the account's part: mesh and chat on the store, and what keeps
// the directory told about them.
func (d *Daemon) talk(ctx context.Context, u *unlocked, self *chat.Self) error {
	m, err := mesh.New(d.cfg.Mesh, d.node)
	if err != nil {
		return fmt.Errorf("daemon: mesh: %w", err)
	}
	c, err := chat.New(d.cfg.Chat, u.db, self, d.dht, m, d.node)
	if err != nil {
		return fmt.Errorf("daemon: chat: %w", err)
	}
	u.chat = c
	u.group.Go(func() error { return m.Run(ctx) })
	u.group.Go(func() error { return c.Run(ctx) })
	u.group.Go(func() error { return d.publish(ctx, c) })
	u.group.Go(func() error { return d.watchNode(ctx, u.db) })
	return nil
}

// publish keeps the directory in step with the account's profile.
func (d *Daemon) publish(ctx context.Context, c *chat.Chat) error {
	changed := make(chan struct{}, 1)
	cancel := c.OnProfile(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer cancel()
	for {
		d.dht.Publish(c.Profile())
		select {
		case <-changed:
		case <-ctx.Done():
			d.dht.Publish(dht.Profile{})
			return nil
		}
	}
}

// close ends what unlock started: first the parts, then the store under them.
func (d *Daemon) close() error {
	u := d.open.Swap(nil)
	if u == nil {
		return nil
	}
	u.stop()
	return errors.Join(u.group.Wait(), u.db.Close())
}
