package identity

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// manifestWire is the content of a manifest, spec/identity.md#manifest.
type manifestWire struct {
	Account   [32]byte         `cbor:"1,keyasint"`
	Seq       uint64           `cbor:"2,keyasint"`
	Prev      [32]byte         `cbor:"3,keyasint"`
	Issued    uint64           `cbor:"4,keyasint"`
	Expires   uint64           `cbor:"5,keyasint"`
	Devices   [][32]byte       `cbor:"6,keyasint"`
	Revoked   []revocationWire `cbor:"7,keyasint"`
	Mailboxes [][]byte         `cbor:"8,keyasint"`
	MinSuite  uint16           `cbor:"9,keyasint"`
	Issuer    []byte           `cbor:"10,keyasint,omitempty"` // absent: the account key
}

type revocationWire struct {
	Device [16]byte `cbor:"1,keyasint"`
	Reason Reason   `cbor:"2,keyasint"`
	Time   uint64   `cbor:"3,keyasint"`
}

func (w *manifestWire) check() error {
	switch {
	case w.Seq == 0 || (w.Seq == 1) != (w.Prev == [32]byte{}):
		return fmt.Errorf("%w: manifest number", ErrMalformed)
	case w.Seq == 1 && w.Issuer != nil:
		return fmt.Errorf("%w: first manifest is the account key's", ErrMalformed)
	case w.MinSuite == 0:
		return fmt.Errorf("%w: manifest suite", ErrMalformed)
	case len(w.Devices) > MaxDevices || !rising(w.Devices, func(h [32]byte) []byte { return h[:] }):
		return fmt.Errorf("%w: manifest devices", ErrMalformed)
	case len(w.Mailboxes) > MaxMailboxes || slices.ContainsFunc(w.Mailboxes, badMailbox):
		return fmt.Errorf("%w: manifest mailboxes", ErrMalformed)
	case len(w.Revoked) > MaxRevocations || slices.ContainsFunc(w.Revoked, badRevocation) ||
		!rising(w.Revoked, func(r revocationWire) []byte { return r.Device[:] }):
		return fmt.Errorf("%w: manifest revocations", ErrMalformed)
	}
	if err := checkIssuer(w.Issuer); err != nil {
		return err
	}
	return span(w.Issued, w.Expires, ManifestLifetime)
}

func badMailbox(b []byte) bool { return len(b) == 0 || len(b) > MaxMailboxSize }

func badRevocation(r revocationWire) bool {
	return r.Reason < Retired || r.Reason > Compromised || r.Time > lastSecond
}

// rising tells whether keys go strictly up, so that a set has one spelling.
func rising[T any](list []T, key func(T) []byte) bool {
	for i := 1; i < len(list); i++ {
		if bytes.Compare(key(list[i-1]), key(list[i])) >= 0 {
			return false
		}
	}
	return true
}

func (w *manifestWire) setDevices(certs []*DeviceCert) {
	w.Devices = nil
	for _, c := range certs {
		w.Devices = append(w.Devices, c.Hash())
	}
	slices.SortFunc(w.Devices, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
}

// revoke adds to the list; a device that is on it already stays as it is.
func (w *manifestWire) revoke(list []Revocation) {
	for _, r := range list {
		if !slices.ContainsFunc(w.Revoked, func(o revocationWire) bool { return o.Device == r.Device }) {
			w.Revoked = append(w.Revoked, revocationWire{r.Device, r.Reason, seconds(r.Time)})
		}
	}
	slices.SortStableFunc(w.Revoked, func(a, b revocationWire) int { return cmp.Compare(a.Time, b.Time) })
	w.Revoked = w.Revoked[max(0, len(w.Revoked)-MaxRevocations):]
	slices.SortFunc(w.Revoked, func(a, b revocationWire) int { return bytes.Compare(a.Device[:], b.Device[:]) })
}

func (w *manifestWire) sign(issuer Signer, issued time.Time) (*Manifest, error) {
	w.Issued, w.Expires = seconds(issued), seconds(issued.Add(ManifestLifetime))
	w.Issuer = issuerBytes(issuer.Issuer())
	if err := w.check(); err != nil {
		return nil, err
	}
	content, err := Encode(w)
	if err != nil {
		return nil, err
	}
	return w.manifest(append(content, issuer.Sign("manifest-sig", content)...)), nil
}

func (w *manifestWire) manifest(signed []byte) *Manifest {
	m := &Manifest{
		Account: w.Account, Seq: w.Seq, Prev: w.Prev, Issued: fromSeconds(w.Issued), Expires: fromSeconds(w.Expires),
		Devices: w.Devices, Mailboxes: w.Mailboxes, MinSuite: w.MinSuite, Issuer: issuerID(w.Issuer), bytes: signed,
	}
	for _, r := range w.Revoked {
		m.Revoked = append(m.Revoked, Revocation{r.Device, r.Reason, fromSeconds(r.Time)})
	}
	return m
}

// wire is the content as a start for the next link, sharing nothing with m.
func (m *Manifest) wire() manifestWire {
	w := manifestWire{
		Account: m.Account, Devices: slices.Clone(m.Devices),
		Mailboxes: slices.Clone(m.Mailboxes), MinSuite: m.MinSuite,
	}
	w.revoke(m.Revoked)
	return w
}
