package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// handler answers the calls of one method.
type handler struct {
	call    func(ctx context.Context, params json.RawMessage) (json.RawMessage, error)
	ordered bool
}

// method makes a handler of a function: it decodes the parameters strictly
// (api.Decode) and encodes the result.
func method[P, R any](fn func(ctx context.Context, p P) (R, error)) handler {
	return handler{call: func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var p P
		if err := api.Decode(raw, &p); err != nil {
			return nil, err
		}
		r, err := fn(ctx, p)
		if err != nil {
			return nil, err
		}
		return json.Marshal(r)
	}}
}

// inOrder makes a handler whose calls on one connection begin in the order in
// which they were sent: a call is handed to the function only when the one
// before it has either returned or called placed. Calls of two methods made
// inOrder share one order. Other calls overtake them freely.
func inOrder(h handler) handler {
	h.ordered = true
	return h
}

// placed says that the present call has its place in the order (it is queued
// where order is kept from then on), so that the next one may begin while this
// one still waits for the disk. Without it calls made inOrder run one by one.
// Any goroutine may call it, any number of times; elsewhere it does nothing.
func placed(ctx context.Context) {
	if c := callOf(ctx); c != nil {
		c.place()
	}
}

// feed has fn run once the answer of the present call is on its way, in place
// of what the connection was fed before. fn sends notifications with
// rpcConn.Notify; its ctx ends with the connection, or when another feed begins.
func feed(ctx context.Context, fn func(ctx context.Context, c *rpcConn)) {
	if c := callOf(ctx); c != nil {
		c.then = fn
	}
}

// rpcCall is one call being worked on. It travels in the handler's context.
type rpcCall struct {
	conn  *rpcConn
	place func()
	then  func(context.Context, *rpcConn) // the feed to begin after the answer
}

type rpcCallKey struct{}

func callOf(ctx context.Context) *rpcCall {
	c, _ := ctx.Value(rpcCallKey{}).(*rpcCall)
	return c
}

// invoke runs the handler of a request, and turns whatever happens into a
// result or an error that may be shown.
func (s *rpcServer) invoke(ctx context.Context, h handler, req request) (result json.RawMessage, e *api.Error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("rpc: panic in a handler", "method", req.method, "panic", p, "stack", string(debug.Stack()))
			result, e = nil, internal()
		}
	}()
	result, err := h.call(ctx, req.params)
	if err != nil {
		return nil, s.shown(req.method, err)
	}
	return result, nil
}

// shown returns the error that the client gets for err.
func (s *rpcServer) shown(method string, err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	if s.mapError != nil {
		if e := s.mapError(err); e != nil {
			return e
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return api.Errorf(api.KindTimeout, "%s: no answer in time", method)
	}
	if errors.Is(err, context.Canceled) {
		return api.Errorf(api.KindOffline, "%s: the daemon is stopping", method)
	}
	s.log.Error("rpc: unforeseen error", "method", method, "err", err)
	return internal()
}

func internal() *api.Error {
	return api.Errorf(api.KindInternal, "something broke inside the daemon").WithHint("its log says more")
}
