package ratchet

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxWork is the most bits of hashcash that Initiate searches for.
const maxWork = 28

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
	Work   int        // bits of hashcash, 0 for none, at most 28; a second or so at 22
}

// ResumeRef names a resume key: the session it is from and its step.
type ResumeRef struct {
	Session [32]byte // Session.ID of the earlier session
	Step    uint32   // number of the root step that gave the key
}

// ResumeKey is a resume key (XK) with its name; spec/ratchet.md#resume-keys.
type ResumeKey struct {
	ResumeRef
	Key [32]byte
}

// Initiate starts a session to a device; spec/handshake.md#initiator. Nothing
// is sent: the messages sealed on the session carry the handshake until the
// peer has answered. Errors: ErrInput when a key or an option cannot be used,
// and what rand returns.
func Initiate(rand io.Reader, from Initiator, to Target, opt Options) (Session, error) {
	h := initiation{from: from, to: to, opt: opt}
	if err := h.check(); err != nil {
		return Session{}, err
	}
	if err := h.agree(rand); err != nil {
		return Session{}, err
	}
	raw, th, err := h.prefix(rand)
	if err != nil {
		return Session{}, err
	}
	s := newSession(h.x.derive(th), th, prefixOf(raw).ID)
	s.initiator, s.prefix = true, raw
	s.local, s.peer = from.Device, to.Device
	s.dr.remote = to.SPK
	s.dr.nextSend, s.dr.nextRecv = s.dr.nextRecv, s.dr.nextSend
	s.lane.waitStatic(&from.DKEMSeed)
	return s, nil
}

// initiation is one run of Initiate.
type initiation struct {
	from     Initiator
	to       Target
	opt      Options
	ek       *dhKey
	x        secrets
	ctS, ctI []byte
}

// check refuses what could not be encoded or makes no sense.
func (h *initiation) check() error {
	switch {
	case len(h.from.Identity) > MaxIdentity:
		return fmt.Errorf("%w: identity is too long", ErrInput)
	case len(h.opt.Token) > MaxToken:
		return fmt.Errorf("%w: token is too long", ErrInput)
	case h.opt.Work < 0 || h.opt.Work > maxWork:
		return fmt.Errorf("%w: hashcash out of bounds", ErrInput)
	case h.opt.PSK != nil && h.opt.Resume != nil:
		return fmt.Errorf("%w: two pre-shared keys", ErrInput)
	case h.from.Device == h.to.Device:
		return fmt.Errorf("%w: session with itself", ErrInput)
	}
	return nil
}

// agree makes the ephemeral key, the four agreements and both encapsulations.
func (h *initiation) agree(rand io.Reader) error {
	dik, err := dhKeyOf(h.from.DIK)
	if err != nil {
		return fmt.Errorf("%w: own agreement key", ErrInput)
	}
	if h.ek, err = newDHKey(rand); err != nil {
		return err
	}
	pq := h.to.PQSPK
	all := agreements{{&h.x.dh1, dik, h.to.SPK}, {&h.x.dh2, h.ek, h.to.DIK}, {&h.x.dh3, h.ek, h.to.SPK}}
	if opk := h.to.OPK; opk != nil {
		all = append(all, agreement{&h.x.dh4, h.ek, opk.X})
		pq = opk.KEM
	}
	if err := all.run(); err != nil {
		return fmt.Errorf("%w: agreement key of the target", ErrInput)
	}
	return h.encapsulate(encapsulatorOf(rand), pq)
}

// encapsulate fills in the two KEM secrets.
func (h *initiation) encapsulate(kem encapsulator, pq []byte) (err error) {
	if h.x.ssS, h.ctS, err = kem.encaps1024(pq); err != nil {
		return fmt.Errorf("%w: prekey of the target", ErrInput)
	}
	if h.x.ssI, h.ctI, err = kem.encaps768(h.to.DKEM); err != nil {
		return fmt.Errorf("%w: device key of the target", ErrInput)
	}
	return nil
}

// prefix lays the prefix out, with hashcash and sealed identity, and returns
// the hash of the transcript.
func (h *initiation) prefix(rand io.Reader) (raw []byte, th [32]byte, err error) {
	inner := h.inner()
	raw = h.clear(sealedAround + inner.size())
	th0 := prefixOf(raw).th0(h.to.BundleHash, h.to.CertHash)
	nonce := findWork(th0, h.opt.Work)
	copy(raw[prefixNonce:], nonce[:])
	raw = raw[:prefixSealed+nonceSize]
	if _, err := io.ReadFull(rand, raw[prefixSealed:]); err != nil {
		return nil, th, fmt.Errorf("ratchet: draw nonce: %w", err)
	}
	k0 := h.x.initKey(th0)
	raw = sealTo(raw, &k0, raw[prefixSealed:], inner.encode(), th0[:])
	return raw, transcript(th0, h.from.party(), h.to.party(), inner.kind, inner.ref, raw[prefixSealed:]), nil
}

// clear lays out what comes before the sealed identity.
func (h *initiation) clear(sealed int) []byte {
	raw := make([]byte, prefixNonce, prefixSealed+sealed)
	raw[0] = byte(KindInit)
	binary.BigEndian.PutUint16(raw[prefixSuite:], Suite)
	binary.BigEndian.PutUint32(raw[prefixSPK:], h.to.SPKID)
	if opk := h.to.OPK; opk != nil {
		raw[prefixFlags] = flagOPK
		binary.BigEndian.PutUint32(raw[prefixOPK:], opk.ID)
	}
	raw = append(raw, make([]byte, prefixEK-prefixNonce)...)
	raw = append(raw, h.ek.public[:]...)
	raw = append(append(raw, h.ctS...), h.ctI...)
	return binary.BigEndian.AppendUint16(raw, uint16(sealed))
}

// inner is what is sealed to the target, with the pre-shared key put in place.
func (h *initiation) inner() sealedIdentity {
	in := sealedIdentity{manifest: h.to.ManifestHash, token: h.opt.Token, identity: h.from.Identity}
	switch {
	case h.opt.PSK != nil:
		in.kind, h.x.psk = pskExternal, *h.opt.PSK
	case h.opt.Resume != nil:
		in.kind, in.ref, h.x.psk = pskResume, h.opt.Resume.ResumeRef, h.opt.Resume.Key
	}
	return in
}

func (i *Initiator) party() party {
	return party{account: i.Account, device: i.Device, cert: i.CertHash, manifest: i.ManifestHash}
}

func (t *Target) party() party {
	return party{account: t.Account, device: t.Device, cert: t.CertHash, manifest: t.ManifestHash}
}

// agreement is one X25519 and where its result goes.
type agreement struct {
	to     *key
	secret *dhKey
	public [32]byte
}

type agreements []agreement

// run makes them all, and fails if one of them fails.
func (all agreements) run() error {
	for _, a := range all {
		shared, err := a.secret.agree(a.public)
		if err != nil {
			return err
		}
		*a.to = shared
	}
	return nil
}
