package main_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// relay passes TCP connections on to an address and keeps every byte.
type relay struct {
	listener net.Listener
	to       string

	mu   sync.Mutex
	seen bytes.Buffer // guarded by mu
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return r
}

func (r *relay) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(to, io.TeeReader(from, r))
		to.Close()
	}()
	io.Copy(from, io.TeeReader(to, r))
	from.Close()
	<-done
}

// Write keeps captured bytes.
func (r *relay) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Write(b)
}

func (r *relay) captured() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.seen.Bytes())
}

// TestNothingInClear: two people who only reach each other through a wire that
// keeps every byte meet by handle, become contacts and talk. Neither the wire
// nor the two data folders hold a text, a handle or a name.
func TestNothingInClear(t *testing.T) {
	bob := newProcess(t, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	bob.start()
	wire := newRelay(t, tcpAddr(t, bob.listen[0]))
	port := wire.listener.Addr().(*net.TCPAddr).Port
	alice := newProcess(t, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0",
		"--bootstrap", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", port, bob.peer))
	alice.start()
	await(t, "the two to connect", func() bool { return alice.peers() == 1 })

	secrets := meetAndTalk(t, alice, bob)
	if len(wire.captured()) < 10_000 {
		t.Fatalf("the wire saw only %d bytes: the test looks at the wrong place", len(wire.captured()))
	}
	search(t, "the wire", wire.captured(), secrets)
	for _, p := range []*process{alice, bob} {
		p.stop()
		searchFolder(t, p.dir, secrets)
	}
}

// meetAndTalk returns what must be nowhere to be seen.
func meetAndTalk(t *testing.T, alice, bob *process) []string {
	t.Helper()
	handles := []string{
		strings.TrimSpace(alice.cli("handle", "claim", "alice-wonder")),
		strings.TrimSpace(bob.cli("handle", "claim", "bob-builder")),
	}
	alice.cli("account", "name", "Alice Liddell")
	alice.cli("contact", "add", handles[1], "--name", "Robert the Builder", "--greeting", "knock knock it is me")
	await(t, "the request", func() bool { return strings.Contains(bob.cli("contact", "list"), handles[0]) })
	bob.cli("contact", "accept", handles[0])
	alice.cli("send", handles[1], "the rabbit hole is deep")
	await(t, "the message", func() bool { return strings.Contains(bob.cli("read", handles[0]), "the rabbit hole is deep") })
	return append(handles, "alice-wonder", "bob-builder", "Alice Liddell", "Robert the Builder",
		"knock knock it is me", "the rabbit hole is deep")
}

func tcpAddr(t *testing.T, multiaddr string) string {
	t.Helper()
	var ip, peer string
	var port int
	if _, err := fmt.Sscanf(strings.ReplaceAll(multiaddr, "/", " "), " ip4 %s tcp %d p2p %s", &ip, &port, &peer); err != nil {
		t.Fatalf("%s: %v", multiaddr, err)
	}
	return fmt.Sprintf("%s:%d", ip, port)
}

func search(t *testing.T, where string, b []byte, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("%s holds %q in clear", where, s)
		}
	}
}

func searchFolder(t *testing.T, dir string, secrets []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		search(t, filepath.Base(path), b, secrets)
		return err
	})
	if err != nil || files < 4 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// TestSearchFindsClearText keeps the test above honest.
func TestSearchFindsClearText(t *testing.T) {
	bob := startProcess(t)
	wire := newRelay(t, tcpAddr(t, bob.listen[0]))
	c, err := net.Dial("tcp", wire.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("the rabbit hole is deep")); err != nil {
		t.Fatal(err)
	}
	await(t, "the wire to keep it", func() bool { return bytes.Contains(wire.captured(), []byte("rabbit hole")) })
	if _, err := bob.client().NodeStatus(bounded(t)); err != nil {
		t.Errorf("the daemon minds a line of nonsense: %v", err)
	}
}
