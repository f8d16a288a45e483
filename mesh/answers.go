package mesh

import (
	"fmt"
	"io"
	"time"
)

// readAnswers settles what is answered until the stream ends.
func (s *session) readAnswers(b *budget) {
	defer close(s.ended)
	r := &batchReader{s: s.stream, maxFrame: MaxAnswer, frame: s.lim.FrameTimeout, most: 16 << 10, budget: b}
	defer r.close()
	strange := 0
	for {
		frames, err := r.batch(s.lim.Window)
		if err == nil {
			err = s.settle(frames, &strange)
		}
		if err != nil {
			s.err = ended(err)
			return
		}
	}
}

func ended(err error) error {
	if err == io.EOF {
		return errClosed
	}
	return err
}

// settle hands up a batch of answers. Answers to numbers that nobody waits for
// are ignored, but not for ever.
func (s *session) settle(frames [][]byte, strange *int) error {
	var acks []Ack
	var bad error
	for _, raw := range frames {
		f, err := decodeAnswer(raw)
		if err != nil {
			bad = err
			break
		}
		if f.Code == CodeBusy {
			s.leave(errBusy)
			continue
		}
		if id, ok := s.link.queue.answer(f.N); ok {
			acks = append(acks, s.ack(id, f))
		} else if *strange++; *strange > s.lim.Window {
			bad = fmt.Errorf("%w: answers to nothing", ErrFrame)
			break
		}
	}
	s.settled(acks)
	return bad
}

func (s *session) ack(id uint64, f frame) Ack {
	a := Ack{ID: id, Path: s.path(), Refused: f.Code}
	if f.Code > codeLast {
		a.Refused = CodeDeclined // a code of a later version: at least it is a no
	}
	copy(a.Receipt[:], f.Body)
	return a
}

func (s *session) settled(acks []Ack) {
	if len(acks) == 0 {
		return
	}
	s.progress.Store(time.Now().UnixNano())
	if s.answers.Add(int64(len(acks))) == int64(len(acks)) {
		s.link.moved()
	}
	s.upper.Settled(s.link.device, acks)
	if s.link.queue.release() {
		poke(s.link.wake)
	}
}
