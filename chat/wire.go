package chat

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// Limits of the wire, spec/bodies.md#limits.
const (
	maxBody       = ratchet.MaxContent
	maxParents    = 4
	maxLamport    = 1 << 62
	maxLeap       = 1 << 40 // how far one message may push the Lamport clock
	maxCardAddrs  = 8
	maxAddr       = 128 // bytes of one multiaddr
	maxPeer       = 64  // bytes of a peer id
	maxReceipts   = 256 // message ids in one receipt body
	maxManifests  = 4   // links sent along with an identity
	maxCerts      = identity.MaxDevices
	maxInvite     = 2048 // characters of an invite URI
	tokenSize     = 16
	maxName       = 128
	maxGreeting   = 512
	maxPastClock  = 30 * 24 * time.Hour
	maxAheadClock = 5 * time.Minute
)

// bodyType says what a payload is, spec/bodies.md#types.
type bodyType uint8

const (
	typeRequest bodyType = 1
	typeAccept  bodyType = 2
	typeText    bodyType = 3
	typeReceipt bodyType = 4
	typeProfile bodyType = 5
	typeHello   bodyType = 6
)

// head is identity.Head as a two-element array.
type head struct {
	_    struct{} `cbor:",toarray"`
	Seq  uint64
	Hash [16]byte
}

func headOf(p identity.Pin) head {
	h := p.Head()
	return head{Seq: h.Seq, Hash: h.Hash}
}

// body is the content of every envelope, spec/bodies.md#body.
type body struct {
	MID     [16]byte       `cbor:"1,keyasint"`
	Conv    ConversationID `cbor:"2,keyasint"`
	DevSeq  uint64         `cbor:"3,keyasint,omitempty"`
	DevPrev [32]byte       `cbor:"4,keyasint,omitzero"`
	Parents []MessageID    `cbor:"5,keyasint,omitempty"`
	Lamport uint64         `cbor:"6,keyasint"`
	WallMS  uint64         `cbor:"7,keyasint"`
	Own     head           `cbor:"8,keyasint"`
	Peer    head           `cbor:"9,keyasint"`
	Expiry  uint64         `cbor:"10,keyasint,omitempty"`
	Type    bodyType       `cbor:"11,keyasint"`
	Payload []byte         `cbor:"12,keyasint,omitempty"`
}

// request is the payload of a contact request, spec/bodies.md#contact-requests.
type request struct {
	Card     card   `cbor:"1,keyasint"`
	Greeting string `cbor:"2,keyasint,omitempty"`
}

// card is what one tells about oneself, spec/bodies.md#card.
type card struct {
	Genesis  [65]byte `cbor:"1,keyasint"`
	Name     string   `cbor:"2,keyasint,omitempty"`
	Handle   string   `cbor:"3,keyasint,omitempty"`
	Presence [32]byte `cbor:"4,keyasint"`
	Locator  [32]byte `cbor:"5,keyasint"`
	Peer     []byte   `cbor:"6,keyasint"`
	Addrs    [][]byte `cbor:"7,keyasint,omitempty"`
}

// profile tells a change of card or manifest, spec/bodies.md#profile.
type profile struct {
	Card     card           `cbor:"1,keyasint"`
	Identity *identityProof `cbor:"2,keyasint,omitempty"`
}

// receipt lists what was read, spec/bodies.md#receipts.
type receipt struct {
	Read [][16]byte `cbor:"1,keyasint"`
}

// identityProof is who a device is: the end of its account's manifest chain
// and the certificates of its devices, spec/bodies.md#identity. In a handshake
// the first certificate is that of the device that speaks.
type identityProof struct {
	Genesis   [65]byte `cbor:"1,keyasint"`
	Manifests [][]byte `cbor:"2,keyasint"`
	Certs     [][]byte `cbor:"3,keyasint"`
}

// payload kinds share one decoder: decode, then check the bounds of the kind.
type checked interface{ check() error }

func decodeChecked(b []byte, v checked) error {
	if len(b) > maxBody {
		return fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if err := identity.Decode(b, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return v.check()
}

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

func (b *body) check() error {
	switch {
	case b.Type == 0:
		return malformed("body type")
	case len(b.Parents) > maxParents:
		return malformed("body parents")
	case b.Lamport > maxLamport:
		return malformed("body lamport")
	case b.DevSeq == 0 && b.DevPrev != [32]byte{}:
		return malformed("body chain")
	}
	return nil
}

func (r *request) check() error {
	if len(r.Greeting) > maxGreeting || !utf8.ValidString(r.Greeting) {
		return malformed("greeting")
	}
	return r.Card.check()
}

func (c *card) check() error {
	if len(c.Name) > maxName || len(c.Peer) > maxPeer || len(c.Addrs) > maxCardAddrs {
		return malformed("card")
	}
	for _, a := range c.Addrs {
		if len(a) > maxAddr {
			return malformed("card address")
		}
	}
	if c.Handle != "" {
		if h, err := identity.ParseHandle(c.Handle); err != nil || h.Tag == "" {
			return malformed("card handle")
		}
	}
	if _, err := identity.ParseGenesis(c.Genesis[:]); err != nil {
		return malformed("card genesis")
	}
	return nil
}

func (p *profile) check() error {
	if p.Identity != nil {
		if err := p.Identity.check(); err != nil {
			return err
		}
	}
	return p.Card.check()
}

func (r *receipt) check() error {
	if len(r.Read) == 0 || len(r.Read) > maxReceipts {
		return malformed("receipt")
	}
	return nil
}

func (p *identityProof) check() error {
	if len(p.Manifests) == 0 || len(p.Manifests) > maxManifests || len(p.Certs) == 0 || len(p.Certs) > maxCerts {
		return malformed("identity")
	}
	return nil
}

// text is a payload that is only text: its UTF-8 bytes.
func textOf(payload []byte) (string, error) {
	if len(payload) == 0 || !utf8.Valid(payload) {
		return "", malformed("text")
	}
	return string(payload), nil
}
