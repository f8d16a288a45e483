package meshtest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// patience is how long a story may take before it counts as stuck.
const patience = 45 * time.Second

// person is the floor above on one side, kept in memory: it outlives the
// daemon as a store would. What it writes are numbers, so that what it is shown
// can be compared.
type person struct {
	t testing.TB

	mu      sync.Mutex
	changed *sync.Cond
	last    uint64
	outbox  []mesh.Item
	sizes   map[uint64]int
	settled map[uint64]mesh.Ack
	times   map[uint64]int // how often an item was reported
	seen    map[[32]byte]bool
	shown   []uint64
	calls   int
	refuse  func(number uint64) mesh.Code // nil takes everything
	hold    chan struct{}                 // when set, Receive waits for it or for its context
}

func newPerson(t testing.TB) *person {
	p := &person{
		t: t, sizes: make(map[uint64]int), settled: make(map[uint64]mesh.Ack),
		times: make(map[uint64]int), seen: make(map[[32]byte]bool),
	}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// write commits n envelopes of a size to the outbox.
func (p *person) write(n, size int) (items []mesh.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range n {
		p.last++
		items = append(items, mesh.Item{ID: p.last, Envelope: envelope(p.last, size)})
	}
	p.outbox = append(p.outbox, items...)
	return items
}

// envelope writes a number in as few bytes as hold it, and size of them if that
// is more.
func envelope(number uint64, size int) []byte {
	b := binary.AppendUvarint(nil, number)
	return append(b, make([]byte, max(0, size-len(b)))...)
}

func receipt(env []byte) [mesh.ReceiptSize]byte {
	h := sha256.Sum256(env)
	return [mesh.ReceiptSize]byte(h[:])
}

// Receive shows each envelope once.
func (p *person) Receive(ctx context.Context, _ peer.ID, envs [][]byte) []mesh.Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if hold := p.hold; hold != nil {
		p.changed.Broadcast()
		p.mu.Unlock()
		select {
		case <-hold:
		case <-ctx.Done():
		}
		p.mu.Lock()
	}
	if ctx.Err() != nil { // a daemon that ends commits nothing
		return nil
	}
	var out []mesh.Verdict
	for _, env := range envs {
		v := p.verdictLocked(env)
		if v.Refuse == mesh.CodeBusy {
			break // the rest counts as busy too
		}
		out = append(out, v)
	}
	p.changed.Broadcast()
	return out
}

func (p *person) verdictLocked(env []byte) mesh.Verdict {
	number, _ := binary.Uvarint(env)
	if p.refuse != nil {
		if c := p.refuse(number); c != 0 {
			return mesh.Verdict{Refuse: c}
		}
	}
	if h := sha256.Sum256(env); !p.seen[h] {
		p.seen[h] = true
		p.shown = append(p.shown, number)
	}
	return mesh.Verdict{Receipt: receipt(env)}
}

// Pending reads the outbox.
func (p *person) Pending(_ identity.DeviceID, after uint64, limit int) ([]mesh.Item, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := slices.BinarySearchFunc(p.outbox, after+1, func(it mesh.Item, id uint64) int {
		return int(int64(it.ID) - int64(id))
	})
	return slices.Clone(p.outbox[i:min(len(p.outbox), i+limit)]), nil
}

// Settled checks receipts and takes items off the outbox.
func (p *person) Settled(_ identity.DeviceID, acks []mesh.Ack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range acks {
		p.times[a.ID]++
		i := slices.IndexFunc(p.outbox, func(it mesh.Item) bool { return it.ID == a.ID })
		if i < 0 {
			continue
		}
		if a.Refused == 0 && a.Receipt != receipt(p.outbox[i].Envelope) {
			p.t.Errorf("receipt of %d is wrong", a.ID)
		}
		p.settled[a.ID] = a
		p.outbox = slices.Delete(p.outbox, i, i+1)
	}
	p.changed.Broadcast()
}

// await blocks until ok, which is called under the lock.
func (p *person) await(what string, ok func() bool) {
	p.t.Helper()
	late := false
	t := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		late = true
		p.changed.Broadcast()
	})
	defer t.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !ok() {
		if late {
			p.t.Fatalf("waited in vain for %s: %s", what, p.reportLocked())
		}
		p.changed.Wait()
	}
}

func (p *person) reportLocked() string {
	return fmt.Sprintf("%d in the outbox, %d settled, %d shown", len(p.outbox), len(p.settled), len(p.shown))
}

// awaitSent waits until all that was written is answered.
func (p *person) awaitSent() {
	p.t.Helper()
	p.await("an empty outbox", func() bool { return len(p.outbox) == 0 })
}

// wasShown asserts that exactly the numbers 1 to n were shown, in order, save
// those for which missing says so.
func (p *person) wasShown(n uint64, missing func(uint64) bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var want []uint64
	for i := uint64(1); i <= n; i++ {
		if missing == nil || !missing(i) {
			want = append(want, i)
		}
	}
	if !slices.Equal(p.shown, want) {
		p.t.Fatalf("%d numbers were shown, not %d in order: %v", len(p.shown), len(want), head(p.shown))
	}
}

func head(x []uint64) []uint64 { return x[:min(len(x), 40)] }

// set changes the person between two moments.
func (p *person) set(change func(p *person)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
	p.changed.Broadcast()
}
