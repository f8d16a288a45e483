package mesh_test

import (
	"context"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
)

// Alice reaches Bob only through a relay that meters: her envelopes go that way.
// Then there is a direct connection, and the link moves there by itself.
func TestRelayedThenDirect(t *testing.T) {
	p, third := newPair(t, quick()), newPair(t, quick())
	relay := third.node(t, meshtest.Alice, libp2p.EnableRelayService(), libp2p.ForceReachabilityPublic())
	t.Cleanup(runNode(t, relay))
	there := peer.AddrInfo{ID: relay.ID(), Addrs: relay.Host().Addrs()}

	bobUp := &floor{}
	bob := aloneBob(t, p, bobUp)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := bob.node.Connect(ctx, there); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Reserve(ctx, bob.node.Host(), there); err != nil {
		t.Fatal(err)
	}
	direct := p.addrs[meshtest.Bob]
	p.addrs[meshtest.Bob] = []multiaddr.Multiaddr{relay.Addrs()[0].Encapsulate(multiaddr.StringCast("/p2p-circuit"))}

	up := &floor{}
	up.put(items(1, 5, 10<<10)...)
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	eventually(t, "five answers", func() bool { return len(up.answers()) == 5 })
	for _, a := range up.answers() {
		if a.Path != mesh.PathRelayed {
			t.Errorf("item %d came %s", a.ID, a.Path)
		}
	}
	if s := alice.mesh.State(alice.to); s.Connected && s.Path != mesh.PathRelayed {
		t.Errorf("state %+v", s)
	}

	ctx = network.WithForceDirectDial(ctx, "test")
	if err := alice.node.Connect(ctx, peer.AddrInfo{ID: bob.node.ID(), Addrs: direct}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the link is direct", func() bool { return alice.mesh.State(alice.to).Path == mesh.PathDirect })
	alice.Push(up.put(items(6, 1, 100)...)...)
	eventually(t, "the sixth answer", func() bool { return len(up.answers()) == 6 })
	if a := up.answers()[5]; a.Path != mesh.PathDirect {
		t.Errorf("the last came %s", a.Path)
	}
}
