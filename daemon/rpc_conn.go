package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// rpcConn is one connection of a client.
//
//	reading ──end of stream, or the daemon stops──► draining ──► closed
//	   └────────────broken, or the client takes nothing────────────▲
//
// While draining, calls that are running are still answered: a script may send
// its requests, close its sending side, and read the answers.
type rpcConn struct {
	srv   *rpcServer
	nc    net.Conn
	out   *lineWriter
	calls sync.WaitGroup
	slots chan struct{} // holds one value per call being worked on
	work  chan func()   // calls for goroutines that have answered one and wait for another
	idle  chan struct{} // holds one value per such goroutine

	turn chan struct{} // closed when the last ordered call has its place; only the reader uses it

	mu       sync.Mutex
	stopFeed context.CancelFunc
	closed   bool
	feeds    sync.WaitGroup // grows only under mu while not closed
}

func newRPCConn(s *rpcServer, nc net.Conn) *rpcConn {
	return &rpcConn{
		srv:   s,
		nc:    nc,
		out:   newLineWriter(nc, s.limits.Queue, s.limits.WriteTimeout),
		slots: make(chan struct{}, s.limits.InFlight),
		work:  make(chan func()),
		idle:  make(chan struct{}, 2),
		turn:  started,
	}
}

// serve reads and answers until the connection ends or stop is done.
func (c *rpcConn) serve(stop context.Context) {
	// Calls outlive stop by the time they are given to finish.
	ctx, cancel := context.WithCancel(context.WithoutCancel(stop))
	end := func() {
		cancel()
		c.nc.Close()
	}
	defer end()
	release := context.AfterFunc(stop, func() { closeRead(c.nc) })
	defer release()

	err := c.read(stop, ctx)
	switch {
	case stop.Err() != nil:
		defer time.AfterFunc(c.srv.limits.Shutdown, end).Stop()
	case errors.Is(err, io.EOF):
		defer time.AfterFunc(c.srv.limits.Drain, end).Stop()
		defer context.AfterFunc(stop, func() { time.AfterFunc(c.srv.limits.Shutdown, end) })()
	default:
		end()
	}
	close(c.work)
	c.calls.Wait()
	c.endFeed()
	c.out.wait()
	end()
	c.feeds.Wait()
}

// closeRead makes reading end for good, and leaves writing as it is.
func closeRead(nc net.Conn) {
	if half, ok := nc.(interface{ CloseRead() error }); ok {
		half.CloseRead()
		return
	}
	nc.Close()
}

// read takes lines until one cannot be read or stop is done, and returns why.
// The calls they make run in ctx.
func (c *rpcConn) read(stop, ctx context.Context) error {
	r := newLineReader(c.nc, c.srv.limits, c.srv.budget)
	for stop.Err() == nil {
		line, release, err := r.next(stop)
		if errors.Is(err, errLineTooLong) {
			err = c.out.put(encodeAnswer(nil, nil, tooLong(c.srv.limits.Line)))
		} else if err == nil {
			err = c.take(stop, ctx, line, release)
		}
		if err != nil {
			return err
		}
	}
	return stop.Err()
}

func tooLong(most int) *api.Error {
	e := api.Errorf(api.KindTooLarge, "the request is larger than %d bytes", most)
	e.Code = api.CodeInvalidRequest
	return e
}

// take starts the calls of one line. It waits for free slots.
func (c *rpcConn) take(stop, ctx context.Context, line []byte, release func()) error {
	reqs, batch, fault := parseLine(line, c.srv.limits.Batch)
	if fault != nil {
		release()
		return c.out.put(encodeAnswer(nil, nil, fault))
	}
	a := newAnswers(c, len(reqs), batch, release)
	for i, req := range reqs {
		give := func(result json.RawMessage, e *api.Error) error { return a.give(i, req.id, result, e) }
		h, known := c.srv.handlers[req.method]
		if req.fault == nil && !known {
			req.fault = noMethod(req.method)
		}
		var err error
		if req.fault != nil {
			err = give(nil, req.fault)
		} else {
			err = c.start(stop, ctx, h, req, give)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start begins one call in a goroutine of its own.
func (c *rpcConn) start(stop, ctx context.Context, h handler, req request, give giver) error {
	select {
	case c.slots <- struct{}{}:
	case <-stop.Done():
		return stop.Err()
	}
	call := &rpcCall{conn: c, place: func() {}}
	before := started
	if h.ordered {
		before, call.place = c.nextTurn()
	}
	c.spawn(func() {
		defer func() { <-c.slots }()
		defer call.place()
		<-before
		c.run(context.WithValue(ctx, rpcCallKey{}, call), h, req, give)
	})
	return nil
}

// spawn has f run in a goroutine. A few of them wait for more: their stacks have
// grown to what a call needs, which is dear to do for every call.
func (c *rpcConn) spawn(f func()) {
	select {
	case c.work <- f:
	default:
		c.calls.Go(func() { c.worker(f) })
	}
}

func (c *rpcConn) worker(f func()) {
	for {
		f()
		select {
		case c.idle <- struct{}{}:
		default:
			return // enough are waiting
		}
		next, open := <-c.work
		<-c.idle
		if !open {
			return
		}
		f = next
	}
}

// giver takes the outcome of a call.
type giver func(result json.RawMessage, e *api.Error) error

// started is what calls wait for that wait for nothing.
var started = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// nextTurn returns what the next ordered call waits for, and what it calls when
// it has its place.
func (c *rpcConn) nextTurn() (before chan struct{}, place func()) {
	before, mine := c.turn, make(chan struct{})
	c.turn = mine
	return before, sync.OnceFunc(func() { close(mine) })
}

func (c *rpcConn) run(ctx context.Context, h handler, req request, give giver) {
	result, e := c.srv.invoke(ctx, h, req)
	if give(result, e) != nil || e != nil {
		return // nobody to tell, which the reader finds out by itself
	}
	if then := callOf(ctx).then; then != nil {
		c.beginFeed(ctx, then)
	}
}

func noMethod(name string) *api.Error {
	e := api.Errorf(api.KindNotFound, "there is no method %.60q", name).WithHint("rpc.discover lists them")
	e.Code = api.CodeNoMethod
	return e
}

// Notify sends a notification. It waits while the client has much to read
// already, and fails when the connection has ended.
func (c *rpcConn) Notify(ctx context.Context, method string, params any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	name, _ := json.Marshal(method)
	line := append([]byte(`{"jsonrpc":"2.0","method":`), name...)
	line = append(append(line, `,"params":`...), raw...)
	return c.out.put(append(line, '}'))
}

func (c *rpcConn) beginFeed(ctx context.Context, fn func(context.Context, *rpcConn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if c.stopFeed != nil {
		c.stopFeed()
	}
	ctx, c.stopFeed = context.WithCancel(ctx)
	c.feeds.Go(func() { fn(ctx, c) })
}

// endFeed tells the feed to end, and lets no other begin.
func (c *rpcConn) endFeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.stopFeed != nil {
		c.stopFeed()
	}
}
