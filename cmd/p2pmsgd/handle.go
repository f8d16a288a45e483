package main

import (
	"context"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) handleVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handle",
		Short: "Handles: claim yours, look up others",
		Long: `A handle is the name others find you by: a name and a tag, as in
alice~k3v9x2m4qa. The tag is computed from your key, so the full handle is yours
alone. The bare name anybody may claim; a look-up shows every claimant.`,
		Example: "  p2pmsgd handle claim alice\n  p2pmsgd handle resolve bob",
	}
	cmd.AddCommand(a.handleClaim(), a.handleResolve(), a.handleRelease())
	return a.group(cmd)
}

func (a *app) handleClaim() *cobra.Command {
	return &cobra.Command{
		Use:   "claim NAME",
		Short: "Claim a name",
		Long: `Claim a name: 3 to 24 of a-z, 0-9, _ and -. The claim is published in the network
and kept alive there as long as the daemon runs now and then.`,
		Example: "  p2pmsgd handle claim alice",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			r, err := c.HandleClaim(ctx, api.HandleClaimParams{Name: args[0]})
			if err != nil {
				return err
			}
			return a.show(r, "%s", r.Handle)
		}),
	}
}

func (a *app) handleResolve() *cobra.Command {
	return &cobra.Command{
		Use:   "resolve HANDLE",
		Short: "Show who claims a handle",
		Long: `Ask the network who claims a handle, bare or full. Every claim shown was checked;
several people can claim the same bare name, and the tag tells them apart.`,
		Example: "  p2pmsgd handle resolve bob\n  p2pmsgd handle resolve bob~m2x7q5k9wd --json",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			r, err := c.HandleResolve(ctx, api.HandleResolveParams{Handle: args[0]})
			if err != nil {
				return err
			}
			if a.json {
				return a.showJSON(r)
			}
			return a.showClaims(args[0], r)
		}),
	}
}

func (a *app) showClaims(handle string, r api.HandleResolveResult) error {
	var rows [][]string
	for _, c := range r.Claims {
		rows = append(rows, []string{
			oneLine(c.Handle),
			"since " + day(c.Since),
			"fingerprint " + oneLine(c.Fingerprint),
			reachable(c.Reachable) + marks(c.Pinned, "a contact"),
		})
	}
	if err := a.table(rows, "nobody claims "+handle); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "asked %s, %s\n", plural(r.Searched, "peer"), seconds(r.Elapsed))
	return err
}

func reachable(r *bool) string {
	switch {
	case r == nil:
		return "not tried"
	case *r:
		return "reachable"
	}
	return "not reachable"
}

func (a *app) handleRelease() *cobra.Command {
	return &cobra.Command{
		Use:     "release",
		Short:   "Give up your handle",
		Long:    "Give up the claim to your handle. Contacts keep you; nobody new finds you by it.",
		Example: "  p2pmsgd handle release",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			if err := c.HandleRelease(ctx, api.HandleReleaseParams{}); err != nil {
				return err
			}
			return a.show(api.Empty{}, "released")
		}),
	}
}
