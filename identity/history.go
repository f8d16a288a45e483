package identity

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// history is one judgement of a chain of manifests.
type history struct {
	pin     Pin
	genesis Genesis
	certs   []*DeviceCert
	links   []*link // by number, each manifest once
}

// link is a manifest in a history. It is proven once it is known that the
// account said it: the account key signed it, it is pinned, a proven manifest
// points back at it, or an admin device of a proven manifest signed the next.
type link struct {
	*Manifest
	hash   [32]byte
	proven bool
}

func newHistory(p Pin, g Genesis, chain []*Manifest, certs []*DeviceCert) (*history, error) {
	h := &history{pin: p, genesis: g, certs: certs}
	id := g.AccountID()
	for _, m := range chain {
		if m.Account != id {
			return nil, fmt.Errorf("%w: manifest of another account", ErrForged)
		}
		h.links = append(h.links, &link{Manifest: m, hash: m.Hash()})
	}
	if len(h.links) == 0 {
		return nil, fmt.Errorf("%w: no manifest at all", ErrGap)
	}
	slices.SortFunc(h.links, func(a, b *link) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), bytes.Compare(a.hash[:], b.hash[:]))
	})
	h.links = slices.CompactFunc(h.links, func(a, b *link) bool { return a.hash == b.hash })
	return h, nil
}

// proveFromAbove goes from the newest manifest down: the pin and the account
// key's signatures prove a manifest, and each proven one the one it points at.
func (h *history) proveFromAbove() error {
	vouched := map[[32]byte]bool{h.pin.Hash: h.pin.Seq > 0}
	for _, l := range slices.Backward(h.links) {
		if l.Issuer == (DeviceID{}) {
			if err := l.Verify(h.genesis, nil, nil); err != nil {
				return err
			}
			l.proven = true
		}
		if l.proven = l.proven || vouched[l.hash]; l.proven {
			vouched[l.Prev] = true
		}
	}
	return nil
}

// proveFromBelow goes from the oldest manifest up, along the signatures of
// admin devices. A manifest whose predecessor is not at hand stays unproven.
func (h *history) proveFromBelow() error {
	proven := map[[32]byte]*link{}
	for _, l := range h.links {
		if prev := proven[l.Prev]; !l.proven && prev != nil {
			if err := l.Verify(h.genesis, prev.Manifest, h.certs); err != nil {
				return err
			}
			l.proven = true
		}
		if l.proven {
			proven[l.hash] = l
		}
	}
	return nil
}

// forks looks for two proven manifests that cannot be in one history.
func (h *history) forks() error {
	before := &link{Manifest: h.pinned(), hash: h.pin.Hash}
	for _, l := range h.links {
		if l.proven && h.pin.Seq > 0 && splits(h.pin, l) {
			return &ForkError{before.Manifest, l.Manifest}
		}
	}
	var last *link
	for _, l := range h.links {
		if !l.proven {
			continue
		}
		if last != nil && splits(Pin{last.Seq, last.hash}, l) {
			return &ForkError{last.Manifest, l.Manifest}
		}
		last = l
	}
	return nil
}

// splits tells whether l cannot be in a history that holds p.
func splits(p Pin, l *link) bool {
	return l.Seq == p.Seq && l.hash != p.Hash || l.Seq-1 == p.Seq && l.Prev != p.Hash
}

// pinned is the pinned manifest, if it is in the chain.
func (h *history) pinned() *Manifest {
	for _, l := range h.links {
		if l.hash == h.pin.Hash {
			return l.Manifest
		}
	}
	return nil
}

// newest follows the proven manifests from the pin on.
func (h *history) newest(gaps bool) (*Manifest, error) {
	if last := h.links[len(h.links)-1]; last.Seq < h.pin.Seq {
		return nil, fmt.Errorf("%w: manifest %d, pinned %d", ErrRollback, last.Seq, h.pin.Seq)
	}
	at, newest := h.pin.Seq, h.pinned()
	for _, l := range h.links {
		switch {
		case l.Seq < h.pin.Seq || l.proven && l.Seq == h.pin.Seq:
			continue
		case !l.proven:
			return nil, fmt.Errorf("%w: nothing proves manifest %d", ErrGap, l.Seq)
		case at > 0 && l.Seq != at+1 && !gaps:
			return nil, fmt.Errorf("%w: between manifests %d and %d", ErrGap, at, l.Seq)
		}
		at, newest = l.Seq, l.Manifest
	}
	return newest, nil
}
