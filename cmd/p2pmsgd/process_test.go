package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// patience is how long a test waits for something that must come.
const patience = 2 * time.Minute

// process is one `p2pmsgd run` and the folder it runs on.
type process struct {
	t    testing.TB
	dir  string
	args []string

	mu     sync.Mutex // guards what a restart replaces
	cmd    *exec.Cmd
	gone   chan struct{} // closed when cmd has ended
	listen []string
	peer   string
}

// newProcess prepares a process on a folder of its own; args follow `run`.
func newProcess(t testing.TB, args ...string) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "pm") // short: a socket path has to be
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: dir, args: args}
	t.Cleanup(func() {
		p.kill()
		os.RemoveAll(dir)
	})
	return p
}

// startProcess starts a daemon that listens on loopback only.
func startProcess(t testing.TB, bootstrap ...string) *process {
	t.Helper()
	args := []string{"--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"}
	for _, b := range bootstrap {
		args = append(args, "--bootstrap", b)
	}
	p := newProcess(t, args...)
	p.start()
	return p
}

// start runs the daemon and returns once it is ready.
func (p *process) start() {
	p.t.Helper()
	cmd := exec.Command("p2pmsgd", append([]string{"run", "--data", p.dir}, p.args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		cmd.Wait()
		b, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		p.t.Fatalf("p2pmsgd run ended before it was ready: %s", b)
	}
	ready, gone := lines.Text(), make(chan struct{})
	go func() {
		for lines.Scan() {
		}
		cmd.Wait()
		close(gone)
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.gone = cmd, gone
	p.parse(ready)
}

// parse reads the line that `run` prints when it is ready.
func (p *process) parse(line string) {
	p.t.Helper()
	rest, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		p.t.Fatalf("not a ready line: %q", line)
	}
	for _, field := range strings.Fields(rest) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "peer":
			p.peer = value
		case "listen":
			p.listen = strings.Split(value, ",")
		}
	}
	if p.peer == "" || len(p.listen) == 0 {
		p.t.Fatalf("ready line lacks peer or listen: %q", line)
	}
}

// kill ends the process at once, as the system does when it must.
func (p *process) kill() {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	cmd.Process.Kill()
	<-gone
}

// stop asks the process to end and waits for it.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatal("p2pmsgd run did not end on an interrupt")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("p2pmsgd run ended with %d", code)
	}
}

// cli runs a verb against the process and returns what it printed.
func (p *process) cli(verb ...string) string {
	p.t.Helper()
	out, err := p.try(verb...)
	if err != nil {
		p.t.Fatalf("p2pmsgd %s: %v\n%s", strings.Join(verb, " "), err, out)
	}
	return out
}

// try is cli for a verb that may fail.
func (p *process) try(verb ...string) (string, error) {
	cmd := exec.Command("p2pmsgd", append(verb, "--data", p.dir)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// client connects to the API, and waits for the daemon if need be.
func (p *process) client() *api.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := dialAgain(ctx, p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// dialAgain connects to a daemon that may be starting just now.
func dialAgain(ctx context.Context, dir string) (*api.Client, error) {
	for {
		c, err := api.Dial(ctx, api.SocketPath(dir))
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// peers is how many peers the daemon is connected to.
func (p *process) peers() int {
	p.t.Helper()
	var status api.NodeStatus
	if err := json.Unmarshal([]byte(p.cli("status", "--json")), &status); err != nil {
		p.t.Fatal(err)
	}
	return status.Peers
}

// await polls until done, and fails the test when that takes too long.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// befriend makes two processes contacts of each other, by invite.
func befriend(t testing.TB, a, b *api.Client) {
	t.Helper()
	inv, err := a.InviteCreate(bounded(t), api.InviteCreateParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.InviteOpen(bounded(t), api.InviteOpenParams{URI: inv.URI}); err != nil {
		t.Fatal(err)
	}
	await(t, "both to be contacts", func() bool { return accepted(a) == 1 && accepted(b) == 1 })
}

// accepted counts the accepted contacts.
func accepted(c *api.Client) int {
	r, err := c.ContactList(context.Background(), api.ContactListParams{State: api.ContactAccepted})
	if err != nil {
		return -1
	}
	return len(r.Contacts)
}

// history reads the only conversation of a client, oldest first.
func history(t testing.TB, c *api.Client) (all []api.Message) {
	t.Helper()
	convs, err := c.ConversationList(bounded(t), api.ConversationListParams{})
	if err != nil || len(convs.Conversations) != 1 {
		t.Fatalf("%d conversations, %v", len(convs.Conversations), err)
	}
	for before := ""; ; {
		r, err := c.MessageList(bounded(t), api.MessageListParams{
			Conversation: convs.Conversations[0].Conversation,
			Page:         api.Page{Limit: api.MaxPage, Before: before},
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(r.Messages, all...)
		if before = r.Before; before == "" {
			return all
		}
	}
}

func texts(ms []api.Message) (out []string) {
	for _, m := range ms {
		out = append(out, m.Text)
	}
	return out
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s %d", prefix, n) }
