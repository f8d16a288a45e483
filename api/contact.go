package api

// Contact is somebody we know, asked to know, or who asked to know us.
type Contact struct {
	Account      AccountID      `json:"account"`
	Handle       string         `json:"handle" doc:"full handle, name~tag; empty when they have none"`
	Name         string         `json:"name" doc:"the petname we gave, else the display name they chose"`
	State        ContactState   `json:"state" doc:"requested: we asked; incoming: they asked; accepted; blocked"`
	Verified     bool           `json:"verified" doc:"whether the safety number was compared"`
	Online       bool           `json:"online" doc:"whether a device of theirs is connected to us"`
	LastSeenAt   Time           `json:"lastSeenAt,omitzero"`
	Devices      int            `json:"devices" doc:"how many devices they have"`
	Conversation ConversationID `json:"conversation" doc:"the direct conversation with them"`
	Problem      string         `json:"problem,omitempty" doc:"why a request has not reached them yet, for people; absent when it has"`
	Greeting     string         `json:"greeting,omitempty" doc:"what they wrote when they asked; only in state incoming"`
}

// ContactState says how far the acquaintance has come.
type ContactState string

// The states of a contact.
const (
	ContactRequested ContactState = "requested"
	ContactIncoming  ContactState = "incoming"
	ContactAccepted  ContactState = "accepted"
	ContactBlocked   ContactState = "blocked"
)

// Enum lists the values.
func (ContactState) Enum() []string { return []string{"requested", "incoming", "accepted", "blocked"} }

// ContactAddParams are the parameters of contact.add.
type ContactAddParams struct {
	Peer     string `json:"peer" doc:"full handle, bare handle that one account claims, or account ID"`
	Name     string `json:"name,omitempty" doc:"petname to give them"`
	Greeting string `json:"greeting,omitempty" doc:"a line that goes with the request, up to 512 bytes"`
	Once
}

// ContactListParams are the parameters of contact.list.
type ContactListParams struct {
	State ContactState `json:"state,omitempty" doc:"only those in this state"`
	Page
}

// ContactListResult is the result of contact.list.
type ContactListResult struct {
	Contacts List[Contact] `json:"contacts"`
	Cursors
}

// PeerParams name a contact, for methods that only read.
type PeerParams struct {
	Peer string `json:"peer" doc:"petname, full handle, or account ID"`
}

// PeerChangeParams name a contact, for methods that change something.
type PeerChangeParams struct {
	Peer string `json:"peer" doc:"petname, full handle, or account ID"`
	Once
}

// ContactRenameParams are the parameters of contact.rename.
type ContactRenameParams struct {
	Peer string `json:"peer" doc:"petname, full handle, or account ID"`
	Name string `json:"name" doc:"the petname to give; empty returns to the name they chose"`
	Once
}

// ContactSafetyNumberResult is the result of contact.safetyNumber.
type ContactSafetyNumberResult struct {
	Digits string `json:"digits" doc:"60 digits in groups of 5, the same on both sides; compare them over another way"`
	QR     string `json:"qr" doc:"the digits as a QR code: a data: URL of a PNG image"`
}

// ContactVerifyParams are the parameters of contact.verify.
type ContactVerifyParams struct {
	Peer   string `json:"peer" doc:"petname, full handle, or account ID"`
	Digits string `json:"digits" doc:"the safety number as the other side shows it; anything but digits is ignored"`
	Once
}
