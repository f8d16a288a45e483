package chat_test

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/chat"
)

// BenchmarkOneWay sends 200-byte messages from one daemon to another, with
// many callers, and counts until the last is acknowledged. Both run in this
// process: cpu-us/msg is what both take together.
func BenchmarkOneWay(b *testing.B) {
	w := newWorld(b)
	alice, bob := w.person("alice"), w.person("bob")
	friends(alice, bob)
	text := strings.Repeat("x", 200)
	b.ResetTimer()
	before := cpu(b)
	last := sendMany(b, alice, bob, text, b.N)
	alice.untilMessage(last.ID, chat.Delivered)
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/msg")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sendMany sends n messages from 128 callers and returns the newest.
func sendMany(b *testing.B, from, to *person, text string, n int) chat.Message {
	var mu sync.Mutex
	var last chat.Message
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for range left {
				m, err := from.chat.Send(context.Background(), chat.SendRequest{To: to.ref(), Text: text})
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				if m.SentAt.After(last.SentAt) {
					last = m
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return last
}
