package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

var errEnough = errors.New("enough events")

func (a *app) eventsVerb() *cobra.Command {
	var after uint64
	var count int
	var types []string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what happens, as it happens",
		Long: `Print events as they happen, until Ctrl-C. Events are numbered and kept: with
--after and the number of the last one you saw you miss nothing. When the daemon
restarts, the stream goes on where it was.`,
		Example: "  p2pmsgd events\n  p2pmsgd events --after 0 --type message.new --json",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = a.with(func(ctx context.Context, c *api.Client, _ []string) error {
		sub := api.Subscription{}
		if cmd.Flags().Changed("after") {
			sub.After = &after
		}
		for _, t := range types {
			sub.Types = append(sub.Types, api.EventType(t))
		}
		err := c.Events(ctx, sub, func(e api.Event) error {
			if err := a.showEvent(e); err != nil {
				return err
			}
			if count--; count == 0 {
				return errEnough
			}
			return nil
		})
		return endOfStream(ctx, err)
	})
	cmd.Flags().Uint64Var(&after, "after", 0, "number of the last event you saw; 0 for all that are kept")
	cmd.Flags().StringSliceVar(&types, "type", nil, "only events of this type; may be repeated")
	cmd.Flags().IntVar(&count, "count", 0, "end after so many events")
	cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(api.EventType("").Enum(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// endOfStream takes the ends that somebody asked for as success.
func endOfStream(ctx context.Context, err error) error {
	if errors.Is(err, errEnough) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (a *app) showEvent(e api.Event) error {
	if a.json {
		return a.showJSON(e)
	}
	_, err := fmt.Fprintf(a.out, "%d  %s  %s  %s\n", e.Cursor, e.Time.Local().Format("2006-01-02 15:04:05"), oneLine(string(e.Type)), oneLine(string(e.Data)))
	return err
}
