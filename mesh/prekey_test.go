package mesh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

var locatorOfBob = make([]byte, 32)

// shelf is a PrekeySource that knows one locator.
type shelf struct {
	mu     sync.Mutex
	asked  []mesh.PrekeyRequest
	answer error
}

func (s *shelf) Prekeys(_ context.Context, _ peer.ID, req mesh.PrekeyRequest) (mesh.PrekeyResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req)
	r := mesh.PrekeyResponse{Manifests: [][]byte{{1}}, Certs: [][]byte{{2}}, Bundle: []byte{3}}
	if req.OneTime {
		r.OneTime = &identity.OneTimeKey{ID: 1, X: [32]byte{9}, KEM: make([]byte, identity.KEM1024KeySize)}
	}
	return r, s.answer
}

// deskOf starts Bob's desk and gives the way to it for Alice.
func deskOf(t *testing.T, lim mesh.Limits, src mesh.PrekeySource) (alice *end, bob peer.AddrInfo) {
	p := newPair(t, lim)
	p.start(t, meshtest.Bob, &floor{}, nil, src)
	alice = p.start(t, meshtest.Alice, &floor{}, nil, nil)
	d := p.dest(meshtest.Bob)
	return alice, peer.AddrInfo{ID: d.Peer, Addrs: d.Addrs}
}

func fetch(alice *end, bob peer.AddrInfo, req mesh.PrekeyRequest) (mesh.PrekeyResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return alice.mesh.FetchPrekeys(ctx, bob, req)
}

func refusal(err error) mesh.Code {
	var r *mesh.RefusedError
	if errors.As(err, &r) {
		return r.Code
	}
	return 0
}

// Alice asks Bob's device, and asks again, until she has asked too often.
func TestPrekeys(t *testing.T) {
	src := &shelf{}
	alice, bob := deskOf(t, mesh.DefaultLimits(), src)
	req := mesh.PrekeyRequest{Account: identity.AccountID{7}, Locator: locatorOfBob, OneTime: true}
	for range 3 {
		r, err := fetch(alice, bob, req)
		if err != nil || r.OneTime == nil || len(r.Manifests) != 1 || len(r.Certs) != 1 || r.Bundle[0] != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	_, err := fetch(alice, bob, req)
	var busy *mesh.RefusedError
	if !errors.As(err, &busy) || busy.Code != mesh.CodeBusy || busy.Retry != time.Minute {
		t.Errorf("the fourth time: %v", err)
	}
	if len(src.asked) != 3 || src.asked[0].Account != req.Account {
		t.Errorf("asked %+v", src.asked)
	}
}

// One-time keys run out for those without an invite; the rest goes on.
func TestOneTimeKeysRunOut(t *testing.T) {
	lim := mesh.DefaultLimits()
	lim.PrekeyBurst, lim.OneTimePerHour = 100, 3
	alice, bob := deskOf(t, lim, &shelf{})
	for i := range 5 {
		r, err := fetch(alice, bob, mesh.PrekeyRequest{Locator: locatorOfBob, OneTime: true})
		if err != nil || (r.OneTime != nil) != (i < 3) {
			t.Errorf("request %d: one-time key %v, %v", i, r.OneTime != nil, err)
		}
	}
	r, err := fetch(alice, bob, mesh.PrekeyRequest{Token: []byte("invited"), OneTime: true})
	if err != nil || r.OneTime == nil {
		t.Errorf("with an invite: %v", err)
	}
}

// Whatever is wrong with the proof looks the same; another refusal is passed
// on, and a desk that nobody attends is closed for now.
func TestPrekeyRefusals(t *testing.T) {
	req := mesh.PrekeyRequest{Locator: locatorOfBob}
	for name, c := range map[string]struct {
		src  mesh.PrekeySource
		want mesh.Code
	}{
		"unknown account": {&shelf{answer: errors.New("who?")}, mesh.CodeDeclined},
		"a refusal":       {&shelf{answer: &mesh.RefusedError{Code: mesh.CodeWork}}, mesh.CodeWork},
		"nobody there":    {nil, mesh.CodeBusy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := deskOf(t, quick(), c.src)
			if _, err := fetch(alice, bob, req); refusal(err) != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no proof", func(t *testing.T) {
		alice, bob := deskOf(t, quick(), &shelf{})
		if _, err := fetch(alice, bob, mesh.PrekeyRequest{}); !errors.Is(err, mesh.ErrFrame) {
			t.Errorf("got %v", err)
		}
	})
}

// Malformed, oversized, cut and slow requests end without a response.
func TestHostileRequests(t *testing.T) {
	lim := quick()
	lim.PrekeyTimeout = 400 * time.Millisecond
	p := newPair(t, lim)
	src := &shelf{}
	p.start(t, meshtest.Bob, &floor{}, nil, src)
	mallory := stranger(t, p)
	for name, b := range map[string][]byte{
		"empty": {0}, "oversized": {0xff, 0x7f, 1, 2}, "not CBOR": {2, 0xff, 0xff},
		"cut": {40, 0xa2}, "slow": {40},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, p, mallory, mesh.ProtocolPrekey)
			say(t, s, b)
			if name == "cut" {
				_ = s.CloseWrite()
			}
			if b, err := node.ReadFrame(s, mesh.MaxPrekeyResponse); err == nil {
				t.Errorf("the answer is %x", b)
			}
		})
	}
	if len(src.asked) > 0 {
		t.Errorf("%d were taken for requests", len(src.asked))
	}
}

// A server that lies, stalls or floods costs the requester a bounded time.
func TestHostileResponses(t *testing.T) {
	for name, serve := range map[string]func(s network.Stream){
		"garbage":   func(s network.Stream) { _, _ = s.Write([]byte{3, 1, 2, 3}) },
		"oversized": func(s network.Stream) { _, _ = s.Write([]byte{0xff, 0xff, 0x7f}) },
		"nothing":   func(s network.Stream) { s.Close() },
		"reset":     func(s network.Stream) { s.Reset() },
		"stalls":    func(s network.Stream) {},
		"slow": func(s network.Stream) {
			for _, err := s.Write([]byte{0x80, 0x08}); err == nil; time.Sleep(10 * time.Millisecond) {
				_, err = s.Write([]byte{1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lim := quick()
			lim.PrekeyTimeout = 500 * time.Millisecond
			p := newPair(t, lim)
			n := p.node(t, meshtest.Bob)
			n.Host().SetStreamHandler(mesh.ProtocolPrekey, serve)
			t.Cleanup(runNode(t, n))
			alice := p.start(t, meshtest.Alice, &floor{}, nil, nil)
			d := p.dest(meshtest.Bob)
			r, err := fetch(alice, peer.AddrInfo{ID: d.Peer, Addrs: d.Addrs}, mesh.PrekeyRequest{Locator: locatorOfBob})
			if err == nil || refusal(err) != 0 {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}
