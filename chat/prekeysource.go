package chat

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/store"
)

var errProof = errors.New("chat: prekeys asked for without proof")

// Prekeys answers a request for what a first message to this device needs. The
// asker proves that it was told of the account: by the locator of its claim or
// by an invite. It is part of mesh.PrekeySource.
func (c *Chat) Prekeys(ctx context.Context, from peer.ID, req mesh.PrekeyRequest) (mesh.PrekeyResponse, error) {
	self := c.self.Load()
	if req.Account != self.account.ID() || !c.proofHolds(self, req) {
		return mesh.PrekeyResponse{}, errProof
	}
	r := mesh.PrekeyResponse{Manifests: self.rec.Manifests, Certs: [][]byte{self.rec.Cert}}
	// Lazy: after a power cut a key may be handed out twice, and the second one
	// who uses it is told to begin again.
	err := c.updateLazy(ctx, func(w *work) error {
		return w.offer(&r, req.OneTime)
	})
	if err != nil {
		return mesh.PrekeyResponse{}, fmt.Errorf("chat: prekeys: %w", err)
	}
	return r, nil
}

func (c *Chat) proofHolds(self *Self, req mesh.PrekeyRequest) bool {
	if len(req.Token) > 0 {
		_, err := c.openInvite(req.Token)
		return err == nil
	}
	return subtle.ConstantTimeCompare(req.Locator, self.rec.Locator[:]) == 1
}

// offer fills in the bundle and, when asked and when there is one, a one-time
// key that nobody was given before.
func (w *work) offer(r *mesh.PrekeyResponse, oneTime bool) error {
	id := w.self.rec.SPK
	var g generationRec
	if err := get(w.tx, keyGeneration(id), &g); err != nil {
		return err
	}
	r.Bundle = g.Bundle
	if !oneTime || g.Next >= g.Count {
		return nil
	}
	key, err := w.takeOneTime(id, g.Next)
	if err != nil {
		return err
	}
	r.OneTime = key
	g.Next++
	if g.low() {
		w.tx.OnCommit(w.c.wakeUpkeep)
	}
	return set(w.tx, keyGeneration(id), &g)
}

func (w *work) takeOneTime(spk, id uint32) (*identity.OneTimeKey, error) {
	var o oneTimeRec
	err := get(w.tx, keyOneTime(spk, id), &o)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // used before the count said so, after a power cut
	}
	if err != nil {
		return nil, err
	}
	k, err := o.public(id)
	return &k, err
}
