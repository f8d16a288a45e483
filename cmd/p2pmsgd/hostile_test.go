package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// ourProtocols is every protocol a daemon serves to strangers.
var ourProtocols = []protocol.ID{"/p2pmsg/dir/1", "/p2pmsg/dm/1", "/p2pmsg/prekey/1"}

// rssBound is more than a busy daemon needs, with the race detector's share,
// and less than what any of the attacks below would take if it were held.
const rssBound = 600 << 20

// TestHostilePeer sends a daemon malformed, oversized, truncated and slow
// frames on every protocol. Each stream is closed, and the daemon goes on.
func TestHostilePeer(t *testing.T) {
	victim := startProcess(t)
	victim.cli("account", "create")
	attacker := newAttacker(t, victim)
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range ourProtocols {
		for name, frame := range badFrames(random) {
			t.Run(fmt.Sprintf("%s %s", strings.ReplaceAll(string(p), "/", " "), name), func(t *testing.T) {
				attacker.closedAfter(t, p, frame)
			})
		}
	}
	t.Run("slow", func(t *testing.T) { attacker.slow(t) })
	stillFine(t, victim)
}

func badFrames(random *rand.Rand) map[string][]byte {
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	return map[string][]byte{
		"noise":        append(binary.AppendUvarint(nil, uint64(len(noise))), noise...),
		"empty":        {0},
		"oversized":    append(binary.AppendUvarint(nil, 1<<30), noise...),
		"endless size": bytes.Repeat([]byte{0xff}, 16),
		"truncated":    append(binary.AppendUvarint(nil, 2048), noise[:100]...),
		"wrong type":   {1, 0xf6},
		"deep":         append(binary.AppendUvarint(nil, 2000), bytes.Repeat([]byte{0x81}, 2000)...),
		"huge map":     append(binary.AppendUvarint(nil, 9), 0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	}
}

type attacker struct {
	host   host.Host
	victim peer.ID
}

func newAttacker(t *testing.T, victim *process) attacker {
	t.Helper()
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	info, err := peer.AddrInfoFromString(victim.listen[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(bounded(t), *info); err != nil {
		t.Fatal(err)
	}
	return attacker{h, info.ID}
}

func (a attacker) open(t *testing.T, p protocol.ID) network.Stream {
	t.Helper()
	s, err := a.host.NewStream(bounded(t), a.victim, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closedAfter sends a frame and waits until the victim has ended the stream.
// It may answer an error first, of bounded size.
func (a attacker) closedAfter(t *testing.T, p protocol.ID, frame []byte) {
	t.Helper()
	s := a.open(t, p)
	defer s.Reset()
	s.SetDeadline(time.Now().Add(patience))
	s.Write(frame)
	s.CloseWrite()
	answer := make([]byte, 64<<10)
	for got := 0; ; {
		n, err := s.Read(answer)
		if got += n; got > len(answer) {
			t.Fatalf("an answer of more than %d bytes", len(answer))
		}
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Fatal("the stream stays open")
		}
		if err != nil {
			return
		}
	}
}

// slow opens as many streams as it is given, each with half a frame.
func (a attacker) slow(t *testing.T) {
	for _, p := range ourProtocols {
		for range 100 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			s, err := a.host.NewStream(ctx, a.victim, p)
			cancel()
			if err != nil {
				break
			}
			t.Cleanup(func() { s.Reset() })
			s.Write([]byte{0x80, 0x10, 0xa1})
		}
	}
}

// stillFine asks a daemon for its status and looks at its memory.
func stillFine(t *testing.T, p *process) {
	t.Helper()
	await(t, "the daemon to answer", func() bool {
		_, err := p.client().NodeStatus(bounded(t))
		return err == nil
	})
	if held := p.rss(t); held > rssBound {
		t.Errorf("the daemon holds %d MiB", held>>20)
	}
}

// TestHostileClient sends the API socket what no client should.
func TestHostileClient(t *testing.T) {
	victim := startProcess(t)
	for name, c := range map[string]struct{ send, want string }{
		"not JSON":       {"{\n", "-32700"},
		"no method":      {`{"jsonrpc":"2.0","id":1,"method":"no.such"}` + "\n", "-32601"},
		"later method":   {`{"jsonrpc":"2.0","id":1,"method":"call.start","params":{}}` + "\n", "-32601"},
		"unknown field":  {`{"jsonrpc":"2.0","id":1,"method":"handle.claim","params":{"nam":"x"}}` + "\n", "-32602"},
		"wrong type":     {`{"jsonrpc":"2.0","id":1,"method":"handle.claim","params":{"name":7}}` + "\n", "-32602"},
		"list of params": {`{"jsonrpc":"2.0","id":1,"method":"handle.claim","params":["x"]}` + "\n", "-32602"},
		"bad name":       {`{"jsonrpc":"2.0","id":1,"method":"handle.claim","params":{"name":"A B"}}` + "\n", `"invalid"`},
		"empty batch":    {"[]\n", "-32600"},
		"10 MB":          {`{"jsonrpc":"2.0","id":1,"method":"rpc.discover","params":{"x":"` + strings.Repeat("a", 10<<20) + `"}}` + "\n", "tooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, victim, c.send); !strings.Contains(got, c.want) {
				t.Errorf("answer %q does not say %s", got, c.want)
			}
		})
	}
	t.Run("200 connections", func(t *testing.T) { crowd(t, victim) })
	stillFine(t, victim)
}

// ask sends a line to the API socket and returns the line that answers it.
func ask(t *testing.T, p *process, line string) string {
	t.Helper()
	c, err := net.Dial("unix", api.SocketPath(p.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go c.Write([]byte(line)) // fails when the daemon refuses a line half-way
	got, err := bufio.NewReader(c).ReadString('\n')
	if err != nil && got == "" {
		t.Fatalf("no answer: %v", err)
	}
	return got
}

// crowd opens 200 connections with half a request each. Those beyond the limit
// are told so, and when the crowd has gone there is room again.
func crowd(t *testing.T, p *process) {
	refused := 0
	for range 200 {
		c, err := net.Dial("unix", api.SocketPath(p.dir))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte(`{"jsonrpc":"2.0",`))
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if line, _ := bufio.NewReader(c).ReadString('\n'); strings.Contains(line, "too many connections") {
			refused++
		}
	}
	if refused != 100 {
		t.Errorf("%d of 200 connections were refused, want 100", refused)
	}
}
