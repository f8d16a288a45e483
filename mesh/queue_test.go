package mesh

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestQueueLosesNothing plays an outbox, pushes that come late, twice, or in
// another order, answers in any order and new streams: in the end every item
// was answered, and the bounds held all the time.
func TestQueueLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &queueModel{t: t, q: &queue{lim: Limits{Window: 5, Queue: 8, QueueBytes: 400}}}
		m.q.start()
		t.Repeat(map[string]func(*rapid.T){
			"commit": m.commit, "push": m.push, "load": m.load, "take": m.take,
			"answer": m.answer, "stream": m.stream, "": m.check,
		})
		m.finish(t)
	})
}

type queueModel struct {
	t        *rapid.T
	q        *queue
	last     uint64
	outbox   []Item // committed, not answered
	unpushed []Item // committed, not pushed
	under    map[uint64]uint64
}

// finish pushes what was not yet pushed and answers all, with nothing new.
func (m *queueModel) finish(t *rapid.T) {
	m.q.push(m.unpushed)
	for range 1000 {
		if after, ok := m.q.wants(); ok {
			m.q.loaded(m.above(after))
		}
		m.take(t)
		for _, n := range slices.Sorted(maps.Keys(m.under)) {
			m.reply(t, n)
		}
	}
	if len(m.outbox) > 0 {
		t.Fatalf("%d items are never answered", len(m.outbox))
	}
}

// above is Upper.Pending.
func (m *queueModel) above(after uint64) (items []Item) {
	for _, it := range m.outbox {
		if it.ID > after && len(items) < loadStep {
			items = append(items, it)
		}
	}
	return items
}

func (m *queueModel) commit(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "n") {
		m.last++
		it := Item{ID: m.last, Envelope: make([]byte, rapid.IntRange(1, 100).Draw(t, "size"))}
		m.outbox = append(m.outbox, it)
		m.unpushed = append(m.unpushed, it)
	}
}

func (m *queueModel) push(t *rapid.T) {
	if len(m.unpushed) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.unpushed)-1).Draw(t, "which")
	m.q.push(m.unpushed[i : i+1])
	if rapid.Bool().Draw(t, "once") {
		m.unpushed = slices.Delete(m.unpushed, i, i+1)
	}
}

func (m *queueModel) load(t *rapid.T) {
	after, ok := m.q.wants()
	if !ok {
		return
	}
	items := m.above(after)
	if rapid.Bool().Draw(t, "commit meanwhile") {
		m.commit(t)
		m.push(t)
	}
	m.q.loaded(items)
}

func (m *queueModel) take(t *rapid.T) {
	n, items := m.q.take(250, 150)
	for i, it := range items {
		if _, twice := m.under[n+uint64(i)]; twice {
			t.Fatalf("number %d is used twice", n)
		}
		m.note(n+uint64(i), it.ID)
	}
}

func (m *queueModel) note(n, id uint64) {
	if m.under == nil {
		m.under = make(map[uint64]uint64)
	}
	m.under[n] = id
}

func (m *queueModel) answer(t *rapid.T) {
	n := rapid.Uint64Range(0, m.last+3).Draw(t, "number")
	if len(m.under) > 0 && rapid.Bool().Draw(t, "sensible") {
		n = slices.Min(slices.Collect(maps.Keys(m.under)))
	}
	m.reply(t, n)
}

func (m *queueModel) reply(t *rapid.T, n uint64) {
	id, ok := m.q.answer(n)
	want, waits := m.under[n]
	if ok != waits || ok && id != want {
		t.Fatalf("answer %d is for %d, %v, not %d, %v", n, id, ok, want, waits)
	}
	delete(m.under, n)
	if ok {
		m.outbox = slices.DeleteFunc(m.outbox, func(it Item) bool { return it.ID == id })
		m.q.release()
	}
}

func (m *queueModel) stream(*rapid.T) {
	m.q.stop()
	m.under = nil
	m.q.start()
}

func (m *queueModel) check(t *rapid.T) {
	flight, waiting := m.q.size()
	if flight > 5 || waiting > 8 {
		t.Fatalf("%d under way, %d waiting", flight, waiting)
	}
	if _, waits := m.q.oldest(); waits != (len(m.under) > 0) {
		t.Fatalf("oldest says %v with %d under way", waits, len(m.under))
	}
}

func TestBackoff(t *testing.T) {
	for i := 1; i < 40; i++ {
		want := min(5*time.Minute, time.Second<<min(i-1, 20))
		for range 50 {
			if d := backoff(i, time.Second, 5*time.Minute); d < want*3/4 || d > want*5/4 {
				t.Fatalf("after %d failures: %v, not about %v", i, d, want)
			}
		}
	}
}
