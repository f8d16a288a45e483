package dht

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"runtime/debug"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// place is where records of one kind, epoch and secret lie, and the key they
// are sealed with. spec/directory.md#places
type place struct {
	kind  Kind
	epoch uint32
	index [32]byte
	seal  [32]byte
}

func newPlace(k Kind, epoch uint32, secret []byte) place {
	p := place{kind: k, epoch: epoch, index: [32]byte(secret[:32])}
	ctx := append([]byte{byte(k)}, secret[:32]...)
	copy(p.seal[:], identity.Derive(nil, secret[32:], "dir-seal", ctx, 32))
	return p
}

func epochBytes(epoch uint32) []byte { return binary.BigEndian.AppendUint32(nil, epoch) }

// fullPlace needs no slow hash: nobody counts through 50 bits for each name.
func fullPlace(h identity.Handle, epoch uint32) place {
	return newPlace(KindFull, epoch, identity.Derive(nil, []byte(h.String()), "dir-full", epochBytes(epoch), 64))
}

// locatorPlace is shared by an account record and the bundles of its devices.
func locatorPlace(k Kind, locator [32]byte, epoch uint32) place {
	return newPlace(k, epoch, identity.Derive(nil, locator[:], "dir-locator", epochBytes(epoch), 64))
}

func routePlace(presence [32]byte, epoch uint32) place {
	return newPlace(KindRoute, epoch, identity.Derive(nil, presence[:], "dir-presence", epochBytes(epoch), 64))
}

// recordKey is the key that signs the owner's record at a place: stable for
// the epoch, so that servers can keep its sequence, and tied to no other
// record. part tells records at one place apart.
func recordKey(secret [32]byte, p place, part [16]byte) ed25519.PrivateKey {
	ctx := append([]byte{byte(p.kind)}, p.index[:]...)
	ctx = append(ctx, part[:]...)
	return ed25519.NewKeyFromSeed(identity.Derive(nil, secret[:], "dir-seed", ctx, ed25519.SeedSize))
}

// slowHashes runs one 64 MiB hash at a time and remembers the results, so that
// neither a burst of look-ups nor a list of claimants can take the memory of a
// small machine.
type slowHashes struct {
	turn   chan struct{} // holds one token
	memory uint32        // KiB of a bare name's hash
	passes uint32
	tag    func(name string, id identity.AccountID) (identity.Handle, error)

	mu     sync.Mutex
	places map[placeKey]place
	tags   map[tagKey]identity.Handle
}

type placeKey struct {
	name  string
	epoch uint32
}

type tagKey struct {
	name    string
	account identity.AccountID
}

const maxRemembered = 256 // results kept of each sort

func newSlowHashes(memory, passes uint32) *slowHashes {
	s := &slowHashes{turn: make(chan struct{}, 1), memory: memory, passes: passes, tag: identity.NewHandle}
	s.turn <- struct{}{}
	s.places, s.tags = map[placeKey]place{}, map[tagKey]identity.Handle{}
	return s
}

// exclusively runs f when no other hash runs, and gives its memory back to the
// system before the next one: 64 MiB for a fraction of a second, not for good.
// The caller does not wait for that.
func (s *slowHashes) exclusively(ctx context.Context, f func()) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	f()
	if s.memory < 64<<10 {
		s.turn <- struct{}{}
		return nil
	}
	go func() {
		debug.FreeOSMemory()
		s.turn <- struct{}{}
	}()
	return nil
}

// namePlace is where the claims of a bare name lie in an epoch.
func (s *slowHashes) namePlace(ctx context.Context, name string, epoch uint32) (place, error) {
	k := placeKey{name, epoch}
	if p, ok := recall(&s.mu, s.places, k); ok {
		return p, nil
	}
	var p place
	err := s.exclusively(ctx, func() {
		salt := identity.Hash("dir-name", epochBytes(epoch))
		p = newPlace(KindName, epoch, argon2.IDKey([]byte(name), salt[:16], s.passes, s.memory, 1, 64))
	})
	if err == nil {
		remember(&s.mu, s.places, k, p)
	}
	return p, err
}

// handle is the account's full handle under a name.
func (s *slowHashes) handle(ctx context.Context, name string, id identity.AccountID) (identity.Handle, error) {
	k := tagKey{name, id}
	if h, ok := recall(&s.mu, s.tags, k); ok {
		return h, nil
	}
	var h identity.Handle
	var bad error
	err := s.exclusively(ctx, func() { h, bad = s.tag(name, id) })
	if err == nil {
		err = bad
	}
	if err == nil {
		remember(&s.mu, s.tags, k, h)
	}
	return h, err
}

func recall[K comparable, V any](mu *sync.Mutex, m map[K]V, k K) (V, bool) {
	mu.Lock()
	defer mu.Unlock()
	v, ok := m[k]
	return v, ok
}

func remember[K comparable, V any](mu *sync.Mutex, m map[K]V, k K, v V) {
	mu.Lock()
	defer mu.Unlock()
	keep(m, k, v, maxRemembered)
}

// keep sets m[k] and drops other entries, any of them, when there are too many.
func keep[K comparable, V any](m map[K]V, k K, v V, most int) {
	for old := range m {
		if len(m) < most {
			break
		}
		delete(m, old)
	}
	m[k] = v
}
