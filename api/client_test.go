package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// world is a socket where each connection is served by a function of the test.
type world struct {
	t      *testing.T
	socket string
	ln     net.Listener
	mu     sync.Mutex
	open   []net.Conn
	wg     sync.WaitGroup
}

type heard struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

// newWorld serves each request of each connection with answer, which returns
// the lines to send.
func newWorld(t *testing.T, answer func(heard) []string) *world {
	w := &world{t: t, socket: filepath.Join(t.TempDir(), "rpc.sock")}
	w.start(answer)
	t.Cleanup(w.stop)
	return w
}

func (w *world) start(answer func(heard) []string) {
	w.t.Helper()
	ln, err := net.Listen("unix", w.socket)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ln = ln
	w.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.open = append(w.open, nc)
			w.mu.Unlock()
			w.wg.Go(func() { serve(nc, answer) })
		}
	})
}

func serve(nc net.Conn, answer func(heard) []string) {
	defer nc.Close()
	r := bufio.NewScanner(nc)
	r.Buffer(nil, 4<<20)
	for r.Scan() {
		var h heard
		json.Unmarshal(r.Bytes(), &h)
		for _, line := range answer(h) {
			if line == "hang up" {
				return
			}
			fmt.Fprintln(nc, line)
		}
	}
}

// stop ends the daemon, as a kill would.
func (w *world) stop() {
	w.ln.Close()
	w.mu.Lock()
	for _, nc := range w.open {
		nc.Close()
	}
	w.open = nil
	w.mu.Unlock()
	w.wg.Wait()
}

func (w *world) dial() *api.Client {
	w.t.Helper()
	c, err := api.Dial(context.Background(), w.socket)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func result(h heard, raw string) []string {
	return []string{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, h.ID, raw)}
}

func fault(h heard, e *api.Error) []string {
	raw, _ := json.Marshal(e)
	return []string{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":%s}`, h.ID, raw)}
}

func TestClientCalls(t *testing.T) {
	w := newWorld(t, func(h heard) []string {
		switch h.Method {
		case "message.send":
			return result(h, `{"message":"m1","text":`+string(textOf(h.Params))+`,"later":"field"}`)
		case "handle.release":
			return result(h, `{}`)
		}
		return fault(h, api.Ambiguous("bob", []api.Claim{{Handle: "bob~m2x7q5k9wd"}}))
	})
	c, ctx := w.dial(), t.Context()
	m, err := c.MessageSend(ctx, api.MessageSendParams{To: "bob", Text: "hi <you>"})
	if err != nil || m.Message != "m1" || m.Text != "hi <you>" {
		t.Errorf("%+v %v", m, err)
	}
	if err := c.HandleRelease(ctx, api.HandleReleaseParams{}); err != nil {
		t.Error(err)
	}
	_, err = c.ContactAdd(ctx, api.ContactAddParams{Peer: "bob"})
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Kind != api.KindAmbiguous || e.Code != 2 || len(e.Claimants) != 1 || e.Hint == "" {
		t.Errorf("%#v", err)
	}
	raw, err := c.Call(ctx, "handle.release", json.RawMessage(`{}`))
	if err != nil || string(raw) != "{}" {
		t.Errorf("%s %v", raw, err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			text := fmt.Sprint("text ", i)
			if m, err := c.MessageSend(ctx, api.MessageSendParams{To: "bob", Text: text}); err != nil || m.Text != text {
				t.Errorf("%+v %v", m, err)
			}
		})
	}
	wg.Wait()
}

func textOf(params json.RawMessage) json.RawMessage {
	var p struct{ Text json.RawMessage }
	json.Unmarshal(params, &p)
	return p.Text
}

func TestClientFaults(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	if _, err := api.Dial(ctx, filepath.Join(dir, "none.sock")); !errors.Is(err, api.ErrNoDaemon) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := api.Dial(ctx, filepath.Join(dir, "none", "none.sock")); !errors.Is(err, api.ErrNoDaemon) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := api.Dial(ctx, "/"+strings.Repeat("x", 200)); !errors.Is(err, api.ErrSocketPath) {
		t.Errorf("a long path: %v", err)
	}
	stale := filepath.Join(dir, "stale.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	if _, err := api.Dial(ctx, stale); !errors.Is(err, api.ErrNoDaemon) {
		t.Errorf("a socket that a killed daemon left: %v", err)
	}
	if _, err := os.Stat(stale); err != nil {
		t.Fatal(err)
	}
}

func TestClientWhenTheDaemonGoes(t *testing.T) {
	w := newWorld(t, func(h heard) []string { return []string{"hang up"} })
	c := w.dial()
	for range 2 { // the call that saw it, and one after
		if _, err := c.NodeStatus(t.Context()); !errors.Is(err, api.ErrDisconnected) {
			t.Errorf("%v", err)
		}
	}
}

func TestClientLearnsWhyItIsRefused(t *testing.T) {
	w := newWorld(t, func(h heard) []string {
		return []string{`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too many connections","data":{"kind":"rateLimited"}}}`, "hang up"}
	})
	if _, err := w.dial().NodeStatus(t.Context()); api.KindOf(err) != api.KindRateLimited {
		t.Errorf("%v", err)
	}
}

func TestClientGivesUpWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	w := newWorld(t, func(h heard) []string { close(arrived); return nil })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := w.dial().NodeStatus(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestClientRefusesWhatTheDaemonWould(t *testing.T) {
	w := newWorld(t, func(h heard) []string { return result(h, `{}`) })
	c := w.dial()
	_, err := c.MessageSend(t.Context(), api.MessageSendParams{To: "bob", Text: strings.Repeat("x", 1<<20)})
	if api.KindOf(err) != api.KindTooLarge {
		t.Errorf("%v", err)
	}
	if _, err := c.NodeStatus(t.Context()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
