package identity

import (
	"errors"
	"time"
)

// Sizes and bounds of spec/identity.md#sizes. Parsers refuse whatever exceeds
// them before they look inside.
const (
	MaxCertSize        = 2048 // bytes of a device certificate, signatures included
	MaxManifestSize    = 3072 // bytes of a manifest, signature included
	MaxBundleSize      = 2048 // bytes of a prekey bundle, signature included
	MaxOneTimeKeySize  = 2048 // bytes of a one-time key with its proof
	MaxDevices         = 8    // devices that a manifest lists
	MaxRevocations     = 32   // revocations that a manifest carries
	MaxMailboxes       = 5    // mailboxes that a manifest names
	MaxMailboxSize     = 128  // bytes of one mailbox entry
	MaxSuites          = 8    // suites that a certificate names
	MaxOneTimeKeys     = 64   // one-time keys under one bundle
	maxProof           = 6    // log2(MaxOneTimeKeys)
	SignatureSize      = 64   // Ed25519
	DeviceSecretSize   = 128  // dsk seed 32 | dik 32 | dkem seed 64
	KEM768KeySize      = 1184 // ML-KEM-768 encapsulation key
	KEM1024KeySize     = 1568 // ML-KEM-1024 encapsulation key
	TagSize            = 10   // base32 characters of a handle's tag, 50 bits
	MinName, MaxName   = 3, 24
	VerificationSize   = 129 // bytes of the scanned code
	SafetyNumberDigits = 60
)

// Lifetimes of spec/identity.md#sizes.
const (
	CertLifetime     = 365 * 24 * time.Hour
	ManifestLifetime = 14 * 24 * time.Hour
	BundleLifetime   = 7 * 24 * time.Hour
	ClockSkew        = 10 * time.Minute // how far two honest clocks may be apart
)

// SuiteV1 is the one suite of this version: X25519, ML-KEM, HKDF-SHA-256,
// XChaCha20-Poly1305.
const SuiteV1 uint16 = 0x0001

// The faults that this package finds. Errors wrap one of them with the place.
var (
	ErrMalformed = errors.New("identity: malformed")                        // not what the specification draws
	ErrForged    = errors.New("identity: signature does not fit")           // or the signer may not sign this
	ErrExpired   = errors.New("identity: not valid at this time")           // may receive, may not start a session
	ErrRollback  = errors.New("identity: older than what is pinned")        // ignore it
	ErrGap       = errors.New("identity: links of the chain are missing")   // fetch them, then ask again
	ErrFork      = errors.New("identity: two manifests with one number")    // stop sending, raise the alarm
	ErrMismatch  = errors.New("identity: not the account that was meant")   // a scanned code names others
	ErrPhrase    = errors.New("identity: not a recovery phrase")            // never says which word
	ErrHandle    = errors.New("identity: not a handle")                     // neither name nor name~tag
	ErrSecret    = errors.New("identity: secret has the wrong length")      // a stored key was cut
	ErrTooMany   = errors.New("identity: more entries than may be carried") // devices, suites, keys
)
