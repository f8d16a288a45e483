package chat

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Fork replaces the newest manifest by another one of the same number, and
// tells contacts when asked to.
func (c *Chat) Fork(tell bool) error {
	return c.remanifest(tell, func(s *Self) ([][]byte, error) {
		last := s.newest()
		var m *identity.Manifest
		var err error
		if len(s.manifests) > 1 {
			m, err = s.manifests[len(s.manifests)-2].Next(s.account, last.Issued.Add(time.Second), identity.Change{})
		} else {
			m, err = identity.NewManifest(s.account, last.Issued.Add(time.Second), s.cert)
		}
		if err != nil {
			return nil, err
		}
		return append(append([][]byte(nil), s.rec.Manifests[:len(s.manifests)-1]...), m.Bytes()), nil
	})
}

// Renew makes the next manifest, Rollback forgets it again.
func (c *Chat) Renew() error {
	return c.remanifest(true, func(s *Self) ([][]byte, error) {
		m, err := s.newest().Next(s.account, c.cfg.Now(), identity.Change{})
		if err != nil {
			return nil, err
		}
		return append(append([][]byte(nil), s.rec.Manifests...), m.Bytes()), nil
	})
}

// Rollback forgets the newest manifest and tells contacts of the one before.
func (c *Chat) Rollback() error {
	return c.remanifest(true, func(s *Self) ([][]byte, error) {
		return s.rec.Manifests[:len(s.rec.Manifests)-1], nil
	})
}

func (c *Chat) remanifest(tell bool, fn func(*Self) ([][]byte, error)) error {
	var owe owed
	if tell {
		owe = oweProof
	}
	_, err := c.changeSelf(context.Background(), owe, func(r *selfRec) (err error) {
		r.Manifests, err = fn(c.self.Load())
		return err
	})
	return err
}

// PinOf is what is pinned of a contact.
func (c *Chat) PinOf(id identity.AccountID) (pin identity.Pin) {
	_ = c.view(func(w *work) error {
		rec, err := w.contact(id)
		if rec != nil {
			pin = rec.Pin.pin()
		}
		return err
	})
	return pin
}

// Mispin pins something wrong.
func (c *Chat) Mispin(id identity.AccountID) error {
	return c.update(context.Background(), func(w *work) error {
		rec, err := w.contact(id)
		if err != nil {
			return err
		}
		rec.Pin.Hash[0] ^= 1
		w.saveContact(id, rec)
		return nil
	})
}

// Body and its parts, for bodies that no honest chat would send.
type (
	Body    = body
	Card    = card
	Profile = profile
	Request = request
	Receipt = receipt
)

// The types of bodies.
const (
	TypeRequest = typeRequest
	TypeAccept  = typeAccept
	TypeText    = typeText
	TypeReceipt = typeReceipt
	TypeProfile = typeProfile
)

// OwnCard is the card this chat tells.
func (c *Chat) OwnCard() Card { return c.card(c.self.Load()) }

// Whisper seals a body as fn left it, in the name of nobody but this device.
func (c *Chat) Whisper(to identity.AccountID, t bodyType, payload any, fn func(*Body)) error {
	return c.update(context.Background(), func(w *work) error {
		rec, err := w.contact(to)
		if err != nil {
			return err
		}
		raw, err := w.control(to, rec, t, payload)
		if err != nil {
			return err
		}
		var b body
		if err := identity.Decode(raw, &b); err != nil {
			return err
		}
		if fn != nil {
			fn(&b)
		}
		if raw, err = identity.Encode(b); err != nil {
			return err
		}
		return w.seal(rec.Devices[0], raw, outRec{Kind: outControl})
	})
}

// WhisperBytes seals any bytes.
func (c *Chat) WhisperBytes(to identity.AccountID, content []byte) error {
	return c.update(context.Background(), func(w *work) error {
		rec, err := w.contact(to)
		if err != nil {
			return err
		}
		return w.seal(rec.Devices[0], content, outRec{Kind: outControl})
	})
}

// Upkeep runs what else a timer runs.
func (c *Chat) Upkeep() error { return c.upkeep(context.Background()) }

// DropReplies forgets nothing but the answers to envelopes, as time does.
func (c *Chat) DropReplies() error {
	return c.update(context.Background(), func(w *work) error { return deleteAll(w.tx, tableSeen.Key()) })
}

// Prekeyed says how many generations and one-time keys there are.
func (c *Chat) Prekeyed() (generations, oneTime int) {
	count := func(t store.Table, n *int) func(*work) error {
		return func(w *work) error {
			return w.tx.Scan(store.Range{Prefix: t.Key()}, func(store.Key, []byte) (bool, error) {
				*n++
				return true, nil
			})
		}
	}
	_ = c.view(count(tableGeneration, &generations))
	_ = c.view(count(tableOneTime, &oneTime))
	return generations, oneTime
}

// Sessions counts the sessions with a contact.
func (c *Chat) Sessions(id identity.AccountID) (n int) {
	_ = c.view(func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil {
			return err
		}
		for _, d := range rec.Devices {
			dev, err := w.device(d)
			if err != nil {
				return err
			}
			n += len(dev.Sessions)
		}
		return nil
	})
	return n
}

// PeerOf is where a device is looked for.
func (c *Chat) PeerOf(device identity.DeviceID) (p peer.ID) {
	_ = c.view(func(w *work) error {
		d, err := w.device(device)
		p = peer.ID(d.Peer)
		return err
	})
	return p
}

// SkippedKeys counts the keys kept for messages that did not come.
func (c *Chat) SkippedKeys() (n int) {
	all, _ := c.skipping()
	for _, s := range all {
		n += s.keys
	}
	return n
}

// ParseInvite, DecodeBody, DecodeIdentity are the decoders of what peers say.
var ParseInvite = parseInvite

// DecodeAny decodes b as each of the things a peer may send; the results that
// decode are encoded again.
func DecodeAny(b []byte) (again [][]byte) {
	for _, v := range []checked{new(body), new(request), new(profile), new(receipt), new(identityProof), new(inviteWire)} {
		if decodeChecked(b, v) == nil {
			e, err := identity.Encode(v)
			if err != nil {
				panic(err)
			}
			again = append(again, e)
		}
	}
	return again
}

// URI writes an invite again.
func (i *inviteWire) Again() string {
	s, err := i.uri()
	if err != nil {
		panic(err)
	}
	return s
}
