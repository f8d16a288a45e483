package chat

import (
	"encoding/binary"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// The tables of this package, 0x20 to 0x5f.
var (
	tableSelf         = store.Table{ID: 0x20, Name: "self"}         // one record
	tableGeneration   = store.Table{ID: 0x21, Name: "generation"}   // spk id
	tableOneTime      = store.Table{ID: 0x22, Name: "onetime"}      // spk id, one-time id
	tableReplay       = store.Table{ID: 0x23, Name: "replay"}       // handshake id
	tableContact      = store.Table{ID: 0x24, Name: "contact"}      // account
	tableDevice       = store.Table{ID: 0x25, Name: "device"}       // device
	tableSession      = store.Table{ID: 0x26, Name: "session"}      // device, session
	tableConversation = store.Table{ID: 0x27, Name: "conversation"} // conversation
	tableMessage      = store.Table{ID: 0x28, Name: "message"}      // conversation, lamport, message
	tableIndex        = store.Table{ID: 0x29, Name: "index"}        // message
	tableOutbox       = store.Table{ID: 0x2a, Name: "outbox"}       // device, item
	tableSeen         = store.Table{ID: 0x2b, Name: "seen"}         // envelope
	tableClient       = store.Table{ID: 0x2c, Name: "client"}       // client id
	tableInvite       = store.Table{ID: 0x2d, Name: "invite"}       // invite
	tableUnsent       = store.Table{ID: 0x2e, Name: "unsent"}       // account, lamport, message
	tableLate         = store.Table{ID: 0x2f, Name: "late"}         // conversation, lamport, message
	tableReceipt      = store.Table{ID: 0x30, Name: "receipt"}      // account, random
	tableDeclined     = store.Table{ID: 0x31, Name: "declined"}     // account
	tableDay          = store.Table{ID: 0x32, Name: "day"}          // day number
	tableTold         = store.Table{ID: 0x33, Name: "told"}         // account, of alarms said once
)

func keySelf() store.Key { return tableSelf.Key(store.Uint(0)) }

func keyGeneration(spk uint32) store.Key { return tableGeneration.Key(store.Uint(uint64(spk))) }

func keyOneTime(spk, id uint32) store.Key {
	return tableOneTime.Key(store.Uint(uint64(spk)), store.Uint(uint64(id)))
}

func keyReplay(id [32]byte) store.Key { return tableReplay.Key(store.Bytes(id[:])) }

func keyContact(a identity.AccountID) store.Key { return tableContact.Key(store.Bytes(a[:])) }

func keyDevice(d identity.DeviceID) store.Key { return tableDevice.Key(store.Bytes(d[:])) }

func keySession(d identity.DeviceID, sid [32]byte) store.Key {
	return tableSession.Key(store.Bytes(d[:]), store.Bytes(sid[:]))
}

func keyConversation(c ConversationID) store.Key { return tableConversation.Key(store.Bytes(c[:])) }

func keyMessage(c ConversationID, o order) store.Key {
	return tableMessage.Key(store.Bytes(c[:]), store.Uint(o.Lamport), store.Bytes(o.ID[:]))
}

func keyIndex(m MessageID) store.Key { return tableIndex.Key(store.Bytes(m[:])) }

func keyOutbox(d identity.DeviceID, item uint64) store.Key {
	return tableOutbox.Key(store.Bytes(d[:]), store.Uint(item))
}

func keySeen(env [16]byte) store.Key { return tableSeen.Key(store.Bytes(env[:])) }

func keyClient(id string) store.Key { return tableClient.Key(store.Secret(id)) }

func keyInvite(id InviteID) store.Key { return tableInvite.Key(store.Bytes(id[:])) }

func keyUnsent(a identity.AccountID, o order) store.Key {
	return tableUnsent.Key(store.Bytes(a[:]), store.Uint(o.Lamport), store.Bytes(o.ID[:]))
}

func keyLate(c ConversationID, o order) store.Key {
	return tableLate.Key(store.Bytes(c[:]), store.Uint(o.Lamport), store.Bytes(o.ID[:]))
}

func keyReceipt(a identity.AccountID, n [8]byte) store.Key {
	return tableReceipt.Key(store.Bytes(a[:]), store.Bytes(n[:]))
}

func keyDeclined(a identity.AccountID) store.Key { return tableDeclined.Key(store.Bytes(a[:])) }

func keyTold(a identity.AccountID) store.Key { return tableTold.Key(store.Bytes(a[:])) }

func keyDay(day uint64) store.Key { return tableDay.Key(store.Uint(day)) }

// order is the place of a message in its conversation: by Lamport number, then
// by id, the same on every device (spec/bodies.md#order).
type order struct {
	_       struct{} `cbor:",toarray"`
	Lamport uint64
	ID      MessageID
}

// tail is how an order ends a key of the message, unsent and late tables.
func (o order) tail() []byte {
	return append(binary.BigEndian.AppendUint64(nil, o.Lamport), o.ID[:]...)
}

func (o order) after(p order) bool {
	if o.Lamport != p.Lamport {
		return o.Lamport > p.Lamport
	}
	return string(o.ID[:]) > string(p.ID[:])
}

func orderOf(tail []byte) (order, bool) {
	if len(tail) != 24 {
		return order{}, false
	}
	return order{Lamport: binary.BigEndian.Uint64(tail), ID: MessageID(tail[8:])}, true
}
