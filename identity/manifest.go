package identity

import (
	"fmt"
	"slices"
	"time"
)

// Reason says why a device was revoked.
type Reason uint8

// The reasons of spec/identity.md#manifest.
const (
	Retired     Reason = 1 // taken out of use by its owner
	Lost        Reason = 2 // out of its owner's hands
	Compromised Reason = 3 // known to be in somebody else's
)

// Revocation takes a device out of its account for good.
type Revocation struct {
	Device DeviceID
	Reason Reason
	Time   time.Time
}

// Manifest is one link of the hash chain in which an account says which devices
// are its own. The fields are a view: what counts, and what is hashed, is
// Bytes. Treat it as immutable.
type Manifest struct {
	Account   AccountID
	Seq       uint64   // from 1
	Prev      [32]byte // Hash of number Seq-1; zero in the first
	Issued    time.Time
	Expires   time.Time
	Devices   [][32]byte   // hashes of certificates, ascending
	Revoked   []Revocation // by device, ascending
	Mailboxes [][]byte     // opaque here
	MinSuite  uint16
	Issuer    DeviceID // the admin device of number Seq-1 that signed; zero: the account key

	bytes []byte
}

// Bytes is the manifest as it was signed: content | issuer's signature.
func (m *Manifest) Bytes() []byte { return slices.Clone(m.bytes) }

// Hash is what the next link points at, and what a pin holds.
func (m *Manifest) Hash() [32]byte { return Hash("manifest-hash", m.bytes) }

// Pin is the pin of somebody who has accepted m.
func (m *Manifest) Pin() Pin { return Pin{Seq: m.Seq, Hash: m.Hash()} }

// Valid tells whether the manifest holds at a time, give or take [ClockSkew].
func (m *Manifest) Valid(now time.Time) error {
	if !valid(m.Issued, m.Expires, now) {
		return fmt.Errorf("%w: manifest %d", ErrExpired, m.Seq)
	}
	return nil
}

// Lists tells whether the manifest lists this very certificate and does not
// revoke its device.
func (m *Manifest) Lists(c *DeviceCert) bool {
	return c.Account == m.Account && slices.Contains(m.Devices, c.Hash()) && !m.Revokes(c.Device)
}

// Revokes tells whether the manifest revokes a device.
func (m *Manifest) Revokes(d DeviceID) bool {
	return slices.ContainsFunc(m.Revoked, func(r Revocation) bool { return r.Device == d })
}

// Members picks the certificates that the manifest lists and that hold now: the
// devices one may start sessions with, if the manifest itself holds.
func (m *Manifest) Members(certs []*DeviceCert, now time.Time) (out []*DeviceCert) {
	for _, c := range certs {
		if m.Lists(c) && c.Valid(now) == nil {
			out = append(out, c)
		}
	}
	return out
}

// NewManifest makes the first link, signed by the account key.
func NewManifest(key *AccountKey, issued time.Time, devices ...*DeviceCert) (*Manifest, error) {
	w := manifestWire{Account: key.ID(), Seq: 1, MinSuite: SuiteV1}
	w.setDevices(devices)
	return w.sign(key, issued)
}

// Change is what a new manifest says otherwise than the one before.
type Change struct {
	Devices   []*DeviceCert // the whole new list; nil keeps the old one
	Revoke    []Revocation  // added to those before; the oldest fall out above MaxRevocations
	Mailboxes [][]byte      // the whole new list; nil keeps the old one
	MinSuite  uint16        // 0 keeps the old one
}

// Next makes the link after m. The issuer is the account key or a device that m
// lists as admin; whoever accepts the link checks that. With an empty change it
// renews the manifest for another [ManifestLifetime].
func (m *Manifest) Next(issuer Signer, issued time.Time, c Change) (*Manifest, error) {
	w := m.wire()
	w.Seq, w.Prev = m.Seq+1, m.Hash()
	if c.Devices != nil {
		w.setDevices(c.Devices)
	}
	if c.Mailboxes != nil {
		w.Mailboxes = c.Mailboxes
	}
	if c.MinSuite != 0 {
		w.MinSuite = c.MinSuite
	}
	w.revoke(c.Revoke)
	return w.sign(issuer, issued)
}

// ParseManifest checks structure and bounds. It cannot check the signature:
// that takes the manifest before, see [Manifest.Verify].
func ParseManifest(b []byte) (*Manifest, error) {
	content, _, err := split(b, 1, MaxManifestSize, "manifest")
	if err != nil {
		return nil, err
	}
	var w manifestWire
	if err := Decode(content, &w); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w.manifest(slices.Clone(b)), nil
}
