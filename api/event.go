package api

import (
	"encoding/json"
	"reflect"
)

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
	EventMessageNew          EventType = "message.new"
	EventMessageChanged      EventType = "message.changed"
	EventConversationChanged EventType = "conversation.changed"
	EventContactChanged      EventType = "contact.changed"
	EventContactRequest      EventType = "contact.request"
	EventPresence            EventType = "presence"
	EventDeviceChanged       EventType = "device.changed"
	EventIdentityAlarm       EventType = "identity.alarm"
	EventNodeChanged         EventType = "node.changed"
)

// EventInfo describes an event type.
type EventInfo struct {
	Type    EventType
	Data    reflect.Type // of the data member
	Meaning string       // for people
}

// EventTypes returns every event type of this release.
func EventTypes() []EventInfo {
	return []EventInfo{
		event[Message](EventMessageNew, "a message came, or was sent from here"),
		event[Message](EventMessageChanged, "its state or content changed"),
		event[Conversation](EventConversationChanged, "a conversation began, was read, muted or cleared"),
		event[Contact](EventContactChanged, "a contact changed state, name or verification"),
		event[Contact](EventContactRequest, "somebody asks to be a contact"),
		event[Contact](EventPresence, "a contact came online or went offline"),
		event[Device](EventDeviceChanged, "a device of the account was added or revoked"),
		event[IdentityAlarm](EventIdentityAlarm, "what a contact shows contradicts what was pinned"),
		event[NodeStatus](EventNodeChanged, "addresses or reachability changed"),
	}
}

func event[D any](t EventType, meaning string) EventInfo {
	return EventInfo{t, reflect.TypeFor[D](), meaning}
}

// Enum lists the values.
func (EventType) Enum() []string {
	var out []string
	for _, e := range EventTypes() {
		out = append(out, string(e.Type))
	}
	return out
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

// Decode reads the data of the event into the type that goes with its type.
func (e Event) Decode(into any) error { return json.Unmarshal(e.Data, into) }
