// Package ratchet is being filled in.
package ratchet

import "io"

// Initiator is who starts a session: the local device.
type Initiator struct {
	Account      [32]byte // account ID
	Device       [16]byte // device ID
	DIK          [32]byte // X25519 private agreement key
	DKEMSeed     [64]byte // ML-KEM-768 seed (d || z)
	CertHash     [32]byte // hash of the device certificate
	ManifestHash [32]byte // hash of the account's manifest
	Identity     []byte   // manifest and certificate, opaque here, at most MaxIdentity
}

// Target is the device a session is started to, from its verified certificate,
// manifest and prekey bundle.
type Target struct {
	Account      [32]byte
	Device       [16]byte
	DIK          [32]byte // X25519 public agreement key
	DKEM         []byte   // ML-KEM-768 encapsulation key, 1184 bytes
	SPKID        uint32   // names SPK and PQSPK
	SPK          [32]byte // X25519 signed prekey
	PQSPK        []byte   // ML-KEM-1024 last-resort key, 1568 bytes
	BundleHash   [32]byte
	CertHash     [32]byte
	ManifestHash [32]byte
	OPK          *OneTime // nil when none could be had
}

// OneTime is the public half of a one-time prekey pair.
type OneTime struct {
	ID  uint32
	X   [32]byte // X25519
	KEM []byte   // ML-KEM-1024 encapsulation key, 1568 bytes
}

// Options of Initiate. At most one of PSK and Resume is set.
type Options struct {
	PSK    *[32]byte  // a secret both sides have, such as a linking secret
	Resume *ResumeKey // ties the session to an earlier one with this device
	Token  []byte     // invite token, at most MaxToken, sealed to the target
	Work   int        // bits of hashcash, 0 for none
}

// ResumeRef names a resume key: the session it is from and its step.
type ResumeRef struct {
	Session [32]byte // Session.ID of the earlier session
	Step    uint32   // number of the root step that gave the key
}

// ResumeKey is a resume key (XK) with its name.
type ResumeKey struct {
	ResumeRef
	Key [32]byte
}

// Initiate starts a session to a device. Nothing is sent: the first messages
// sealed on the session carry the handshake, until the peer has answered.
func Initiate(rand io.Reader, from Initiator, to Target, opt Options) (Session, error) {
	panic("todo")
}

// Prefix is what can be read of an init envelope without any key.
type Prefix struct {
	SPKID  uint32
	OPKID  uint32
	HasOPK bool
	ID     [32]byte // names the handshake: equal for every repetition of it
}

// ParsePrefix reads the clear part of an init envelope. It does no public-key
// operation.
func ParsePrefix(env []byte) (Prefix, error) { panic("todo") }

// Work returns the bits of hashcash the envelope proves for this responder and
// the bundle of its SPKID. Two hashes, no public-key operation.
func (p Prefix) Work(self Responder, bundle [32]byte) int { panic("todo") }

// Responder is the local device that is called.
type Responder struct {
	Account  [32]byte
	Device   [16]byte
	DIK      [32]byte // X25519 private agreement key
	DKEMSeed [64]byte // ML-KEM-768 seed
	CertHash [32]byte
}

// Prekeys are the private halves of the prekeys that a Prefix names.
type Prekeys struct {
	SPK        [32]byte // X25519
	PQSPKSeed  [64]byte // ML-KEM-1024 seed
	OPK        *OneTimeSecret
	BundleHash [32]byte // of the bundle that SPKID named
}

// OneTimeSecret is the private half of a one-time prekey pair.
type OneTimeSecret struct {
	X       [32]byte
	KEMSeed [64]byte // ML-KEM-1024 seed
}

// Respond opens the identity of an initiator: one decapsulation and one
// agreement. Nothing of it is verified yet. Every fault is ErrHandshake.
func Respond(self Responder, pk Prekeys, env []byte) (*Pending, error) { panic("todo") }

// Pending is a handshake whose initiator is known but not yet verified.
type Pending struct{}

// Identity returns the initiator's identity blob.
func (p *Pending) Identity() []byte { panic("todo") }

// Token returns the invite token, empty when there is none.
func (p *Pending) Token() []byte { panic("todo") }

