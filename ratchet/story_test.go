package ratchet_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

func TestConversation(t *testing.T) {
	alice, bob := pair(t)
	if alice.ID() != bob.ID() || alice.PrefixID() != bob.PrefixID() {
		t.Fatal("the two sides name the session differently")
	}
	for i := range 100 {
		text := fmt.Sprint("message ", i)
		if i%2 == 0 {
			open(t, &alice, seal(t, &bob, text), text)
		} else {
			open(t, &bob, seal(t, &alice, text), text)
		}
		alice, bob = restart(t, alice), restart(t, bob)
	}
	if !alice.Confirmed() || !bob.Confirmed() {
		t.Fatal("not confirmed after a hundred messages")
	}
	if !alice.PostQuantumVerified() || !bob.PostQuantumVerified() || alice.LaneEpoch() < 5 {
		t.Fatalf("the lane is only at epoch %d and %d", alice.LaneEpoch(), bob.LaneEpoch())
	}
	t.Logf("epoch %d after 100 messages", alice.LaneEpoch())
}

// restart is a stop and start of the program.
func restart(t tester, s ratchet.Session) ratchet.Session {
	t.Helper()
	b, err := s.Encode()
	must(t, err)
	again, err := ratchet.DecodeSession(b)
	must(t, err)
	b2, err := again.Encode()
	must(t, err)
	if !bytes.Equal(b, b2) {
		t.Fatal("the state encodes differently after decoding")
	}
	return again
}
