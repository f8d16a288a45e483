package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) rpcVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "rpc METHOD [JSON|-]",
		Short: "Call any method of the API",
		Long: `Call any method of the API and print its result. The parameters are one JSON
object; "-" reads it from standard input. "p2pmsgd openrpc" lists the methods.`,
		Example: `  p2pmsgd rpc node.status
  p2pmsgd rpc message.send '{"to": "bob", "text": "Hello!"}'
  p2pmsgd rpc conversation.list '{"limit": 10}' --json`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, m := range api.Methods() {
				names = append(names, m.Name+"\t"+m.Summary)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			params, err := a.params(args[1:])
			if err != nil {
				return err
			}
			result, err := c.Call(ctx, args[0], params)
			if err != nil {
				return err
			}
			return a.showRaw(result)
		}),
	}
}

// params returns the parameters given on the command line, or nil.
func (a *app) params(args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	raw := []byte(args[0])
	if args[0] == "-" {
		var err error
		if raw, err = io.ReadAll(io.LimitReader(a.in, api.MaxRequest+1)); err != nil {
			return nil, err
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, usage("the parameters are not JSON: %v", err)
	}
	return compact.Bytes(), nil
}

// showRaw prints JSON as it came: on one line with --json, laid out without.
func (a *app) showRaw(raw json.RawMessage) error {
	var b bytes.Buffer
	if a.json {
		b.Write(raw)
	} else if err := json.Indent(&b, raw, "", "  "); err != nil {
		return fmt.Errorf("the result is not JSON: %w", err)
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(a.out)
	return err
}

func (a *app) openrpcVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "openrpc",
		Short: "Print the API as an OpenRPC document",
		Long: `Print the API as an OpenRPC document: methods, types, error kinds and events, for
tools that generate clients. Needs no daemon.`,
		Example: "  p2pmsgd openrpc > openrpc.json",
		Args:    cobra.NoArgs,
		RunE: a.alone(func(context.Context, []string) error {
			raw, err := json.Marshal(api.Document(version()))
			if err != nil {
				return err
			}
			return a.showRaw(raw)
		}),
	}
}