// ManifestHash returns the hash of the responder's manifest that the initiator
// saw. The caller checks that it is one of its own.
func (p *Pending) ManifestHash() [32]byte { panic("todo") }

// Resume returns which resume key the initiator used, if any.
func (p *Pending) Resume() (ResumeRef, bool) { panic("todo") }

// NeedsPSK tells whether Accept must be given a secret: the resume key named
// by Resume, or else the secret both sides have agreed on.
func (p *Pending) NeedsPSK() bool { panic("todo") }

// Peer is the initiator, from the identity blob after the caller verified it.
type Peer struct {
	Account      [32]byte
	Device       [16]byte
	DIK          [32]byte // X25519 public
	DKEM         []byte   // ML-KEM-768 encapsulation key
	CertHash     [32]byte
	ManifestHash [32]byte
}

// Accept completes the handshake and opens the message in the envelope.
// manifest is the responder's own manifest that the initiator named.
func (p *Pending) Accept(peer Peer, manifest [32]byte, psk *[32]byte) (Session, Opened, error) {
	panic("todo")
}

// Session is the state of one session between two devices. It is a value: no
// method changes it, Seal and Open return the state that follows.
type Session struct{}

// Sealed is an envelope ready to be sent.
type Sealed struct {
	Envelope []byte
	Receipt  [16]byte // what the peer can give back once it opened the message
}

// Opened is the content of an envelope.
type Opened struct {
	Content []byte
	Receipt [16]byte // proves to the sender that the message was opened
	Control bool     // a message of the ratchet itself, without content
}

// ID is the same 32 bytes on both sides.
func (s Session) ID() [32]byte { panic("todo") }

// PrefixID is Prefix.ID of the handshake the session came from.
func (s Session) PrefixID() [32]byte { panic("todo") }

// Encode returns the state for the disk. It holds secrets.
func (s Session) Encode() ([]byte, error) { panic("todo") }

// DecodeSession is the reverse of Encode.
func DecodeSession(b []byte) (Session, error) { panic("todo") }

// Confirmed tells whether the peer has answered something of ours.
func (s Session) Confirmed() bool { panic("todo") }

// Initiated tells whether this side started the session.
func (s Session) Initiated() bool { panic("todo") }

// ResumeKeys returns the last resume keys (at most 4), newest first.
func (s Session) ResumeKeys() []ResumeKey { panic("todo") }

// ResumeKey returns the newest resume key that the peer surely has too.
func (s Session) ResumeKey() (ResumeKey, bool) { panic("todo") }

// LaneEpoch is the post-quantum epoch in which we send.
func (s Session) LaneEpoch() uint32 { panic("todo") }

// PostQuantumVerified tells whether the peer has proved its ML-KEM device key.
func (s Session) PostQuantumVerified() bool { panic("todo") }

// Wins tells which of two sessions that were started at once by both sides is
// to be sent on. Exactly one of a.Wins(b), b.Wins(a) holds.
func (s Session) Wins(other Session) bool { panic("todo") }

// Room is the longest content Seal takes now: less while the handshake is
// repeated in each envelope.
func (s Session) Room() int { panic("todo") }

// Seal encrypts content and returns the state that follows. That state must be
// on disk before the envelope leaves the process.
func (s Session) Seal(rand io.Reader, content []byte) (Session, Sealed, error) { panic("todo") }

// SealControl seals a message without content that carries as many pieces of
// the post-quantum lane as are useful.
func (s Session) SealControl(rand io.Reader) (Session, Sealed, error) { panic("todo") }

// Open decrypts an envelope and returns the state that follows, which must be
// on disk before the content is used. On an error the state given stands.
func (s Session) Open(env []byte) (Session, Opened, error) { panic("todo") }

// EnvelopeKind checks kind and size of an envelope.
func EnvelopeKind(env []byte) (Kind, error) { panic("todo") }

// Mark is a position in what has been received.
type Mark struct{ chain, n, epoch, idx uint32 }

// Mark returns the present position, to be given to Forget later.
func (s Session) Mark() Mark { panic("todo") }

// Forget drops the skipped keys older than the mark.
func (s Session) Forget(m Mark) Session { panic("todo") }

// Skipped is the number of skipped message keys kept.
func (s Session) Skipped() int { panic("todo") }
