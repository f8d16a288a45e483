package node_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/node"
)

var idle = flag.Duration("idle", 0, "how long TestIdle rests; zero leaves it out")

// TestIdle says what a node costs that has nothing to do, alone and with peers.
// It measures and does not judge.
func TestIdle(t *testing.T) {
	if *idle == 0 {
		t.Skip("needs -idle")
	}
	cfg := node.DefaultConfig()
	cfg.Key, cfg.PortMap, cfg.MDNSInterfaces = key(t), false, []string{loopback(t)}
	cfg.Listen = config(t).Listen
	first, _ := start(t, cfg)
	t.Logf("alone: %s", rest())
	for range 5 {
		n, _ := start(t, config(t))
		if err := n.Connect(within(t), info(first)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("six nodes, a star, in one process: %s", rest())
}

func rest() string {
	time.Sleep(5 * time.Second) // for what starting leaves behind
	before := cpu()
	time.Sleep(*idle)
	spent := float64(cpu()-before) / float64(*idle) * float64(time.Minute)
	return fmt.Sprintf("CPU %v a minute, %s, %d goroutines", time.Duration(spent).Round(10*time.Microsecond), rss(), runtime.NumGoroutine())
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func rss() string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "memory unknown"
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		if strings.HasPrefix(l, "Rss") || strings.HasPrefix(l, "VmRSS") {
			out = append(out, strings.Join(strings.Fields(l), " "))
		}
	}
	return strings.Join(out, ", ")
}

// BenchmarkLife is from New to ready, and to closed again.
func BenchmarkLife(b *testing.B) {
	for b.Loop() {
		n, err := node.New(config(b))
		if err != nil {
			b.Fatal(err)
		}
		ready := len(n.Addrs()) > 0
		closing := time.Now()
		if err := n.Close(); err != nil || !ready {
			b.Fatal(ready, err)
		}
		b.ReportMetric(float64(time.Since(closing).Microseconds())/1000, "close-ms")
	}
}

// BenchmarkClose ends a node with connections to five others.
func BenchmarkClose(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		n, stop := start(b, config(b))
		for range 5 {
			m, _ := start(b, config(b))
			if err := m.Connect(context.Background(), info(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		stop()
	}
}
