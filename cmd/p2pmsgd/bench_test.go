package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// The benchmarks here run real processes. Each prints its figure beside a
// yardstick measured in the same run, and the ratio of the two: the machines
// these run on are not alike, the ratios nearly are.

// quantile is the q-th part of ds; ds is sorted by it.
func quantile(ds []time.Duration, q float64) time.Duration {
	slices.Sort(ds)
	return ds[int(q*float64(len(ds)-1))]
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// pair is two processes that are contacts, and a client of each.
type pair struct {
	alice, bob   *process
	a, b         *api.Client
	conversation string
}

func newPair(tb testing.TB) pair {
	tb.Helper()
	alice := startProcess(tb)
	bob := startProcess(tb, alice.listen[0])
	p := pair{alice: alice, bob: bob, a: alice.client(), b: bob.client()}
	befriend(tb, p.a, p.b)
	convs, err := p.a.ConversationList(bounded(tb), api.ConversationListParams{})
	if err != nil {
		tb.Fatal(err)
	}
	p.conversation = string(convs.Conversations[0].Conversation)
	settle(tb, alice, bob)
	return p
}

// settle waits until daemons that have just started are done with the work of
// their first records.
func settle(tb testing.TB, ps ...*process) {
	tb.Helper()
	for _, p := range ps {
		before := p.cpu(tb)
		await(tb, "a daemon to come to rest", func() bool {
			time.Sleep(time.Second)
			now := p.cpu(tb)
			quiet := now-before <= 20*time.Millisecond
			before = now
			return quiet
		})
	}
}

// follow passes the events of a type on to a channel until the test ends.
func follow(tb testing.TB, c *api.Client, typ api.EventType) <-chan api.Message {
	tb.Helper()
	out := make(chan api.Message, 1<<16)
	ctx, cancel := context.WithCancel(context.Background())
	began, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	sub := api.Subscription{Types: []api.EventType{typ}, Ready: func(uint64) { once.Do(func() { close(began) }) }}
	go func() {
		defer close(done)
		c.Events(ctx, sub, func(e api.Event) error {
			var m api.Message
			if err := json.Unmarshal(e.Data, &m); err != nil {
				return err
			}
			out <- m
			return nil
		})
	}()
	<-began
	tb.Cleanup(func() { cancel(); <-done })
	return out
}

// BenchmarkDirectMessage is one message at a time between two processes: from
// message.send to the receiver's event, and to the sender's `delivered`. The
// yardstick is what no design can avoid: a libp2p stream echo between two
// processes and two durable writes.
func BenchmarkDirectMessage(b *testing.B) {
	p := newPair(b)
	arrived, delivered := follow(b, p.b, api.EventMessageNew), follow(b, p.a, api.EventMessageChanged)
	floor := echoTime(b) + 2*durableWrite(b)
	var toEvent, toDelivered []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		m, err := p.a.MessageSend(bounded(b), api.MessageSendParams{To: p.conversation, Text: numbered("message", i)})
		if err != nil {
			b.Fatal(err)
		}
		for got := range arrived {
			if got.Message == m.Message {
				break
			}
		}
		toEvent = append(toEvent, time.Since(start))
		for got := range delivered {
			if got.Message == m.Message && got.State == api.StateDelivered {
				break
			}
		}
		toDelivered = append(toDelivered, time.Since(start))
	}
	b.ReportMetric(micros(quantile(toEvent, .5)), "event-p50-µs")
	b.ReportMetric(micros(quantile(toEvent, .99)), "event-p99-µs")
	b.ReportMetric(micros(quantile(toDelivered, .5)), "delivered-p50-µs")
	b.ReportMetric(micros(quantile(toDelivered, .99)), "delivered-p99-µs")
	b.ReportMetric(micros(floor), "floor-µs")
	b.ReportMetric(micros(quantile(toDelivered, .5))/micros(floor), "ratio")
}

