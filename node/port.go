package node

import (
	"net"
	"strconv"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// portTries is how often a free port number is looked for.
const portTries = 16

// settlePort puts one port number in place of port 0, the same in all
// addresses: one mapping on the router serves both transports, and who knows
// one of our addresses can guess the others. It prefers the port `last`.
//
// The number is free when we look, and taken when libp2p listens; a race for it
// leaves libp2p with the addresses that remain.
func settlePort(listen []multiaddr.Multiaddr, last int) []multiaddr.Multiaddr {
	open := anyPortOf(listen)
	if len(open) == 0 {
		return listen
	}
	if last != 0 && allFree(open, last) {
		return withPort(listen, last)
	}
	for range portTries {
		port := freePort(open[0])
		if port != 0 && allFree(open, port) {
			return withPort(listen, port)
		}
	}
	return listen
}

// anyPortOf are the addresses that leave the port open.
func anyPortOf(listen []multiaddr.Multiaddr) []multiaddr.Multiaddr {
	var out []multiaddr.Multiaddr
	for _, a := range listen {
		if portOf(a) == 0 {
			out = append(out, a)
		}
	}
	return out
}

// portOf is the port of an address, -1 when it has none.
func portOf(a multiaddr.Multiaddr) int {
	for _, code := range []int{multiaddr.P_TCP, multiaddr.P_UDP} {
		if v, err := a.ValueForProtocol(code); err == nil {
			if port, err := strconv.Atoi(v); err == nil {
				return port
			}
		}
	}
	return -1
}

// withPort puts port in place of 0.
func withPort(listen []multiaddr.Multiaddr, port int) []multiaddr.Multiaddr {
	out := make([]multiaddr.Multiaddr, len(listen))
	for i, a := range listen {
		out[i] = a
		if portOf(a) == 0 {
			out[i] = setPort(a, port)
		}
	}
	return out
}

func setPort(a multiaddr.Multiaddr, port int) multiaddr.Multiaddr {
	out := make(multiaddr.Multiaddr, 0, len(a))
	for _, c := range a {
		if code := c.Protocol().Code; code == multiaddr.P_TCP || code == multiaddr.P_UDP {
			n, err := multiaddr.NewComponent(c.Protocol().Name, strconv.Itoa(port))
			if err != nil {
				return a
			}
			c = *n
		}
		out = append(out, c)
	}
	return out
}

// freePort asks the system for a port of the kind of a.
func freePort(a multiaddr.Multiaddr) int {
	addr, closer := bind(a)
	if closer == nil {
		return 0
	}
	defer closer()
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port)
	return n
}

// allFree says whether port can be had on every address. One that cannot be
// bound on any port (no IPv6 here, say) does not count.
func allFree(open []multiaddr.Multiaddr, port int) bool {
	for _, a := range open {
		if _, closer := bind(setPort(a, port)); closer != nil {
			closer()
		} else if freePort(a) != 0 {
			return false
		}
	}
	return true
}

// bind takes an address for a moment.
func bind(a multiaddr.Multiaddr) (net.Addr, func()) {
	network, host, err := manet.DialArgs(a)
	if err != nil {
		return nil, nil
	}
	if _, err := a.ValueForProtocol(multiaddr.P_UDP); err == nil {
		c, err := net.ListenPacket(network, host)
		if err != nil {
			return nil, nil
		}
		return c.LocalAddr(), func() { _ = c.Close() }
	}
	l, err := net.Listen(network, host)
	if err != nil {
		return nil, nil
	}
	return l.Addr(), func() { _ = l.Close() }
}
