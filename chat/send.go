package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

const (
	// bodyOverhead is what a body takes around its text, at most.
	bodyOverhead = 320
	// MaxText is the longest text, in bytes: what the biggest envelope holds.
	MaxText = ratchet.MaxContent - bodyOverhead
	// maxClientID is the longest client id, in bytes.
	maxClientID = 64
	clientLife  = 7 * 24 * time.Hour
)

// sender lets concurrent sends share a transaction: whoever comes while one is
// being committed waits for the next, which takes all that have come.
type sender struct {
	c *Chat

	mu      sync.Mutex
	waiting []*sending // guarded by mu
	running bool       // guarded by mu
	ended   sync.WaitGroup
}

// sending is one call of Send on its way.
type sending struct {
	ctx    context.Context
	to     identity.AccountID
	text   string
	client string
	done   chan struct{}
	result Message
	err    error
}

// Send seals a text for every device of a contact, or keeps it until the
// contact accepts. It returns when the message is durable. Errors: ErrNotFound,
// ErrBlocked, ErrTooLarge, ErrIdentityChanged, ErrUnverified, ErrInvalid.
func (c *Chat) Send(ctx context.Context, r SendRequest) (Message, error) {
	if err := checkSend(r); err != nil {
		return Message{}, err
	}
	to, err := c.recipient(r.To)
	if err != nil {
		return Message{}, err
	}
	s := &sending{ctx: ctx, to: to, text: r.Text, client: r.ClientID, done: make(chan struct{})}
	c.sender.add(s)
	if r.Placed != nil {
		r.Placed()
	}
	select {
	case <-s.done:
		return s.result, s.err
	case <-ctx.Done():
		return Message{}, ctx.Err()
	}
}

func checkSend(r SendRequest) error {
	switch {
	case r.Text == "" || !utf8.ValidString(r.Text):
		return fmt.Errorf("%w: text is empty or not UTF-8", ErrInvalid)
	case len(r.Text) > MaxText:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(r.Text), MaxText)
	case len(r.ClientID) > maxClientID:
		return fmt.Errorf("%w: client id longer than %d bytes", ErrInvalid, maxClientID)
	}
	return nil
}

// recipient finds the account behind a conversation id or a contact reference.
func (c *Chat) recipient(to string) (identity.AccountID, error) {
	id, err := ParseConversationID(to)
	if err != nil {
		return c.find(to)
	}
	if peer, ok := c.peers.Load(id); ok {
		return peer.(identity.AccountID), nil
	}
	rec, err := c.readConversation(id)
	if err != nil {
		return identity.AccountID{}, err
	}
	c.peers.Store(id, rec.Peer)
	return rec.Peer, nil
}

func (s *sender) add(op *sending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, op)
	if !s.running {
		s.running = true
		s.ended.Add(1)
		go s.run()
	}
}

// run commits batches until nobody waits.
func (s *sender) run() {
	defer s.ended.Done()
	for {
		batch := s.next()
		if batch == nil {
			return
		}
		err := s.c.update(context.Background(), func(w *work) error { return w.sendAll(batch) })
		for _, op := range batch {
			if err != nil {
				op.err = fmt.Errorf("chat: send: %w", closedFault(err))
			}
			close(op.done)
		}
	}
}

// closedFault names the end of the store as ours.
func closedFault(err error) error {
	if errors.Is(err, store.ErrClosed) {
		return ErrClosed
	}
	return err
}

func (s *sender) next() []*sending {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.waiting), s.c.cfg.Limits.SendBatch)
	if n == 0 {
		s.running = false
		return nil
	}
	batch := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	return batch
}

// sendAll writes a batch. A send that may not be fails alone, before it changed
// anything; any other fault fails the batch.
func (w *work) sendAll(batch []*sending) error {
	for _, op := range batch {
		if op.err = op.ctx.Err(); op.err != nil {
			continue
		}
		if err := w.send(op); err != nil {
			if !refusedSend(err) {
				return err
			}
			op.err = err
		}
	}
	return nil
}

func refusedSend(err error) bool {
	for _, e := range []error{ErrNotFound, ErrBlocked, ErrIdentityChanged, ErrUnverified, ErrConflict} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (w *work) send(op *sending) error {
	if done, err := w.sentBefore(op); done || err != nil {
		return err
	}
	rec, err := w.contact(op.to)
	if err != nil {
		return err
	}
	if err := w.mayWrite(rec); err != nil {
		return err
	}
	id, o, m, err := w.newText(op.to, rec, op.text)
	if err != nil {
		return err
	}
	if err := w.sealNew(op.to, rec, id, o, m); err != nil {
		return err
	}
	if err := w.storeMessage(id, o, m); err != nil {
		return err
	}
	if op.client != "" {
		w.tx.SetTTL(keyClient(op.client), o.ID[:], clientLife)
	}
	op.result = w.shown(id, o, m, nil)
	return nil
}

func (w *work) mayWrite(rec *contactRec) error {
	if rec == nil {
		return ErrNotFound
	}
	if rec.State == Incoming {
		return fmt.Errorf("%w: accept the contact first", ErrConflict)
	}
	return w.sendable(rec)
}

// sentBefore answers a repeated request with the message of the first.
func (w *work) sentBefore(op *sending) (bool, error) {
	if op.client == "" {
		return false, nil
	}
	b, err := w.tx.Get(keyClient(op.client))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || len(b) != 16 {
		return false, err
	}
	m, err := w.message(MessageID(b))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	op.result = m
	return true, err
}

// sealNew seals a new message when it can be, else leaves it to be sealed
// later, behind those that wait already.
func (w *work) sealNew(account identity.AccountID, rec *contactRec, id ConversationID, o order, m *messageRec) error {
	ready, missing, err := w.ready(rec)
	if err != nil {
		return err
	}
	if rec.State == Accepted && !rec.Held {
		for _, d := range ready {
			if err := w.sealFor(d, id, o, m); err != nil {
				return err
			}
		}
	}
	if len(m.Deliveries) == len(rec.Devices) && len(rec.Devices) > 0 {
		return nil
	}
	w.hold(account, rec, o)
	if missing && rec.State == Accepted {
		return w.wake(account, rec)
	}
	return nil
}

// hold keeps a message to be sealed as soon as it can be.
func (w *work) hold(account identity.AccountID, rec *contactRec, o order) {
	w.tx.Set(keyUnsent(account, o), []byte{})
	if !rec.Held {
		rec.Held = true
		w.keepContact(account, rec)
	}
}
