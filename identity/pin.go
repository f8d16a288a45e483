package identity

import "time"

// Pin is what one remembers of somebody's manifests: the newest one accepted.
// The zero pin has accepted nothing yet.
type Pin struct {
	Seq  uint64
	Hash [32]byte
}

// Head is a pin as messages and scanned codes carry it.
type Head struct {
	Seq  uint64
	Hash [16]byte // the first half of the manifest's hash
}

// Head shortens the pin.
func (p Pin) Head() Head { return Head{p.Seq, [16]byte(p.Hash[:16])} }

// Advance judges what an account says of itself and gives the pin of the newest
// manifest in the chain. spec/identity.md#accepting-manifests
//
// The chain may come in any order and hold manifests from several sources; it
// must reach back to the pinned manifest itself or, for the zero pin, to one
// that the account key signed. certs are the certificates that came along: those
// of the signers are needed, of others they are checked.
//
// With [ErrExpired] the pin is the advanced one: such an account may still be
// heard, but no session is started with it. With any other error the pin is p:
// [ErrRollback] (ignore), [ErrGap] (fetch the missing links or certificates),
// [ErrForged] (distrust the source), [ErrFork], as a [ForkError] (stop sending,
// raise the alarm).
func (p Pin) Advance(g Genesis, chain []*Manifest, certs []*DeviceCert, now time.Time) (Pin, error) {
	return p.judge(g, chain, certs, now, false)
}

// Rejoin is Advance for somebody who was away for longer than the chain reaches
// back: it passes over missing links, as long as what follows them is proven by
// a manifest that the account key signed. A fork among the missing ones goes unseen, so the
// caller says so to its user.
func (p Pin) Rejoin(g Genesis, chain []*Manifest, certs []*DeviceCert, now time.Time) (Pin, error) {
	return p.judge(g, chain, certs, now, true)
}

// ForkError proves that an account signed two histories: A and B have one
// number, or B follows A and points back at another manifest than A. A is nil
// when it is the pinned manifest and was not in the chain.
type ForkError struct{ A, B *Manifest }

func (e *ForkError) Error() string { return ErrFork.Error() }

// Unwrap makes errors.Is(err, ErrFork) hold.
func (e *ForkError) Unwrap() error { return ErrFork }

func (p Pin) judge(g Genesis, chain []*Manifest, certs []*DeviceCert, now time.Time, gaps bool) (Pin, error) {
	h, err := newHistory(p, g, chain, certs)
	if err != nil {
		return p, err
	}
	for _, step := range []func() error{h.proveFromAbove, h.proveFromBelow, h.forks} {
		if err := step(); err != nil {
			return p, err
		}
	}
	newest, err := h.newest(gaps)
	if err != nil {
		return p, err
	}
	if err := h.checkIssuers(newest); err != nil {
		return p, err
	}
	return newest.Pin(), newest.Valid(now)
}
