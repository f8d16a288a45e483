package main

import (
	"context"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) statusVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show how this device stands in the network",
		Long:    "Show the addresses of this device, its peers, its part in the directory, and what it uses.",
		Example: "  p2pmsgd status\n  p2pmsgd status --json",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			s, err := c.NodeStatus(ctx)
			if err != nil {
				return err
			}
			if a.json {
				return a.showJSON(s)
			}
			return a.showStatus(s, accountLine(ctx, c))
		}),
	}
}

func accountLine(ctx context.Context, c *api.Client) string {
	acc, err := c.AccountGet(ctx)
	switch {
	case err == nil:
		return or(acc.Handle, string(acc.Account))
	case api.KindOf(err) == api.KindNotFound:
		return `none: "p2pmsgd account create" makes one`
	case api.KindOf(err) == api.KindLocked:
		return `locked: "p2pmsgd account unlock" asks for the passphrase`
	}
	return oneLine(err.Error())
}

func (a *app) showStatus(s api.NodeStatus, account string) error {
	rows := [][]string{
		{"account", account},
		{"peer ID", s.PeerID},
		{"version", s.Version},
		{"uptime", seconds(float64(s.Uptime))},
		{"peers", fmt.Sprint(s.Peers)},
		{"reachability", string(s.Reachability)},
		{"directory", fmt.Sprintf("%s with %s; on the local network %s with %s",
			s.DHT.WAN.Mode, plural(s.DHT.WAN.Size, "peer"), s.DHT.LAN.Mode, plural(s.DHT.LAN.Size, "peer"))},
		{"traffic", fmt.Sprintf("%s in, %s out", size(s.Traffic.In), size(s.Traffic.Out))},
		{"storage", size(s.Storage.Bytes)},
	}
	rows = append(rows, each("relay", s.Relays)...)
	rows = append(rows, each("mailbox", s.Mailboxes)...)
	rows = append(rows, each("address", s.Addresses)...)
	return a.table(rows, "")
}

func each(name string, list []string) (rows [][]string) {
	for _, x := range list {
		rows = append(rows, []string{name, oneLine(x)})
	}
	return rows
}
