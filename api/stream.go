package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Subscription says which events to hear, and from where on.
type Subscription struct {
	Types []EventType // only these; all when empty
	After *uint64     // cursor of the last event seen; from now on when nil

	// Ready, if not nil, is called whenever the daemon agreed to the
	// subscription, before the events that follow: the moment to load what there is.
	Ready func(cursor uint64)
}

// The wait before connecting again doubles from the first to the last.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Events calls fn with each event, in order, each once, until ctx ends or fn
// fails, and returns that error. The stream has a connection of its own. When
// the daemon goes away Events waits for it and goes on after the last event, so
// that nothing is missed; only when it cannot connect in the first place does
// it return ErrNoDaemon. An *Error of kind notFound means that the events after
// the cursor are no longer kept: load everything anew and begin without After.
func (c *Client) Events(ctx context.Context, sub Subscription, fn func(Event) error) error {
	s := stream{socket: c.socket, sub: sub, fn: fn}
	wait := firstRetry
	for {
		began, err := s.once(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !s.resumes(err):
			return err
		case began:
			wait = firstRetry
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
		wait = min(2*wait, lastRetry)
	}
}

// stream is a subscription and how far it has come.
type stream struct {
	socket string
	sub    Subscription
	fn     func(Event) error
	stood  bool  // whether it was subscribed once
	ended  error // what fn returned
}

// resumes reports whether the stream may stand again after err.
func (s *stream) resumes(err error) bool {
	if !s.stood || s.ended != nil {
		return false
	}
	k := KindOf(err)
	return k == "" || k == KindLocked || k == KindRateLimited || k == KindOffline
}

// once connects, subscribes and reads until something fails. It reports whether
// the daemon agreed to the subscription.
func (s *stream) once(ctx context.Context) (began bool, err error) {
	nc, err := dial(ctx, s.socket)
	if err != nil {
		return false, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	r := bufio.NewReader(nc)
	if err := s.subscribe(nc, r); err != nil {
		return false, err
	}
	for {
		if err := s.read(r); err != nil {
			return true, err
		}
	}
}

func (s *stream) subscribe(nc net.Conn, r *bufio.Reader) error {
	params, err := json.Marshal(EventsSubscribeParams{Types: s.sub.Types, After: s.sub.After})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(nc, `{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":%s}`+"\n", params); err != nil {
		return err
	}
	var m struct {
		Error  *Error
		Result EventsSubscribeResult
	}
	if err := readLine(r, &m); err != nil {
		return err
	}
	if m.Error != nil {
		return m.Error
	}
	s.stood = true
	if s.sub.After == nil {
		s.sub.After = &m.Result.Cursor
	}
	if s.sub.Ready != nil {
		s.sub.Ready(m.Result.Cursor)
	}
	return nil
}

// read takes one event. One that was seen already is left out.
func (s *stream) read(r *bufio.Reader) error {
	var m struct {
		Method string
		Params Event
	}
	if err := readLine(r, &m); err != nil {
		return err
	}
	if m.Method != EventMethod || m.Params.Cursor <= *s.sub.After {
		return nil
	}
	if err := s.fn(m.Params); err != nil {
		s.ended = err
		return err
	}
	after := m.Params.Cursor
	s.sub.After = &after
	return nil
}

func readLine(r *bufio.Reader, into any) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return errors.Join(ErrDisconnected, err)
	}
	return json.Unmarshal(line, into)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
