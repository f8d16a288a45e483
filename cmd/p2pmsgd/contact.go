package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) contactVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contact",
		Short: "Contacts and requests",
		Long: `Contacts are the people you can write to. PEER is a name you gave them, a full
handle, or an account ID; when adding it may also be a bare handle, if only one
account claims it.`,
		Example: `  p2pmsgd contact add bob --greeting 'Alice from the climbing hall'
  p2pmsgd contact list --state incoming
  p2pmsgd contact accept alice~k3v9x2m4qa`,
	}
	cmd.AddCommand(a.contactAdd(), a.contactList(), a.contactRename(), a.contactSafety(), a.contactVerify(),
		a.contactChange("accept", "Accept a request", "Accept somebody's request to be a contact. Messages can flow from then on.", (*api.Client).ContactAccept),
		a.contactChange("block", "Take nothing more from somebody", "Take nothing more from somebody. They are not told.", (*api.Client).ContactBlock),
		a.contactChange("unblock", "End a block", "Take messages from somebody again.", (*api.Client).ContactUnblock),
		a.contactEnd("decline", "declined", "Turn a request down", "Turn somebody's request down. They are not told.", (*api.Client).ContactDecline),
		a.contactEnd("remove", "removed", "Forget a contact", "Forget a contact. What was said stays until \"p2pmsgd rpc conversation.clear\".", (*api.Client).ContactRemove),
	)
	return a.group(cmd)
}

func (a *app) contactAdd() *cobra.Command {
	var p api.ContactAddParams
	cmd := &cobra.Command{
		Use:   "add PEER",
		Short: "Ask somebody to be a contact",
		Long: `Ask somebody to be a contact. Messages sent to them before they accept wait here.
When several accounts claim a bare handle nobody is picked: they are listed, and
you name the one you mean in full.`,
		Example: "  p2pmsgd contact add bob\n  p2pmsgd contact add bob~m2x7q5k9wd --name 'Bob (work)' --greeting 'Hi, Alice here'",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			p.Peer = args[0]
			contact, err := c.ContactAdd(ctx, p)
			if err != nil {
				return err
			}
			return a.showContact(contact)
		}),
	}
	cmd.Flags().StringVar(&p.Name, "name", "", "name to give them")
	cmd.Flags().StringVar(&p.Greeting, "greeting", "", "a line that goes with the request")
	return cmd
}

func (a *app) contactList() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List contacts and requests",
		Long:    "List contacts and requests, or only those in one state: requested, incoming, accepted or blocked.",
		Example: "  p2pmsgd contact list\n  p2pmsgd contact list --state incoming",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			list, err := allContacts(ctx, c, api.ContactState(state))
			if err != nil {
				return err
			}
			if a.json {
				return a.showJSON(api.ContactListResult{Contacts: list})
			}
			var rows [][]string
			for _, ct := range list {
				rows = append(rows, contactRow(ct))
			}
			return a.table(rows, `no contacts: "p2pmsgd contact add PEER" asks somebody`)
		}),
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this state")
	cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(api.ContactState("").Enum(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// allContacts reads all pages, oldest first.
func allContacts(ctx context.Context, c *api.Client, state api.ContactState) ([]api.Contact, error) {
	return allPages(func(p api.Page) ([]api.Contact, api.Cursors, error) {
		r, err := c.ContactList(ctx, api.ContactListParams{State: state, Page: p})
		return r.Contacts, r.Cursors, err
	})
}

// allPages reads a list from its newest page back to its oldest.
func allPages[T any](read func(api.Page) ([]T, api.Cursors, error)) (all []T, err error) {
	for p := (api.Page{Limit: api.MaxPage}); ; {
		page, cursors, err := read(p)
		if err != nil {
			return nil, err
		}
		all = slices.Concat(page, all)
		if p.Before = cursors.Before; p.Before == "" {
			return all, nil
		}
	}
}

func contactRow(c api.Contact) []string {
	notes := strings.TrimPrefix(marks(c.Verified, "verified")+marks(c.Online, "online"), ", ")
	if c.Greeting != "" {
		notes = strings.TrimPrefix(notes+", "+fmt.Sprintf("%q", oneLine(c.Greeting)), ", ")
	}
	if c.Problem != "" {
		notes = strings.TrimPrefix(notes+", "+oneLine(c.Problem), ", ")
	}
	return []string{oneLine(c.Name), or(oneLine(c.Handle), string(c.Account)), string(c.State), notes}
}

func (a *app) showContact(c api.Contact) error {
	if a.json {
		return a.showJSON(c)
	}
	return a.table([][]string{contactRow(c)}, "")
}

func (a *app) contactRename() *cobra.Command {
	return &cobra.Command{
		Use:     "rename PEER NAME",
		Short:   "Give a contact a name of your own",
		Long:    "Give a contact a name of your own, which nobody else sees. An empty one returns to the name they chose.",
		Example: "  p2pmsgd contact rename bob~m2x7q5k9wd 'Bob (work)'",
		Args:    cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			contact, err := c.ContactRename(ctx, api.ContactRenameParams{Peer: args[0], Name: args[1]})
			if err != nil {
				return err
			}
			return a.showContact(contact)
		}),
	}
}

