package mesh

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// inbound is the receiving side of ProtocolDM: one goroutine for each stream
// reads, hands up and answers, so that nothing waits for another goroutine.
type inbound struct {
	lim      Limits
	knows    func(peer.ID) bool
	budget   *budget
	failures *rates
	log      *slog.Logger

	mu        sync.Mutex
	upper     Upper
	turns     map[peer.ID]*turn
	strangers int
}

// turn is one stream's right to hand up envelopes of its peer.
type turn struct {
	stream network.Stream
	over   chan struct{}
}

func newInbound(lim Limits, knows func(peer.ID) bool, b *budget, log *slog.Logger, now func() time.Time) *inbound {
	return &inbound{
		lim: lim, knows: knows, budget: b, log: log,
		failures: newRates(time.Minute/time.Duration(max(1, lim.Failures)), lim.Failures, lim.Peers, now),
		turns:    make(map[peer.ID]*turn),
	}
}

func (in *inbound) attach(u Upper) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.upper = u
}

// limits are what the node sees to before a stream comes here.
func (in *inbound) limits() node.StreamLimits {
	return node.StreamLimits{
		Concurrent: in.lim.Streams, PerPeer: in.lim.PerPeer,
		Rate: in.lim.StreamRate, Burst: in.lim.StreamBurst,
		FrameMax: MaxFrame, Limited: true,
	}
}

// serve takes envelopes from a stream until it ends or breaks the rules.
func (in *inbound) serve(ctx context.Context, s network.Stream) {
	from := s.Conn().RemotePeer()
	idle, leave, ok := in.admit(from)
	if !ok {
		return
	}
	defer leave()
	done, err := in.await(ctx, from, s)
	defer done()
	if err != nil {
		return
	}
	r := &batchReader{s: s, maxFrame: MaxFrame, idle: idle, frame: in.lim.FrameTimeout, most: in.lim.BatchBytes, budget: in.budget}
	defer r.close()
	for next := uint64(1); err == nil; {
		next, err = in.batch(ctx, s, r, next)
	}
	in.log.Debug("incoming stream ended", "peer", short(from), "why", err)
}

// admit counts a stranger, and says how long the stream may be silent.
func (in *inbound) admit(from peer.ID) (idle time.Duration, leave func(), ok bool) {
	if in.failures.spent(from) {
		return 0, nil, false
	}
	if in.knows(from) {
		return 0, func() {}, true
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.strangers >= in.lim.Strangers {
		return 0, nil, false
	}
	in.strangers++
	return in.lim.StrangerIdle, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.strangers--
	}, true
}

// await ends the peer's former stream and waits until it has: a sender that
// opens another has given the former up, and order needs one at a time.
func (in *inbound) await(ctx context.Context, from peer.ID, s network.Stream) (done func(), err error) {
	mine := &turn{stream: s, over: make(chan struct{})}
	in.mu.Lock()
	former := in.turns[from]
	in.turns[from] = mine
	in.mu.Unlock()
	done = func() { in.done(from, mine) }
	if former == nil {
		return done, nil
	}
	_ = former.stream.Reset()
	select {
	case <-former.over:
		return done, nil
	case <-ctx.Done():
		return done, ctx.Err()
	}
}

func (in *inbound) done(from peer.ID, mine *turn) {
	in.mu.Lock()
	if in.turns[from] == mine {
		delete(in.turns, from)
	}
	in.mu.Unlock()
	close(mine.over)
}

// batch reads what is there, hands it up in one call and answers it with one
// write. Envelopes must have the numbers next, next+1 and so on; those before
// a fault are still taken and answered.
func (in *inbound) batch(ctx context.Context, s network.Stream, r *batchReader, next uint64) (uint64, error) {
	frames, err := r.batch(in.lim.Batch)
	if err != nil {
		return next, err
	}
	envs, fault := open(frames, next)
	if len(envs) == 0 {
		return next, fault
	}
	verdicts := in.receiver().Receive(ctx, s.Conn().RemotePeer(), envs)
	if err := in.answer(s, next, len(envs), verdicts); err != nil {
		return next, err
	}
	return next + uint64(len(envs)), fault
}

func (in *inbound) receiver() Upper {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.upper
}

// open takes the envelopes out of frames, up to the first fault.
func open(frames [][]byte, next uint64) (envs [][]byte, fault error) {
	for i, raw := range frames {
		f, err := decodeData(raw)
		if err != nil {
			return envs, err
		}
		if f.N != next+uint64(i) {
			return envs, fmt.Errorf("%w: number out of order", ErrFrame)
		}
		envs = append(envs, f.Body)
	}
	return envs, nil
}

// answer writes the verdicts. The error is errBusy after a refusal for now, so
// that nothing later is taken before what was refused comes again.
func (in *inbound) answer(s network.Stream, first uint64, n int, verdicts []Verdict) error {
	out := make([]byte, 0, n*(MaxAnswer/2))
	var fault error
	for i := range n {
		v := Verdict{Refuse: CodeBusy}
		if i < len(verdicts) {
			v = verdicts[i]
		}
		out = answer(first+uint64(i), v).append(out)
		if err := in.judge(s.Conn().RemotePeer(), v.Refuse); err != nil {
			fault = err
		}
	}
	if err := s.SetWriteDeadline(time.Now().Add(in.lim.WriteTimeout)); err != nil {
		return err
	}
	if _, err := s.Write(out); err != nil {
		return err
	}
	return fault
}

// judge says whether a refusal ends the stream.
func (in *inbound) judge(from peer.ID, c Code) error {
	switch {
	case c == CodeBusy:
		return errBusy
	case (c == CodeUnknown || c == CodeBad) && !in.failures.take(from, 1):
		return fmt.Errorf("%w: too many that do not open", ErrFrame)
	}
	return nil
}
