package chat

import (
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Me describes the own account.
type Me struct {
	Account    identity.AccountID
	Device     identity.DeviceID
	Handle     identity.Handle // the first claimed one; zero when none
	Handles    []identity.Handle
	Name       string
	PhraseSeen bool
	CreatedAt  time.Time
}

// ContactState says how far two accounts have come.
type ContactState uint8

// The states of a contact.
const (
	Requested ContactState = iota + 1 // we asked, no answer yet
	Incoming                          // they asked, the user has not answered
	Accepted                          // both agreed
	Blocked                           // nothing passes
)

var contactStates = [...]string{"", "requested", "incoming", "accepted", "blocked"}

// String is the name the API uses.
func (s ContactState) String() string {
	if int(s) < len(contactStates) {
		return contactStates[s]
	}
	return ""
}

// Contact is somebody the user knows.
type Contact struct {
	Account      identity.AccountID
	Handle       identity.Handle // proved to belong to Account; zero when none
	Name         string          // the petname, else what they call themselves
	Petname      bool            // Name was given by this user
	State        ContactState
	Verified     bool // safety number compared
	Alarm        bool // two identities were seen; sending stopped
	Reset        bool // an unproven security reset waits for the user
	Online       bool
	LastSeen     time.Time // zero when never
	Devices      int
	Conversation ConversationID
	Greeting     string // of the request, theirs or ours
	Problem      string // why a request has not arrived yet; empty when fine
	Since        time.Time
}

// Conversation is a line of messages with somebody.
type Conversation struct {
	ID         ConversationID
	Peer       identity.AccountID
	Title      string
	Unread     int
	Last       *Message // newest; nil when empty
	MutedUntil time.Time
	UpdatedAt  time.Time
}

// MessageState says how far an outgoing message has come. An incoming one is
// Delivered, and Read once the user marked it.
type MessageState uint8

// The states of a message, in order of progress; Failed stands apart.
const (
	Queued MessageState = iota + 1
	Delivered
	Read
	Failed
)

var messageStates = [...]string{"", "queued", "delivered", "read", "failed"}

// String is the name the API uses.
func (s MessageState) String() string {
	if int(s) < len(messageStates) {
		return messageStates[s]
	}
	return ""
}

// Message is one line of a conversation.
type Message struct {
	ID           MessageID
	Conversation ConversationID
	From         identity.AccountID
	Outgoing     bool
	Text         string
	SentAt       time.Time // by the clock of the author, clamped
	ReceivedAt   time.Time // zero when outgoing
	State        MessageState
	Missing      int // messages this one refers to that are not here
	Deliveries   []Delivery

	place order
}

// Delivery is the state of an outgoing message towards one device.
type Delivery struct {
	Device  identity.DeviceID
	State   MessageState
	At      time.Time // of the last change
	Path    string    // mesh.Path, once delivered
	Reason  string    // why not yet, or why never
	NextTry time.Time // zero when not known or not needed
}

// Page asks for a part of a list. Before and After are cursors of an earlier
// answer; at most one is set. Limit 0 means 50; more than 500 is 500.
type Page struct {
	Before, After string
	Limit         int
}

// MessagePage is a part of a conversation, oldest first.
type MessagePage struct {
	Messages []Message
	Before   string // cursor of older ones; empty when there are none
	After    string // cursor of newer ones; asks again later when at the end
}

// AddRequest asks to add somebody.
type AddRequest struct {
	// Peer is a full handle, a bare handle, an account id or petname of a
	// known contact, or an invite URI.
	Peer string
	// Name is the petname to give; optional.
	Name string
	// Greeting is shown to the other side; at most Limits.GreetingBytes.
	Greeting string
}

// SendRequest asks to send a text.
type SendRequest struct {
	// To is a conversation id or a reference to a contact.
	To   string
	Text string // UTF-8, not empty
	// ClientID, when set, makes a repeated request return the first message.
	ClientID string // at most 64 bytes
	// Placed, when set, is called once the message has its place in the order
	// of sends, long before it is durable.
	Placed func()
}

// InviteRequest asks for an invite. Zero values mean one use and seven days.
type InviteRequest struct {
	ExpiresIn time.Duration // at most 30 days
	Uses      int           // at most 1000
}

// Invite is a way in that needs no directory.
type Invite struct {
	ID        InviteID
	URI       string
	Expires   time.Time
	Uses      int // allowed in all
	Used      int
	CreatedAt time.Time
	Revoked   bool
}
