package api

// Conversation is where messages are.
type Conversation struct {
	Conversation   ConversationID   `json:"conversation"`
	Kind           ConversationKind `json:"kind"`
	Title          string           `json:"title" doc:"the name of the other one, or of the group"`
	Members        List[Member]     `json:"members" doc:"everybody in it, ourselves as well"`
	Unread         int              `json:"unread" doc:"messages not marked as read"`
	LastMessage    *Message         `json:"lastMessage,omitempty"`
	MutedUntil     Time             `json:"mutedUntil,omitzero"`
	DisappearAfter int64            `json:"disappearAfter,omitempty" doc:"seconds after which messages go; absent when they stay"`
	Typing         List[AccountID]  `json:"typing" doc:"who is typing now"`
}

// ConversationKind says how many can be in it.
type ConversationKind string

// The kinds of conversation.
const (
	Direct ConversationKind = "direct"
	Group  ConversationKind = "group"
)

// Enum lists the values.
func (ConversationKind) Enum() []string { return []string{"direct", "group"} }

// Member is somebody in a conversation.
type Member struct {
	Account AccountID `json:"account"`
	Name    string    `json:"name"`
	Handle  string    `json:"handle" doc:"full handle, or empty"`
	Role    string    `json:"role,omitempty" doc:"role in a group"`
}

// ConversationListParams are the parameters of conversation.list.
type ConversationListParams struct {
	Page
}

// ConversationListResult is the result of conversation.list.
type ConversationListResult struct {
	Conversations List[Conversation] `json:"conversations"`
	Cursors
}

// ConversationGetParams are the parameters of conversation.get.
type ConversationGetParams struct {
	Conversation ConversationID `json:"conversation"`
}

// ConversationMarkReadParams are the parameters of conversation.markRead.
type ConversationMarkReadParams struct {
	Conversation ConversationID `json:"conversation"`
	UpTo         MessageID      `json:"upTo" doc:"this message and all before it are read"`
	Once
}

// ConversationMuteParams are the parameters of conversation.mute.
type ConversationMuteParams struct {
	Conversation ConversationID `json:"conversation"`
	Until        Time           `json:"until,omitzero" doc:"for good when left out; a time that has passed ends the mute"`
	Once
}

// ConversationClearParams are the parameters of conversation.clear.
type ConversationClearParams struct {
	Conversation ConversationID `json:"conversation"`
	Once
}
