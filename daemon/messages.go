package daemon

import (
	"context"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
)

func (d *Daemon) messageSend(ctx context.Context, p api.MessageSendParams) (api.Message, error) {
	c, err := d.chatOrNew(ctx)
	if err != nil {
		return api.Message{}, err
	}
	return messageOr(c.Send(ctx, chat.SendRequest{
		To: p.To, Text: p.Text, ClientID: p.ClientID, Placed: func() { placed(ctx) },
	}))
}

func (d *Daemon) messageList(_ context.Context, p api.MessageListParams) (api.MessageListResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.MessageListResult{}, err
	}
	if err := p.Check(); err != nil {
		return api.MessageListResult{}, err
	}
	id, err := chat.ParseConversationID(string(p.Conversation))
	if err != nil {
		return api.MessageListResult{}, err
	}
	got, err := c.Messages(id, chat.Page{Before: p.Before, After: p.After, Limit: p.Size()})
	if err != nil {
		return api.MessageListResult{}, err
	}
	return api.MessageListResult{
		Messages: renderAll(got.Messages, renderMessage),
		Cursors:  api.Cursors{Before: got.Before, After: got.After},
	}, nil
}

func (d *Daemon) messageGet(_ context.Context, p api.MessageGetParams) (api.Message, error) {
	c, err := d.chat()
	if err != nil {
		return api.Message{}, err
	}
	id, err := chat.ParseMessageID(string(p.Message))
	if err != nil {
		return api.Message{}, err
	}
	return messageOr(c.Message(id))
}

func (d *Daemon) messageRetry(ctx context.Context, p api.MessageRetryParams) (api.Message, error) {
	c, err := d.chat()
	if err != nil {
		return api.Message{}, err
	}
	id, err := chat.ParseMessageID(string(p.Message))
	if err != nil {
		return api.Message{}, err
	}
	return messageOr(c.Retry(ctx, id))
}
