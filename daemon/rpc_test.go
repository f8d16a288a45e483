package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"go.uber.org/goleak"
)

// rpcWorld is a served socket and the clients of one test.
type rpcWorld struct {
	t      testing.TB
	path   string
	srv    *rpcServer
	stop   context.CancelFunc
	served chan error
}

type echoParams struct {
	Text string `json:"text"`
}

// echoHandlers answer at once, or hang until the context ends.
func echoHandlers() map[string]handler {
	return map[string]handler{
		"test.echo":  method(func(_ context.Context, p echoParams) (echoParams, error) { return p, nil }),
		"test.hang":  method(func(ctx context.Context, _ api.Empty) (api.Empty, error) { <-ctx.Done(); return api.Empty{}, ctx.Err() }),
		"test.panic": method(func(context.Context, api.Empty) (api.Empty, error) { panic("on purpose") }),
		"test.fault": method(func(context.Context, api.Empty) (api.Empty, error) { return api.Empty{}, errors.New("secret detail") }),
		"test.gone": method(func(context.Context, api.Empty) (api.Empty, error) {
			return api.Empty{}, fmt.Errorf("look: %w", api.Errorf(api.KindNotFound, "no such thing").WithHint("look elsewhere"))
		}),
	}
}

func serveRPC(t testing.TB, handlers map[string]handler, change func(*RPCLimits)) *rpcWorld {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	limits := DefaultRPCLimits()
	if change != nil {
		change(&limits)
	}
	w := &rpcWorld{t: t, path: filepath.Join(t.TempDir(), "rpc.sock"), served: make(chan error, 1)}
	w.srv = newRPCServer(handlers, limits, slog.New(slog.DiscardHandler))
	ln, err := net.Listen("unix", w.path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.served <- w.srv.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-w.served; err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t, leaks)
	})
	return w
}

// rpcClient is a connection that speaks lines.
type rpcClient struct {
	*net.UnixConn
	t testing.TB
	r *bufio.Reader
}

func (w *rpcWorld) dial() *rpcClient {
	w.t.Helper()
	nc, err := net.Dial("unix", w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute)) // a test that hangs says where
	return &rpcClient{nc.(*net.UnixConn), w.t, bufio.NewReader(nc)}
}

func (c *rpcClient) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.Join(lines, "\n")+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rpcClient) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read: %v (got %q)", err, s)
	}
	return strings.TrimSuffix(s, "\n")
}

// hungUp reads to the end and returns what was left.
func (c *rpcClient) hungUp() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		c.t.Fatal("the server did not hang up")
	}
	return string(b)
}

