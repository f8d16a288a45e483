package main_test

import (
	"strings"
	"testing"
)

// TestChain: five processes, each told of one other only. The two ends claim
// handles and find each other, after the process everybody hangs on has died.
func TestChain(t *testing.T) {
	first := startProcess(t)
	chain := []*process{first}
	for range 4 {
		last := chain[len(chain)-1]
		chain = append(chain, startProcess(t, last.listen[0]))
	}
	alice, bob := chain[1], chain[4]
	await(t, "the chain to join", func() bool { return bob.peers() == 4 })
	first.kill()

	aliceHandle := strings.TrimSpace(alice.cli("handle", "claim", "alice"))
	bobHandle := strings.TrimSpace(bob.cli("handle", "claim", "bob"))
	if got := bob.cli("handle", "resolve", "alice"); !strings.Contains(got, aliceHandle) {
		t.Fatalf("bob resolves alice to %q, not to %s", got, aliceHandle)
	}
	alice.cli("contact", "add", bobHandle, "--greeting", "it is Alice")
	await(t, "the request to arrive", func() bool {
		return strings.Contains(bob.cli("contact", "list"), aliceHandle)
	})
	bob.cli("contact", "accept", aliceHandle)
	alice.cli("send", bobHandle, "shall we?")
	await(t, "the message", func() bool { return strings.Contains(bob.cli("read", aliceHandle), "shall we?") })
	bob.cli("send", aliceHandle, "we shall")
	await(t, "the answer", func() bool { return strings.Contains(alice.cli("read", bobHandle), "we shall") })
	for _, p := range chain[1:] {
		p.stop()
	}
}
