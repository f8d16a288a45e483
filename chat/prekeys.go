package chat

import (
	"context"
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Lifetimes of prekeys, spec/bodies.md#prekeys.
const (
	rotateEvery = 24 * time.Hour      // a generation is offered so long
	keepAfter   = 48 * time.Hour      // and can still be answered so long after
	keepAtMost  = 30 * 24 * time.Hour // whatever happens
	refillAt    = 16                  // one-time keys left
	refillGap   = time.Hour           // and no sooner, however fast they go
)

// generationRec is one signed prekey pair with its private halves.
type generationRec struct {
	SPK        [32]byte `cbor:"1,keyasint"`
	Seed       [64]byte `cbor:"2,keyasint"` // ML-KEM-1024
	Bundle     []byte   `cbor:"3,keyasint"`
	Hash       [32]byte `cbor:"4,keyasint"` // of the bundle
	Issued     int64    `cbor:"5,keyasint"` // ms
	Superseded int64    `cbor:"6,keyasint,omitempty"`
	Count      uint32   `cbor:"7,keyasint"` // one-time keys made
	Next       uint32   `cbor:"8,keyasint,omitempty"`
}

// low says that the one-time keys run out.
func (g *generationRec) low() bool {
	return g.Next > 0 && g.Count-g.Next <= min(refillAt, g.Count/2)
}

// oneTimeRec is the private half of a one-time key, with the proof that others
// need: its siblings in the tree may be gone when it is handed out.
type oneTimeRec struct {
	X     [32]byte   `cbor:"1,keyasint"`
	Seed  [64]byte   `cbor:"2,keyasint"`
	Proof [][32]byte `cbor:"3,keyasint"`
}

func (o *oneTimeRec) public(id uint32) (identity.OneTimeKey, error) {
	x, kem, err := publicHalves(o.X, o.Seed)
	return identity.OneTimeKey{ID: id, X: x, KEM: kem, Proof: o.Proof}, err
}

func publicHalves(secret [32]byte, seed [64]byte) (x [32]byte, kem []byte, err error) {
	k, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		return x, nil, fmt.Errorf("chat: prekey: %w", err)
	}
	d, err := mlkem.NewDecapsulationKey1024(seed[:])
	if err != nil {
		return x, nil, fmt.Errorf("chat: prekey: %w", err)
	}
	return [32]byte(k.PublicKey().Bytes()), d.EncapsulationKey().Bytes(), nil
}

// generation is a fresh set of prekeys, not yet stored.
type generation struct {
	id      uint32
	rec     generationRec
	oneTime []oneTimeRec
}

func newGeneration(rand io.Reader, self *Self, now time.Time, count int) (*generation, error) {
	g := &generation{id: self.rec.SPK + 1}
	if err := draw(rand, g.rec.SPK[:], g.rec.Seed[:]); err != nil {
		return nil, err
	}
	root, err := g.drawOneTime(rand, count)
	if err != nil {
		return nil, err
	}
	x, kem, err := publicHalves(g.rec.SPK, g.rec.Seed)
	if err != nil {
		return nil, err
	}
	b, err := identity.NewBundle(self.device, identity.Bundle{
		Seq: self.rec.BundleSeq + 1, Issued: now, SPKID: g.id, SPK: x, PQSPK: kem,
		OPKRoot: root, OPKCount: uint32(count),
	})
	if err != nil {
		return nil, err
	}
	g.rec.Bundle, g.rec.Hash, g.rec.Issued, g.rec.Count = b.Bytes(), b.Hash(), ms(now), uint32(count)
	return g, nil
}

func (g *generation) drawOneTime(rand io.Reader, count int) (root [32]byte, err error) {
	g.oneTime = make([]oneTimeRec, count)
	keys := make([]identity.OneTimeKey, count)
	for i := range g.oneTime {
		o := &g.oneTime[i]
		if err := draw(rand, o.X[:], o.Seed[:]); err != nil {
			return root, err
		}
		if keys[i], err = o.public(uint32(i)); err != nil {
			return root, err
		}
	}
	root, proofs := identity.OneTimeTree(keys)
	for i := range g.oneTime {
		g.oneTime[i].Proof = proofs[i]
	}
	return root, nil
}

