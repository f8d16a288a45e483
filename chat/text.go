package chat

import (
	"errors"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

const (
	chainWindow = 16 // bodies of a peer device that are remembered by hash
	maxChains   = 16 // peer devices whose chain is remembered
	maxHeads    = 16 // open ends of a conversation that are remembered
)

// newText writes a message into the conversation: its body, its place, its
// number in the chain of this device.
func (w *work) newText(account identity.AccountID, rec *contactRec, text string) (ConversationID, order, *messageRec, error) {
	id := w.direct(account)
	conv, err := w.conversation(id, account)
	if err != nil {
		return id, order{}, nil, err
	}
	b := body{
		Conv: id, DevSeq: conv.DevSeq + 1, DevPrev: conv.DevPrev, Parents: conv.parents(),
		Lamport: conv.Lamport + 1, WallMS: uint64(ms(w.now)), Type: typeText, Payload: []byte(text),
		Own: headOf(w.self.newest().Pin()), Peer: headOf(rec.Pin.pin()),
	}
	if err := draw(w.c.cfg.Rand, b.MID[:]); err != nil {
		return id, order{}, nil, err
	}
	raw, err := identity.Encode(b)
	if err != nil {
		return id, order{}, nil, err
	}
	o := order{Lamport: b.Lamport, ID: messageID(w.self.account.ID(), b.MID)}
	conv.DevSeq, conv.DevPrev = b.DevSeq, identity.Hash("chat-body", raw)
	conv.join(b.Parents, o)
	conv.Updated = ms(w.now)
	w.keepConversation(id)
	return id, o, &messageRec{Body: raw, Outgoing: true, State: Queued, Wall: ms(w.now)}, nil
}

// parents are the open ends a new body ties together.
func (c *conversationRec) parents() []MessageID {
	if len(c.Heads) > maxParents {
		return slices.Clone(c.Heads[len(c.Heads)-maxParents:])
	}
	return slices.Clone(c.Heads)
}

// join makes a body an open end in the place of its parents.
func (c *conversationRec) join(parents []MessageID, o order) {
	c.Heads = slices.DeleteFunc(c.Heads, func(h MessageID) bool { return slices.Contains(parents, h) })
	if len(c.Heads) >= maxHeads {
		c.Heads = c.Heads[1:]
	}
	c.Heads = append(c.Heads, o.ID)
	c.Lamport = max(c.Lamport, o.Lamport)
}

// onText stores a message from a contact.
func (w *work) onText(in *incoming) error {
	text, err := textOf(in.body.Payload)
	if err != nil || text == "" {
		return err
	}
	if in.rec == nil || in.body.Conv != w.direct(in.account) || in.body.Lamport == 0 {
		return malformed("text out of place")
	}
	switch in.rec.State {
	case Requested: // only somebody who accepted writes
		w.befriend(in.account, in.rec)
	case Accepted:
	default:
		return nil
	}
	id := messageID(in.account, in.body.MID)
	switch _, err := w.tx.Get(keyIndex(id)); {
	case err == nil:
		return nil // the same message in another envelope
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return w.storeText(in, order{Lamport: in.body.Lamport, ID: id})
}

func (w *work) storeText(in *incoming, o order) error {
	id := in.body.Conv
	conv, err := w.conversation(id, in.account)
	if err != nil {
		return err
	}
	if o.Lamport > conv.Lamport+maxLeap {
		return malformed("lamport leap")
	}
	if !conv.link(in.device, in.body.DevSeq, in.body.DevPrev, identity.Hash("chat-body", in.raw)) {
		return w.alarm(in.account, in.rec, AlarmClone)
	}
	conv.join(in.body.Parents, o)
	conv.Unread++
	conv.Updated = ms(w.now)
	w.keepConversation(id)
	if !o.after(conv.ReadTo) {
		w.tx.Set(keyLate(id, o), []byte{})
	}
	m := &messageRec{
		Body: in.raw, State: Delivered,
		Wall: clampWall(in.body.WallMS, w.now), Received: ms(w.now),
	}
	return w.storeMessage(id, o, m)
}

// storeMessage writes a new message, its index entry and its event.
func (w *work) storeMessage(id ConversationID, o order, m *messageRec) error {
	if err := set(w.tx, keyMessage(id, o), m); err != nil {
		return err
	}
	w.tx.Set(keyIndex(o.ID), indexRec{id, o.Lamport}.encode())
	return emit(w.tx, EventMessageNew, Ref{Conversation: id, Message: o.ID})
}

// clampWall keeps a foreign clock within what may be shown.
func clampWall(wall uint64, now time.Time) int64 {
	low, high := ms(now.Add(-maxPastClock)), ms(now.Add(maxAheadClock))
	if wall > uint64(high) {
		return high
	}
	return max(int64(wall), low)
}

// link adds a body to the remembered chain of a device. It is false when the
// body does not fit: another one has its number, or its neighbour names another
// predecessor. Then two devices hold the same keys (spec/bodies.md#chain).
func (c *conversationRec) link(device identity.DeviceID, seq uint64, prev, hash [32]byte) bool {
	if seq == 0 {
		return true
	}
	chain := c.chain(device)
	if !chain.put(seq, [16]byte(hash[:16])) {
		return false
	}
	if seq > 1 && !chain.put(seq-1, [16]byte(prev[:16])) {
		return false
	}
	if extra := len(chain.Links) - chainWindow; extra > 0 {
		chain.Links = chain.Links[extra:]
	}
	return true
}

func (c *conversationRec) chain(device identity.DeviceID) *chainRec {
	for i := range c.Chains {
		if c.Chains[i].Device == device {
			return &c.Chains[i]
		}
	}
	if len(c.Chains) >= maxChains {
		c.Chains = c.Chains[1:]
	}
	c.Chains = append(c.Chains, chainRec{Device: device})
	return &c.Chains[len(c.Chains)-1]
}

// put notes that a number has a hash; false when it is known to have another.
// Numbers before the window are not remembered.
func (c *chainRec) put(seq uint64, hash [16]byte) bool {
	i, known := slices.BinarySearchFunc(c.Links, seq, func(l linkRec, s uint64) int {
		return int(int64(l.Seq - s))
	})
	if known {
		return c.Links[i].Hash == hash
	}
	if i == 0 && len(c.Links) >= chainWindow {
		return true
	}
	c.Links = slices.Insert(c.Links, i, linkRec{Seq: seq, Hash: hash})
	return true
}
