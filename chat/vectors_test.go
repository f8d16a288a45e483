package chat

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

var update = flag.Bool("update", false, "write the vectors anew")

type vectors struct {
	IDs      []idCase     `json:"ids"`
	Decoding []decodeCase `json:"decoding"`
	Invites  []uriCase    `json:"invites"`
}

type idCase struct {
	A            string `json:"a"` // account IDs, hex
	B            string `json:"b"`
	Conversation string `json:"conversation"`
	MID          string `json:"mid"` // chosen by a
	Message      string `json:"message"`
}

type decodeCase struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // body, request, profile, receipt, identity
	Bytes string `json:"bytes"`
	Error string `json:"error,omitempty"` // malformed
}

type uriCase struct {
	Name    string `json:"name"`
	URI     string `json:"uri"`
	Account string `json:"account,omitempty"`
	Token   string `json:"token,omitempty"`
	Expires uint64 `json:"expires,omitempty"`
	Error   string `json:"error,omitempty"`
}

func decoderOf(kind string) checked {
	switch kind {
	case "body":
		return new(body)
	case "request":
		return new(request)
	case "profile":
		return new(profile)
	case "receipt":
		return new(receipt)
	case "identity":
		return new(identityProof)
	}
	return nil
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	raw, err := spec.Vector("bodies")
	if *update {
		raw, err = os.ReadFile("../spec/vectors/bodies.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.IDs {
		c.check(t)
	}
	for _, c := range v.Decoding {
		t.Run(c.Name, c.check)
	}
	for _, c := range v.Invites {
		t.Run(c.Name, c.check)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func (c idCase) check(t *testing.T) {
	a, b := identity.AccountID(unhex(c.A)), identity.AccountID(unhex(c.B))
	if DirectConversation(a, b) != DirectConversation(b, a) || DirectConversation(a, b).String() != c.Conversation {
		t.Errorf("conversation is %v", DirectConversation(a, b))
	}
	if m := messageID(a, [16]byte(unhex(c.MID))); m.String() != c.Message {
		t.Errorf("message is %v", m)
	}
}

func (c decodeCase) check(t *testing.T) {
	v := decoderOf(c.Kind)
	err := decodeChecked(unhex(c.Bytes), v)
	if c.Error != "" {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := identity.Encode(v); err != nil || !bytes.Equal(again, unhex(c.Bytes)) {
		t.Errorf("encodes as %x (%v)", again, err)
	}
}

func (c uriCase) check(t *testing.T) {
	i, err := parseInvite(c.URI)
	if c.Error != "" {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if a := identity.Genesis(i.Genesis).AccountID(); a.String() != c.Account ||
		hex.EncodeToString(i.Token[:]) != c.Token || i.Expires != c.Expires {
		t.Errorf("says %+v", i)
	}
}

// The rest makes the vectors, from fixed bytes.

func fill(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func sampleCard() card {
	c := card{
		Name: "Alice", Handle: "alice~abcdefghij",
		Peer:  append([]byte{0, 36, 8, 1, 18, 32}, fill(32, 7)...),
		Addrs: [][]byte{{4, 127, 0, 0, 1, 6, 15, 161}},
	}
	c.Genesis[0] = 1
	copy(c.Genesis[1:], fill(64, 2))
	copy(c.Presence[:], fill(32, 3))
	copy(c.Locator[:], fill(32, 4))
	return c
}

func sampleBody() body {
	b := body{
		DevSeq: 7, Parents: []MessageID{MessageID(fill(16, 5))}, Lamport: 42, WallMS: 1700000000000,
		Own: head{Seq: 1, Hash: [16]byte(fill(16, 6))}, Peer: head{Seq: 2, Hash: [16]byte(fill(16, 8))},
		Type: typeText, Payload: []byte("hello"),
	}
	copy(b.MID[:], fill(16, 9))
	copy(b.Conv[:], fill(16, 10))
	copy(b.DevPrev[:], fill(32, 11))
	return b
}

func writeVectors(t *testing.T) {
	v := vectors{IDs: sampleIDs(), Decoding: sampleDecoding(t), Invites: sampleInvites(t)}
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../spec/vectors/bodies.json", append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sampleIDs() (out []idCase) {
	for _, n := range []byte{1, 200} {
		a, b := identity.AccountID(fill(32, n)), identity.AccountID(fill(32, 100))
		mid := [16]byte(fill(16, n))
		out = append(out, idCase{
			hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), DirectConversation(a, b).String(),
			hex.EncodeToString(mid[:]), messageID(a, mid).String(),
		})
	}
	return out
}

func sampleDecoding(t *testing.T) (out []decodeCase) {
	add := func(name, kind string, v any, bad string) []byte {
		b, err := identity.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, decodeCase{name, kind, hex.EncodeToString(b), bad})
		return b
	}
	text := add("a text", "body", sampleBody(), "")
	hello := sampleBody()
	hello.DevSeq, hello.DevPrev, hello.Parents, hello.Lamport = 0, [32]byte{}, nil, 0
	hello.Type, hello.Payload = typeHello, nil
	add("a hello", "body", hello, "")
	for name, change := range badBodies() {
		b := sampleBody()
		change(&b)
		add(name, "body", b, "malformed")
	}
	add("a contact request", "request", request{Card: sampleCard(), Greeting: "it is me"}, "")
	for name, r := range badRequests() {
		add(name, "request", r, "malformed")
	}
	add("a profile", "profile", profile{Card: sampleCard()}, "")
	add("a receipt", "receipt", receipt{Read: [][16]byte{{1}, {2}}}, "")
	add("an empty receipt", "receipt", receipt{}, "malformed")
	add("too long a receipt", "receipt", receipt{Read: make([][16]byte, 257)}, "malformed")
	add("an identity without certificates", "identity", identityProof{Manifests: [][]byte{{1}}}, "malformed")
	cut := func(name string, b []byte) {
		out = append(out, decodeCase{name, "body", hex.EncodeToString(b), "malformed"})
	}
	cut("a text cut short", text[:len(text)-1])
	cut("a text with a byte too many", append(bytes.Clone(text), 0))
	cut("nothing", nil)
	return sorted(out)
}

func badBodies() map[string]func(*body) {
	return map[string]func(*body){
		"a body of type 0":              func(b *body) { b.Type = 0 },
		"five parents":                  func(b *body) { b.Parents = make([]MessageID, 5) },
		"a lamport of 2^63":             func(b *body) { b.Lamport = 1 << 63 },
		"a predecessor without a chain": func(b *body) { b.DevSeq = 0 },
	}
}

func badRequests() map[string]request {
	bad := func(change func(*request)) request {
		r := request{Card: sampleCard()}
		change(&r)
		return r
	}
	return map[string]request{
		"a greeting of 513 bytes":      bad(func(r *request) { r.Greeting = strings.Repeat("x", 513) }),
		"a handle without a tag":       bad(func(r *request) { r.Card.Handle = "alice" }),
		"a genesis of another version": bad(func(r *request) { r.Card.Genesis[0] = 2 }),
		"nine addresses":               bad(func(r *request) { r.Card.Addrs = make([][]byte, 9) }),
		"an address of 129 bytes":      bad(func(r *request) { r.Card.Addrs = [][]byte{fill(129, 1)} }),
		"a name of 129 bytes":          bad(func(r *request) { r.Card.Name = strings.Repeat("x", 129) }),
	}
}

// sorted keeps the good ones in front and the others in a fixed order.
func sorted(in []decodeCase) []decodeCase {
	var good, bad []decodeCase
	for _, c := range in {
		if c.Error == "" {
			good = append(good, c)
			continue
		}
		i := 0
		for i < len(bad) && bad[i].Name < c.Name {
			i++
		}
		bad = append(bad[:i], append([]decodeCase{c}, bad[i:]...)...)
	}
	return append(good, bad...)
}

func sampleInvites(t *testing.T) []uriCase {
	c := sampleCard()
	i := &inviteWire{Genesis: c.Genesis, Expires: 1700000000, Peer: c.Peer, Addrs: c.Addrs, Locator: c.Locator}
	copy(i.Token[:], fill(16, 12))
	uri, err := i.uri()
	if err != nil {
		t.Fatal(err)
	}
	return []uriCase{
		{
			Name: "an invite", URI: uri, Account: identity.Genesis(i.Genesis).AccountID().String(),
			Token: hex.EncodeToString(i.Token[:]), Expires: i.Expires,
		},
		{Name: "another scheme", URI: "p2p:" + uri[7:], Error: "malformed"},
		{Name: "padded", URI: uri + "==", Error: "malformed"},
		{Name: "a line break", URI: uri[:40] + "\n" + uri[40:], Error: "malformed"},
		{Name: "cut", URI: uri[:len(uri)-2], Error: "malformed"},
		{Name: "no content", URI: "p2pmsg:", Error: "malformed"},
	}
}
