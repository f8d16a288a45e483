package chat

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// presence knows which devices are connected, and what of it was announced.
type presence struct {
	poke chan struct{}

	mu        sync.Mutex
	connected map[identity.DeviceID]bool // guarded by mu
	announced map[identity.AccountID]bool
	dirty     map[identity.DeviceID]bool
}

func newPresence() *presence {
	return &presence{
		poke: make(chan struct{}, 1), connected: map[identity.DeviceID]bool{},
		announced: map[identity.AccountID]bool{}, dirty: map[identity.DeviceID]bool{},
	}
}

// LinkChanged hears of links. It is mesh.LinkWatcher.
func (c *Chat) LinkChanged(s mesh.LinkState) {
	p := c.presence
	p.mu.Lock()
	if s.Connected {
		p.connected[s.Device] = true
	} else {
		delete(p.connected, s.Device)
	}
	p.dirty[s.Device] = true
	p.mu.Unlock()
	poke(p.poke)
}

func (p *presence) online(devices []identity.DeviceID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(devices, func(d identity.DeviceID) bool { return p.connected[d] })
}

func (p *presence) take() []identity.DeviceID {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Collect(maps.Keys(p.dirty))
	clear(p.dirty)
	return out
}

// run announces who came and went, once a change has lasted: a link that
// flaps is one event or none.
func (c *Chat) runPresence(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.presence.poke:
		}
		if !sleep(ctx, c.cfg.PresenceDelay) {
			return nil
		}
		if err := c.announce(ctx, c.presence.take()); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("presence", "error", err)
		}
	}
}

func (c *Chat) announce(ctx context.Context, devices []identity.DeviceID) error {
	return c.updateLazy(ctx, func(w *work) error {
		done := map[identity.AccountID]bool{}
		for _, id := range devices {
			d, err := w.device(id)
			if err != nil {
				return err
			}
			if done[d.Account] {
				continue
			}
			done[d.Account] = true
			if err := w.announceContact(d.Account); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *work) announceContact(account identity.AccountID) error {
	rec, err := w.contact(account)
	if err != nil || rec == nil || rec.State != Accepted {
		return err
	}
	online := w.c.presence.online(rec.Devices)
	if !w.c.presence.news(account, online) {
		return nil
	}
	rec.LastSeen = ms(w.now)
	w.keepContact(account, rec)
	return emit(w.tx, EventPresence, Ref{Account: account, Online: online})
}

// news notes what is announced about an account, and says whether it differs
// from before.
func (p *presence) news(account identity.AccountID, online bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.announced[account] == online {
		return false
	}
	p.announced[account] = online
	return true
}

// maxHints bounds how many peers are remembered.
const maxHints = 4096

// hints remember which devices spoke through which peer, so that their
// sessions are tried first. They decide nothing: the session does.
type hints struct {
	mu sync.Mutex
	by map[peer.ID][]identity.DeviceID // guarded by mu, at most 4 each
}

func (h *hints) learn(p peer.ID, d identity.DeviceID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.by[p]
	if slices.Contains(known, d) {
		return
	}
	if len(h.by) >= maxHints {
		clear(h.by)
	}
	if len(known) >= 4 {
		known = known[1:]
	}
	h.by[p] = append(slices.Clone(known), d)
}

func (h *hints) devices(p peer.ID) []identity.DeviceID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.by[p]
}
