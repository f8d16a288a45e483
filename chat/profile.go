package chat

import (
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// Profile is what the directory should publish about this account now. With no
// handle claimed it is still published, for those who were told the locator.
func (c *Chat) Profile() dht.Profile {
	s := c.self.Load()
	p := dht.Profile{
		Genesis: s.account.Genesis(), Sign: s.account.Sign, Secret: s.rec.Secret, Locator: s.rec.Locator,
		Manifests: s.rec.Manifests, Certs: [][]byte{s.rec.Cert},
		Bundles: map[identity.DeviceID][]byte{}, Intro: []peer.ID{c.host.ID()},
		Presence: s.rec.Presence, Pin: s.newest().Pin(),
		Route: &dht.Route{Devices: []dht.RouteDevice{{
			Device: s.device.ID(), Peer: c.host.ID(), Addrs: c.host.Addrs(),
		}}},
	}
	for _, h := range s.handles {
		p.Names = append(p.Names, h.Name)
	}
	err := c.view(func(w *work) error {
		var g generationRec
		if err := get(w.tx, keyGeneration(s.rec.SPK), &g); err != nil {
			return err
		}
		p.Bundles[s.device.ID()] = g.Bundle
		return nil
	})
	if err != nil {
		c.cfg.Logger.Warn("profile without a bundle", "error", err)
	}
	return p
}

// OnProfile calls f after Profile changed (keys rotated, handle, route). f must
// not block.
func (c *Chat) OnProfile(f func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listener++
	n := c.listener
	c.listeners[n] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listeners, n)
	}
}

func (c *Chat) profileChanged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.listeners {
		f()
	}
}

func (c *Chat) linkState(d identity.DeviceID) mesh.LinkState { return c.mesh.State(d) }
