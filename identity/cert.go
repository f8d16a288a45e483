package identity

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"
)

// Role says what a device may do for its account.
type Role uint8

// The roles of spec/identity.md#device-certificate.
const (
	Member Role = 1 // speaks for the account
	Admin  Role = 2 // also admits and revokes devices
)

// DeviceCert says that a device belongs to an account. The device signs it to
// prove that it holds the key, the issuer to admit it. The fields are a view:
// what counts, and what is hashed, is Bytes. Treat it as immutable.
type DeviceCert struct {
	Account  AccountID
	Device   DeviceID // follows from Public.DSK, is not carried
	Public   DevicePublic
	Role     Role
	Suites   []uint16 // ascending
	Created  time.Time
	NotAfter time.Time
	Issuer   DeviceID // the admin device that admitted it; zero: the account key

	bytes []byte
}

// Bytes is the certificate as it was signed: content | self | issuer signature.
func (c *DeviceCert) Bytes() []byte { return slices.Clone(c.bytes) }

// Hash is what manifests list.
func (c *DeviceCert) Hash() [32]byte { return Hash("cert-hash", c.bytes) }

// Valid tells whether the certificate holds at a time, give or take [ClockSkew].
func (c *DeviceCert) Valid(now time.Time) error {
	if !valid(c.Created, c.NotAfter, now) {
		return fmt.Errorf("%w: certificate", ErrExpired)
	}
	return nil
}

// VerifyIssuer checks the second signature against the issuer's key: the
// account's genesis key when Issuer is zero, else that admin device's dsk.
func (c *DeviceCert) VerifyIssuer(pub ed25519.PublicKey) error {
	cut := len(c.bytes) - SignatureSize
	if cut <= 0 || !Verify(pub, "cert-issuer", c.bytes[:cut], c.bytes[cut:]) {
		return fmt.Errorf("%w: certificate issuer", ErrForged)
	}
	return nil
}

// IssueDeviceCert admits a device whose key is at hand, for [CertLifetime] from
// created on. The issuer is the account key or an admin device.
func IssueDeviceCert(issuer Signer, account AccountID, dev *DeviceKey, role Role, created time.Time) (*DeviceCert, error) {
	request, err := RequestDeviceCert(dev, account, issuer.Issuer(), role, created)
	if err != nil {
		return nil, err
	}
	return SignDeviceCert(issuer, request)
}

// RequestDeviceCert is the new device's half when its key is elsewhere: the
// certificate with its own signature only.
func RequestDeviceCert(dev *DeviceKey, account AccountID, issuer DeviceID, role Role, created time.Time) ([]byte, error) {
	w := certWire{
		Account: account, DSK: dev.public.DSK, DIK: dev.public.DIK, DKEM: dev.public.DKEM,
		Role: role, Suites: []uint16{SuiteV1},
		Created: seconds(created), NotAfter: seconds(created.Add(CertLifetime)), Issuer: issuerBytes(issuer),
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	content, err := Encode(w)
	if err != nil {
		return nil, err
	}
	return append(content, dev.Sign("cert-self", content)...), nil
}

// SignDeviceCert is the issuer's half: it signs what RequestDeviceCert made.
// The caller looks first at what it admits; this checks only that the request
// is sound and names this issuer.
func SignDeviceCert(issuer Signer, request []byte) (*DeviceCert, error) {
	c, err := parseRequest(request)
	if err != nil {
		return nil, err
	}
	if c.Issuer != issuer.Issuer() {
		return nil, fmt.Errorf("%w: request names another issuer", ErrMismatch)
	}
	c.bytes = append(slices.Clone(request), issuer.Sign("cert-issuer", request)...)
	return c, nil
}

// ParseDeviceCert checks structure and the device's own signature. The issuer's
// is left to [DeviceCert.VerifyIssuer], which needs to know the issuer, and the
// time to [DeviceCert.Valid].
func ParseDeviceCert(b []byte) (*DeviceCert, error) {
	request, _, err := split(b, 1, MaxCertSize, "certificate")
	if err != nil {
		return nil, err
	}
	c, err := parseRequest(request)
	if err != nil {
		return nil, err
	}
	c.bytes = slices.Clone(b)
	return c, nil
}

func parseRequest(b []byte) (*DeviceCert, error) {
	content, sigs, err := split(b, 1, MaxCertSize-SignatureSize, "certificate")
	if err != nil {
		return nil, err
	}
	var w certWire
	if err := Decode(content, &w); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	// A forger who has no such device is turned away before its keys are looked at.
	if !Verify(w.DSK[:], "cert-self", content, sigs[0]) {
		return nil, fmt.Errorf("%w: certificate's own", ErrForged)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w.cert(), nil
}
