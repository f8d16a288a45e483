package mesh_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// The benchmarks have no store: Receive and Settled only count, so what is
// measured is what mesh adds to the commits. Each runs beside an echo over a
// plain libp2p stream between the same two processes.

const (
	echoProtocol = "/p2pmsg/bench-echo/1"
	benchSize    = 200
)

// counter is a floor above that takes everything and remembers nothing.
type counter struct{ settled chan int }

func (c counter) Receive(_ context.Context, _ peer.ID, envs [][]byte) []mesh.Verdict {
	return make([]mesh.Verdict, len(envs))
}

func (c counter) Pending(identity.DeviceID, uint64, int) ([]mesh.Item, error) { return nil, nil }

func (c counter) Settled(_ identity.DeviceID, acks []mesh.Ack) { c.settled <- len(acks) }

func echo(s network.Stream) {
	defer s.Close()
	_, _ = io.Copy(s, s)
}

var transports = map[string]string{"quic": "udp/0/quic-v1", "tcp": "tcp/0"}

// withChild starts the other process and a daemon that is connected to it.
func withChild(b *testing.B, transport string) (*end, counter, peer.ID) {
	p := knownPair(b, transport)
	p.addrs[meshtest.Bob], _ = spawn(b, transport)
	up := counter{make(chan int, 1<<16)}
	e := p.start(b, meshtest.Alice, up, nil, nil)
	eventually(b, "a link", func() bool { return e.mesh.State(e.to).Connected })
	return e, up, p.keys[meshtest.Bob].ID()
}

// BenchmarkRoundTrip is one message after the other, from Push to Settled.
func BenchmarkRoundTrip(b *testing.B) {
	for name, transport := range transports {
		b.Run(name, func(b *testing.B) {
			e, up, bob := withChild(b, transport)
			env := make([]byte, benchSize)
			id := uint64(time.Now().UnixNano())
			b.Run("mesh", func(b *testing.B) {
				lat := newLatencies(b)
				for b.Loop() {
					id++
					lat.time(func() {
						e.Push(mesh.Item{ID: id, Envelope: env})
						<-up.settled
					})
				}
				lat.report()
			})
			b.Run("echo", func(b *testing.B) {
				s := echoStream(b, e.node, bob)
				lat := newLatencies(b)
				for b.Loop() {
					lat.time(func() { roundTrip(b, s, env) })
				}
				lat.report()
			})
		})
	}
}

// BenchmarkThroughput is as many messages as the window lets go.
func BenchmarkThroughput(b *testing.B) {
	for name, transport := range transports {
		b.Run(name, func(b *testing.B) {
			e, up, bob := withChild(b, transport)
			env := make([]byte, benchSize)
			id := uint64(time.Now().UnixNano())
			b.Run("mesh", func(b *testing.B) {
				under := 0
				for b.Loop() {
					for under >= 1000 {
						under -= <-up.settled
					}
					id++
					under++
					e.Push(mesh.Item{ID: id, Envelope: env})
				}
				for under > 0 {
					under -= <-up.settled
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
			})
			b.Run("echo", func(b *testing.B) {
				s := echoStream(b, e.node, bob)
				stream(b, s, env)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
			})
		})
	}
}

func echoStream(b *testing.B, n *node.Node, bob peer.ID) network.Stream {
	s, err := n.Open(context.Background(), bob, echoProtocol, node.OpenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Reset() })
	roundTrip(b, s, make([]byte, benchSize))
	return s
}

func roundTrip(b *testing.B, s network.Stream, env []byte) {
	if _, err := s.Write(env); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, len(env))); err != nil {
		b.Fatal(err)
	}
}

// stream writes envelopes, each with its own write, with as many under way as
// mesh may have, and waits for all to come back.
func stream(b *testing.B, s network.Stream, env []byte) {
	back := make(chan int, 1<<16)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := s.Read(buf)
			if err != nil {
				close(back)
				return
			}
			back <- n
		}
	}()
	under := 0
	for b.Loop() {
		for under >= 1000*len(env) {
			under -= <-back
		}
		if _, err := s.Write(env); err != nil {
			b.Fatal(err)
		}
		under += len(env)
	}
	for under > 0 {
		under -= <-back
	}
}

// latencies reports the median and the 99th percentile.
type latencies struct {
	b   *testing.B
	all []time.Duration
}

func newLatencies(b *testing.B) *latencies { return &latencies{b: b} }

func (l *latencies) time(f func()) {
	start := time.Now()
	f()
	l.all = append(l.all, time.Since(start))
}

func (l *latencies) report() {
	slices.Sort(l.all)
	for name, q := range map[string]float64{"p50-µs": 0.5, "p99-µs": 0.99} {
		d := l.all[int(q*float64(len(l.all)-1))]
		l.b.ReportMetric(float64(d.Nanoseconds())/1000, name)
	}
}
