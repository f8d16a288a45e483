package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/daemon"
)

// The exit codes, part of the contract with scripts.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNoDaemon = 3
)

// failure is an error of a verb at work. Whatever cobra returns that is none is
// a mistake in the command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// usageError is a mistake in the command line that cobra cannot see.
type usageError string

func (u usageError) Error() string { return string(u) }

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// report prints err with what may help, and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	_, atWork := errors.AsType[failure](err)
	_, mistake := errors.AsType[usageError](err)
	if !atWork || mistake || errors.Is(err, daemon.ErrConfig) {
		fmt.Fprintf(a.err, "p2pmsgd: %s\n", printable(err.Error()))
		fmt.Fprintln(a.err, "hint: --help after a verb explains it")
		return exitUsage
	}
	if errors.Is(err, context.Canceled) {
		return exitFailed // Ctrl-C: whoever pressed it knows
	}
	fmt.Fprintf(a.err, "p2pmsgd: %s\n", printable(err.Error()))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", printable(hint))
	}
	a.claimants(err)
	if errors.Is(err, api.ErrNoDaemon) {
		return exitNoDaemon
	}
	return exitFailed
}

// claimants lists whom an ambiguous handle may mean.
func (a *app) claimants(err error) {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return
	}
	for _, c := range e.Claimants {
		fmt.Fprintf(a.err, "  %s  fingerprint %s%s\n", printable(c.Handle), printable(c.Fingerprint), marks(c.Pinned, "a contact"))
	}
}

// hintFor returns what may help: what the daemon says, or what this program
// knows about the kind of error.
func hintFor(err error) string {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case errors.Is(err, api.ErrNoDaemon):
		return `start it with "p2pmsgd run", or name another data folder with --data`
	case errors.Is(err, api.ErrSocketPath):
		return "name a data folder with a shorter path with --data"
	case errors.Is(err, daemon.ErrInUse):
		return "one daemon per data folder: name another one with --data, or stop the first"
	case !ok:
		return ""
	case e.Hint != "":
		return e.Hint
	}
	return kindHints[e.Kind]
}

var kindHints = map[api.Kind]string{
	api.KindLocked:  `"p2pmsgd account unlock" asks for the passphrase`,
	api.KindOffline: `"p2pmsgd status" shows how this device is connected`,
	api.KindBlocked: `"p2pmsgd contact unblock PEER" ends a block`,
}
