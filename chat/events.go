package chat

import (
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// The event types chat appends to the store's event log. The data of each is a
// Ref.
const (
	EventMessageNew          = "message.new"          // Conversation, Message
	EventMessageChanged      = "message.changed"      // Conversation, Message
	EventConversationChanged = "conversation.changed" // Conversation
	EventContactChanged      = "contact.changed"      // Account
	EventContactRequest      = "contact.request"      // Account
	EventPresence            = "presence"             // Account, Online
	EventIdentityAlarm       = "identity.alarm"       // Account, Reason
)

// Ref says which thing an event is about. The thing itself is asked for when
// the event is shown, so an old event shows the present.
type Ref struct {
	Account      identity.AccountID `cbor:"1,keyasint,omitzero"`
	Conversation ConversationID     `cbor:"2,keyasint,omitzero"`
	Message      MessageID          `cbor:"3,keyasint,omitzero"`
	Online       bool               `cbor:"4,keyasint,omitzero"`
	Reason       AlarmReason        `cbor:"5,keyasint,omitzero"`
	Removed      bool               `cbor:"6,keyasint,omitzero"` // the thing is gone
}

// AlarmReason says what an identity.alarm is about.
type AlarmReason uint8

// The reasons of an alarm.
const (
	AlarmFork     AlarmReason = iota + 1 // two manifests of one number
	AlarmClone                           // two histories of one device
	AlarmReset                           // a session started anew without proof of the old one
	AlarmSelfSeen                        // the contact saw another manifest of ours
)

var alarmReasons = [...]string{"", "fork", "clone", "reset", "self"}

// String is a word for programs.
func (a AlarmReason) String() string {
	if int(a) < len(alarmReasons) {
		return alarmReasons[a]
	}
	return ""
}

// DecodeRef reads the data of an event chat appended.
func DecodeRef(data []byte) (Ref, error) {
	var r Ref
	if err := identity.Decode(data, &r); err != nil {
		return Ref{}, fmt.Errorf("chat: event: %w", err)
	}
	return r, nil
}

// emit appends an event to the transaction.
func emit(tx *store.Tx, typ string, r Ref) error {
	b, err := identity.Encode(r)
	if err != nil {
		return fmt.Errorf("chat: event: %w", err)
	}
	tx.Append(typ, b)
	return nil
}
