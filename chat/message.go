package chat

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

const (
	defaultPage = 50
	maxPage     = 500
)

// Messages lists a part of a conversation, newest last. With no cursor it is
// the newest part.
func (c *Chat) Messages(id ConversationID, p Page) (out MessagePage, err error) {
	err = c.view(func(w *work) error {
		if _, err := w.existing(id); err != nil {
			return err
		}
		out, err = w.page(id, p)
		return err
	})
	return out, err
}

func (w *work) page(id ConversationID, p Page) (MessagePage, error) {
	r, err := p.bounds(id)
	if err != nil {
		return MessagePage{}, err
	}
	limit := r.Limit
	r.Limit++ // one more tells whether there are more
	var out MessagePage
	err = scan(w.tx, r, func(tail []byte, m *messageRec) error {
		o, ok := orderOf(tail)
		if !ok {
			return malformed("message key")
		}
		out.Messages = append(out.Messages, w.shown(id, o, m, w.c.linkState))
		return nil
	})
	if err != nil {
		return MessagePage{}, err
	}
	more := len(out.Messages) > limit
	if more {
		out.Messages = out.Messages[:limit]
	}
	if r.Reverse {
		slices.Reverse(out.Messages)
	}
	return out, w.cursors(&out, p, r.Reverse, more)
}

func (p Page) bounds(id ConversationID) (store.Range, error) {
	r := store.Range{Prefix: tableMessage.Key(store.Bytes(id[:])), Limit: p.Limit}
	if r.Limit <= 0 {
		r.Limit = defaultPage
	}
	r.Limit = min(r.Limit, maxPage)
	if p.Before != "" && p.After != "" {
		return r, fmt.Errorf("%w: both cursors", ErrInvalid)
	}
	var err error
	if p.After != "" {
		r.After, err = readCursor(p.After)
		return r, err
	}
	r.Reverse = true
	if p.Before != "" {
		r.Before, err = readCursor(p.Before)
	}
	return r, err
}

func readCursor(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 24 {
		return nil, fmt.Errorf("%w: cursor", ErrInvalid)
	}
	return b, nil
}

// cursors says where to go on. The newer end always has a cursor: it is how to
// ask for what comes next.
func (w *work) cursors(out *MessagePage, p Page, reverse, more bool) error {
	if len(out.Messages) == 0 {
		out.After = p.After
		return nil
	}
	first, last := out.Messages[0], out.Messages[len(out.Messages)-1]
	if !reverse || more {
		out.Before = base64.RawURLEncoding.EncodeToString(first.place.tail())
	}
	out.After = base64.RawURLEncoding.EncodeToString(last.place.tail())
	return nil
}

// Message returns one.
func (c *Chat) Message(id MessageID) (out Message, err error) {
	err = c.view(func(w *work) error {
		out, err = w.message(id)
		return err
	})
	return out, err
}

func (w *work) message(id MessageID) (Message, error) {
	conv, o, m, err := w.readMessage(id)
	if err != nil {
		return Message{}, err
	}
	return w.shown(conv, o, m, w.c.linkState), nil
}

func (w *work) readMessage(id MessageID) (ConversationID, order, *messageRec, error) {
	b, err := w.tx.Get(keyIndex(id))
	if err != nil {
		return ConversationID{}, order{}, nil, notFound(err)
	}
	ix, err := decodeIndex(b)
	if err != nil {
		return ConversationID{}, order{}, nil, err
	}
	o := order{Lamport: ix.Lamport, ID: id}
	m := new(messageRec)
	if err := get(w.tx, keyMessage(ix.Conv, o), m); err != nil {
		return ix.Conv, o, nil, notFound(err)
	}
	return ix.Conv, o, m, nil
}

// shown makes a record into what people see. state, when given, says why a
// delivery has not happened yet.
func (w *work) shown(id ConversationID, o order, m *messageRec, state func(identity.DeviceID) mesh.LinkState) Message {
	s := Message{
		ID: o.ID, Conversation: id, Outgoing: m.Outgoing, State: m.State,
		SentAt: fromMS(m.Wall), ReceivedAt: fromMS(m.Received), place: o,
	}
	var b body
	if err := identity.Decode(m.Body, &b); err != nil {
		w.c.cfg.Logger.Error("stored message does not decode", "error", err)
		return s
	}
	s.Text = string(b.Payload)
	if m.Outgoing {
		s.From = w.self.account.ID()
		s.Deliveries = shownDeliveries(m, state)
		return s
	}
	if conv, err := w.existing(id); err == nil {
		s.From = conv.Peer
	}
	s.Missing = w.missing(b.Parents)
	return s
}

func shownDeliveries(m *messageRec, state func(identity.DeviceID) mesh.LinkState) (out []Delivery) {
	for _, d := range m.Deliveries {
		s := Delivery{Device: d.Device, State: d.State, At: fromMS(d.At), Path: d.Path, Reason: d.Reason}
		if d.State == Queued && state != nil {
			link := state(d.Device)
			s.Reason, s.NextTry = obstacle(link), link.NextTry
		}
		out = append(out, s)
	}
	return out
}

// obstacle says in a word for people what is in the way.
func obstacle(l mesh.LinkState) string {
	if l.Connected {
		return ""
	}
	if l.Obstacle != mesh.ObstacleNone {
		return string(l.Obstacle)
	}
	return l.LastError
}

// missing counts messages that are referred to and not here.
func (w *work) missing(parents []MessageID) (n int) {
	for _, p := range parents {
		if ok, err := w.tx.Has(keyIndex(p)); err == nil && !ok {
			n++
		}
	}
	return n
}

// Retry tries a queued message at once and a failed one again.
func (c *Chat) Retry(ctx context.Context, id MessageID) (Message, error) {
	var out Message
	err := c.update(ctx, func(w *work) error {
		conv, o, m, err := w.readMessage(id)
		if err != nil {
			return err
		}
		if !m.Outgoing {
			return fmt.Errorf("%w: not a message of ours", ErrConflict)
		}
		if err := w.retry(conv, o, m); err != nil {
			return err
		}
		out, err = w.message(id)
		return err
	})
	return out, err
}

func (w *work) retry(conv ConversationID, o order, m *messageRec) error {
	c, err := w.existing(conv)
	if err != nil {
		return err
	}
	rec, err := w.contact(c.Peer)
	if err != nil {
		return err
	}
	if err := w.mayWrite(rec); err != nil {
		return err
	}
	w.tx.OnCommit(func() { w.c.intros.hurry(c.Peer) })
	if err := w.nudge(rec); err != nil {
		return err
	}
	if m.State != Failed {
		return w.deliver(c.Peer)
	}
	m.State = Queued
	m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d deliveryRec) bool { return d.State == Failed })
	w.hold(c.Peer, rec, o)
	if err := set(w.tx, keyMessage(conv, o), m); err != nil {
		return err
	}
	return errors.Join(
		emit(w.tx, EventMessageChanged, Ref{Conversation: conv, Message: o.ID}),
		w.deliver(c.Peer))
}

// nudge lets mesh try the devices of a contact now.
func (w *work) nudge(rec *contactRec) error {
	for _, id := range rec.Devices {
		d, err := w.device(id)
		if err != nil {
			return err
		}
		p, a := d.Peer, d.Addrs
		w.tx.OnCommit(func() { w.c.setDest(id, p, a) })
	}
	return nil
}
