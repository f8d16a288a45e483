package api

// Message is one message, as it stands now.
type Message struct {
	Message      MessageID        `json:"message"`
	Conversation ConversationID   `json:"conversation"`
	From         AccountID        `json:"from"`
	Outgoing     bool             `json:"outgoing" doc:"whether it is ours"`
	Kind         MessageKind      `json:"kind"`
	Text         string           `json:"text"`
	ReplyTo      *Quote           `json:"replyTo,omitempty" doc:"what it answers"`
	Reactions    List[Reaction]   `json:"reactions"`
	Attachments  List[Attachment] `json:"attachments"`
	Edits        int              `json:"edits" doc:"how often it was edited"`
	EditedAt     Time             `json:"editedAt,omitzero"`
	Deleted      bool             `json:"deleted"`
	ExpiresAt    Time             `json:"expiresAt,omitzero"`
	SentAt       Time             `json:"sentAt" doc:"by the sender's clock"`
	ReceivedAt   Time             `json:"receivedAt,omitzero" doc:"by our clock; absent in messages of ours"`
	State        MessageState     `json:"state" doc:"the furthest that every receiver has come to"`
	Deliveries   []Delivery       `json:"deliveries,omitempty" doc:"per device of the receivers; only in messages of ours"`
}

// MessageKind says what a message carries.
type MessageKind string

// The kinds of message.
const (
	KindText   MessageKind = "text"
	KindFile   MessageKind = "file"
	KindVoice  MessageKind = "voice"
	KindCall   MessageKind = "call"
	KindSystem MessageKind = "system"
)

// Enum lists the values.
func (MessageKind) Enum() []string { return []string{"text", "file", "voice", "call", "system"} }

// MessageState says how far a message has come.
type MessageState string

// The states of a message and of a delivery.
const (
	StateQueued    MessageState = "queued"    // waits here for a way
	StateStored    MessageState = "stored"    // a mailbox has it
	StateDelivered MessageState = "delivered" // a device of theirs has it on disk
	StateRead      MessageState = "read"      // somebody has seen it
	StateFailed    MessageState = "failed"    // given up; message.retry begins again
)

// Enum lists the values.
func (MessageState) Enum() []string {
	return []string{"queued", "stored", "delivered", "read", "failed"}
}

// Delivery is the way of a message to one device.
type Delivery struct {
	Device DeviceID     `json:"device"`
	State  MessageState `json:"state"`
	At     Time         `json:"at" doc:"since when"`
	Path   Path         `json:"path,omitempty" doc:"the way it took; absent while queued"`
	Reason string       `json:"reason,omitempty" doc:"why it is not delivered, for people"`
}

// Path is the way bytes took.
type Path string

// The ways.
const (
	PathDirect      Path = "direct"
	PathHolepunched Path = "holepunched"
	PathRelayed     Path = "relayed"
	PathMailbox     Path = "mailbox"
	PathCarried     Path = "carried"
	PathFile        Path = "file"
)

// Enum lists the values.
func (Path) Enum() []string {
	return []string{"direct", "holepunched", "relayed", "mailbox", "carried", "file"}
}

// Quote is the message that another one answers.
type Quote struct {
	Message MessageID `json:"message"`
	From    AccountID `json:"from"`
	Excerpt string    `json:"excerpt" doc:"the beginning of its text"`
}

// Reaction is one emoji and who chose it.
type Reaction struct {
	Emoji string          `json:"emoji"`
	From  List[AccountID] `json:"from"`
}

// Attachment is a file that comes with a message.
type Attachment struct {
	Blob     string          `json:"blob" doc:"blob ID"`
	Name     string          `json:"name" doc:"file name"`
	MIME     string          `json:"mime"`
	Size     int64           `json:"size" doc:"bytes"`
	State    AttachmentState `json:"state"`
	Received int64           `json:"received" doc:"bytes here so far"`
	Voice    *Voice          `json:"voice,omitempty"`
	Image    *Image          `json:"image,omitempty"`
}

// AttachmentState says how much of an attachment is here.
type AttachmentState string

// The states of an attachment.
const (
	AttachmentOffered  AttachmentState = "offered"
	AttachmentFetching AttachmentState = "fetching"
	AttachmentReady    AttachmentState = "ready"
	AttachmentFailed   AttachmentState = "failed"
)

// Enum lists the values.
func (AttachmentState) Enum() []string { return []string{"offered", "fetching", "ready", "failed"} }

// Voice describes a voice message.
type Voice struct {
	Duration float64   `json:"duration" doc:"seconds"`
	Waveform List[int] `json:"waveform" doc:"loudness over time, 0 to 255"`
}

// Image describes a picture.
type Image struct {
	Width  int `json:"width" doc:"pixels"`
	Height int `json:"height" doc:"pixels"`
}

// MaxText is the longest text of a message, in bytes of UTF-8.
const MaxText = 32 << 10

// MessageSendParams are the parameters of message.send.
type MessageSendParams struct {
	To   string `json:"to" doc:"petname, full handle, account ID, or conversation ID"`
	Text string `json:"text" doc:"what to say: UTF-8, up to 32 KiB"`
	Once
}

// MessageListParams are the parameters of message.list.
type MessageListParams struct {
	Conversation ConversationID `json:"conversation"`
	Page
}

// MessageListResult is the result of message.list.
type MessageListResult struct {
	Messages List[Message] `json:"messages"`
	Cursors
}

// MessageGetParams are the parameters of message.get.
type MessageGetParams struct {
	Message MessageID `json:"message"`
}

// MessageRetryParams are the parameters of message.retry.
type MessageRetryParams struct {
	Message MessageID `json:"message"`
	Once
}
