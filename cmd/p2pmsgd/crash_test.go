package main_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// TestKillNine: two processes are killed at 200 random moments while 2,000
// messages flow both ways. Every message whose sending was acknowledged
// arrives, once, and both see the same history.
func TestKillNine(t *testing.T) {
	kills, each := 200, 1000
	if testing.Short() {
		kills, each = 20, 100
	}
	alice := startProcess(t)
	bob := startProcess(t, alice.listen[0])
	befriend(t, alice.client(), bob.client())

	var sent atomic.Int64
	var senders sync.WaitGroup
	for _, p := range []*process{alice, bob} {
		name := p.peer
		senders.Go(func() { sendAll(t, p.dir, name, each, &sent) })
	}
	for i := range kills {
		// The kills are spread over the sending, at moments nobody chose.
		for goal := int64(i) * int64(2*each) / int64(kills); sent.Load() < goal; time.Sleep(time.Millisecond) {
			if t.Failed() {
				return
			}
		}
		time.Sleep(time.Duration(rand.Int64N(int64(40 * time.Millisecond))))
		victim := []*process{alice, bob}[rand.IntN(2)]
		victim.kill()
		victim.start()
	}
	senders.Wait()

	a, b := alice.client(), bob.client()
	t.Cleanup(func() {
		if t.Failed() {
			stuck(t, "alice", a)
			stuck(t, "bob", b)
		}
	})
	await(t, "everything to arrive", func() bool {
		return len(history(t, a)) >= 2*each && len(history(t, b)) >= 2*each && undelivered(t, a)+undelivered(t, b) == 0
	})
	check(t, texts(history(t, a)), texts(history(t, b)), each)
}

// sendAll sends numbered messages one after the other, each until it was
// acknowledged, whatever happens to the daemon on dir meanwhile.
func sendAll(t *testing.T, dir, name string, n int, sent *atomic.Int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	var c *api.Client
	for i := range n {
		for {
			if c == nil {
				var err error
				if c, err = dialAgain(ctx, dir); err != nil {
					t.Error(err)
					return
				}
			}
			if sendOne(ctx, c, numbered(name, i)) == nil {
				break
			}
			c.Close()
			c = nil
			if ctx.Err() != nil {
				t.Error("sending took too long")
				return
			}
		}
		sent.Add(1)
	}
	c.Close()
}

// sendOne sends a text to the only contact. The text is the clientId too, so
// that a repetition after a lost answer is no second message.
func sendOne(ctx context.Context, c *api.Client, text string) error {
	convs, err := c.ConversationList(ctx, api.ConversationListParams{})
	if err != nil {
		return err
	}
	_, err = c.MessageSend(ctx, api.MessageSendParams{
		To: string(convs.Conversations[0].Conversation), Text: text, Once: api.Once{ClientID: text},
	})
	return err
}

// stuck tells what waits, and why, for whoever looks into a failure.
func stuck(t *testing.T, who string, c *api.Client) {
	all := history(t, c)
	t.Logf("%s has %d messages", who, len(all))
	for _, m := range all {
		if m.Outgoing && m.State == api.StateQueued {
			t.Logf("%s waits with %q: %+v", who, m.Text, m.Deliveries)
		}
	}
}

func undelivered(t *testing.T, c *api.Client) (n int) {
	t.Helper()
	for _, m := range history(t, c) {
		if m.Outgoing && m.State == api.StateQueued {
			n++
		}
	}
	return n
}

// check says what is missing, doubled or out of order.
func check(t *testing.T, a, b []string, each int) {
	t.Helper()
	if !slices.Equal(a, b) {
		t.Error("the two histories differ")
	}
	sorted := slices.Sorted(slices.Values(a))
	if once := slices.Compact(slices.Clone(sorted)); len(once) != len(sorted) {
		t.Errorf("%d messages are shown twice", len(sorted)-len(once))
	}
	if len(sorted) != 2*each {
		t.Errorf("%d messages, want %d", len(sorted), 2*each)
	}
}