func echoLine(id int, text string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"test.echo","params":{"text":%q}}`, id, text)
}

func TestRPCAnswers(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	for _, c := range []struct{ name, send, want string }{
		{"a call", echoLine(1, "hi"), `{"jsonrpc":"2.0","id":1,"result":{"text":"hi"}}`},
		{"the id as given", `{"jsonrpc":"2.0","id":"a\u00e4","method":"test.echo","params":{"text":""}}`, `{"jsonrpc":"2.0","id":"a\u00e4","result":{"text":""}}`},
		{"an id of null", `{"jsonrpc":"2.0","id":null,"method":"test.echo","params":{"text":"x"}}`, `{"jsonrpc":"2.0","id":null,"result":{"text":"x"}}`},
		{"blank lines and CR", "\r\n \t\n" + echoLine(1, "hi") + "\r", `{"jsonrpc":"2.0","id":1,"result":{"text":"hi"}}`},
		{"no JSON", `{"jsonrpc"`, `-32700`},
		{"no UTF-8", "{\"jsonrpc\":\"\xff\"}", `-32700`},
		{"two values", `{} {}`, `-32700`},
		{"no object", `7`, `-32600`},
		{"no version", `{"id":1,"method":"test.echo"}`, `"id":1,"error":{"code":-32600`},
		{"no method", `{"jsonrpc":"2.0","id":1}`, `"id":1,"error":{"code":-32600`},
		{"an id that is an object", `{"jsonrpc":"2.0","id":{},"method":"test.echo"}`, `"id":null,"error":{"code":-32600`},
		{"a huge id", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 300) + `","method":"test.echo"}`, `"id":null,"error":{"code":-32600`},
		{"a member too many", `{"jsonrpc":"2.0","id":1,"method":"test.echo","x":1}`, `no member \"x\"`},
		{"other case", `{"JSONRPC":"2.0","id":1,"method":"test.echo"}`, `-32600`},
		{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"test.none"}`, `"code":-32601,"message":"there is no method \"test.none\"","data":{"kind":"notFound","hint":"rpc.discover lists them"}`},
		{"unknown parameter", `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":{"text":"","txt":1}}`, `"code":-32602,"message":"txt: no such parameter; there are text","data":{"kind":"invalid","field":"txt"}`},
		{"missing parameter", `{"jsonrpc":"2.0","id":1,"method":"test.echo"}`, `"message":"text: is missing"`},
		{"wrong type", `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":{"text":7}}`, `"message":"text: must be a string, not number"`},
		{"parameters by position", `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["x"]}`, `-32602`},
		{"an error that may be shown", `{"jsonrpc":"2.0","id":1,"method":"test.gone"}`, `"error":{"code":1,"message":"no such thing","data":{"kind":"notFound","hint":"look elsewhere"}}`},
		{"an error that may not", `{"jsonrpc":"2.0","id":1,"method":"test.fault"}`, `"code":-32603,"message":"something broke inside the daemon"`},
		{"a panic", `{"jsonrpc":"2.0","id":1,"method":"test.panic"}`, `"code":-32603,"message":"something broke inside the daemon"`},
		{"a batch", "[" + echoLine(1, "a") + `,{"jsonrpc":"2.0","method":"test.echo","params":{"text":"b"}},7,` + echoLine(2, "c") + "]",
			`[{"jsonrpc":"2.0","id":1,"result":{"text":"a"}},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a request is an object","data":{"kind":"invalid"}}},{"jsonrpc":"2.0","id":2,"result":{"text":"c"}}]`},
		{"an empty batch", "[]", `"id":null,"error":{"code":-32600`},
		{"a broken batch", "[" + echoLine(1, "a") + ",", `-32700`},
		{"something after a batch", "[" + echoLine(1, "a") + "] 1", `-32700`},
		{"a batch too large", "[" + strings.Repeat("1,", 400_000) + "1]", `"kind":"tooLarge"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := w.dial()
			cl.t = t
			cl.send(c.send)
			if got := cl.line(); !strings.Contains(got, c.want) {
				t.Errorf("sent %.200q\n got %s\nwant %s", c.send, got, c.want)
			}
			cl.send(echoLine(99, "still here"))
			if got := cl.line(); !strings.Contains(got, "still here") {
				t.Errorf("after it: %s", got)
			}
		})
	}
}

func TestRPCNotificationsGetNoAnswer(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	c := w.dial()
	c.send(`{"jsonrpc":"2.0","method":"test.echo","params":{"text":"x"}}`,
		`{"jsonrpc":"2.0","method":"test.none"}`,
		`[{"jsonrpc":"2.0","method":"test.gone"}]`)
	c.CloseWrite()
	if got := c.hungUp(); got != "" {
		t.Errorf("answered %q", got)
	}
}

func TestRPCAnswersAfterTheClientClosesItsSide(t *testing.T) {
	release := make(chan struct{})
	hs := echoHandlers()
	hs["test.wait"] = method(func(context.Context, api.Empty) (api.Empty, error) { <-release; return api.Empty{}, nil })
	w := serveRPC(t, hs, nil)
	c := w.dial()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"test.wait"}`)
	io.WriteString(c, echoLine(2, "no newline at the end"))
	c.CloseWrite()
	if got := c.line(); !strings.Contains(got, "no newline") {
		t.Errorf("got %s", got)
	}
	close(release)
	if got := c.hungUp(); !strings.Contains(got, `"id":1,"result":{}`) {
		t.Errorf("got %q", got)
	}
}

func TestRPCSlowCallsBlockNobody(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	c := w.dial()
	for i := range 200 {
		c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"slow%d","method":"test.hang"}`, i))
	}
	for i := range 100 {
		c.send(echoLine(i, "quick"))
		if got := c.line(); !strings.Contains(got, fmt.Sprintf(`"id":%d,`, i)) {
			t.Fatalf("got %s", got)
		}
	}
}

func TestRPCOrderedCallsBeginInOrder(t *testing.T) {
	const calls = 500
	var mu sync.Mutex
	var begun []int
	finish := make(chan struct{})
	hs := echoHandlers()
	hs["test.send"] = inOrder(method(func(ctx context.Context, p struct {
		N int `json:"n"`
	}) (api.Empty, error) {
		mu.Lock()
		begun = append(begun, p.N)
		if len(begun) == 200 {
			close(finish)
		}
		mu.Unlock()
		if p.N%7 == 0 {
			runtime.Gosched() // give others the chance to overtake
		}
		placed(ctx)
		<-finish // none returns before 200 have begun: begun is not the same as ended
		return api.Empty{}, nil
	}))
	w := serveRPC(t, hs, nil)
	c := w.dial()
	go func() {
		for i := range calls {
			fmt.Fprintf(c, `{"jsonrpc":"2.0","id":%d,"method":"test.send","params":{"n":%d}}`+"\n", i, i)
		}
	}()
	for range calls {
		c.line()
	}
	if !slices.IsSorted(begun) || len(begun) != calls {
		t.Errorf("%d calls began in the order %v", len(begun), begun)
	}
}

func TestRPCOrderedCallsThatNeverSayPlacedRunOneByOne(t *testing.T) {
	var running, most atomic.Int32
	hs := map[string]handler{"test.send": inOrder(method(func(context.Context, api.Empty) (api.Empty, error) {
		most.Store(max(most.Load(), running.Add(1)))
		runtime.Gosched()
		running.Add(-1)
		return api.Empty{}, nil
	}))}
	w := serveRPC(t, hs, nil)
	c := w.dial()
	for i := range 100 {
		c.send(fmt.Sprintf(`[{"jsonrpc":"2.0","id":%d,"method":"test.send"},{"jsonrpc":"2.0","method":"test.send"}]`, i))
	}
	for range 100 {
		c.line()
	}
	if most.Load() != 1 {
		t.Errorf("%d ran at once", most.Load())
	}
}

func TestRPC200Connections(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	var served, refused []*rpcClient
	for i := range 200 {
		c := w.dial()
		if i < 100 {
			c.send(echoLine(i, "in"))
			if got := c.line(); !strings.Contains(got, `"in"`) {
				t.Fatalf("connection %d: %s", i, got)
			}
			served = append(served, c)
			continue
		}
		refused = append(refused, c)
	}
	for _, c := range refused {
		if got := c.hungUp(); !strings.Contains(got, `"kind":"rateLimited"`) {
			t.Fatalf("refused with %q", got)
		}
	}
	for i, c := range served {
		c.send(echoLine(i, "still in"))
		c.line()
	}
	served[0].Close()
	served[0].hungUp() // our own end: no wait, only for the style of it
	for {
		c := w.dial()
		io.WriteString(c, echoLine(1, "in")+"\n")
		if s, _ := c.r.ReadString('\n'); strings.Contains(s, `"in"`) {
			return
		}
		c.Close()
	}
}

func TestRPC10MBRequests(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	huge := []byte(`{"jsonrpc":"2.0","id":1,"method":"test.echo","params":{"text":"` + strings.Repeat("x", 10<<20) + "\"}}\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 5 {
		c := w.dial()
		if _, err := c.Write(huge); err != nil {
			t.Fatal(err)
		}
		if got := c.line(); !strings.Contains(got, `"id":null,"error":{"code":-32600`) || !strings.Contains(got, "tooLarge") {
			t.Fatalf("got %s", got)
		}
		c.send(echoLine(2, "still here"))
		c.line()
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 5*10<<20 {
		t.Errorf("allocated %d bytes for 5 requests of 10 MiB: more than the line limit asks for", got)
	}
}

func TestRPCLineLimitIsExact(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	line := func(n int) string {
		head, tail := `{"jsonrpc":"2.0","id":1,"method":"test.echo","params":{"text":"`, `"}}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	c := w.dial()
	c.send(line(1 << 20))
	if got := c.line(); !strings.Contains(got, `"result"`) {
		t.Errorf("1 MiB: %.200s", got)
	}
	c.send(line(1<<20 + 1))
	if got := c.line(); !strings.Contains(got, "tooLarge") {
		t.Errorf("1 MiB and a byte: %.200s", got)
	}
}

func TestRPCHalfRequestsEnd(t *testing.T) {
	w := serveRPC(t, echoHandlers(), func(l *RPCLimits) { l.SmallTimeout = 50 * time.Millisecond })
	half, idle := w.dial(), w.dial()
	io.WriteString(half, `{"jsonrpc":"2.0","id":1,`)
	if got := half.hungUp(); got != "" {
		t.Errorf("got %q", got)
	}
	idle.send(echoLine(1, "idle is no offence"))
	idle.line()
}

func TestRPCHalfLargeRequestsShareABudget(t *testing.T) {
	w := serveRPC(t, echoHandlers(), func(l *RPCLimits) {
		l.Budget = 4 << 20 // one large request at a time
		l.LargeTimeout = 300 * time.Millisecond
	})
	whole := echoLine(7, strings.Repeat("x", 200<<10))
	holder := w.dial()
	io.WriteString(holder, whole[:150<<10])
	waiter := w.dial()
	sent := make(chan error, 1)
	go func() { _, err := io.WriteString(waiter, whole+"\n"); sent <- err }()
	small := w.dial()
	small.send(echoLine(1, "small ones pass"))
	small.line()
	holder.hungUp()
	if got := waiter.line(); !strings.Contains(got, `"id":7,"result"`) {
		t.Errorf("got %.100s", got)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// floodHandlers feed a client without end once it asks.
func floodHandlers(ended chan<- error) map[string]handler {
	hs := echoHandlers()
	hs["test.flood"] = method(func(ctx context.Context, _ api.Empty) (api.Empty, error) {
		feed(ctx, func(ctx context.Context, c *rpcConn) {
			var err error
			for n := 0; err == nil; n++ {
				err = c.Notify(ctx, "flood", map[string]int{"n": n})
			}
			ended <- err
		})
		return api.Empty{}, nil
	})
	return hs
}

func TestRPCDropsAClientThatStopsReading(t *testing.T) {
	ended := make(chan error, 1)
	w := serveRPC(t, floodHandlers(ended), func(l *RPCLimits) { l.WriteTimeout = 100 * time.Millisecond })
	stuck, fine := w.dial(), w.dial()
	stuck.send(`{"jsonrpc":"2.0","id":1,"method":"test.flood"}`)
	for i := range 50 {
		fine.send(echoLine(i, "others notice nothing"))
		fine.line()
	}
	if err := <-ended; err == nil {
		t.Error("the feed ended without a reason")
	}
	got := stuck.hungUp()
	if !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n"+`{"jsonrpc":"2.0","method":"flood","params":{"n":0}}`) {
		t.Errorf("got %.200q", got)
	}
}

func TestRPCNotificationsKeepTheirOrder(t *testing.T) {
	ended := make(chan error, 1)
	w := serveRPC(t, floodHandlers(ended), nil)
	c := w.dial()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"test.flood"}`)
	c.line()
	for i := range 20_000 {
		if got := c.line(); got != fmt.Sprintf(`{"jsonrpc":"2.0","method":"flood","params":{"n":%d}}`, i) {
			t.Fatalf("notification %d: %s", i, got)
		}
	}
	c.send(`{"jsonrpc":"2.0","id":2,"method":"test.flood"}`) // in place of the first
	for !strings.Contains(c.line(), `"id":2,`) {
	}
	go io.Copy(io.Discard, c.r) // the first feed may wait for a reader when it is told to end
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first feed ended with %v", err)
	}
	c.Close()
	<-ended
}

func TestRPCStops(t *testing.T) {
	ended := make(chan error, 1)
	w := serveRPC(t, floodHandlers(ended), func(l *RPCLimits) { l.Shutdown = 50 * time.Millisecond })
	hanging, flooded, half, idle := w.dial(), w.dial(), w.dial(), w.dial()
	for i := range 300 { // more than may be in flight: the reader itself waits
		hanging.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"test.hang"}`, i))
	}
	flooded.send(`{"jsonrpc":"2.0","id":1,"method":"test.flood"}`)
	flooded.line()
	io.WriteString(half, `{"json`)
	idle.send(echoLine(1, "x"))
	idle.line()
	w.stop()
	start := time.Now()
	err := <-w.served
	w.served <- err
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	<-ended
	idle.hungUp()
}

func TestRPCStopsWithCallsThatAreAlmostDone(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	hs := map[string]handler{"test.wait": method(func(context.Context, api.Empty) (api.Empty, error) {
		close(begun)
		<-release
		return api.Empty{}, nil
	})}
	w := serveRPC(t, hs, func(l *RPCLimits) { l.Shutdown = time.Minute })
	c := w.dial()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"test.wait"}`)
	<-begun
	w.stop()
	close(release)
	if got := c.hungUp(); !strings.Contains(got, `"result":{}`) {
		t.Errorf("got %q", got)
	}
}

func TestRPCUnderManyClients(t *testing.T) {
	w := serveRPC(t, echoHandlers(), nil)
	var wg sync.WaitGroup
	for n := range 50 {
		c := w.dial()
		wg.Go(func() { pipeline(t, c, 200, n) })
	}
	wg.Wait()
}

// pipeline sends calls without waiting, and checks that each is answered once.
func pipeline(t testing.TB, c *rpcClient, calls, seed int) {
	go func() {
		var b bytes.Buffer
		for i := range calls {
			b.WriteString(echoLine(i, fmt.Sprint(seed, "/", i)))
			b.WriteByte('\n')
		}
		c.Write(b.Bytes())
	}()
	seen := make(map[int]bool, calls)
	for range calls {
		var m struct {
			ID     int
			Result echoParams
		}
		line, err := c.r.ReadBytes('\n')
		if err != nil || json.Unmarshal(line, &m) != nil {
			t.Errorf("%v: %s", err, line)
			return
		}
		if m.Result.Text != fmt.Sprint(seed, "/", m.ID) || seen[m.ID] {
			t.Errorf("answer %s", line)
		}
		seen[m.ID] = true
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(echoLine(1, "x")))
	f.Add([]byte(`[` + echoLine(1, "x") + `,{"jsonrpc":"2.0","method":"a"},1]`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":null,"method":"test.echo","params":null}`))
	f.Add([]byte("[[[[[[[["))
	f.Add([]byte("\f")) // white space to Unicode, not to JSON
	f.Fuzz(func(t *testing.T, line []byte) {
		if blank(line) {
			return // never gets this far
		}
		reqs, _, fault := parseLine(line, 8)
		if fault == nil == (len(reqs) == 0) || len(reqs) > 8 {
			t.Fatalf("%d requests and fault %v", len(reqs), fault)
		}
		for _, req := range reqs {
			checkReparse(t, req)
		}
	})
}

// checkReparse writes a request out again and reads it back: the same request.
func checkReparse(t *testing.T, req request) {
	if req.fault != nil {
		if !json.Valid(encodeAnswer(req.id, nil, req.fault)) {
			t.Fatalf("the answer to %+v is no JSON", req)
		}
		return
	}
	m := map[string]any{"jsonrpc": "2.0", "method": req.method}
	if req.id != nil {
		m["id"] = req.id
	}
	if req.params != nil {
		m["params"] = req.params
	}
	again, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	reqs, batch, fault := parseLine(again, 1)
	if fault != nil || batch || reqs[0].fault != nil || reqs[0].method != req.method || (reqs[0].id == nil) != (req.id == nil) {
		t.Fatalf("%s → %+v, %v", again, reqs, fault)
	}
}

func BenchmarkRPCRoundTrip(b *testing.B) {
	w := serveRPC(b, echoHandlers(), nil)
	c := w.dial()
	c.SetDeadline(time.Time{})
	took := make([]time.Duration, 0, b.N)
	line := echoLine(1, "hello")
	for b.Loop() {
		start := time.Now()
		c.send(line)
		c.line()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	c.Close()
}

func BenchmarkRPCPipelined(b *testing.B) {
	w := serveRPC(b, echoHandlers(), nil)
	c := w.dial()
	c.SetDeadline(time.Time{})
	line := []byte(echoLine(1, "hello") + "\n")
	b.ResetTimer()
	go func() {
		bw := bufio.NewWriter(c)
		for range b.N {
			bw.Write(line)
		}
		bw.Flush()
	}()
	for range b.N {
		c.line()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	c.Close()
}

// BenchmarkRPCClient is a call as Go programs make it.
func BenchmarkRPCClient(b *testing.B) {
	w := serveRPC(b, echoHandlers(), nil)
	c, err := api.Dial(b.Context(), w.path)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		if _, err := c.Call(b.Context(), "test.echo", json.RawMessage(`{"text":"hello"}`)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
}
