package dht

import (
	"context"
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/argon2"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// puzzle is the work of one record: for each of four numbers, a nonce whose
// Argon2id hash begins with enough zero bits. It is bound to place and key,
// not to content, so that it serves the whole epoch. spec/directory.md#work
type puzzle struct {
	salts  [nonces][16]byte
	memory uint32 // KiB
}

func newPuzzle(e *envelope, memory uint32) puzzle {
	p := puzzle{memory: memory}
	head := e.bound()
	for i := range p.salts {
		h := identity.Hash("dir-work", head, []byte{byte(i)})
		copy(p.salts[i][:], h[:16])
	}
	return p
}

// zeros is what a nonce is worth in place i.
func (p *puzzle) zeros(i int, nonce uint64) int {
	h := argon2.IDKey(binary.BigEndian.AppendUint64(nil, nonce), p.salts[i][:], 1, p.memory, 1, 8)
	return bits.LeadingZeros64(binary.BigEndian.Uint64(h))
}

// check verifies every nonce and stops at the first that fails.
func (p *puzzle) check(ns [nonces]uint64, want uint8) bool {
	for i, n := range ns {
		if p.zeros(i, n) < int(want) {
			return false
		}
	}
	return true
}

// miner looks for better nonces, one attempt at a time, so that it can stop
// and go on at any moment. Not for concurrent use.
type miner struct {
	puzzle
	best [nonces]int
	won  [nonces]uint64
	next uint64
}

func newMiner(p puzzle) *miner {
	m := &miner{puzzle: p}
	for i := range m.best {
		m.best[i] = -1
	}
	return m
}

// bits is the work that the nonces found so far prove.
func (m *miner) bits() int { return m.best[m.weakest()] }

func (m *miner) weakest() int {
	w := 0
	for i := range m.best {
		if m.best[i] < m.best[w] {
			w = i
		}
	}
	return w
}

// attempt tries one nonce in the weakest place and tells whether the record
// is now worth more.
func (m *miner) attempt() bool {
	before, i := m.bits(), m.weakest()
	if z := m.zeros(i, m.next); z > m.best[i] {
		m.best[i], m.won[i] = z, m.next
	}
	m.next++
	return m.bits() > before
}

// mine works until the nonces prove want bits or ctx ends.
func (m *miner) mine(ctx context.Context, want int) error {
	for m.bits() < want {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.attempt()
	}
	return nil
}
