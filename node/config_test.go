package node_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/node"
)

func TestConfigIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*node.Config){
		"zero":         func(c *node.Config) { *c = node.Config{} },
		"no key":       func(c *node.Config) { c.Key = node.Config{}.Key },
		"no transport": func(c *node.Config) { c.TCP, c.QUIC = false, false },
		"no limits":    func(c *node.Config) { c.Limits = node.Limits{} },
	} {
		cfg := config(t)
		spoil(&cfg)
		if _, err := node.New(cfg); !errors.Is(err, node.ErrConfig) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cfg := config(t)
	cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/198.51.100.1/tcp/4001")}
	if _, err := node.New(cfg); err == nil {
		t.Error("listens on an address that is not ours")
	}
}

func TestLimitsCanBeRead(t *testing.T) {
	a, b := node.DefaultLimits(), node.DefaultLimits()
	if a != b {
		t.Error("the same limits differ")
	}
	if s := fmt.Sprintf("%+v", a); !strings.Contains(s, "ConnsIn:256") {
		t.Error(s)
	}
}

// Identify tells no more than it must.
func TestIdentifyTellsLittle(t *testing.T) {
	bob, _ := start(t, config(t))
	alice, _ := start(t, config(t))
	if err := alice.Connect(within(t), info(bob)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"AgentVersion": "p2pmsgd/1", "ProtocolVersion": "p2pmsg/1"} {
		if got, err := alice.Host().Peerstore().Get(bob.ID(), key); err != nil || got != want {
			t.Errorf("%s is %v, %v", key, got, err)
		}
	}
	ps, err := alice.Host().Peerstore().GetProtocols(bob.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		if strings.Contains(string(p), "ping") {
			t.Errorf("serves %s", p)
		}
	}
}

func TestAddressesAreTold(t *testing.T) {
	n, _ := start(t, config(t))
	told := make(chan []multiaddr.Multiaddr, 16)
	cancel := n.OnAddrs(func(a []multiaddr.Multiaddr) { told <- a })
	defer cancel()
	if err := n.Host().Network().Listen(multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")); err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	for {
		select {
		case addrs := <-told:
			if len(addrs) != 3 {
				continue // of the start
			}
			if !strings.HasSuffix(addrs[0].String(), "/p2p/"+n.ID().String()) {
				t.Errorf("got %v", addrs)
			}
			return
		case <-ctx.Done():
			t.Fatal("never told")
		}
	}
}
