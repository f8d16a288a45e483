package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/daemon"
	"github.com/spf13/cobra"
)

func (a *app) runVerb() *cobra.Command {
	var flags settings
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon in the foreground",
		Long: `Run the daemon, in the foreground, until Ctrl-C or SIGTERM. When others can talk to
it, it prints one line:

  ready peer=<peer ID> rpc=<socket> ui=<URL or off> listen=<address,address…>

Any of those addresses can be given to another daemon with --bootstrap. A setting
is taken from the flag, else from the environment (P2PMSG_LISTEN,
P2PMSG_BOOTSTRAP, P2PMSG_UI, P2PMSG_NO_MDNS, P2PMSG_READ_RECEIPTS,
P2PMSG_LOG_LEVEL; lists with commas), else from the file that --config or
P2PMSG_CONFIG names. The file is TOML, with the flags' names as keys:

  listen = ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic-v1"]
  bootstrap = ["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…"]
  no-mdns = true
  readReceipts = false`,
		Example: `  p2pmsgd run
  p2pmsgd run --data ~/second --listen /ip4/127.0.0.1/tcp/0 --no-mdns
  p2pmsgd run --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooWGRU…`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.Listen, "listen", nil, "multiaddr to listen on; may be repeated (default: all interfaces, TCP and QUIC)")
	f.StringArrayVar(&flags.Bootstrap, "bootstrap", nil, "multiaddr with /p2p/ of a peer to join through; may be repeated")
	ui := f.String("ui", "off", "address of the companion page; this release has none: off")
	noMDNS := f.Bool("no-mdns", false, "neither look for others on the local network nor be found there")
	level := f.String("log-level", "warn", "debug, info, warn or error; the log goes to standard error")
	file := f.String("config", "", "TOML file with settings")
	cmd.RunE = a.alone(func(ctx context.Context, _ []string) error {
		given := map[string]func(){
			"ui":        func() { flags.UI = ui },
			"no-mdns":   func() { flags.NoMDNS = noMDNS },
			"log-level": func() { flags.LogLevel = level },
		}
		for name, set := range given {
			if f.Changed(name) {
				set()
			}
		}
		return a.runDaemon(ctx, flags, *file)
	})
	cmd.MarkFlagFilename("config", "toml")
	return cmd
}

// runDaemon runs the daemon until ctx ends.
func (a *app) runDaemon(ctx context.Context, flags settings, file string) error {
	cfg, err := a.config(flags, file)
	if err != nil {
		return err
	}
	d, err := daemon.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case r := <-d.Ready():
		if _, err := fmt.Fprintf(a.out, "ready peer=%s rpc=%s ui=%s listen=%s\n", r.PeerID, r.Socket, r.UI, strings.Join(r.Listen, ",")); err != nil {
			cancel() // nobody to tell: whoever started us is gone
			<-done
			return err
		}
	}
	return <-done
}

// config makes the configuration of the daemon: flags over environment over file
// over defaults.
func (a *app) config(flags settings, file string) (daemon.Config, error) {
	s, err := a.settings(flags, file)
	if err != nil {
		return daemon.Config{}, err
	}
	level, err := s.check()
	if err != nil {
		return daemon.Config{}, err
	}
	if s.Data != "" && a.dataFlag == "" {
		a.dataFlag = s.Data
	}
	dir, err := a.dataDir()
	if err != nil {
		return daemon.Config{}, err
	}
	cfg := daemon.DefaultConfig(dir)
	cfg.Listen, cfg.Bootstrap = s.Listen, s.Bootstrap
	cfg.Version = version()
	cfg.Logger = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
	if s.NoMDNS != nil {
		cfg.MDNS = !*s.NoMDNS
	}
	if s.ReadReceipts != nil {
		cfg.ReadReceipts = *s.ReadReceipts
	}
	return cfg, nil
}
