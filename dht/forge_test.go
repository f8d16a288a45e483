package dht

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// mint makes the records of a person by hand, honest ones and others.
type mint struct {
	t      testing.TB
	who    *person
	limits Limits
	place  place
	now    time.Time
	bits   int // work that is really done
}

func newMint(t testing.TB, who *person, l Limits, now time.Time) *mint {
	p, err := newSlowHashes(l.NameMemory, l.NamePasses).namePlace(context.Background(), who.name, epochAt(now, week))
	must(t, err)
	return &mint{t: t, who: who, limits: l, place: p, now: now, bits: l.MinBits}
}

// coin is a record under construction: every field may be spoilt.
type coin struct {
	envelope
	key     ed25519.PrivateKey // signs the envelope
	content []byte
	sign    func(string, []byte) []byte // signs the content
	seal    [32]byte
}

func (m *mint) coin() *coin {
	m.t.Helper()
	p := m.who.profile("")
	content, err := identity.Encode(p.claim(m.who.name))
	must(m.t, err)
	key := recordKey(m.who.secret, m.place, [16]byte{})
	c := &coin{key: key, content: content, sign: m.who.account.Sign, seal: m.place.seal}
	c.envelope = (&prepared{place: m.place, key: key}).envelope()
	c.seq = uint64(m.now.UnixMilli())
	c.issued, c.expires = unix(m.now), unix(m.now.Add(24*time.Hour))
	c.bits = uint8(m.bits)
	return c
}

// strike does the work, seals and signs, in the state the coin is in.
func (m *mint) strike(c *coin) []byte {
	m.t.Helper()
	c.envelope.key = [32]byte(c.key.Public().(ed25519.PublicKey))
	w := newMiner(newPuzzle(&c.envelope, m.limits.WorkMemory))
	must(m.t, w.mine(context.Background(), m.bits))
	c.nonces = w.won
	must(m.t, c.envelope.seal(rand.Reader, c.seal, c.sign, c.content))
	must(m.t, c.envelope.sign(c.key))
	return c.bytes()
}

// forgery is one way to cheat.
type forgery struct {
	name   string
	server error // what a server says; nil: it cannot know
	reader error // what a reader says
	make   func(m *mint, thief *person) []byte
}

// forgeries, one fault each. The thief knows the name, so place and seal.
var forgeries = []forgery{
	{"a claim changed on the way", ErrForged, ErrForged, func(m *mint, _ *person) []byte {
		b := m.strike(m.coin())
		b[headSize+30] ^= 1
		return b
	}},
	{"a claim under the owner's key, signed by another", ErrForged, ErrForged, func(m *mint, thief *person) []byte {
		c := m.coin()
		m.strike(c)
		c.seq++
		must(m.t, c.envelope.sign(recordKey(thief.secret, m.place, [16]byte{})))
		return c.bytes()
	}},
	{"the owner's content under the thief's key", nil, ErrForged, func(m *mint, thief *person) []byte {
		c := m.coin()
		m.strike(c)
		stolen, err := c.envelope.open(m.place.seal)
		must(m.t, err)
		n := m.coin()
		n.key = recordKey(thief.secret, m.place, [16]byte{})
		n.content, n.sign = stolen.content, func(string, []byte) []byte { return stolen.sig }
		return m.strike(n)
	}},
	{"the owner's account, signed by the thief's", nil, ErrForged, func(m *mint, thief *person) []byte {
		c := m.coin()
		c.key = recordKey(thief.secret, m.place, [16]byte{})
		c.sign = thief.account.Sign
		return m.strike(c)
	}},
	{"the signature of another purpose", nil, ErrForged, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.sign = func(_ string, b []byte) []byte { return m.who.account.Sign("manifest-sig", b) }
		return m.strike(c)
	}},
	{"a claim of another name at this place", nil, ErrHandle, func(m *mint, thief *person) []byte {
		c := m.coin()
		p := thief.profile("")
		var err error
		c.content, err = identity.Encode(p.claim("somebody-else"))
		must(m.t, err)
		c.key, c.sign = recordKey(thief.secret, m.place, [16]byte{}), thief.account.Sign
		return m.strike(c)
	}},
	{"a claim for another place", ErrPlace, ErrPlace, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.index[0] ^= 1
		return m.strike(c)
	}},
	{"an expired claim", ErrEpoch, ErrEpoch, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.issued, c.expires = unix(m.now.Add(-2*time.Hour)), unix(m.now)
		return m.strike(c)
	}},
	{"a claim from the future", ErrEpoch, ErrEpoch, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.issued, c.expires = unix(m.now.Add(3*time.Hour)), unix(m.now.Add(4*time.Hour))
		return m.strike(c)
	}},
	{"a claim that lives too long", ErrEpoch, ErrEpoch, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.expires = unix(m.now.Add(49 * time.Hour))
		return m.strike(c)
	}},
	{"a claim of two epochs ahead", ErrEpoch, ErrPlace, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.epoch += 2
		return m.strike(c)
	}},
	{"too little work", ErrWork, ErrWork, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.bits = uint8(m.limits.MinBits - 1)
		return m.strike(c)
	}},
	{"more work claimed than done", ErrWork, ErrWork, func(m *mint, _ *person) []byte {
		c := m.coin()
		c.bits = 60
		return m.strike(c)
	}},
	{"work of another key", ErrWork, ErrWork, func(m *mint, thief *person) []byte {
		c := m.coin()
		m.strike(c)
		// Nonces by luck are worth something elsewhere too; seek some that are not.
		for c.key = recordKey(thief.secret, m.place, [16]byte{}); ; c.nonces[0]++ {
			c.envelope.key = [32]byte(c.key.Public().(ed25519.PublicKey))
			if p := newPuzzle(&c.envelope, m.limits.WorkMemory); !p.check(c.nonces, c.bits) {
				break
			}
		}
		c.sign = thief.account.Sign
		must(m.t, c.envelope.seal(rand.Reader, c.seal, c.sign, c.content))
		must(m.t, c.envelope.sign(c.key))
		return c.bytes()
	}},
	{"garbage under the seal", nil, ErrMalformed, func(m *mint, thief *person) []byte {
		c := m.coin()
		c.key = recordKey(thief.secret, m.place, [16]byte{})
		c.content = []byte{0xff, 0x00}
		return m.strike(c)
	}},
	{"sealed with another key", nil, ErrForged, func(m *mint, thief *person) []byte {
		c := m.coin()
		c.key = recordKey(thief.secret, m.place, [16]byte{})
		c.seal = thief.secret
		return m.strike(c)
	}},
	{"another version", ErrMalformed, ErrMalformed, func(m *mint, _ *person) []byte {
		b := m.strike(m.coin())
		b[0] = 2
		return b
	}},
	{"too long for its kind", ErrMalformed, ErrMalformed, func(m *mint, _ *person) []byte {
		return append(m.strike(m.coin()), make([]byte, 800)...)
	}},
}
