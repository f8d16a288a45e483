package chat

import (
	"context"
	"errors"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// work is one transaction: the records it has read, as values it may change,
// each written back once at the end. It lives as long as its closure, so a
// closure that fails or a commit that does leaves no stale copy behind; a batch
// of messages shares one work, and so one read and one write of its session,
// contact and conversation.
type work struct {
	c    *Chat
	tx   *store.Tx
	now  time.Time
	self *Self

	contacts      map[identity.AccountID]*held[contactRec]
	devices       map[identity.DeviceID]*held[deviceRec]
	conversations map[ConversationID]*held[conversationRec]
	sessions      map[sessionKey]*heldSession
	pushes        map[identity.DeviceID][]mesh.Item
	wakes         map[identity.AccountID]int  // contacts that need an introduction: refusals so far
	told          map[identity.AccountID]bool // contacts to announce
	changed       map[ConversationID]bool     // conversations to announce
	full          bool                        // more waits to be sealed than one transaction takes
}

type held[T any] struct {
	rec   *T
	dirty bool
}

type sessionKey struct {
	device identity.DeviceID
	id     [32]byte
}

type heldSession struct {
	s     ratchet.Session
	dirty bool
}

func (c *Chat) newWork(tx *store.Tx) *work {
	return &work{
		c: c, tx: tx, now: c.cfg.Now(), self: c.self.Load(),
		contacts:      map[identity.AccountID]*held[contactRec]{},
		devices:       map[identity.DeviceID]*held[deviceRec]{},
		conversations: map[ConversationID]*held[conversationRec]{},
		sessions:      map[sessionKey]*heldSession{},
		pushes:        map[identity.DeviceID][]mesh.Item{},
		wakes:         map[identity.AccountID]int{},
		told:          map[identity.AccountID]bool{},
		changed:       map[ConversationID]bool{},
	}
}

// update runs fn in a durable transaction.
func (c *Chat) update(ctx context.Context, fn func(*work) error) error {
	return c.inWork(fn, func(f func(*store.Tx) error) error { return c.db.Update(ctx, f) })
}

// updateLazy runs fn in a transaction that a power cut may undo.
func (c *Chat) updateLazy(ctx context.Context, fn func(*work) error) error {
	return c.inWork(fn, func(f func(*store.Tx) error) error { return c.db.UpdateLazy(ctx, f) })
}

// inWork runs fn in a transaction. What the caller will look at next in memory
// is brought up to date before it returns; the rest follows the commit.
func (c *Chat) inWork(fn func(*work) error, run func(func(*store.Tx) error) error) error {
	var w *work
	err := run(func(tx *store.Tx) error {
		w = c.newWork(tx)
		if err := fn(w); err != nil {
			return err
		}
		return w.flush()
	})
	if err != nil {
		return err
	}
	c.takeSelf(w.self)
	if len(w.told) > 0 {
		c.names.drop()
	}
	return nil
}

// takeSelf makes a committed account the present one, unless a later one is.
func (c *Chat) takeSelf(next *Self) {
	for {
		old := c.self.Load()
		if old.rec.Version >= next.rec.Version || c.self.CompareAndSwap(old, next) {
			return
		}
	}
}

// view runs fn on a snapshot; what it changes is dropped.
func (c *Chat) view(fn func(*work) error) error {
	return c.db.View(func(tx *store.Tx) error { return fn(c.newWork(tx)) })
}

// flush writes what changed and arranges what follows the commit.
func (w *work) flush() error {
	for id, h := range w.contacts {
		if err := h.save(w.tx, keyContact(id)); err != nil {
			return err
		}
	}
	for id, h := range w.devices {
		if err := h.save(w.tx, keyDevice(id)); err != nil {
			return err
		}
	}
	for id, h := range w.conversations {
		if err := h.save(w.tx, keyConversation(id)); err != nil {
			return err
		}
	}
	if err := w.flushSessions(); err != nil {
		return err
	}
	if err := w.announce(); err != nil {
		return err
	}
	w.afterCommit()
	return nil
}

// announce appends one event for each contact and conversation that changed,
// however often it did.
func (w *work) announce() error {
	for id := range w.told {
		if err := emit(w.tx, EventContactChanged, Ref{Account: id, Removed: w.contacts[id].rec == nil}); err != nil {
			return err
		}
	}
	for id := range w.changed {
		if err := emit(w.tx, EventConversationChanged, Ref{Conversation: id}); err != nil {
			return err
		}
	}
	return nil
}

func (h *held[T]) save(tx *store.Tx, k store.Key) error {
	if !h.dirty || h.rec == nil {
		return nil
	}
	return set(tx, k, h.rec)
}

func (w *work) flushSessions() error {
	for k, h := range w.sessions {
		if !h.dirty {
			continue
		}
		b, err := h.s.Encode()
		if err != nil {
			return err
		}
		w.tx.Set(keySession(k.device, k.id), b)
	}
	return nil
}

func (w *work) afterCommit() {
	if len(w.pushes) == 0 && len(w.wakes) == 0 {
		return
	}
	w.tx.OnCommit(func() {
		for device, items := range w.pushes {
			w.c.mesh.Push(device, items...)
		}
		for account, refused := range w.wakes {
			w.c.intros.wake(account, refused)
		}
	})
}

// wake asks for an introduction after the commit, the later the more often
// their devices have refused one.
func (w *work) wake(account identity.AccountID, rec *contactRec) error {
	refused := 0
	for _, id := range rec.Devices {
		d, err := w.device(id)
		if err != nil {
			return err
		}
		refused = max(refused, int(d.Refused))
	}
	w.wakes[account] = refused
	return nil
}

// load reads a record once; nil when there is none.
func load[K comparable, T any](w *work, cache map[K]*held[T], id K, k store.Key) (*T, error) {
	if h, ok := cache[id]; ok {
		return h.rec, nil
	}
	rec := new(T)
	switch err := get(w.tx, k, rec); {
	case errors.Is(err, store.ErrNotFound):
		rec = nil
	case err != nil:
		return nil, err
	}
	cache[id] = &held[T]{rec: rec}
	return rec, nil
}

// contact reads a contact; nil when the account is none.
func (w *work) contact(id identity.AccountID) (*contactRec, error) {
	return load(w, w.contacts, id, keyContact(id))
}

// saveContact marks a contact as changed and announces it.
func (w *work) saveContact(id identity.AccountID, rec *contactRec) {
	w.contacts[id] = &held[contactRec]{rec, true}
	w.told[id] = true
}

// keepContact marks a contact as changed in something nobody is shown.
func (w *work) keepContact(id identity.AccountID, rec *contactRec) {
	w.contacts[id] = &held[contactRec]{rec, true}
}

// device reads a device; a new one when it is not known.
func (w *work) device(id identity.DeviceID) (*deviceRec, error) {
	rec, err := load(w, w.devices, id, keyDevice(id))
	if err != nil || rec != nil {
		return rec, err
	}
	rec = &deviceRec{}
	w.devices[id] = &held[deviceRec]{rec: rec}
	return rec, nil
}

func (w *work) keepDevice(id identity.DeviceID) { w.devices[id].dirty = true }

// conversation reads a conversation; a new one with peer when there is none.
func (w *work) conversation(id ConversationID, peer identity.AccountID) (*conversationRec, error) {
	rec, err := load(w, w.conversations, id, keyConversation(id))
	if err != nil || rec != nil {
		return rec, err
	}
	rec = &conversationRec{Peer: peer}
	w.conversations[id] = &held[conversationRec]{rec: rec}
	return rec, nil
}

func (w *work) keepConversation(id ConversationID) { w.conversations[id].dirty = true }

// session reads a session; false when it is gone.
func (w *work) session(device identity.DeviceID, id [32]byte) (ratchet.Session, bool, error) {
	k := sessionKey{device, id}
	if h, ok := w.sessions[k]; ok {
		return h.s, true, nil
	}
	b, err := w.tx.Get(keySession(device, id))
	if errors.Is(err, store.ErrNotFound) {
		return ratchet.Session{}, false, nil
	}
	if err != nil {
		return ratchet.Session{}, false, err
	}
	s, err := ratchet.DecodeSession(b)
	if err != nil {
		return ratchet.Session{}, false, err
	}
	w.sessions[k] = &heldSession{s: s}
	return s, true, nil
}

func (w *work) saveSession(device identity.DeviceID, s ratchet.Session) {
	w.sessions[sessionKey{device, s.ID()}] = &heldSession{s, true}
}

func (w *work) dropSession(device identity.DeviceID, id [32]byte) {
	delete(w.sessions, sessionKey{device, id})
	w.tx.Delete(keySession(device, id))
}
