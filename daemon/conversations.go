package daemon

import (
	"context"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
)

func (d *Daemon) conversationList(_ context.Context, p api.ConversationListParams) (api.ConversationListResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.ConversationListResult{}, err
	}
	all, err := c.Conversations()
	if err != nil {
		return api.ConversationListResult{}, err
	}
	part, cursors, err := page(all, p.Page, func(c chat.Conversation) string { return c.ID.String() })
	if err != nil {
		return api.ConversationListResult{}, err
	}
	render := func(conv chat.Conversation) api.Conversation { return renderConversation(c, conv) }
	return api.ConversationListResult{Conversations: renderAll(part, render), Cursors: cursors}, nil
}

func (d *Daemon) conversationGet(_ context.Context, p api.ConversationGetParams) (api.Conversation, error) {
	return d.conversation(p.Conversation, func(c *chat.Chat, id chat.ConversationID) (chat.Conversation, error) {
		return c.Conversation(id)
	})
}

func (d *Daemon) conversationMarkRead(ctx context.Context, p api.ConversationMarkReadParams) (api.Conversation, error) {
	upTo, err := chat.ParseMessageID(string(p.UpTo))
	if err != nil {
		return api.Conversation{}, err
	}
	return d.conversation(p.Conversation, func(c *chat.Chat, id chat.ConversationID) (chat.Conversation, error) {
		return c.MarkRead(ctx, id, upTo)
	})
}

// forGood is the end of a mute that was given none.
var forGood = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (d *Daemon) conversationMute(ctx context.Context, p api.ConversationMuteParams) (api.Conversation, error) {
	until := p.Until.Time
	if until.IsZero() {
		until = forGood
	}
	return d.conversation(p.Conversation, func(c *chat.Chat, id chat.ConversationID) (chat.Conversation, error) {
		return c.Mute(ctx, id, until)
	})
}

func (d *Daemon) conversationClear(ctx context.Context, p api.ConversationClearParams) (api.Conversation, error) {
	return d.conversation(p.Conversation, func(c *chat.Chat, id chat.ConversationID) (chat.Conversation, error) {
		if err := c.Clear(ctx, id); err != nil {
			return chat.Conversation{}, err
		}
		return c.Conversation(id)
	})
}

// conversation answers with a conversation after a step.
func (d *Daemon) conversation(id api.ConversationID, step func(*chat.Chat, chat.ConversationID) (chat.Conversation, error)) (api.Conversation, error) {
	c, err := d.chat()
	if err != nil {
		return api.Conversation{}, err
	}
	cid, err := chat.ParseConversationID(string(id))
	if err != nil {
		return api.Conversation{}, err
	}
	conv, err := step(c, cid)
	if err != nil {
		return api.Conversation{}, err
	}
	return renderConversation(c, conv), nil
}
