package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/api"
)

var errEnough = errors.New("enough")

func event(n uint64) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"event","params":{"cursor":%d,"time":"2026-01-02T03:04:05.000Z","type":"message.new","data":{"message":"m%d"}}}`, n, n)
}

// journal answers subscriptions: a few events after the cursor, then it hangs up.
type journal struct {
	mu    sync.Mutex
	asked []api.EventsSubscribeParams
	last  uint64 // cursor of the last event there is
	burst uint64 // how many it sends before it hangs up
}

func (j *journal) answer(h heard) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var p api.EventsSubscribeParams
	json.Unmarshal(h.Params, &p)
	j.asked = append(j.asked, p)
	from := uint64(10)
	if p.After != nil {
		from = *p.After
	}
	if from < 5 {
		return fault(h, api.Errorf(api.KindNotFound, "events after %d are gone", from))
	}
	out := result(h, fmt.Sprintf(`{"cursor":%d}`, from))
	if from > 10 {
		out = append(out, event(from)) // one that was sent before
	}
	for n := from + 1; n <= min(from+j.burst, j.last); n++ {
		out = append(out, event(n))
	}
	return append(out, "hang up")
}

// The stream goes on after the last event when the daemon comes back, and
// misses none and repeats none.
func TestEventsResume(t *testing.T) {
	j := &journal{last: 20, burst: 3}
	w := newWorld(t, j.answer)
	var got []uint64
	var ready []uint64
	sub := api.Subscription{
		Types: []api.EventType{api.EventMessageNew},
		Ready: func(cursor uint64) { ready = append(ready, cursor) },
	}
	err := w.dial().Events(t.Context(), sub, func(e api.Event) error {
		var m api.Message
		if err := e.Decode(&m); err != nil || string(m.Message) != fmt.Sprintf("m%d", e.Cursor) {
			t.Errorf("event %d carries %+v, %v", e.Cursor, m, err)
		}
		if got = append(got, e.Cursor); e.Cursor == 20 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("ended with %v", err)
	}
	if want := []uint64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if !slices.Equal(ready, []uint64{10, 13, 16, 19}) || len(j.asked[0].Types) != 1 || j.asked[0].After != nil {
		t.Errorf("ready at %v, first asked %+v", ready, j.asked[0])
	}
}

// A restart of the daemon on the same socket is only an interruption.
func TestEventsSurviveARestart(t *testing.T) {
	j := &journal{last: 12, burst: 9}
	w := newWorld(t, j.answer)
	restarted := make(chan struct{})
	err := w.dial().Events(t.Context(), api.Subscription{}, func(e api.Event) error {
		switch e.Cursor {
		case 12:
			go func() {
				w.stop()
				j.last = 13
				w.start(j.answer)
				close(restarted)
			}()
		case 13:
			return errEnough
		}
		return nil
	})
	<-restarted
	if !errors.Is(err, errEnough) {
		t.Errorf("ended with %v", err)
	}
}

func TestEventsTooOld(t *testing.T) {
	w := newWorld(t, (&journal{last: 20, burst: 3}).answer)
	after := uint64(1)
	err := w.dial().Events(t.Context(), api.Subscription{After: &after}, func(api.Event) error { return nil })
	if api.KindOf(err) != api.KindNotFound {
		t.Errorf("ended with %v", err)
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	w := newWorld(t, func(h heard) []string { return result(h, `{"cursor":10}`) })
	ctx, cancel := context.WithCancel(t.Context())
	sub := api.Subscription{Ready: func(uint64) { cancel() }}
	if err := w.dial().Events(ctx, sub, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestEventsWithoutADaemon(t *testing.T) {
	w := newWorld(t, func(h heard) []string { return nil })
	c := w.dial()
	w.stop()
	if err := c.Events(t.Context(), api.Subscription{}, nil); !errors.Is(err, api.ErrNoDaemon) {
		t.Errorf("ended with %v", err)
	}
}
