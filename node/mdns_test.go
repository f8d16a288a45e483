package node_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// TestNeighboursFindEachOther keeps to the loopback interface, which not every
// system lets carry multicast: there the test can say nothing.
func TestNeighboursFindEachOther(t *testing.T) {
	cfg := config(t)
	cfg.MDNS, cfg.MDNSInterfaces = true, []string{multicastLoopback(t)}
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

// multicastLoopback skips the test where what is sent to a group on loopback
// does not come back.
func multicastLoopback(t *testing.T) string {
	t.Helper()
	name := loopback(t)
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Skip(err)
	}
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251)}
	in, err := net.ListenMulticastUDP("udp4", i, group)
	if err != nil {
		t.Skipf("no multicast on %s: %v", name, err)
	}
	defer in.Close()
	out := ipv4.NewPacketConn(in)
	if err := errors.Join(out.SetMulticastInterface(i), out.SetMulticastLoopback(true)); err != nil {
		t.Skipf("no multicast on %s: %v", name, err)
	}
	_ = in.SetDeadline(time.Now().Add(5 * time.Second))
	to := &net.UDPAddr{IP: group.IP, Port: in.LocalAddr().(*net.UDPAddr).Port}
	if _, err := out.WriteTo([]byte("here?"), nil, to); err != nil {
		t.Skipf("no multicast on %s: %v", name, err)
	}
	if _, _, err := in.ReadFrom(make([]byte, 16)); err != nil {
		t.Skipf("multicast on %s does not come back: %v", name, err)
	}
	return name
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
