package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// clearedLife is how long a cleared message is still known, so that a copy of
// it that arrives late is not shown as new.
const clearedLife = 90 * 24 * time.Hour

// notFound turns the store's word for it into ours.
func notFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// Conversations lists all, the one with the newest message last.
func (c *Chat) Conversations() ([]Conversation, error) {
	var out []Conversation
	err := c.view(func(w *work) error {
		var ids []ConversationID
		err := scan(w.tx, store.Range{Prefix: tableConversation.Key()}, func(tail []byte, r *conversationRec) error {
			id := ConversationID(tail)
			w.conversations[id] = &held[conversationRec]{rec: r}
			ids = append(ids, id)
			return nil
		})
		for _, id := range ids {
			s, fault := w.shownConversation(id)
			err = errors.Join(err, fault)
			out = append(out, s)
		}
		return err
	})
	slices.SortFunc(out, func(a, b Conversation) int {
		return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(string(a.ID[:]), string(b.ID[:])))
	})
	return out, err
}

// Conversation returns one.
func (c *Chat) Conversation(id ConversationID) (out Conversation, err error) {
	err = c.view(func(w *work) error {
		if _, err := w.existing(id); err != nil {
			return err
		}
		out, err = w.shownConversation(id)
		return err
	})
	return out, err
}

func (c *Chat) readConversation(id ConversationID) (rec *conversationRec, err error) {
	err = c.view(func(w *work) error {
		rec, err = w.existing(id)
		return err
	})
	return rec, err
}

// existing reads a conversation that must be there.
func (w *work) existing(id ConversationID) (*conversationRec, error) {
	rec, err := load(w, w.conversations, id, keyConversation(id))
	if err == nil && rec == nil {
		err = fmt.Errorf("%w: no such conversation", ErrNotFound)
	}
	return rec, err
}

func (w *work) shownConversation(id ConversationID) (Conversation, error) {
	rec, err := w.existing(id)
	if err != nil {
		return Conversation{}, err
	}
	s := Conversation{
		ID: id, Peer: rec.Peer, Unread: int(rec.Unread),
		MutedUntil: fromMS(rec.Muted), UpdatedAt: fromMS(rec.Updated),
	}
	contact, err := w.contact(rec.Peer)
	if err != nil {
		return s, err
	}
	if contact != nil {
		s.Title = w.shownContact(rec.Peer, contact).Name
	}
	page, err := w.page(id, Page{Limit: 1})
	if err != nil {
		return s, err
	}
	if len(page.Messages) == 1 {
		s.Last = &page.Messages[0]
	}
	return s, nil
}

// changeConversation changes one in a transaction, announces it, and answers
// with it.
func (c *Chat) changeConversation(ctx context.Context, id ConversationID, fn func(*work, *conversationRec) error) (Conversation, error) {
	var out Conversation
	err := c.update(ctx, func(w *work) error {
		rec, err := w.existing(id)
		if err != nil {
			return err
		}
		if err := fn(w, rec); err != nil {
			return err
		}
		w.keepConversation(id)
		w.changed[id] = true
		out, err = w.shownConversation(id)
		return err
	})
	return out, err
}

// Mute silences a conversation until a time; the zero time unmutes.
func (c *Chat) Mute(ctx context.Context, id ConversationID, until time.Time) (Conversation, error) {
	return c.changeConversation(ctx, id, func(_ *work, rec *conversationRec) error {
		rec.Muted = 0
		if !until.IsZero() {
			rec.Muted = ms(until)
		}
		return nil
	})
}

// MarkRead marks incoming messages up to one as read, and tells the author
// unless read receipts are off.
func (c *Chat) MarkRead(ctx context.Context, id ConversationID, upTo MessageID) (Conversation, error) {
	return c.changeConversation(ctx, id, func(w *work, rec *conversationRec) error {
		to, err := w.orderOf(id, upTo)
		if err != nil {
			return err
		}
		read, err := w.unreadTo(id, rec, to)
		if err != nil {
			return err
		}
		if to.after(rec.ReadTo) {
			rec.ReadTo = to
		}
		rec.Unread -= min(rec.Unread, uint64(len(read)))
		return w.oweReceipts(rec.Peer, read)
	})
}

// orderOf finds the place of a message in its conversation.
func (w *work) orderOf(conv ConversationID, id MessageID) (order, error) {
	b, err := w.tx.Get(keyIndex(id))
	if err != nil {
		return order{}, notFound(err)
	}
	ix, err := decodeIndex(b)
	if err != nil {
		return order{}, err
	}
	if ix.Conv != conv || ix.Lamport == 0 {
		return order{}, ErrNotFound
	}
	return order{Lamport: ix.Lamport, ID: id}, nil
}

// unreadTo lists the incoming messages not read before: those after the last
// one that was, and those that arrived behind it.
func (w *work) unreadTo(id ConversationID, rec *conversationRec, to order) (out []MessageID, err error) {
	mark := func(o order) error {
		m := new(messageRec)
		if err := get(w.tx, keyMessage(id, o), m); err != nil {
			return err
		}
		if m.Outgoing || m.State == Read {
			return nil
		}
		m.State = Read
		out = append(out, o.ID)
		return set(w.tx, keyMessage(id, o), m)
	}
	late := store.Range{Prefix: tableLate.Key(store.Bytes(id[:]))}
	err = w.tx.Scan(late, func(k store.Key, _ []byte) (bool, error) {
		o, ok := orderOf(k.Tail())
		if !ok || o.after(to) {
			return false, nil
		}
		w.tx.Delete(k)
		return true, mark(o)
	})
	if err != nil || !to.after(rec.ReadTo) {
		return out, err
	}
	fresh := store.Range{Prefix: tableMessage.Key(store.Bytes(id[:])), After: rec.ReadTo.tail()}
	err = w.tx.Scan(fresh, func(k store.Key, _ []byte) (bool, error) {
		o, ok := orderOf(k.Tail())
		if !ok || o.after(to) {
			return false, nil
		}
		return true, mark(o)
	})
	return out, err
}

// Clear deletes the messages of a conversation here; the other side keeps its
// own. What still waits to be sent is given up.
func (c *Chat) Clear(ctx context.Context, id ConversationID) error {
	_, err := c.changeConversation(ctx, id, func(w *work, rec *conversationRec) error {
		rec.Unread, rec.ReadTo = 0, order{Lamport: rec.Lamport}
		for i := range rec.ReadTo.ID {
			rec.ReadTo.ID[i] = 0xff
		}
		if err := deleteAll(w.tx, tableLate.Key(store.Bytes(id[:]))); err != nil {
			return err
		}
		if contact, err := w.contact(rec.Peer); err != nil {
			return err
		} else if contact != nil && contact.Held {
			contact.Held = false // or what is written next would wait behind nothing
			w.keepContact(rec.Peer, contact)
		}
		return w.clearMessages(id, rec.Peer)
	})
	return err
}

func (w *work) clearMessages(id ConversationID, peer identity.AccountID) error {
	r := store.Range{Prefix: tableMessage.Key(store.Bytes(id[:]))}
	return w.tx.Scan(r, func(k store.Key, _ []byte) (bool, error) {
		o, ok := orderOf(k.Tail())
		if !ok {
			return false, malformed("message key")
		}
		w.tx.Delete(k)
		w.tx.Delete(keyUnsent(peer, o))
		w.tx.SetTTL(keyIndex(o.ID), indexRec{Conv: id}.encode(), clearedLife)
		return true, nil
	})
}
