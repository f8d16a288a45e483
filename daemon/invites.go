package daemon

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"rsc.io/qr"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
)

func (d *Daemon) inviteCreate(ctx context.Context, p api.InviteCreateParams) (api.InviteCreateResult, error) {
	c, err := d.chatOrNew(ctx)
	if err != nil {
		return api.InviteCreateResult{}, err
	}
	inv, err := c.CreateInvite(ctx, chat.InviteRequest{ExpiresIn: time.Duration(p.ExpiresIn) * time.Second, Uses: p.Uses})
	if err != nil {
		return api.InviteCreateResult{}, err
	}
	image, err := qrImage(inv.URI)
	if err != nil {
		return api.InviteCreateResult{}, err
	}
	return api.InviteCreateResult{Invite: api.InviteID(inv.ID.String()), URI: inv.URI, QR: image}, nil
}

func (d *Daemon) inviteOpen(ctx context.Context, p api.InviteOpenParams) (api.Contact, error) {
	c, err := d.chatOrNew(ctx)
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(c.OpenInvite(ctx, p.URI))
}

func (d *Daemon) inviteList(_ context.Context, p api.InviteListParams) (api.InviteListResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.InviteListResult{}, err
	}
	all, err := c.Invites()
	if err != nil {
		return api.InviteListResult{}, err
	}
	part, cursors, err := page(all, p.Page, func(i chat.Invite) string { return i.ID.String() })
	if err != nil {
		return api.InviteListResult{}, err
	}
	return api.InviteListResult{Invites: renderAll(part, renderInvite), Cursors: cursors}, nil
}

func (d *Daemon) inviteRevoke(ctx context.Context, p api.InviteRevokeParams) (api.Empty, error) {
	c, err := d.chat()
	if err != nil {
		return api.Empty{}, err
	}
	id, err := chat.ParseInviteID(string(p.Invite))
	if err != nil {
		return api.Empty{}, err
	}
	_, err = c.RevokeInvite(ctx, id)
	return api.Empty{}, err
}

// qrImage draws a text as a QR code, as a data: URL of a PNG image.
func qrImage(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("daemon: qr code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG()), nil
}
