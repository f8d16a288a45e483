package main

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

// app is one run of the program: where it reads, where it writes, and the flags
// that every verb has.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string

	dataFlag string
	json     bool
}

// run runs the verb that the arguments name and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	return a.report(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "p2pmsgd",
		Short: "A messenger without servers",
		Long: `p2pmsgd is a messenger without servers: people find each other by handle in a
network that the users form, and talk end to end encrypted.

"p2pmsgd run" is the program itself, the daemon. Every other verb asks a running
daemon, the one of the data folder that --data names.`,
		Example: `  p2pmsgd demo --once                     # see it work, on this machine alone
  p2pmsgd run                             # start the daemon
  p2pmsgd account create --handle alice   # in another terminal: make an account
  p2pmsgd contact add bob                 # ask somebody to be a contact
  p2pmsgd send bob 'Hello!'               # talk
  p2pmsgd read bob --follow`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.dataFlag, "data", "", "data folder (default: $P2PMSG_DATA, else p2pmsgd in the XDG data home)")
	flags.BoolVar(&a.json, "json", false, "print the API's own objects as JSON, one per line")
	root.AddCommand(
		a.runVerb(), a.demoVerb(),
		a.statusVerb(), a.eventsVerb(), a.rpcVerb(), a.openrpcVerb(), a.versionVerb(),
		a.accountVerb(), a.handleVerb(), a.contactVerb(), a.inviteVerb(), a.openVerb(),
		a.sendVerb(), a.readVerb(),
	)
	a.group(root)
	return root
}

// group makes a verb that only holds others answer with its help, as a mistake.
func (a *app) group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.SetOut(a.err)
		cmd.Help()
		return usage("which one? see above")
	}
	return cmd
}

// action is what a verb does: it gets its arguments and a client.
type action func(ctx context.Context, c *api.Client, args []string) error

// with makes the RunE of a verb that asks a daemon.
func (a *app) with(do action) func(*cobra.Command, []string) error {
	return a.alone(func(ctx context.Context, args []string) error {
		dir, err := a.dataDir()
		if err != nil {
			return err
		}
		c, err := api.Dial(ctx, api.SocketPath(dir))
		if err != nil {
			return err
		}
		defer c.Close()
		return do(ctx, c, args)
	})
}

// alone makes the RunE of a verb that needs no daemon.
func (a *app) alone(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := do(cmd.Context(), args); err != nil {
			return failure{err}
		}
		return nil
	}
}

// release is set when a release is built: -ldflags '-X main.release=v1.2.3'.
var release = "dev"

// version returns the version of the program, with the commit if it is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || release != "dev" {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return release + "-" + s.Value[:12]
		}
	}
	return release
}

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of this program and of the Go it was built with. Needs no daemon.",
		Example: "  p2pmsgd version\n  p2pmsgd version --json",
		Args:    cobra.NoArgs,
		RunE: a.alone(func(context.Context, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return a.show(v, "p2pmsgd %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
		}),
	}
}
