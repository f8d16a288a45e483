package node

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"pgregory.net/rapid"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

// cacheCase is one case of spec/vectors/peercache.json.
type cacheCase struct {
	Name, File, Error string
	Port              int
	Peers             []struct {
		ID             string
		Addrs          []string
		Last, OK, Fail uint32
	}
}

func TestPeerCacheVectors(t *testing.T) {
	b, err := spec.Vector("peercache")
	if err != nil {
		t.Fatal(err)
	}
	var cases []cacheCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
}

func (c cacheCase) check(t *testing.T) {
	file, err := hex.DecodeString(c.File)
	if err != nil {
		t.Fatal(err)
	}
	peers, port, err := decodeCache(file)
	if (err != nil) != (c.Error != "") || (err != nil && !errors.Is(err, ErrCache)) {
		t.Fatalf("got %v, want %q", err, c.Error)
	}
	if err != nil {
		return
	}
	if port != c.Port || len(peers) != len(c.Peers) {
		t.Fatalf("port %d, %d peers", port, len(peers))
	}
	for _, want := range c.Peers {
		id, _ := peer.Decode(want.ID)
		got := peers[id]
		if got == nil || got.last != want.Last || got.ok != want.OK || got.fail != want.Fail || fmt.Sprint(got.addrs) != fmt.Sprint(want.Addrs) {
			t.Errorf("%s: got %+v", want.ID, got)
		}
	}
	if again, err := encodeCache(peers, port); err != nil || !bytes.Equal(again, file) {
		t.Errorf("written again, it differs: %x, %v", again, err)
	}
}

func FuzzPeerCache(f *testing.F) {
	b, err := spec.Vector("peercache")
	if err != nil {
		f.Fatal(err)
	}
	var cases []cacheCase
	if err := json.Unmarshal(b, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		file, _ := hex.DecodeString(c.File)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		peers, port, err := decodeCache(file)
		if err != nil {
			return
		}
		again, err := encodeCache(peers, port)
		if err != nil || !bytes.Equal(again, file) {
			t.Fatalf("%x written again as %x, %v", file, again, err)
		}
	})
}

// Whoever comes and goes, the cache keeps its bounds, keeps those it reached
// before those that only came to it, and reads back what it wrote.
func TestCacheKeepsItsBounds(t *testing.T) {
	ids := make([]peer.ID, 400)
	for i := range ids {
		ids[i] = newID(t)
	}
	file := filepath.Join(t.TempDir(), "peers")
	rapid.Check(t, func(t *rapid.T) {
		hour := int64(500_000)
		c := newCache(file, func() time.Time { return time.Unix(hour*3600, 0) })
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(ids)-1), 0, 600).Draw(t, "visits") {
			at := multiaddr.StringCast(fmt.Sprintf("/ip4/1.2.%d.%d/udp/4001/quic-v1", i/256, i%256))
			switch i % 3 {
			case 0:
				c.connected(ids[i], []multiaddr.Multiaddr{at}, at)
			case 1:
				c.connected(ids[i], []multiaddr.Multiaddr{at}, nil)
			case 2:
				c.failed(ids[i-1])
			}
			hour++
		}
		checkBounds(t, c)
		if err := c.save(); err != nil {
			t.Fatal(err)
		}
		again := newCache(file, c.now)
		if err := again.load(); err != nil || again.size() != c.size() {
			t.Fatalf("%d of %d peers read back, %v", again.size(), c.size(), err)
		}
	})
}

func checkBounds(t *rapid.T, c *cache) {
	unproven := 0
	for _, ai := range c.candidates() {
		if !c.peers[ai.ID].proven() {
			unproven++
		}
	}
	if c.size() > cachePeers || unproven > cacheUnproven {
		t.Fatalf("%d peers, %d of them unproven", c.size(), unproven)
	}
}

// A stranger with many IDs does not drive out those we have reached.
func TestStrangersDoNotFillTheCache(t *testing.T) {
	c := newCache("", time.Now)
	at := multiaddr.StringCast("/ip4/1.2.3.4/udp/4001/quic-v1")
	friends := make([]peer.ID, cachePeers)
	for i := range friends {
		friends[i] = newID(t)
		c.connected(friends[i], nil, at)
	}
	for range 2 * cachePeers {
		c.connected(newID(t), []multiaddr.Multiaddr{at}, nil)
	}
	for _, id := range friends {
		if c.peers[id] == nil {
			t.Fatal("a friend is forgotten")
		}
	}
	if c.size() != cachePeers {
		t.Errorf("%d peers", c.size())
	}
}

func TestWorthKeeping(t *testing.T) {
	addr := multiaddr.StringCast
	dialled := addr("/ip4/10.0.0.7/tcp/4001")
	got := worthKeeping([]multiaddr.Multiaddr{
		addr("/ip4/127.0.0.1/tcp/4001"), dialled, addr("/ip4/192.168.1.2/tcp/4001"), addr("/ip4/8.8.8.8/tcp/4001"),
		addr("/ip4/9.9.9.9/tcp/4001/p2p/" + newID(t).String() + "/p2p-circuit"),
	}, dialled)
	want := "[/ip4/10.0.0.7/tcp/4001 /ip4/8.8.8.8/tcp/4001 /ip4/192.168.1.2/tcp/4001]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
}

func newID(t testing.TB) peer.ID {
	t.Helper()
	k, err := identity.NewPeerKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k.ID()
}
