package ratchet

// Responder is the local device that is called.
type Responder struct {
	Account  [32]byte
	Device   [16]byte
	DIK      [32]byte // X25519 private agreement key
	DKEMSeed [64]byte // ML-KEM-768 seed (d || z)
	CertHash [32]byte
}

// Prekeys are the private halves of the prekeys that a Prefix names.
type Prekeys struct {
	SPK        [32]byte       // X25519
	PQSPKSeed  [64]byte       // ML-KEM-1024 seed
	OPK        *OneTimeSecret // set exactly when Prefix.HasOPK
	BundleHash [32]byte       // of the bundle that Prefix.SPKID names
}

// OneTimeSecret is the private half of a one-time prekey pair.
type OneTimeSecret struct {
	X       [32]byte
	KEMSeed [64]byte // ML-KEM-1024 seed
}

// Pending is a handshake whose initiator is read but not yet verified.
type Pending struct {
	self   Responder
	prefix Prefix
	th0    [32]byte
	spk    *dhKey
	opk    *dhKey // nil without one-time prekey
	x      secrets
	inner  sealedIdentity
}

// Respond opens the identity of an initiator, with one decapsulation and
// one agreement; spec/handshake.md#responder. Nothing of it is verified
// yet. The only error is ErrHandshake.
func Respond(self Responder, pk Prekeys, env []byte) (*Pending, error) {
	prefix, err := ParsePrefix(env)
	if err != nil || prefix.HasOPK != (pk.OPK != nil) {
		return nil, ErrHandshake
	}
	p := &Pending{self: self, prefix: prefix, th0: prefix.th0(pk.BundleHash, self.CertHash)}
	if !p.agree(pk) || !p.openIdentity() {
		return nil, ErrHandshake
	}
	return p, nil
}

// agree does what the prekeys take part in.
func (p *Pending) agree(pk Prekeys) bool {
	var err error
	if p.spk, err = dhKeyOf(pk.SPK); err != nil {
		return false
	}
	seed := &pk.PQSPKSeed
	if pk.OPK != nil {
		p.opk, seed = &dhKey{secret: pk.OPK.X}, &pk.OPK.KEMSeed
	}
	if p.x.dh3, err = p.spk.agree(p.ek()); err != nil {
		return false
	}
	p.x.ssS, err = decaps1024(seed, p.prefix.raw[prefixCTS:prefixCTI])
	return err == nil
}

// ek is the initiator's ephemeral key.
func (p *Pending) ek() [32]byte { return [32]byte(p.prefix.raw[prefixEK:]) }

// openIdentity opens the sealed identity.
func (p *Pending) openIdentity() (ok bool) {
	k0 := p.x.initKey(p.th0)
	nonce, ct := p.prefix.sealed()
	plain, err := openTo(nil, &k0, nonce, ct, p.th0[:])
	if err != nil {
		return false
	}
	p.inner, ok = decodeSealed(plain)
	return ok
}

// Identity returns the initiator's identity blob.
func (p *Pending) Identity() []byte { return p.inner.identity }

// Token returns the invite token, empty when there is none.
func (p *Pending) Token() []byte { return p.inner.token }

// ManifestHash returns the hash of the responder's manifest that the initiator
// saw. The caller checks that it is one of its own.
func (p *Pending) ManifestHash() [32]byte { return p.inner.manifest }

// Resume returns which resume key the initiator used, if any.
func (p *Pending) Resume() (ResumeRef, bool) { return p.inner.ref, p.inner.kind == pskResume }

// NeedsPSK tells whether Accept must be given a secret: the resume key named
// by Resume, or else the secret both sides have agreed on.
func (p *Pending) NeedsPSK() bool { return p.inner.kind != pskNone }

// Peer is the initiator, from the identity blob after the caller verified it.
type Peer struct {
	Account      [32]byte
	Device       [16]byte
	DIK          [32]byte // X25519 public agreement key
	DKEM         []byte   // ML-KEM-768 encapsulation key, 1184 bytes
	CertHash     [32]byte
	ManifestHash [32]byte
}

// Accept completes the handshake and opens the message in the envelope.
// manifest is the hash of the responder's own manifest that the initiator
// named. The only error is ErrHandshake.
func (p *Pending) Accept(peer Peer, manifest [32]byte, psk *[32]byte) (Session, Opened, error) {
	s, ok := p.complete(peer, manifest, psk)
	if !ok {
		return Session{}, Opened{}, ErrHandshake
	}
	next, opened, err := s.openMessage(p.prefix.rest)
	if err != nil {
		return Session{}, Opened{}, ErrHandshake
	}
	return next, opened, nil
}

// complete makes the session from what Respond kept.
func (p *Pending) complete(peer Peer, manifest [32]byte, psk *[32]byte) (s Session, ok bool) {
	if manifest != p.inner.manifest || p.NeedsPSK() != (psk != nil) ||
		peer.Device == p.self.Device || !validKEM768(peer.DKEM) {
		return s, false
	}
	x := p.x
	if psk != nil {
		x.psk = *psk
	}
	if !p.agreeRest(&x, peer) {
		return s, false
	}
	th := transcript(p.th0, peer.party(), p.party(), p.inner.kind, p.inner.ref, p.prefix.raw[prefixSealed:])
	s = newSession(x.derive(th), th, p.prefix.ID)
	s.local, s.peer = p.self.Device, peer.Device
	s.dr.self = p.spk
	s.lane.answerStatic(peer.DKEM)
	return s, true
}

// agreeRest makes what a stranger is not worth: the agreements that identify
// both sides, and the second decapsulation.
func (p *Pending) agreeRest(x *secrets, peer Peer) bool {
	all := agreements{{&x.dh1, p.spk, peer.DIK}, {&x.dh2, &dhKey{secret: p.self.DIK}, p.ek()}}
	if p.opk != nil {
		all = append(all, agreement{&x.dh4, p.opk, p.ek()})
	}
	if all.run() != nil {
		return false
	}
	var err error
	x.ssI, _, err = decaps768(&p.self.DKEMSeed, p.prefix.raw[prefixCTI:prefixLength])
	return err == nil
}

func (p *Peer) party() party {
	return party{account: p.Account, device: p.Device, cert: p.CertHash, manifest: p.ManifestHash}
}

// party is the responder's side of the transcript.
func (p *Pending) party() party {
	s := &p.self
	return party{account: s.Account, device: s.Device, cert: s.CertHash, manifest: p.inner.manifest}
}
