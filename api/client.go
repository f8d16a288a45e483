package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
)

var (
	// ErrNoDaemon means that no daemon answers at that socket.
	ErrNoDaemon = errors.New("no daemon is running there")
	// ErrDisconnected means that the daemon went away during a call. A call
	// that changes something may or may not have been done: make it again with
	// the same clientId.
	ErrDisconnected = errors.New("the daemon closed the connection")
	// ErrSocketPath means that the path cannot be one of a socket.
	ErrSocketPath = errors.New("the path of the socket is too long")
)

// MaxRequest is the size of the largest request, in bytes.
const MaxRequest = 1 << 20

// MaxSocketPath is the length of the longest path of a Unix socket, in bytes,
// on the systems that allow least.
const MaxSocketPath = 103

// SocketPath returns the path of the API socket of a data folder.
func SocketPath(dataDir string) string { return filepath.Join(dataDir, "rpc.sock") }

// Client calls a daemon over its Unix socket. It has a typed method for each
// method of the API; they return *Error when the daemon refuses. Calls made
// from one goroutine are sent in order; any number may be under way. Safe for
// concurrent use.
type Client struct {
	socket string
	rpc    *jrpc2.Client
	lines  *lines
}

// Dial connects to the daemon at a socket. Errors: ErrNoDaemon, ErrSocketPath,
// and those of the system.
func Dial(ctx context.Context, socket string) (*Client, error) {
	nc, err := dial(ctx, socket)
	if err != nil {
		return nil, err
	}
	l := &lines{Channel: channel.Line(nc, nc)}
	return &Client{socket: socket, rpc: jrpc2.NewClient(l, nil), lines: l}, nil
}

func dial(ctx context.Context, socket string) (net.Conn, error) {
	if len(socket) > MaxSocketPath {
		return nil, fmt.Errorf("%w: %d bytes, at most %d: %s", ErrSocketPath, len(socket), MaxSocketPath, socket)
	}
	nc, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%w: %s", ErrNoDaemon, socket)
	}
	return nc, err
}

// Close ends the connection and every call under way.
func (c *Client) Close() error { return c.rpc.Close() }

// Call calls any method, with parameters as JSON or nil, and returns the result
// as it came.
func (c *Client) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	var p any
	if len(params) > 0 {
		p = params
	}
	return call[json.RawMessage](ctx, c, method, p)
}

func call[R any](ctx context.Context, c *Client, method string, params any) (R, error) {
	var r R
	rsp, err := c.rpc.Call(ctx, method, params)
	if err != nil {
		return r, c.fault(ctx, method, err)
	}
	if err := rsp.UnmarshalResult(&r); err != nil {
		return r, fmt.Errorf("api: result of %s: %w", method, err)
	}
	return r, nil
}

// fault tells refusals by the daemon from everything that comes between.
func (c *Client) fault(ctx context.Context, method string, err error) error {
	if we, ok := errors.AsType[*jrpc2.Error](err); ok && len(we.Data) > 0 {
		return wireToError(int(we.Code), we.Message, we.Data)
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if last := c.lines.farewell.Load(); last != nil {
		return last
	}
	if c.rpc.IsStopped() || errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%s: %w", method, ErrDisconnected)
	}
	return fmt.Errorf("api: %s: %w", method, err)
}

// lines are the lines of a connection as jrpc2 sees them.
type lines struct {
	channel.Channel
	farewell atomic.Pointer[Error] // an error that answers no call: why the daemon hangs up
}

// Send refuses what the daemon would refuse without saying which call it was.
func (l *lines) Send(b []byte) error {
	if len(b) > MaxRequest {
		return Errorf(KindTooLarge, "the request is larger than %d bytes", MaxRequest)
	}
	return l.Channel.Send(b)
}

// Recv remembers the last error that answers no call.
func (l *lines) Recv() ([]byte, error) {
	b, err := l.Channel.Recv()
	if bytes.HasPrefix(b, []byte(`{"jsonrpc":"2.0","id":null,"error":`)) {
		var m struct{ Error *Error }
		if json.Unmarshal(b, &m) == nil && m.Error != nil {
			l.farewell.Store(m.Error)
		}
	}
	return b, err
}
