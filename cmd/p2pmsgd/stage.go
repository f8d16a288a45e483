package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/daemon"
)

// stage is where the demo plays: a temporary folder and the daemons in it.
type stage struct {
	fail context.CancelCauseFunc // ends the context of the play, with a reason
	dir  string
	cast map[string]*person
}

// person is one of the people on stage, with a daemon and a client of it.
type person struct {
	name, title string
	dir         string
	handle      string
	account     string
	listen      []string
	client      *api.Client
	stop        context.CancelFunc
	done        chan struct{} // closed when the daemon has ended
}

// newStage returns a stage, and the context of the play on it, which ends with
// ctx or when a daemon fails.
func newStage(ctx context.Context) (*stage, context.Context, error) {
	dir, err := shortTempDir()
	if err != nil {
		return nil, nil, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	return &stage{fail: fail, dir: dir, cast: map[string]*person{}}, ctx, nil
}

// shortTempDir makes a temporary folder whose path leaves room for a socket,
// which has to fit in about a hundred bytes.
func shortTempDir() (string, error) {
	var tried string
	for _, base := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(base, "p2pmsgd-")
		if err != nil {
			continue
		}
		if tried = api.SocketPath(filepath.Join(dir, "alice")); len(tried) <= api.MaxSocketPath {
			return dir, nil
		}
		os.RemoveAll(dir)
	}
	if tried == "" {
		return "", errors.New("demo: no temporary folder can be made: set TMPDIR to one that can be written")
	}
	return "", fmt.Errorf("demo: %w: %s: set TMPDIR to a shorter folder", api.ErrSocketPath, tried)
}

// enter starts the daemon of a person on loopback, and waits until it is ready.
// The daemon lives until leave, however short the time is that ctx gives.
func (s *stage) enter(ctx context.Context, name string, bootstrap []string) (*person, error) {
	p := &person{
		name:  name,
		title: strings.ToUpper(name[:1]) + name[1:],
		dir:   filepath.Join(s.dir, name),
		done:  make(chan struct{}),
	}
	cfg := daemon.DefaultConfig(p.dir)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	cfg.Bootstrap = bootstrap
	cfg.MDNS = false
	cfg.Version = version()
	cfg.Logger = slog.New(slog.DiscardHandler)
	d, err := daemon.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s's daemon: %w", p.title, err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	s.cast[name] = p
	go s.run(run, d, p)
	select {
	case r := <-d.Ready():
		p.listen = r.Listen
		p.client, err = api.Dial(ctx, r.Socket)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return p, err
}

func (s *stage) run(ctx context.Context, d *daemon.Daemon, p *person) {
	defer close(p.done)
	err := d.Run(ctx)
	if ctx.Err() == nil {
		s.fail(fmt.Errorf("%s's daemon ended: %w", p.title, err))
	}
}

// leave stops the daemon of a person, and waits until it has ended.
func (s *stage) leave(p *person) {
	if p.client != nil {
		p.client.Close()
	}
	p.stop()
	<-p.done
}

// close stops everybody and removes all traces.
func (s *stage) close() {
	s.fail(nil)
	for _, p := range s.cast {
		s.leave(p)
	}
	os.RemoveAll(s.dir)
}

var errSeen = errors.New("seen")

// await reads the events of a person from the beginning until one of the types
// carries a thing that is as wanted.
func await[T any](ctx context.Context, p *person, wanted func(T) bool, types ...api.EventType) (T, error) {
	var thing T
	sub := api.Subscription{Types: types, After: new(uint64)}
	err := p.client.Events(ctx, sub, func(e api.Event) error {
		thing = *new(T)
		if err := e.Decode(&thing); err != nil {
			return err
		}
		if wanted(thing) {
			return errSeen
		}
		return nil
	})
	if errors.Is(err, errSeen) {
		return thing, nil
	}
	return thing, err
}
