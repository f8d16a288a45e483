package ratchet

import (
	"cmp"
	"math/bits"
	"slices"
)

// window is how many message numbers one block covers.
const window = 64

// block holds the skipped keys of one window of one chain. It is never changed
// once it is part of a session.
type block struct {
	chain uint32 // number of the chain, or epoch in the lane
	base  uint32 // first message number, a multiple of window
	mask  uint64 // bit i: the key of base+i is here
	keys  []key  // in order of number
}

// skipped are the keys of messages that have not come yet, oldest first. It is
// a value: blocks are shared between the states of a session, and a change
// copies one block and the list of them; spec/ratchet.md#skipped-keys.
type skipped struct {
	blocks []*block
	count  int
}

// compare orders blocks by age.
func (b *block) compare(chain, base uint32) int {
	return cmp.Or(cmp.Compare(b.chain, chain), cmp.Compare(b.base, base))
}

// find returns the place of the block of a message.
func (s skipped) find(chain, n uint32) (int, bool) {
	base := n &^ (window - 1)
	return slices.BinarySearchFunc(s.blocks, chain, func(b *block, chain uint32) int {
		return b.compare(chain, base)
	})
}

// get returns the key of a message without taking it out.
func (s skipped) get(chain, n uint32) (key, bool) {
	i, ok := s.find(chain, n)
	if !ok {
		return key{}, false
	}
	b, bit := s.blocks[i], n%window
	if b.mask>>bit&1 == 0 {
		return key{}, false
	}
	return b.keys[bits.OnesCount64(b.mask&(1<<bit-1))], true
}

// has tells whether keys of a chain are kept.
func (s skipped) has(chain uint32) bool {
	i, _ := s.find(chain, 0)
	return i < len(s.blocks) && s.blocks[i].chain == chain
}

// without returns s less the key of a message, which must be there.
func (s skipped) without(chain, n uint32) skipped {
	i, _ := s.find(chain, n)
	b, bit := s.blocks[i], n%window
	s.count--
	if len(b.keys) == 1 {
		s.blocks = slices.Concat(s.blocks[:i], s.blocks[i+1:])
		return s
	}
	at := bits.OnesCount64(b.mask & (1<<bit - 1))
	s.blocks = slices.Clone(s.blocks)
	s.blocks[i] = &block{chain: b.chain, base: b.base, mask: b.mask &^ (1 << bit),
		keys: slices.Concat(b.keys[:at], b.keys[at+1:])}
	return s
}

// with returns s plus the keys of the messages from..from+len(keys)-1 of a
// chain, all newer than what is there, and without the oldest beyond the cap.
func (s skipped) with(chain, from uint32, keys []key) skipped {
	if len(keys) == 0 {
		return s
	}
	s.blocks = slices.Clone(s.blocks)
	s.count += len(keys)
	for len(keys) > 0 {
		n := min(len(keys), int(window-from%window))
		s.push(chain, from, keys[:n])
		from, keys = from+uint32(n), keys[n:]
	}
	return s.capped()
}

// push adds keys of one window at the end of a list that is ours to change.
func (s *skipped) push(chain, from uint32, keys []key) {
	base := from &^ (window - 1)
	mask := (^uint64(0) >> (window - len(keys))) << (from - base)
	last := len(s.blocks) - 1
	if last >= 0 && s.blocks[last].compare(chain, base) == 0 {
		b := s.blocks[last]
		s.blocks[last] = &block{chain: chain, base: base, mask: b.mask | mask, keys: slices.Concat(b.keys, keys)}
		return
	}
	s.blocks = append(s.blocks, &block{chain: chain, base: base, mask: mask, keys: slices.Clone(keys)})
}

// capped drops the oldest keys beyond MaxStored.
func (s skipped) capped() skipped {
	for s.count > MaxStored {
		b, over := s.blocks[0], s.count-MaxStored
		if over >= len(b.keys) {
			s.blocks, s.count = s.blocks[1:], s.count-len(b.keys)
			continue
		}
		cut := *b
		for range over {
			cut.mask &= cut.mask - 1
		}
		cut.keys = slices.Clone(b.keys[over:])
		s.blocks = append([]*block{&cut}, s.blocks[1:]...)
		s.count = MaxStored
	}
	return s
}

// drop returns s without the blocks that gone tells of.
func (s skipped) drop(gone func(*block) bool) skipped {
	var kept []*block
	s.count = 0
	for _, b := range s.blocks {
		if !gone(b) {
			kept = append(kept, b)
			s.count += len(b.keys)
		}
	}
	s.blocks = kept
	return s
}

// since returns s less everything older than message n of a chain.
func (s skipped) since(chain, n uint32) skipped {
	base := n &^ (window - 1)
	s = s.drop(func(b *block) bool { return b.compare(chain, base) < 0 })
	for m := base; m < n; m++ {
		if _, ok := s.get(chain, m); ok {
			s = s.without(chain, m)
		}
	}
	return s
}
