package chat

import (
	"context"
	"crypto/subtle"

	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// addrWatcher is a Host that tells when its addresses change; *node.Node does.
type addrWatcher interface {
	OnAddrs(f func([]multiaddr.Multiaddr)) (cancel func())
}

// runRoute publishes new addresses of ours, and tells them to the contacts that
// are connected: they need no directory to find us again. The others find the
// published ones.
func (c *Chat) runRoute(ctx context.Context) error {
	due := make(chan struct{}, 1)
	if h, ok := c.host.(addrWatcher); ok {
		cancel := h.OnAddrs(func([]multiaddr.Multiaddr) { poke(due) })
		defer cancel()
	}
	poke(due) // they may have changed while we were away
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-due:
		}
		if err := c.tellRoute(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("tell addresses", "error", err)
		}
		if !sleep(ctx, c.cfg.RouteGap) {
			return nil
		}
	}
}

func (c *Chat) tellRoute(ctx context.Context) error {
	now := c.routeHash()
	told := c.self.Load().rec.Told
	if subtle.ConstantTimeCompare(now[:], told[:]) == 1 {
		return nil
	}
	err := c.update(ctx, func(w *work) error {
		if err := w.changeSelf(func(r *selfRec) error { r.Told = now; return nil }); err != nil {
			return err
		}
		return w.oweEach(oweProfile, func(rec *contactRec) bool { return c.presence.online(rec.Devices) })
	})
	if err == nil {
		c.profileChanged()
	}
	return err
}

func (c *Chat) routeHash() [32]byte {
	parts := [][]byte{[]byte(c.host.ID())}
	for _, a := range addrBytes(c.host.Addrs()) {
		parts = append(parts, []byte{byte(len(a))}, a)
	}
	return identity.Hash("chat-route", parts...)
}
