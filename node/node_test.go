package node_test

import (
	"context"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/p2pmsgd/p2pmsgd/node"
)

func TestTwoNodesTalk(t *testing.T) {
	bob, _ := start(t, config(t))
	bob.Handle("/p2pmsg/echo/1", limits(), func(_ context.Context, s network.Stream) {
		b, err := node.ReadFrame(s, 1<<10)
		if err == nil {
			_ = node.WriteFrame(s, append([]byte("you said "), b...))
		}
	})
	alice, _ := start(t, config(t))
	ctx := within(t)
	if err := alice.Connect(ctx, info(bob)); err != nil {
		t.Fatal(err)
	}
	meets(t, bob, alice.ID())
	s, err := alice.Open(ctx, bob.ID(), "/p2pmsg/echo/1", node.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := node.WriteFrame(s, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	got, err := node.ReadFrame(s, 1<<10)
	if err != nil || string(got) != "you said hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	if p := alice.Path(bob.ID()); p != node.PathDirect {
		t.Errorf("path is %q", p)
	}
	if st := alice.Status(); st.Peers != 1 || st.In == 0 || st.Out == 0 || st.MDNS != "off" {
		t.Errorf("status %+v", st)
	}
}
