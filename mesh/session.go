package mesh

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multiaddr"
)

// Why a session ends.
var (
	errMoved  = errors.New("mesh: another path or peer")
	errBusy   = errors.New("mesh: the device asks to try later")
	errSilent = errors.New("mesh: no answer in time")
	errClosed = errors.New("mesh: the device closed the stream")
	errOutbox = errors.New("mesh: the outbox cannot be read")
)

// writeChunk is how many bytes of envelopes go out with one write, so that the
// receiver begins while the rest is still being framed.
const writeChunk = 64 << 10

// session is one stream to one device, from its opening to its end. The
// goroutine that calls run writes; one more reads the answers.
type session struct {
	link   *link
	upper  Upper
	lim    Limits
	stream network.Stream
	relay  bool        // it runs through a relay
	hole   atomic.Bool // it runs through a hole that a relay helped to punch
	window int         // bytes under way

	leaving chan error    // why the writer should stop
	ended   chan struct{} // closed when the reader has ended
	err     error         // why it ended; good after ended

	answers  atomic.Int64 // envelopes answered, other than with busy
	progress atomic.Int64 // when the last answer came, unix ns
	silent   atomic.Bool  // the watchdog ended the stream
	watchdog struct {
		sync.Mutex
		timer *time.Timer // nil while nothing is under way
		over  bool
	}
}

func newSession(l *link, up Upper, lim Limits, s network.Stream) *session {
	window := lim.WindowBytes
	if s.Conn().Stat().Limited {
		window = lim.LimitedBytes
	}
	_, err := s.Conn().RemoteMultiaddr().ValueForProtocol(multiaddr.P_CIRCUIT)
	return &session{
		link: l, upper: up, lim: lim, stream: s, relay: err == nil, window: window,
		leaving: make(chan error, 1), ended: make(chan struct{}),
	}
}

// run sends what the queue has until the stream ends, and says why it did.
func (s *session) run(ctx context.Context, b *budget) error {
	defer s.stream.Reset() //nolint:errcheck // nothing can be done about it
	stop := context.AfterFunc(ctx, func() { _ = s.stream.Reset() })
	defer stop()
	defer s.stopWatchdog()
	s.link.queue.start()
	defer s.link.queue.stop()
	go s.readAnswers(b)
	err := s.write()
	s.drain()
	switch {
	case s.silent.Load():
		return errSilent
	case err != nil:
		return err
	}
	return s.err
}

// path says how the stream runs. A direct one gets its other name when the node
// hears how it was made, which may be later than its opening.
func (s *session) path() Path {
	switch {
	case s.relay:
		return PathRelayed
	case s.hole.Load():
		return PathHolePunched
	}
	return PathDirect
}

// leave asks the writer to stop; the first reason counts. It never blocks.
func (s *session) leave(why error) {
	select {
	case s.leaving <- why:
	default:
	}
}

// drain ends our direction and waits for the answers that are on their way.
func (s *session) drain() {
	_ = s.stream.CloseWrite() // a reset stream ends the reader too
	t := time.AfterFunc(s.lim.DrainTimeout, func() { _ = s.stream.Reset() })
	defer t.Stop()
	<-s.ended
}

// write sends until it must not or cannot. It returns nil when the reader's
// error tells more.
func (s *session) write() error {
	var buf []byte
	for {
		if err := s.load(); err != nil {
			return err
		}
		n, items := s.link.queue.take(s.window, writeChunk)
		if len(items) == 0 {
			if done, err := s.rest(); done {
				return err
			}
			continue
		}
		if err := s.send(&buf, n, items); err != nil {
			return err
		}
		if done, err := s.stopped(); done {
			return err
		}
	}
}

// rest waits until there may be something to send.
func (s *session) rest() (done bool, err error) {
	select {
	case <-s.link.wake:
		return false, nil
	case err = <-s.leaving:
		return true, err
	case <-s.ended:
		return true, nil
	}
}

func (s *session) stopped() (done bool, err error) {
	select {
	case err = <-s.leaving:
		return true, err
	case <-s.ended:
		return true, nil
	default:
		return false, nil
	}
}

// load reads from the outbox what was not pushed.
func (s *session) load() error {
	for {
		after, ok := s.link.queue.wants()
		if !ok {
			break
		}
		items, err := s.upper.Pending(s.link.device, after, loadStep)
		if err != nil {
			return fmt.Errorf("%w: %w", errOutbox, err)
		}
		s.link.queue.loaded(items)
	}
	if bad := s.link.queue.takeBad(); len(bad) > 0 {
		s.refuseOwn(bad)
	}
	return nil
}

// refuseOwn answers for the receiver what it could only answer so.
func (s *session) refuseOwn(ids []uint64) {
	var acks []Ack
	for _, id := range ids {
		acks = append(acks, Ack{ID: id, Path: s.path(), Refused: CodeBad})
	}
	s.upper.Settled(s.link.device, acks)
}

// send writes the items as one burst. The buffer is kept between small bursts
// only, so that a link at rest holds little.
func (s *session) send(buf *[]byte, n uint64, items []Item) error {
	out := (*buf)[:0]
	for i, it := range items {
		out = frame{Kind: kindData, N: n + uint64(i), Body: it.Envelope}.append(out)
	}
	if cap(out) <= smallBuffer {
		*buf = out
	}
	s.watch()
	_, err := s.stream.Write(out)
	if err != nil {
		return fmt.Errorf("mesh: write: %w", err)
	}
	return nil
}

// watch arms the watchdog when it is not. It looks once in AckTimeout while
// something is under way, so that a message costs no timer of its own.
func (s *session) watch() {
	s.watchdog.Lock()
	defer s.watchdog.Unlock()
	if s.watchdog.timer == nil && !s.watchdog.over {
		s.watchdog.timer = time.AfterFunc(s.lim.AckTimeout, s.look)
	}
}

// look ends the stream when nothing was answered for too long.
func (s *session) look() {
	s.watchdog.Lock()
	defer s.watchdog.Unlock()
	since, waiting := s.link.queue.oldest()
	if at := time.Unix(0, s.progress.Load()); at.After(since) {
		since = at
	}
	left := time.Until(since.Add(s.lim.AckTimeout))
	switch {
	case s.watchdog.over:
	case !waiting:
		s.watchdog.timer = nil
	case left > 0:
		s.watchdog.timer.Reset(left)
	default:
		s.silent.Store(true)
		_ = s.stream.Reset()
	}
}

func (s *session) stopWatchdog() {
	s.watchdog.Lock()
	defer s.watchdog.Unlock()
	s.watchdog.over = true
	if s.watchdog.timer != nil {
		s.watchdog.timer.Stop()
	}
}
