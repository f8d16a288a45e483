package chat_test

import (
	"bytes"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/identity"
)

// FuzzDecode feeds bytes to every decoder of what peers say: what decodes
// encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	for _, v := range []any{
		chat.Body{Type: chat.TypeText, Lamport: 1, Payload: []byte("x")},
		chat.Request{Greeting: "g"}, chat.Profile{}, chat.Receipt{Read: [][16]byte{{1}}},
	} {
		b, err := identity.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, again := range chat.DecodeAny(b) {
			if !bytes.Equal(again, b) {
				t.Fatalf("%x encodes as %x", b, again)
			}
		}
	})
}

// FuzzInvite feeds text to the reader of invites.
func FuzzInvite(f *testing.F) {
	f.Add("p2pmsg:")
	f.Add("p2pmsg:pQFYQQEC")
	f.Fuzz(func(t *testing.T, s string) {
		i, err := chat.ParseInvite(s)
		if err == nil && i.Again() != s {
			t.Fatalf("%q is written as %q", s, i.Again())
		}
	})
}