// BenchmarkThroughput is durable 200-byte messages a second, one way, through
// the API, with as many calls under way as a busy bridge would have.
func BenchmarkThroughput(b *testing.B) {
	const under = 128
	p := newPair(b)
	arrived := follow(b, p.b, api.EventMessageNew)
	text := strings.Repeat("x", 200)
	b.ResetTimer()
	start := time.Now()
	var callers sync.WaitGroup
	todo := make(chan struct{}, under)
	for range under {
		callers.Go(func() {
			for range todo {
				if _, err := p.a.MessageSend(context.Background(), api.MessageSendParams{To: p.conversation, Text: text}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		todo <- struct{}{}
	}
	close(todo)
	callers.Wait()
	for range b.N {
		<-arrived
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "messages/s")
	b.ReportMetric(5000, "goal-messages/s")
}

// BenchmarkAPICall is a round trip on the Unix socket.
func BenchmarkAPICall(b *testing.B) {
	p := startProcess(b)
	p.cli("account", "create")
	settle(b, p)
	c := p.client()
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := c.AccountGet(context.Background()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	b.ReportMetric(micros(quantile(took, .5)), "p50-µs")
	b.ReportMetric(60, "goal-µs")
}

// BenchmarkStart is from exec to `ready`.
func BenchmarkStart(b *testing.B) {
	p := startProcess(b)
	p.cli("account", "create")
	var took []time.Duration
	for b.Loop() {
		p.stop()
		start := time.Now()
		p.start()
		took = append(took, time.Since(start))
	}
	b.ReportMetric(quantile(took, .5).Seconds(), "p50-s")
	b.ReportMetric(0.5, "goal-s")
}

// BenchmarkStartToDelivered is from exec to a queued message delivered to a
// contact that is there.
func BenchmarkStartToDelivered(b *testing.B) {
	p := newPair(b)
	arrived := follow(b, p.b, api.EventMessageNew)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		p.bob.pause(b)
		if _, err := p.alice.client().MessageSend(bounded(b), api.MessageSendParams{To: p.conversation, Text: numbered("queued", i)}); err != nil {
			b.Fatal(err)
		}
		p.alice.kill()
		p.bob.resume(b)
		start := time.Now()
		p.alice.start()
		<-arrived
		took = append(took, time.Since(start))
	}
	b.ReportMetric(quantile(took, .5).Seconds(), "p50-s")
	b.ReportMetric(0.7, "goal-s")
}

// BenchmarkIdle is what a daemon with five contacts takes while nothing
// happens: memory after a minute, and processor time in the minute after.
func BenchmarkIdle(b *testing.B) {
	center := startProcess(b)
	center.cli("account", "create")
	for range 5 {
		friend := startProcess(b, center.listen[0])
		inv, err := center.client().InviteCreate(bounded(b), api.InviteCreateParams{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := friend.client().InviteOpen(bounded(b), api.InviteOpenParams{URI: inv.URI}); err != nil {
			b.Fatal(err)
		}
	}
	await(b, "five contacts", func() bool { return accepted(center.client()) == 5 })
	for b.Loop() {
		time.Sleep(time.Minute) // what is measured is time passing
		before := center.cpu(b)
		memory := center.rss(b)
		time.Sleep(time.Minute)
		b.ReportMetric(float64(memory)/(1<<20), "RSS-MiB")
		b.ReportMetric(56, "goal-MiB")
		b.ReportMetric(float64((center.cpu(b) - before).Milliseconds()), "CPU-ms/min")
		b.ReportMetric(250, "goal-ms/min")
	}
}

// durableWrite is the time of an append of 300 bytes with an fsync.
func durableWrite(tb testing.TB) time.Duration {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), "floor"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var took []time.Duration
	for range 500 {
		start := time.Now()
		f.Write(make([]byte, 300))
		if err := f.Sync(); err != nil {
			tb.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	return quantile(took, .5)
}

const echoProtocol = "/echo/1"

// echoTime is the round trip of 300 bytes on a standing libp2p stream between
// this process and another one.
func echoTime(tb testing.TB) time.Duration {
	tb.Helper()
	s := echoStream(tb)
	buf := make([]byte, 300)
	var took []time.Duration
	for range 2000 {
		start := time.Now()
		s.Write(buf)
		if _, err := io.ReadFull(s, buf); err != nil {
			tb.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	return quantile(took, .5)
}

func echoStream(tb testing.TB) network.Stream {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestEchoServer$")
	cmd.Env = append(os.Environ(), "P2PMSG_ECHO=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	info, err := peer.AddrInfoFromString(strings.TrimSpace(line))
	if err != nil {
		tb.Fatal(err)
	}
	h, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close() })
	if err := h.Connect(bounded(tb), *info); err != nil {
		tb.Fatal(err)
	}
	s, err := h.NewStream(bounded(tb), info.ID, echoProtocol)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestEchoServer is the other process of echoTime; alone it has nothing to do.
func TestEchoServer(t *testing.T) {
	if os.Getenv("P2PMSG_ECHO") == "" {
		t.Skip("runs only as the other process of a benchmark")
	}
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	h.SetStreamHandler(echoProtocol, func(s network.Stream) { io.Copy(s, s) })
	fmt.Printf("%s/p2p/%s\n", h.Addrs()[0], h.ID())
	select {}
}
