package daemon

import (
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/identity"
)

// renderAll renders a list.
func renderAll[T, R any](from []T, render func(T) R) []R {
	out := make([]R, 0, len(from))
	for _, t := range from {
		out = append(out, render(t))
	}
	return out
}

func (d *Daemon) renderAccount(me chat.Me) api.Account {
	return api.Account{
		Account: account(me.Account),
		Handle:  me.Handle.String(),
		Name:    me.Name,
		Device:  api.DeviceID(me.Device.String()),
		Devices: []api.Device{{
			Device: api.DeviceID(me.Device.String()), PeerID: d.node.ID().String(),
			Current: true, AddedAt: api.At(me.CreatedAt),
		}},
		RecoveryPhraseSeen: me.PhraseSeen,
		CreatedAt:          api.At(me.CreatedAt),
	}
}

func renderContact(c chat.Contact) api.Contact {
	out := api.Contact{
		Account:      account(c.Account),
		Handle:       c.Handle.String(),
		Name:         nameOf(c),
		State:        api.ContactState(c.State.String()),
		Verified:     c.Verified,
		Online:       c.Online,
		LastSeenAt:   api.At(c.LastSeen),
		Devices:      c.Devices,
		Conversation: api.ConversationID(c.Conversation.String()),
		Problem:      c.Problem,
	}
	if c.State == chat.Incoming {
		out.Greeting = c.Greeting
	}
	return out
}

// nameOf never leaves a contact without something to call it.
func nameOf(c chat.Contact) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.Handle.Name != "":
		return c.Handle.Name
	}
	return fingerprint(c.Account)
}

func contactOr(c chat.Contact, err error) (api.Contact, error) {
	if err != nil {
		return api.Contact{}, err
	}
	return renderContact(c), nil
}

func renderInvite(i chat.Invite) api.Invite {
	return api.Invite{
		Invite: api.InviteID(i.ID.String()), URI: i.URI,
		CreatedAt: api.At(i.CreatedAt), ExpiresAt: api.At(i.Expires),
		Uses: i.Uses, Used: i.Used,
	}
}

func renderConversation(c *chat.Chat, conv chat.Conversation) api.Conversation {
	out := api.Conversation{
		Conversation: api.ConversationID(conv.ID.String()),
		Kind:         api.Direct,
		Title:        conv.Title,
		Members:      []api.Member{member(c.Me())},
		Unread:       conv.Unread,
		MutedUntil:   api.At(conv.MutedUntil),
	}
	if peer, err := c.Contact(conv.Peer.String()); err == nil {
		out.Members = append(out.Members, api.Member{
			Account: account(peer.Account), Name: nameOf(peer), Handle: peer.Handle.String(),
		})
		out.Title = nameOf(peer)
	}
	if conv.Last != nil {
		last := renderMessage(*conv.Last)
		out.LastMessage = &last
	}
	return out
}

func member(me chat.Me) api.Member {
	return api.Member{Account: account(me.Account), Name: me.Name, Handle: me.Handle.String()}
}

func renderMessage(m chat.Message) api.Message {
	out := api.Message{
		Message:      api.MessageID(m.ID.String()),
		Conversation: api.ConversationID(m.Conversation.String()),
		From:         account(m.From),
		Outgoing:     m.Outgoing,
		Kind:         api.KindText,
		Text:         m.Text,
		SentAt:       api.At(m.SentAt),
		ReceivedAt:   api.At(m.ReceivedAt),
		State:        api.MessageState(m.State.String()),
	}
	for _, del := range m.Deliveries {
		out.Deliveries = append(out.Deliveries, renderDelivery(del))
	}
	return out
}

func renderDelivery(d chat.Delivery) api.Delivery {
	out := api.Delivery{
		Device: api.DeviceID(d.Device.String()),
		State:  api.MessageState(d.State.String()),
		At:     api.At(d.At),
		Path:   api.Path(d.Path),
		Reason: d.Reason,
	}
	if d.Reason != "" && !d.NextTry.IsZero() {
		out.Reason += "; next try at " + d.NextTry.UTC().Format(time.TimeOnly) + " UTC"
	}
	return out
}

func messageOr(m chat.Message, err error) (api.Message, error) {
	if err != nil {
		return api.Message{}, err
	}
	return renderMessage(m), nil
}

func account(id identity.AccountID) api.AccountID { return api.AccountID(id.String()) }
