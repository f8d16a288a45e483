package api

import "encoding/json"

// EventMethod is the method of the notifications that carry an Event.
const EventMethod = "event"

// Event is one thing that happened. Events are durable and numbered: a client
// that comes back with its last cursor misses nothing.
type Event struct {
	Cursor uint64          `json:"cursor" doc:"number of the event; ever larger, not always by one"`
	Time   Time            `json:"time"`
	Type   EventType       `json:"type"`
	Data   json.RawMessage `json:"data" doc:"the thing as it stands now: a Message for message.*, and so on"`
}

// EventType says what an event is about, and with it the type of its data.
type EventType string

// The event types of this release.
const (
	EventMessageNew          EventType = "message.new"          // Message
	EventMessageChanged      EventType = "message.changed"      // Message
	EventConversationChanged EventType = "conversation.changed" // Conversation
	EventContactChanged      EventType = "contact.changed"      // Contact
	EventContactRequest      EventType = "contact.request"      // Contact
	EventPresence            EventType = "presence"             // Contact
	EventDeviceChanged       EventType = "device.changed"       // Device
	EventIdentityAlarm       EventType = "identity.alarm"       // IdentityAlarm
	EventNodeChanged         EventType = "node.changed"         // NodeStatus
)

// Enum lists the values.
func (EventType) Enum() []string {
	return []string{"message.new", "message.changed", "conversation.changed", "contact.changed",
		"contact.request", "presence", "device.changed", "identity.alarm", "node.changed"}
}

// IdentityAlarm is the data of identity.alarm: what a contact shows now cannot
// be true together with what was pinned before.
type IdentityAlarm struct {
	Contact Contact `json:"contact"`
	Reason  string  `json:"reason" doc:"what was seen, for people"`
}

// EventsSubscribeParams are the parameters of events.subscribe.
type EventsSubscribeParams struct {
	Types []EventType `json:"types,omitempty" doc:"only these; all when left out"`
	After *uint64     `json:"after,omitempty" doc:"cursor of the last event seen: everything later follows; from now on when left out"`
}

// EventsSubscribeResult is the result of events.subscribe.
type EventsSubscribeResult struct {
	Cursor uint64 `json:"cursor" doc:"the events that follow are later than this"`
}