func draw(rand io.Reader, to ...[]byte) error {
	for _, b := range to {
		if _, err := io.ReadFull(rand, b); err != nil {
			return fmt.Errorf("chat: random: %w", err)
		}
	}
	return nil
}

// rotatePrekeys makes a new generation when the present one is old or its
// one-time keys run out, and erases those that nobody may use any more.
func (c *Chat) rotatePrekeys(ctx context.Context) error {
	due, err := c.prekeysDue()
	if err != nil || !due {
		return errors.Join(err, c.eraseGenerations(ctx))
	}
	now := c.cfg.Now()
	g, err := newGeneration(c.cfg.Rand, c.self.Load(), now, c.cfg.Limits.OneTimeKeys)
	if err != nil {
		return err
	}
	err = c.update(ctx, func(w *work) error { return w.saveGeneration(g, ms(now)) })
	if err != nil {
		return fmt.Errorf("chat: rotate prekeys: %w", err)
	}
	c.profileChanged()
	return c.eraseGenerations(ctx)
}

func (c *Chat) prekeysDue() (due bool, err error) {
	err = c.view(func(w *work) error {
		var rec generationRec
		switch err := get(w.tx, keyGeneration(w.self.rec.SPK), &rec); {
		case errors.Is(err, store.ErrNotFound):
			due = true
		case err != nil:
			return err
		default:
			age := c.cfg.Now().Sub(fromMS(rec.Issued))
			due = age >= rotateEvery || age >= refillGap && rec.low()
		}
		return nil
	})
	return due, err
}

func (w *work) saveGeneration(g *generation, now int64) error {
	if w.self.rec.SPK >= g.id {
		return nil // somebody was faster
	}
	if old := w.self.rec.SPK; old != 0 {
		if err := change(w.tx, keyGeneration(old), func(r *generationRec) { r.Superseded = now }); err != nil {
			return err
		}
	}
	for i := range g.oneTime {
		if err := set(w.tx, keyOneTime(g.id, uint32(i)), &g.oneTime[i]); err != nil {
			return err
		}
	}
	if err := set(w.tx, keyGeneration(g.id), &g.rec); err != nil {
		return err
	}
	return w.changeSelf(func(r *selfRec) error {
		r.SPK, r.BundleSeq = g.id, r.BundleSeq+1
		return nil
	})
}

// eraseGenerations erases private halves whose time is over.
func (c *Chat) eraseGenerations(ctx context.Context) error {
	var dead []uint32
	now := c.cfg.Now()
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableGeneration.Key()}, func(tail []byte, r *generationRec) error {
			over := r.Superseded != 0 && now.Sub(fromMS(r.Superseded)) > keepAfter
			if over || now.Sub(fromMS(r.Issued)) > keepAtMost && r.Superseded != 0 {
				dead = append(dead, uint32(uintOf(tail)))
			}
			return nil
		})
	})
	if err != nil || len(dead) == 0 {
		return err
	}
	return c.update(ctx, func(w *work) error {
		for _, id := range dead {
			w.tx.Delete(keyGeneration(id))
			if err := deleteAll(w.tx, tableOneTime.Key(store.Uint(uint64(id)))); err != nil {
				return err
			}
		}
		return nil
	})
}

// prekeysOf returns the private halves that a handshake names. ErrNotFound when
// they are gone.
func (w *work) prekeysOf(p ratchet.Prefix) (ratchet.Prekeys, error) {
	var g generationRec
	if err := get(w.tx, keyGeneration(p.SPKID), &g); err != nil {
		return ratchet.Prekeys{}, err
	}
	k := ratchet.Prekeys{SPK: g.SPK, PQSPKSeed: g.Seed, BundleHash: g.Hash}
	if p.HasOPK {
		var o oneTimeRec
		if err := get(w.tx, keyOneTime(p.SPKID, p.OPKID), &o); err != nil {
			return ratchet.Prekeys{}, err
		}
		k.OPK = &ratchet.OneTimeSecret{X: o.X, KEMSeed: o.Seed}
	}
	return k, nil
}
