package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"golang.org/x/sync/semaphore"
)

// RPCLimits bounds what the clients of the API socket can take from the daemon.
type RPCLimits struct {
	Conns        int           // connections at once; one more is told so and closed
	Line         int           // bytes of one request (or batch); a longer one is refused
	SmallLine    int           // bytes of a request that a connection may hold half-read for long
	Held         int64         // bytes of small requests of one connection being worked on
	Budget       int64         // bytes of larger requests being read or worked on, all connections together
	Batch        int           // requests in one batch
	InFlight     int           // calls of one connection being worked on; then it is not read further
	Queue        int           // bytes waiting to be written to one client; then its handlers wait
	SmallTimeout time.Duration // for the rest of a small request, from its first byte
	LargeTimeout time.Duration // for the rest of a large one, once it draws on Budget
	WriteTimeout time.Duration // a client that takes nothing for so long is dropped
	Drain        time.Duration // for calls still running when a client closes its sending side
	Shutdown     time.Duration // for calls still running when the daemon stops
}

// DefaultRPCLimits returns the limits of spec/api.md#limits.
func DefaultRPCLimits() RPCLimits {
	return RPCLimits{
		Conns:        100,
		Line:         1 << 20,
		SmallLine:    64 << 10,
		Held:         1 << 20,
		Budget:       32 << 20,
		Batch:        256,
		InFlight:     256,
		Queue:        1 << 20,
		SmallTimeout: 5 * time.Minute,
		LargeTimeout: 30 * time.Second,
		WriteTimeout: 10 * time.Second,
		Drain:        time.Minute,
		Shutdown:     time.Second,
	}
}

// rpcServer answers newline-delimited JSON-RPC 2.0 (spec/api.md#transport).
//
// It parses and schedules requests itself instead of using jrpc2.Server, which
// neither starts calls in the order they came nor bounds the requests it has
// read but not begun, and which a client that stops reading can hold up.
//
// Each connection has one goroutine that reads, one per call being worked on,
// and at most one that feeds it events. Nothing else is kept per connection.
type rpcServer struct {
	handlers map[string]handler
	limits   RPCLimits
	log      *slog.Logger
	budget   *semaphore.Weighted

	// mapError turns an error of a handler that is no *api.Error into one, or
	// returns nil for a fault nobody foresaw. Set before Serve, or left nil.
	mapError func(error) *api.Error

	mu    sync.Mutex
	conns int
}

func newRPCServer(handlers map[string]handler, limits RPCLimits, log *slog.Logger) *rpcServer {
	return &rpcServer{
		handlers: handlers,
		limits:   limits,
		log:      log,
		budget:   semaphore.NewWeighted(limits.Budget),
	}
}

// Serve accepts connections until ctx ends or the listener fails. It closes the
// listener, and returns when every connection and every handler has ended.
func (s *rpcServer) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("rpc: accept: %w", err)
		case err != nil:
			s.log.Warn("rpc: accept", "err", err)
			pause(ctx, 50*time.Millisecond) // out of file descriptors, most likely: others will end
		default:
			conns.Go(func() { s.serveConn(ctx, nc) })
		}
	}
}

// serveConn serves one connection to its end, and closes it.
func (s *rpcServer) serveConn(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	if !s.enter() {
		refuseConn(nc, s.limits.Conns)
		return
	}
	defer s.leave()
	newRPCConn(s, nc).serve(ctx)
}

func (s *rpcServer) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns >= s.limits.Conns {
		return false
	}
	s.conns++
	return true
}

func (s *rpcServer) leave() {
	s.mu.Lock()
	s.conns--
	s.mu.Unlock()
}

// refuseConn tells a client why it is not served. The line fits the buffer of a
// fresh socket, so the deadline only guards against the unforeseen.
func refuseConn(nc net.Conn, most int) {
	e := api.Errorf(api.KindRateLimited, "too many connections: %d are open", most).
		WithHint("close some, or use one connection for many calls")
	e.Code = api.CodeInvalidRequest
	nc.SetWriteDeadline(time.Now().Add(time.Second))
	nc.Write(append(encodeAnswer(nil, nil, e), '\n'))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
