package api

// Invite is an invite of ours that can still be used.
type Invite struct {
	Invite    InviteID `json:"invite" doc:"invite ID, to revoke it"`
	URI       string   `json:"uri" doc:"the p2pmsg: link"`
	CreatedAt Time     `json:"createdAt"`
	ExpiresAt Time     `json:"expiresAt" doc:"when it stops working"`
	Uses      int      `json:"uses" doc:"how many people may use it"`
	Used      int      `json:"used" doc:"how many have"`
}

// InviteCreateParams are the parameters of invite.create.
type InviteCreateParams struct {
	ExpiresIn int64 `json:"expiresIn,omitempty" doc:"seconds until it stops working; 7 days when left out"`
	Uses      int   `json:"uses,omitempty" doc:"how many people may use it; 1 when left out"`
	Once
}

// InviteCreateResult is the result of invite.create.
type InviteCreateResult struct {
	Invite InviteID `json:"invite" doc:"invite ID, to revoke it"`
	URI    string   `json:"uri" doc:"the p2pmsg: link to hand over"`
	QR     string   `json:"qr" doc:"the link as a QR code: a data: URL of a PNG image"`
}

// InviteOpenParams are the parameters of invite.open.
type InviteOpenParams struct {
	URI string `json:"uri" doc:"a p2pmsg: link"`
	Once
}

// InviteListParams are the parameters of invite.list.
type InviteListParams struct {
	Page
}

// InviteListResult is the result of invite.list.
type InviteListResult struct {
	Invites List[Invite] `json:"invites"`
	Cursors
}

// InviteRevokeParams are the parameters of invite.revoke.
type InviteRevokeParams struct {
	Invite InviteID `json:"invite" doc:"invite ID"`
	Once
}
