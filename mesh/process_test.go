package mesh_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
)

// childEnv tells the test program that it is Bob, and where to listen.
const childEnv = "P2PMSGD_MESH_TEST_BOB"

// child is Bob in a process of his own. He takes everything, and lives as long
// as his input.
func child() {
	p := knownPair(alone{}, os.Getenv(childEnv))
	e := p.start(alone{}, meshtest.Bob, counter{make(chan int, 1<<16)}, nil, nil)
	e.mesh.Forget(e.to) // he does not dial, so what comes back, Alice did
	e.node.Host().SetStreamHandler(echoProtocol, echo)
	fmt.Println(p.addrs[meshtest.Bob][0])
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// alone is what a pair asks of a test, in a process that has none.
type alone struct{ testing.TB }

func (alone) Helper()               {}
func (alone) Cleanup(func())        {}
func (alone) Fatal(a ...any)        { panic(fmt.Sprint(a...)) }
func (alone) Errorf(string, ...any) {}

// knownPair has keys that both processes know.
func knownPair(t testing.TB, transport string) *pair {
	p := &pair{lim: mesh.DefaultLimits()}
	for i := range p.keys {
		k, err := identity.PeerKeyFromSecret(slices.Repeat([]byte{byte(i + 1)}, 32))
		if err != nil {
			t.Fatal(err)
		}
		p.keys[i] = k
		at := transport
		if i == int(meshtest.Alice) { // Bob may have a port of his own
			at = "udp/0/quic-v1"
			if strings.HasPrefix(transport, "tcp") {
				at = "tcp/0"
			}
		}
		p.addrs[i] = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/" + at)}
		if os.Getenv(childEnv) == "" || i == int(meshtest.Bob) {
			p.listen(t, meshtest.Side(i))
		}
	}
	return p
}

// spawn starts Bob's process and says where he is.
func spawn(t testing.TB, transport string) (at []multiaddr.Multiaddr, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+transport)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		in.Close()
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return []multiaddr.Multiaddr{multiaddr.StringCast(strings.TrimSpace(line))}, kill
}

// Bob's process is killed and comes back at the same place: his connection
// never ended for Alice, and yet she need not wait for it to time out.
func TestKilledAndBack(t *testing.T) {
	for _, transport := range []string{"udp/0/quic-v1", "tcp/0"} {
		t.Run(transport[:3], func(t *testing.T) {
			p := knownPair(t, transport)
			at, kill := spawn(t, transport)
			p.addrs[meshtest.Bob] = at
			up := &floor{}
			alice := p.start(t, meshtest.Alice, up, nil, nil)
			alice.Push(up.put(items(1, 1, 100)...)...)
			eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })
			kill()
			spawn(t, strings.TrimPrefix(at[0].String(), "/ip4/127.0.0.1/"))
			alice.Push(up.put(items(2, 1, 100)...)...)
			eventually(t, "another answer", func() bool { return len(up.answers()) == 2 })
		})
	}
}
