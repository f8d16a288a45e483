package dht

import (
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// server answers GET, PUT and REFRESH for anybody, from its shelves. Checks
// come in the order of spec/directory.md#checks: cheap ones first, work last.
type server struct {
	limits  Limits
	now     func() time.Time
	shelves *shelves
	work    *gate

	getPeer, getPrefix *buckets
	putPeer, putPrefix *buckets
}

func newServer(l Limits, now func() time.Time, s *shelves) *server {
	share := max(l.PrefixShare, 1)
	return &server{
		limits: l, now: now, shelves: s, work: newGate(l.Workers, l.Queue),
		getPeer:   newBuckets(l.GetPerMinute, l.GetBurst),
		getPrefix: newBuckets(l.GetPerMinute*share, l.GetBurst*share),
		putPeer:   newBuckets(l.PutPerMinute, l.PutBurst),
		putPrefix: newBuckets(l.PutPerMinute*share, l.PutBurst*share),
	}
}

// asker is whom a request comes from.
type asker struct {
	peer   peer.ID
	prefix string
}

// serve answers the one request of a stream.
func (s *server) serve(ctx context.Context, st network.Stream) {
	b, err := node.ReadFrame(st, maxFrame)
	if err != nil {
		return
	}
	from := asker{st.Conn().RemotePeer(), neighbourhood(st.Conn().RemoteMultiaddr())}
	for _, r := range s.answer(ctx, from, b) {
		out, err := identity.Encode(r)
		if err != nil || node.WriteFrame(st, out) != nil {
			return
		}
	}
}

// answer never returns an empty list.
func (s *server) answer(ctx context.Context, from asker, frame []byte) []reply {
	var q request
	if identity.Decode(frame, &q) != nil {
		return []reply{{Status: statusBad}}
	}
	switch q.Op {
	case opGet:
		return s.get(from, &q)
	case opPut:
		return []reply{s.put(ctx, from, &q)}
	case opRefresh:
		return []reply{s.refresh(from, &q)}
	}
	return []reply{{Status: statusBad}}
}

func (s *server) get(from asker, q *request) []reply {
	if !s.allowed(s.getPeer, s.getPrefix, from) {
		return []reply{{Status: statusRate}}
	}
	var out []reply
	for _, h := range s.shelves.get(q.Index, q.Kind, s.now()) {
		if len(out) == maxAnswers {
			break
		}
		out = append(out, reply{Status: statusRecord, Record: h.raw, First: unix(h.first)})
	}
	return append(out, reply{Status: statusOK})
}

func (s *server) refresh(from asker, q *request) reply {
	if !s.allowed(s.getPeer, s.getPrefix, from) {
		return reply{Status: statusRate}
	}
	if len(q.Hash) != 32 || !s.shelves.holds(q.Index, [32]byte(q.Hash), s.now()) {
		return reply{Status: statusMissing}
	}
	return reply{Status: statusOK}
}

// allowed charges the peer and its neighbourhood.
func (s *server) allowed(byPeer, byPrefix *buckets, from asker) bool {
	now := s.now()
	return byPeer.take(string(from.peer), now) && byPrefix.take(from.prefix, now)
}

// put is the whole way of a record onto the shelf.
func (s *server) put(ctx context.Context, from asker, q *request) reply {
	e, err := parseEnvelope(q.Record)
	if err == nil {
		err = e.checkTime(s.now())
	}
	if err == nil && e.index != q.Index {
		err = ErrPlace
	}
	if err != nil {
		return refusal(verdict{err: err})
	}
	if !s.allowed(s.putPeer, s.putPrefix, from) {
		return refusal(verdict{err: ErrRate})
	}
	if s.shelves.holds(e.index, hashRecord(q.Record), s.now()) {
		return reply{Status: statusOK}
	}
	return refusal(s.accept(ctx, from.peer, &e, q.Record))
}

// accept is the dear half of put: signature, quota, work.
func (s *server) accept(ctx context.Context, from peer.ID, e *envelope, raw []byte) verdict {
	if err := e.checkSignature(); err != nil {
		return verdict{err: err}
	}
	v := s.shelves.admit(e, from)
	if v.same || v.err != nil {
		return v
	}
	if !v.proven {
		if err := s.checkWork(ctx, e); err != nil {
			return verdict{err: err, bits: uint8(s.limits.MinBits)}
		}
	}
	return s.shelves.put(*e, raw, from, false, s.now())
}

func (s *server) checkWork(ctx context.Context, e *envelope) error {
	if int(e.bits) < s.limits.MinBits {
		return ErrWork
	}
	if err := s.work.enter(ctx, e.bits); err != nil {
		return err
	}
	defer s.work.leave()
	p := newPuzzle(e, s.limits.WorkMemory)
	if !p.check(e.nonces, e.bits) {
		return ErrWork
	}
	return nil
}

// statuses says what a publisher is told of each fault.
var statuses = []struct {
	err error
	st  status
}{
	{ErrRollback, statusOld}, {ErrFull, statusFull}, {ErrWork, statusWork},
	{ErrRate, statusRate}, {ErrBusy, statusBusy}, {context.DeadlineExceeded, statusBusy},
}

func refusal(v verdict) reply {
	if v.err == nil {
		return reply{Status: statusOK}
	}
	for _, s := range statuses {
		if errors.Is(v.err, s.err) {
			return reply{Status: s.st, Seq: v.seq, Bits: v.bits}
		}
	}
	return reply{Status: statusBad}
}
