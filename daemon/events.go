package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// eventBatch is how many events are read from the store at a time.
const eventBatch = 256

// eventsSubscribe answers with the cursor where the subscription begins; the
// events after it follow on the connection (spec/api.md#events).
func (d *Daemon) eventsSubscribe(ctx context.Context, p api.EventsSubscribeParams) (api.EventsSubscribeResult, error) {
	u := d.open.Load()
	if u == nil {
		return api.EventsSubscribeResult{}, errLocked
	}
	cursor := u.db.LastEvent()
	if p.After != nil {
		cursor = *p.After
		if _, err := u.db.Events(cursor, 1); err != nil {
			return api.EventsSubscribeResult{}, err
		}
	}
	sub := &subscription{daemon: d, types: p.Types, cursor: cursor}
	feed(ctx, sub.run)
	return api.EventsSubscribeResult{Cursor: cursor}, nil
}

// subscription feeds one connection with events.
type subscription struct {
	daemon *Daemon
	types  []api.EventType // empty: all
	cursor uint64          // of the last event sent or passed over
}

// run sends events until ctx ends or the client is gone. While the data folder
// is locked it waits.
func (s *subscription) run(ctx context.Context, c *rpcConn) {
	for {
		u, err := s.daemon.waitOpen(ctx)
		if err != nil {
			return
		}
		if err := s.follow(ctx, c, u.db); !errors.Is(err, store.ErrClosed) {
			return
		}
	}
}

// follow sends the events of an open store until it is closed.
func (s *subscription) follow(ctx context.Context, c *rpcConn, db *store.DB) error {
	poke, cancel := db.Watch()
	defer cancel()
	for {
		more, err := s.send(ctx, c, db)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case _, open := <-poke:
			if !open {
				return store.ErrClosed
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends the next batch, and says whether it was a full one.
func (s *subscription) send(ctx context.Context, c *rpcConn, db *store.DB) (more bool, err error) {
	events, err := db.Events(s.cursor, eventBatch)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		if err := s.show(ctx, c, e); err != nil {
			return false, err
		}
		s.cursor = e.Cursor
	}
	return len(events) == eventBatch, nil
}

// show sends one event, unless the client did not ask for its type or what it
// was about is gone.
func (s *subscription) show(ctx context.Context, c *rpcConn, e store.Event) error {
	if len(s.types) > 0 && !slices.Contains(s.types, api.EventType(e.Type)) {
		return nil
	}
	data, err := s.daemon.renderEvent(e)
	if data == nil || err != nil {
		return err
	}
	return c.Notify(ctx, api.EventMethod, api.Event{Cursor: e.Cursor, Time: api.At(e.Time), Type: api.EventType(e.Type), Data: data})
}

// renderEvent gives the thing that an event is about as it stands now; nil when
// there is nothing to show. The error is store.ErrClosed when the data folder
// was locked meanwhile: the event is for later.
func (d *Daemon) renderEvent(e store.Event) (json.RawMessage, error) {
	thing, err := d.eventThing(e)
	switch {
	case errors.Is(err, errLocked), errors.Is(err, store.ErrClosed):
		return nil, store.ErrClosed
	case errors.Is(err, chat.ErrNotFound):
		return nil, nil
	case err != nil:
		d.cfg.Logger.Warn("event not shown", "type", e.Type, "err", err)
		return nil, nil
	}
	return json.Marshal(thing)
}

func (d *Daemon) eventThing(e store.Event) (any, error) {
	if e.Type == string(api.EventNodeChanged) {
		return d.status(), nil
	}
	c, err := d.chat()
	if err != nil {
		return nil, err
	}
	ref, err := chat.DecodeRef(e.Data)
	if err != nil {
		return nil, err
	}
	switch e.Type {
	case chat.EventMessageNew, chat.EventMessageChanged:
		return messageOr(c.Message(ref.Message))
	case chat.EventConversationChanged:
		conv, err := c.Conversation(ref.Conversation)
		return renderConversation(c, conv), err
	case chat.EventIdentityAlarm:
		contact, err := contactOr(c.Contact(ref.Account.String()))
		return api.IdentityAlarm{Contact: contact, Reason: ref.Reason.String()}, err
	}
	return contactOr(c.Contact(ref.Account.String()))
}
