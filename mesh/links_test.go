package mesh_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
)

// patient are limits with which nothing is retried by itself in a test.
func patient() mesh.Limits {
	l := mesh.DefaultLimits()
	l.BackoffMin, l.BackoffMax, l.BackoffIdle, l.PushGap = time.Hour, time.Hour, time.Hour, time.Hour
	l.PeerGap = 0
	return l
}

// failedOnce waits until Alice has tried in vain.
func failedOnce(t *testing.T, alice *end) {
	t.Helper()
	eventually(t, "a failed attempt", func() bool { return alice.mesh.State(alice.to).Attempts > 0 })
}

// nowhere is an address where nobody answers, which is known at once.
func nowhere() []multiaddr.Multiaddr {
	return []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/1")}
}

// locator knows one place, after a while.
type locator struct {
	asked atomic.Int32
	dest  mesh.Dest
	err   error
}

func (l *locator) Locate(context.Context, identity.DeviceID) (mesh.Dest, error) {
	l.asked.Add(1)
	return l.dest, l.err
}

// Bob has moved: the addresses Alice knows fail, and the look-up tells the new
// ones, once.
func TestLocatorIsAsked(t *testing.T) {
	p := newPair(t, patient())
	aloneBob(t, p, &floor{})
	loc := &locator{dest: p.dest(meshtest.Bob)}
	p.addrs[meshtest.Bob] = nowhere()
	up := &floor{}
	up.put(items(1, 1, 10)...)
	alice := p.start(t, meshtest.Alice, up, loc, nil)
	eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })
	if n := loc.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if s := alice.mesh.State(alice.to); !s.Connected || s.Obstacle != mesh.ObstacleNone || s.Path != mesh.PathDirect {
		t.Errorf("state %+v", s)
	}
}

// Bob is nowhere: the state says so, with the time of the next try.
func TestNobodyKnows(t *testing.T) {
	p := newPair(t, patient())
	p.addrs[meshtest.Bob] = nil
	up := &floor{}
	up.put(items(1, 1, 10)...)
	loc := &locator{err: errors.New("no route")}
	alice := p.start(t, meshtest.Alice, up, loc, nil)
	failedOnce(t, alice)
	s := alice.mesh.State(alice.to)
	if s.Connected || s.Obstacle != mesh.ObstacleNoAddress || s.LastError == "" || time.Until(s.NextTry) < 30*time.Minute {
		t.Errorf("state %+v", s)
	}
	if loc.asked.Load() != 1 {
		t.Errorf("asked %d times", loc.asked.Load())
	}
	alice.Push(up.put(items(2, 1, 10)...)...) // too soon for another attempt
	if s := alice.mesh.State(alice.to); s.Attempts != 1 {
		t.Errorf("%d attempts", s.Attempts)
	}
	if s := alice.mesh.State(identity.DeviceID{99}); s.Obstacle != mesh.ObstacleUnknown {
		t.Errorf("a device that nobody named: %+v", s)
	}
}

// Bob comes back and connects to Alice: what waits goes out at once, although
// the next try by herself would be in an hour.
func TestPeerComes(t *testing.T) {
	p := newPair(t, patient())
	up := &floor{}
	up.put(items(1, 5, 10)...)
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	failedOnce(t, alice)
	p.start(t, meshtest.Bob, &floor{}, nil, nil)
	eventually(t, "all is settled", func() bool { return len(up.answers()) == 5 })
}

// A new address of the device is tried at once.
func TestAddressChanges(t *testing.T) {
	p := newPair(t, patient())
	aloneBob(t, p, &floor{})
	dest := p.dest(meshtest.Bob)
	p.addrs[meshtest.Bob] = nowhere()
	up := &floor{}
	up.put(items(1, 1, 10)...)
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	failedOnce(t, alice)
	suffix := multiaddr.StringCast("/p2p/" + dest.Peer.String()) // as records have it
	dest.Addrs = []multiaddr.Multiaddr{dest.Addrs[0].Encapsulate(suffix), nil}
	alice.mesh.SetDest(dest)
	eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })
}

// A device gets another peer: the old stream is left, the new one takes over.
func TestPeerChanges(t *testing.T) {
	p := newPair(t, quick())
	bob1 := &floor{}
	aloneBob(t, p, bob1)
	up := &floor{}
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	alice.Push(up.put(items(1, 1, 10)...)...)
	eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })

	other, bob2 := newPair(t, quick()), &floor{}
	aloneBob(t, other, bob2)
	alice.mesh.SetDest(other.dest(meshtest.Bob))
	alice.Push(up.put(items(2, 1, 10)...)...)
	eventually(t, "another answer", func() bool { return len(up.answers()) == 2 })
	if bob1.received() != 1 || bob2.received() != 1 {
		t.Errorf("the first got %d, the second %d", bob1.received(), bob2.received())
	}
}

// The floor above hears who is there.
func TestLinkWatcher(t *testing.T) {
	p := newPair(t, quick())
	up := &floor{}
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	bob := p.start(t, meshtest.Bob, &floor{}, nil, nil)
	seen := func() (states []bool) {
		up.mu.Lock()
		defer up.mu.Unlock()
		for _, s := range up.links {
			states = append(states, s.Connected)
		}
		return states
	}
	eventually(t, "Bob is there", func() bool { s := seen(); return len(s) > 0 && s[len(s)-1] })
	bob.Close()
	eventually(t, "Bob is gone", func() bool { s := seen(); return !s[len(s)-1] })
	alice.mesh.Forget(alice.to)
	if s := alice.mesh.State(alice.to); s.Obstacle != mesh.ObstacleUnknown {
		t.Errorf("state %+v", s)
	}
}

// Forgotten devices get nothing more.
func TestForget(t *testing.T) {
	p := newPair(t, quick())
	bob := &floor{}
	aloneBob(t, p, bob)
	up := &floor{}
	alice := p.start(t, meshtest.Alice, up, nil, nil)
	alice.Push(up.put(items(1, 1, 10)...)...)
	eventually(t, "an answer", func() bool { return len(up.answers()) == 1 })
	alice.mesh.Forget(alice.to)
	alice.Push(up.put(items(2, 1, 10)...)...)
	alice.mesh.SetDest(p.dest(meshtest.Bob)) // and again
	eventually(t, "the second too", func() bool { return len(up.answers()) == 2 })
	if bob.received() != 2 {
		t.Errorf("Bob got %d", bob.received())
	}
}
