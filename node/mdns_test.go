package node_test

import (
	"net"
	"strings"
	"testing"
)

// TestNeighboursFindEachOther keeps to the loopback interface, which not every
// system lets carry multicast: there the test can say nothing.
func TestNeighboursFindEachOther(t *testing.T) {
	cfg := config(t)
	cfg.MDNS, cfg.MDNSInterfaces = true, []string{loopback(t)}
	alice, stopAlice := start(t, cfg)
	cfg.Key = key(t)
	bob, _ := start(t, cfg)
	eventually(t, "discovery has begun or failed", func() bool { return bob.Status().MDNS != "off" })
	if st := bob.Status().MDNS; st != "on" {
		t.Skipf("no multicast on loopback here: %s", st)
	}
	meets(t, alice, bob.ID())
	meets(t, bob, alice.ID())
	stopAlice()
	misses(t, bob, alice.ID())
	if st := alice.Status().MDNS; st != "off" {
		t.Errorf("still %s", st)
	}
}

// Without an interface the node runs, says why it finds nobody, and ends.
func TestNoInterfaceIsNoError(t *testing.T) {
	cfg := config(t)
	cfg.MDNS, cfg.MDNSInterfaces = true, []string{"no-such-interface"}
	n, stop := start(t, cfg)
	eventually(t, "the reason is told", func() bool { return strings.Contains(n.Status().MDNS, "interface") })
	stop()
}

func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Skip(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			return i.Name
		}
	}
	t.Skip("no loopback interface")
	return ""
}
