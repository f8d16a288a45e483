package api

// Identifiers are opaque strings: compare them, never take them apart.
type (
	AccountID      string // who somebody is, for good
	DeviceID       string // one device of an account
	ConversationID string // one conversation
	MessageID      string // one message
	InviteID       string // one invite of ours
)

// Account is the account that lives in this data folder.
type Account struct {
	Account            AccountID    `json:"account" doc:"account ID: who this is, for good"`
	Handle             string       `json:"handle" doc:"full handle, name~tag; empty before one is claimed"`
	Name               string       `json:"name" doc:"display name that contacts see"`
	Device             DeviceID     `json:"device" doc:"this device"`
	Devices            List[Device] `json:"devices" doc:"all devices of the account"`
	RecoveryPhraseSeen bool         `json:"recoveryPhraseSeen" doc:"whether the recovery phrase was ever shown: without it a lost disk is a lost account"`
	CreatedAt          Time         `json:"createdAt"`
}

// Device is one device of the account.
type Device struct {
	Device    DeviceID `json:"device" doc:"device ID"`
	Name      string   `json:"name" doc:"what the device is called"`
	PeerID    string   `json:"peerId,omitempty" doc:"its libp2p peer ID, when known"`
	Current   bool     `json:"current" doc:"whether it is this device"`
	AddedAt   Time     `json:"addedAt"`
	RevokedAt Time     `json:"revokedAt,omitzero"`
}

// AccountCreateParams are the parameters of account.create.
type AccountCreateParams struct {
	Name   string `json:"name,omitempty" doc:"display name that contacts see, up to 64 characters"`
	Handle string `json:"handle,omitempty" doc:"name to claim at once, as handle.claim does"`
	Once
}

// AccountUpdateParams are the parameters of account.update.
type AccountUpdateParams struct {
	Name string `json:"name" doc:"new display name, up to 64 characters; empty removes it"`
	Once
}

// AccountRecoveryPhraseResult is the result of account.recoveryPhrase.
type AccountRecoveryPhraseResult struct {
	Phrase string `json:"phrase" doc:"24 words apart by single spaces; whoever knows them is this account"`
}

// AccountLockParams are the parameters of account.lock.
type AccountLockParams struct {
	Once
}

// AccountUnlockParams are the parameters of account.unlock.
type AccountUnlockParams struct {
	Passphrase string `json:"passphrase" doc:"the passphrase that protects the data folder"`
	Once
}

// AccountSetPassphraseParams are the parameters of account.setPassphrase.
type AccountSetPassphraseParams struct {
	Old string `json:"old,omitempty" doc:"the present passphrase, when there is one"`
	New string `json:"new" doc:"the new passphrase; empty removes the protection"`
	Once
}
