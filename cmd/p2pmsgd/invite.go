package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
	"rsc.io/qr"
)

func (a *app) inviteVerb() *cobra.Command {
	create := a.inviteCreate()
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Links that make somebody a contact",
		Long: `An invite is a link that makes whoever opens it a contact, with no handle and no
look-up. Hand it over in a way you trust. Without a verb, "p2pmsgd invite" makes one.`,
		Example: "  p2pmsgd invite\n  p2pmsgd invite create --uses 5 --expires-in 1h --qr\n  p2pmsgd invite list",
		Args:    cobra.NoArgs,
		RunE:    create.RunE,
	}
	cmd.Flags().AddFlagSet(create.Flags())
	cmd.AddCommand(create, a.inviteList(), a.inviteRevoke())
	return cmd
}

func (a *app) inviteCreate() *cobra.Command {
	var p api.InviteCreateParams
	var expires time.Duration
	var draw bool
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Make an invite",
		Long:    "Make an invite and print its link. It can be used once, within 7 days, unless told otherwise.",
		Example: "  p2pmsgd invite create\n  p2pmsgd invite create --uses 5 --expires-in 1h --qr",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			p.ExpiresIn = int64(expires / time.Second)
			r, err := c.InviteCreate(ctx, p)
			if err != nil {
				return err
			}
			if draw && !a.json {
				if err := a.drawQR(r.URI); err != nil {
					return err
				}
			}
			return a.show(r, "%s", r.URI)
		}),
	}
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "how long it works, such as 90m or 48h (default 168h)")
	cmd.Flags().IntVar(&p.Uses, "uses", 0, "how many people may use it (default 1)")
	cmd.Flags().BoolVar(&draw, "qr", false, "draw the link as a QR code as well")
	return cmd
}

// drawQR draws text as a QR code, two rows to a line of half blocks, dark on
// light with the quiet zone that scanners want.
func (a *app) drawQR(text string) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("QR code: %w", err)
	}
	const quiet = 2
	halves := [4]rune{'█', '▄', '▀', ' '} // by upper and lower: dark is where nothing is drawn
	var b bytes.Buffer
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			i := 0
			if code.Black(x, y) {
				i |= 1
			}
			if code.Black(x, y+1) {
				i |= 2
			}
			b.WriteRune(halves[i])
		}
		b.WriteByte('\n')
	}
	_, err = b.WriteTo(a.out)
	return err
}

func (a *app) inviteList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List invites that still work",
		Long:    "List the invites that can still be used.",
		Example: "  p2pmsgd invite list",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			list, err := allInvites(ctx, c)
			if err != nil {
				return err
			}
			if a.json {
				return a.showJSON(api.InviteListResult{Invites: list})
			}
			var rows [][]string
			for _, i := range list {
				rows = append(rows, []string{string(i.Invite), fmt.Sprintf("used %d of %d", i.Used, i.Uses), "until " + clock(i.ExpiresAt)})
			}
			return a.table(rows, "no invites")
		}),
	}
}

// allInvites reads all pages, oldest first.
func allInvites(ctx context.Context, c *api.Client) ([]api.Invite, error) {
	return allPages(func(p api.Page) ([]api.Invite, api.Cursors, error) {
		r, err := c.InviteList(ctx, api.InviteListParams{Page: p})
		return r.Invites, r.Cursors, err
	})
}

func (a *app) inviteRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke INVITE",
		Short:   "Make an invite worthless",
		Long:    `Make an invite worthless for whoever has not used it yet. INVITE is its ID, as "p2pmsgd invite list" shows it.`,
		Example: "  p2pmsgd invite revoke 4f2a9c",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.InviteRevoke(ctx, api.InviteRevokeParams{Invite: api.InviteID(args[0])}); err != nil {
				return err
			}
			return a.show(api.Empty{}, "revoked")
		}),
	}
}

func (a *app) openVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "open URI",
		Short:   "Open an invite that somebody gave you",
		Long:    "Open an invite that somebody gave you: a p2pmsg: link. They become a contact.",
		Example: "  p2pmsgd open 'p2pmsg:…'",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			contact, err := c.InviteOpen(ctx, api.InviteOpenParams{URI: args[0]})
			if err != nil {
				return err
			}
			return a.showContact(contact)
		}),
	}
}
