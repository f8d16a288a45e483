package identity

import (
	"fmt"
	"slices"
)

// Verify checks that m follows prev and that its signer was allowed to sign it:
// the account key always, a device when prev lists it as admin. prev may be nil
// for what the account key signed; then the link is not checked. [ErrGap]: prev
// or the signer's certificate is not at hand.
func (m *Manifest) Verify(g Genesis, prev *Manifest, certs []*DeviceCert) error {
	if m.Account != g.AccountID() {
		return fmt.Errorf("%w: manifest of another account", ErrForged)
	}
	if prev != nil && (prev.Account != m.Account || prev.Seq != m.Seq-1 || prev.Hash() != m.Prev) {
		return fmt.Errorf("%w: manifest %d does not follow", ErrGap, m.Seq)
	}
	pub := g.SigningKey()
	if m.Issuer != (DeviceID{}) {
		signer, err := m.signer(prev, certs)
		if err != nil {
			return err
		}
		pub = signer.Public.DSK[:]
	}
	content, sigs, err := split(m.bytes, 1, MaxManifestSize, "manifest")
	if err != nil || !Verify(pub, "manifest-sig", content, sigs[0]) {
		return fmt.Errorf("%w: manifest %d", ErrForged, m.Seq)
	}
	return nil
}

// signer finds the certificate of the admin device that claims to have signed m.
func (m *Manifest) signer(prev *Manifest, certs []*DeviceCert) (*DeviceCert, error) {
	if prev == nil {
		return nil, fmt.Errorf("%w: manifest %d has no predecessor at hand", ErrGap, m.Seq)
	}
	known := map[[32]byte]bool{} // which of prev's certificates are at hand
	for _, c := range certs {
		if h := c.Hash(); slices.Contains(prev.Devices, h) {
			known[h] = true
		}
		if c.Device == m.Issuer && c.Role == Admin && prev.Lists(c) && c.Valid(m.Issued) == nil {
			return c, nil
		}
	}
	if len(known) < len(prev.Devices) && !prev.Revokes(m.Issuer) {
		return nil, fmt.Errorf("%w: certificate of the signer of manifest %d", ErrGap, m.Seq)
	}
	return nil, fmt.Errorf("%w: manifest %d is not by an admin", ErrForged, m.Seq)
}

// checkIssuers checks the second signature of every certificate that the newest
// manifest lists, as far as its issuer is at hand. The manifest's own listing
// admits a device; this catches a certificate that claims an issuer it never had.
func (h *history) checkIssuers(newest *Manifest) error {
	for _, c := range h.certs {
		if !newest.Lists(c) {
			continue
		}
		if c.Issuer == (DeviceID{}) {
			if err := c.VerifyIssuer(h.genesis.SigningKey()); err != nil {
				return err
			}
		} else if err := h.checkDeviceIssuer(c); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) checkDeviceIssuer(c *DeviceCert) error {
	for _, by := range h.certs {
		if by.Device == c.Issuer && h.listed(by) {
			if by.Role != Admin {
				return fmt.Errorf("%w: certificate issued by a member", ErrForged)
			}
			return c.VerifyIssuer(by.Public.DSK[:])
		}
	}
	return nil
}

// listed tells whether any proven manifest lists the certificate.
func (h *history) listed(c *DeviceCert) bool {
	return slices.ContainsFunc(h.links, func(l *link) bool { return l.proven && l.Lists(c) })
}
