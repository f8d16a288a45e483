package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command that tests can run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"p2pmsgd": func() { os.Exit(program()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("P2PMSG_DATA", filepath.Join(env.WorkDir, "data"))
			return os.Mkdir(filepath.Join(env.WorkDir, "data"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fake": fakeCmd,
			"code": codeCmd,
			"up":   upCmd,

			"empty":  func(ts *testscript.TestScript, _ bool, args []string) { folderCmd(ts, args[0], true) },
			"filled": func(ts *testscript.TestScript, _ bool, args []string) { folderCmd(ts, args[0], false) },
		},
	})
}

// fakeCmd serves a daemon that always says the same, on the socket of the data
// folder.
func fakeCmd(ts *testscript.TestScript, _ bool, _ []string) {
	stop, err := serveFake(api.SocketPath(ts.Getenv("P2PMSG_DATA")))
	ts.Check(err)
	ts.Defer(stop)
}

// codeCmd runs a command and demands an exit code: code 2 p2pmsgd bogus.
func codeCmd(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ee, ok := err.(*exec.ExitError); ok {
		got = ee.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// upCmd waits until a daemon answers, with its data folder open.
func upCmd(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		c, err := api.Dial(ctx, api.SocketPath(ts.Getenv("P2PMSG_DATA")))
		if err == nil {
			_, err = c.AccountGet(ctx)
			c.Close()
		}
		if err == nil || api.KindOf(err) == api.KindNotFound {
			return
		}
		if !wait(ctx, 10*time.Millisecond) {
			ts.Fatalf("no daemon comes up: %v", err)
		}
	}
}

// folderCmd demands that a folder is empty, or waits until it is not.
func folderCmd(ts *testscript.TestScript, dir string, empty bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		list, err := os.ReadDir(dir)
		ts.Check(err)
		switch {
		case empty && len(list) > 0:
			ts.Fatalf("%s is left in %s", list[0].Name(), dir)
		case empty || len(list) > 0:
			return
		case !wait(ctx, 10*time.Millisecond):
			ts.Fatalf("nothing comes into %s", dir)
		}
	}
}