func (a *app) contactSafety() *cobra.Command {
	return &cobra.Command{
		Use:   "safety PEER",
		Short: "Show the safety number to compare",
		Long: `Show the safety number: 60 digits that are the same on both sides if nobody is in
between. Read them to each other over another way, best in person, then
"p2pmsgd contact verify PEER DIGITS" with what the other one read.`,
		Example: "  p2pmsgd contact safety bob",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			r, err := c.ContactSafetyNumber(ctx, api.PeerParams{Peer: args[0]})
			if err != nil {
				return err
			}
			return a.show(r, "%s", r.Digits)
		}),
	}
}

func (a *app) contactVerify() *cobra.Command {
	return &cobra.Command{
		Use:     "verify PEER DIGITS…",
		Short:   "Confirm the safety number of a contact",
		Long:    "Mark a contact as verified, if these digits, as the other one read them out, are the safety number.",
		Example: "  p2pmsgd contact verify bob 12345 67890 12345 67890 12345 67890 12345 67890 12345 67890 12345 67890",
		Args:    cobra.MinimumNArgs(2),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			contact, err := c.ContactVerify(ctx, api.ContactVerifyParams{Peer: args[0], Digits: strings.Join(args[1:], " ")})
			if err != nil {
				return err
			}
			return a.showContact(contact)
		}),
	}
}

// contactChange makes the verb for a method that takes a contact and answers with it.
func (a *app) contactChange(verb, short, long string, do func(*api.Client, context.Context, api.PeerChangeParams) (api.Contact, error)) *cobra.Command {
	return a.peerVerb(verb, short, long, func(ctx context.Context, c *api.Client, args []string) error {
		contact, err := do(c, ctx, api.PeerChangeParams{Peer: args[0]})
		if err != nil {
			return err
		}
		return a.showContact(contact)
	})
}

// contactEnd makes the verb for a method after which there is no contact to show.
func (a *app) contactEnd(verb, done, short, long string, do func(*api.Client, context.Context, api.PeerChangeParams) error) *cobra.Command {
	return a.peerVerb(verb, short, long, func(ctx context.Context, c *api.Client, args []string) error {
		if err := do(c, ctx, api.PeerChangeParams{Peer: args[0]}); err != nil {
			return err
		}
		return a.show(api.Empty{}, "%s", done)
	})
}

func (a *app) peerVerb(verb, short, long string, do action) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " PEER",
		Short:   short,
		Long:    long,
		Example: "  p2pmsgd contact " + verb + " bob~m2x7q5k9wd",
		Args:    cobra.ExactArgs(1),
		RunE:    a.with(do),
	}
}
