package daemon

import (
	"context"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
)

func (d *Daemon) contactAdd(ctx context.Context, p api.ContactAddParams) (api.Contact, error) {
	c, err := d.chatOrNew(ctx)
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(c.AddContact(ctx, chat.AddRequest{Peer: p.Peer, Name: p.Name, Greeting: p.Greeting}))
}

func (d *Daemon) contactList(_ context.Context, p api.ContactListParams) (api.ContactListResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.ContactListResult{}, err
	}
	all, err := c.Contacts(contactStates(p.State)...)
	if err != nil {
		return api.ContactListResult{}, err
	}
	part, cursors, err := page(all, p.Page, func(c chat.Contact) string { return c.Account.String() })
	if err != nil {
		return api.ContactListResult{}, err
	}
	return api.ContactListResult{Contacts: renderAll(part, renderContact), Cursors: cursors}, nil
}

// contactStates is the filter of contact.list; none means all.
func contactStates(s api.ContactState) []chat.ContactState {
	for _, state := range []chat.ContactState{chat.Requested, chat.Incoming, chat.Accepted, chat.Blocked} {
		if state.String() == string(s) {
			return []chat.ContactState{state}
		}
	}
	return nil
}

func (d *Daemon) contactGet(_ context.Context, p api.PeerParams) (api.Contact, error) {
	c, err := d.chat()
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(c.Contact(p.Peer))
}

func (d *Daemon) contactAccept(ctx context.Context, p api.PeerChangeParams) (api.Contact, error) {
	return d.changeContact(ctx, p, (*chat.Chat).Accept)
}

func (d *Daemon) contactBlock(ctx context.Context, p api.PeerChangeParams) (api.Contact, error) {
	return d.changeContact(ctx, p, (*chat.Chat).Block)
}

func (d *Daemon) contactUnblock(ctx context.Context, p api.PeerChangeParams) (api.Contact, error) {
	return d.changeContact(ctx, p, (*chat.Chat).Unblock)
}

func (d *Daemon) contactDecline(ctx context.Context, p api.PeerChangeParams) (api.Empty, error) {
	return d.dropContact(ctx, p, (*chat.Chat).Decline)
}

func (d *Daemon) contactRemove(ctx context.Context, p api.PeerChangeParams) (api.Empty, error) {
	return d.dropContact(ctx, p, (*chat.Chat).Remove)
}

// changeContact answers with the contact after a step that needs no more than
// its name.
func (d *Daemon) changeContact(ctx context.Context, p api.PeerChangeParams, step func(*chat.Chat, context.Context, string) (chat.Contact, error)) (api.Contact, error) {
	c, err := d.chat()
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(step(c, ctx, p.Peer))
}

// dropContact makes a step after which there is nothing to show.
func (d *Daemon) dropContact(ctx context.Context, p api.PeerChangeParams, step func(*chat.Chat, context.Context, string) error) (api.Empty, error) {
	c, err := d.chat()
	if err != nil {
		return api.Empty{}, err
	}
	return api.Empty{}, step(c, ctx, p.Peer)
}

func (d *Daemon) contactRename(ctx context.Context, p api.ContactRenameParams) (api.Contact, error) {
	c, err := d.chat()
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(c.Rename(ctx, p.Peer, p.Name))
}

func (d *Daemon) contactSafetyNumber(_ context.Context, p api.PeerParams) (api.ContactSafetyNumberResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.ContactSafetyNumberResult{}, err
	}
	digits, err := c.SafetyNumber(p.Peer)
	if err != nil {
		return api.ContactSafetyNumberResult{}, err
	}
	qr, err := qrImage(digits)
	if err != nil {
		return api.ContactSafetyNumberResult{}, err
	}
	return api.ContactSafetyNumberResult{Digits: grouped(digits), QR: qr}, nil
}

// grouped puts a space after every five digits, as people read them out.
func grouped(digits string) string {
	var groups []string
	for ; len(digits) > 5; digits = digits[5:] {
		groups = append(groups, digits[:5])
	}
	return strings.Join(append(groups, digits), " ")
}

func (d *Daemon) contactVerify(ctx context.Context, p api.ContactVerifyParams) (api.Contact, error) {
	c, err := d.chat()
	if err != nil {
		return api.Contact{}, err
	}
	return contactOr(c.Verify(ctx, p.Peer, p.Digits))
}
