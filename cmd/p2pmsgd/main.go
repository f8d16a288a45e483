// Command p2pmsgd is a serverless messenger: `p2pmsgd run` is the daemon, the
// other verbs talk to a running one through its socket (spec/api.md), and
// `p2pmsgd demo` shows two of them at work.
//
// Start reading at root.go, the tree of verbs. Each verb is a function in the
// file of its subject that builds a cobra command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(program()) }

// program is main with an exit code.
func program() int {
	// A second signal kills at once: whoever presses Ctrl-C twice means it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	return a.run(ctx, os.Args[1:])
}
