package ratchet

import (
	"io"
	"slices"
)

// keptResume is how many resume keys are kept.
const keptResume = 4

// double is the Double Ratchet with header encryption; spec/ratchet.md#double-ratchet.
type double struct {
	root       key
	step       uint32 // root steps made so far
	self       *dhKey // nil for an initiator that has sent nothing
	remote     [32]byte
	live       bool // the sending chain belongs to remote; else Seal turns first
	send, recv chain
	sendHead   key
	recvHead   key
	nextSend   key
	nextRecv   key
	prev       uint32 // messages in the sending chain before this one
	resume     [keptResume]key
	old        []oldHead
	skipped    skipped
}

// oldHead is the header key of an earlier chain with messages outstanding.
type oldHead struct {
	chain uint32
	key   key
}

// advanceRoot makes one root step with the agreement of self and remote, and
// returns the chain it starts and the header key of the chain after it.
func (d *double) advanceRoot() (c chain, nextHead key, err error) {
	if d.self == nil {
		return c, nextHead, ErrState
	}
	shared, err := d.self.agree(d.remote)
	if err != nil {
		return c, nextHead, err
	}
	okm := kdf(d.root[:], shared[:], labelRoot, nil, 4*32)
	defer clear(okm)
	d.step++
	d.root = key(okm)
	d.resume[d.step%keptResume] = key(okm[96:])
	return chain{id: d.step, key: key(okm[32:])}, key(okm[64:]), nil
}

// turnSend starts a sending chain with a fresh ratchet key. It is done when the
// first message of the chain is sealed, not when the peer's key is received:
// the wire is the same, and the key is not older than it has to be.
func (d *double) turnSend(rand io.Reader) (err error) {
	if d.self, err = newDHKey(rand); err != nil {
		return err
	}
	prev, head := d.send.n, d.nextSend
	if d.send, d.nextSend, err = d.advanceRoot(); err != nil {
		return err
	}
	d.prev, d.sendHead, d.live = prev, head, true
	return nil
}

// turnRecv closes the receiving chain and starts the one of the header.
func (d *double) turnRecv(h *header) (err error) {
	if d.recv.id == 0 && h.pn != 0 {
		return ErrCorrupt // there was no chain before the first
	}
	if d.skipped, err = d.recv.skipTo(h.pn, MaxSkip, d.skipped); err != nil {
		return err
	}
	if d.skipped.has(d.recv.id) {
		d.retire(oldHead{d.recv.id, d.recvHead})
	}
	d.remote, d.recvHead = h.dh, d.nextRecv
	if d.recv, d.nextRecv, err = d.advanceRoot(); err != nil {
		return ErrCorrupt
	}
	d.live, d.send.key = false, key{}
	return nil
}

// retire keeps the header key of a closed chain, and forgets the oldest one
// with all its messages when there are too many.
func (d *double) retire(h oldHead) {
	d.old = append(slices.Clone(d.old), h)
	if len(d.old) > MaxOldHeaders {
		gone := d.old[0].chain
		d.old = d.old[1:]
		d.skipped = d.skipped.drop(func(b *block) bool { return b.chain == gone })
	}
}

// prune forgets the header keys of chains with nothing outstanding.
func (d *double) prune() {
	stale := func(h oldHead) bool { return !d.skipped.has(h.chain) }
	if slices.ContainsFunc(d.old, stale) {
		d.old = slices.DeleteFunc(slices.Clone(d.old), stale)
	}
}

// which tells by what key a header was opened.
type which struct {
	next  bool   // by the header key of the next chain
	chain uint32 // else the chain it is from
}

// messageKey takes the key of the message with this header.
func (d *double) messageKey(h *header, w which) (k key, err error) {
	switch {
	case w.next:
		if err = d.turnRecv(h); err != nil {
			return k, err
		}
	case w.chain != d.recv.id:
		return d.takeSkipped(w.chain, h.n)
	case h.dh != d.remote:
		return k, ErrCorrupt
	case h.n < d.recv.n:
		return d.takeSkipped(w.chain, h.n)
	}
	if d.skipped, err = d.recv.skipTo(h.n, MaxSkip, d.skipped); err != nil {
		return k, err
	}
	d.prune()
	return d.recv.next(), nil
}

// takeSkipped takes a key that was put aside.
func (d *double) takeSkipped(chain, n uint32) (key, error) {
	k, ok := d.skipped.get(chain, n)
	if !ok {
		return key{}, ErrDuplicate
	}
	d.skipped = d.skipped.without(chain, n)
	d.prune()
	return k, nil
}

// openHeader tries the header keys there are, at most seven.
func (d *double) openHeader(nonce, sealed, ad []byte) (h header, w which, err error) {
	buf := make([]byte, 0, headerSize)
	if d.recv.id != 0 {
		if h, ok := tryHeader(buf, &d.recvHead, nonce, sealed, ad); ok {
			return h, which{chain: d.recv.id}, nil
		}
	}
	if h, ok := tryHeader(buf, &d.nextRecv, nonce, sealed, ad); ok {
		return h, which{next: true}, nil
	}
	for i := len(d.old) - 1; i >= 0; i-- {
		if h, ok := tryHeader(buf, &d.old[i].key, nonce, sealed, ad); ok {
			return h, which{chain: d.old[i].chain}, nil
		}
	}
	return h, w, ErrNotMine
}

// tryHeader opens a header with one key, in buf.
func tryHeader(buf []byte, k *key, nonce, sealed, ad []byte) (header, bool) {
	plain, err := openTo(buf, k, nonce, sealed, ad)
	if err != nil {
		return header{}, false
	}
	return decodeHeader(plain)
}
