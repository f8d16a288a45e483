package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) sendVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "send PEER [TEXT…|-]",
		Short: "Send a message",
		Long: `Send a message to a contact. Without a text, or with "-", it is read from standard
input. The message is on disk when this returns, and goes out when there is a
way: nobody has to be online.`,
		Example: `  p2pmsgd send bob 'Shall we climb on Sunday?'
  fortune | p2pmsgd send bob
  p2pmsgd send bob~m2x7q5k9wd Hello --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			text, err := a.text(args[1:])
			if err != nil {
				return err
			}
			m, err := c.MessageSend(ctx, api.MessageSendParams{To: args[0], Text: text})
			if err != nil {
				return err
			}
			return a.show(m, "%s %s", m.State, m.Message)
		}),
	}
}

// text returns what to send: the arguments, or standard input less its last
// line end.
func (a *app) text(args []string) (string, error) {
	if len(args) > 0 && !(len(args) == 1 && args[0] == "-") {
		return strings.Join(args, " "), nil
	}
	b, err := io.ReadAll(io.LimitReader(a.in, api.MaxText+1))
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), err
}

func (a *app) readVerb() *cobra.Command {
	r := reader{app: a}
	cmd := &cobra.Command{
		Use:   "read PEER",
		Short: "Read a conversation",
		Long: `Print the latest messages with a contact, and mark them as read. With --follow it
goes on and prints what comes, until Ctrl-C.`,
		Example: "  p2pmsgd read bob\n  p2pmsgd read bob --follow --limit 10",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			r.c = c
			return r.run(ctx, args[0])
		}),
	}
	cmd.Flags().BoolVarP(&r.follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().IntVar(&r.limit, "limit", api.DefaultPage, "how many messages, at most 500")
	cmd.Flags().BoolVar(&r.peek, "peek", false, "do not mark anything as read")
	return cmd
}

// reader prints a conversation.
type reader struct {
	*app
	c      *api.Client
	follow bool
	limit  int
	peek   bool

	conv  api.Conversation
	names map[api.AccountID]string
	last  api.MessageID          // the last one of theirs that was printed
	seen  map[api.MessageID]bool // printed from the list, and may come as event too
}

func (r *reader) run(ctx context.Context, peer string) error {
	contact, err := r.c.ContactGet(ctx, api.PeerParams{Peer: peer})
	if err != nil {
		return err
	}
	if r.conv, err = r.c.ConversationGet(ctx, api.ConversationGetParams{Conversation: contact.Conversation}); err != nil {
		return err
	}
	r.names, r.seen = map[api.AccountID]string{}, map[api.MessageID]bool{}
	for _, m := range r.conv.Members {
		r.names[m.Account] = oneLine(or(m.Name, m.Handle))
	}
	r.names[contact.Account] = oneLine(contact.Name)
	if !r.follow {
		return r.history(ctx)
	}
	return r.stream(ctx)
}

// stream subscribes first and lists then, so that nothing falls in between.
func (r *reader) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list := sync.OnceFunc(func() { // and not again when it only connects again
		if err := r.history(ctx); err != nil {
			cancel(err)
		}
	})
	sub := api.Subscription{Types: []api.EventType{api.EventMessageNew}, Ready: func(uint64) { list() }}
	err := r.c.Events(ctx, sub, r.take(ctx))
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return endOfStream(ctx, err)
}

// take returns what prints an event, if it is a message of the conversation.
func (r *reader) take(ctx context.Context) func(api.Event) error {
	return func(e api.Event) error {
		var m api.Message
		if err := e.Decode(&m); err != nil || m.Conversation != r.conv.Conversation || r.seen[m.Message] {
			return err
		}
		if err := r.print(m); err != nil {
			return err
		}
		return r.markRead(ctx)
	}
}

func (r *reader) history(ctx context.Context) error {
	list, err := r.c.MessageList(ctx, api.MessageListParams{Conversation: r.conv.Conversation, Page: api.Page{Limit: r.limit}})
	if err != nil {
		return err
	}
	if r.json && !r.follow {
		r.note(list.Messages)
		if err := r.showJSON(list); err != nil {
			return err
		}
		return r.markRead(ctx)
	}
	for _, m := range list.Messages {
		if err := r.print(m); err != nil {
			return err
		}
	}
	r.note(list.Messages)
	return r.markRead(ctx)
}

func (r *reader) note(list []api.Message) {
	for _, m := range list {
		r.seen[m.Message] = true
		if !m.Outgoing {
			r.last = m.Message
		}
	}
}

func (r *reader) markRead(ctx context.Context) error {
	if r.last == "" || r.peek {
		return nil
	}
	_, err := r.c.ConversationMarkRead(ctx, api.ConversationMarkReadParams{Conversation: r.conv.Conversation, UpTo: r.last})
	r.last = ""
	return err
}

// print prints one message; further lines of its text are set in.
func (r *reader) print(m api.Message) error {
	if !m.Outgoing {
		r.last = m.Message
	}
	if r.json {
		return r.showJSON(m)
	}
	who, state := or(r.names[m.From], string(m.From)), ""
	if m.Outgoing {
		who, state = "me", "  ["+string(m.State)+"]"
	}
	text := strings.ReplaceAll(printable(m.Text), "\n", "\n    ")
	if m.Deleted {
		text = "(deleted)"
	}
	_, err := fmt.Fprintf(r.out, "%s  %s: %s%s\n", clock(m.SentAt), who, text, state)
	return err
}
