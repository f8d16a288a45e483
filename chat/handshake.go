package chat

import (
	"errors"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// replayLife is how long a handshake is remembered: longer than its prekeys.
const replayLife = keepAtMost + 5*24*time.Hour

// replayRec is where a repeated handshake belongs.
type replayRec struct {
	Device  identity.DeviceID `cbor:"1,keyasint"`
	Session [32]byte          `cbor:"2,keyasint"`
}

// refusal is a verdict on the way up.
type refusal struct{ code mesh.Code }

func (r refusal) Error() string { return "chat: refused: " + r.code.String() }

func refuse(c mesh.Code) error { return refusal{c} }

// stranger is who a handshake says it is from, verified.
type stranger struct {
	account identity.AccountID
	proof   identityProof
	cert    *identity.DeviceCert
	pin     identity.Pin
	members []identity.DeviceID
	pending *ratchet.Pending
	work    int
}

// receiveInit opens an envelope that carries a handshake. A repetition goes to
// the session it made; anything else may make one.
func (w *work) receiveInit(env []byte) (opened, error) {
	p, err := ratchet.ParsePrefix(env)
	if err != nil {
		return opened{}, refuse(mesh.CodeBad)
	}
	var seen replayRec
	switch err := get(w.tx, keyReplay(p.ID), &seen); {
	case err == nil:
		return w.openIn(seen.Device, seen.Session, env)
	case !errors.Is(err, store.ErrNotFound):
		return opened{}, err
	}
	keys, err := w.prekeysOf(p)
	if errors.Is(err, store.ErrNotFound) {
		return opened{}, refuse(mesh.CodeUnknown)
	}
	if err != nil {
		return opened{}, err
	}
	return w.handshake(p, keys, env)
}

func (w *work) handshake(p ratchet.Prefix, keys ratchet.Prekeys, env []byte) (opened, error) {
	me := w.self.responder()
	pending, err := ratchet.Respond(me, keys, env)
	if err != nil {
		return opened{}, refuse(mesh.CodeUnknown)
	}
	who, err := w.identify(pending)
	if err != nil {
		return opened{}, err
	}
	who.work = p.Work(me, keys.BundleHash)
	if err := w.admit(who); err != nil {
		return opened{}, err
	}
	o, err := w.accept(who)
	if err != nil {
		return opened{}, err
	}
	if p.HasOPK {
		w.tx.Delete(keyOneTime(p.SPKID, p.OPKID))
	}
	b, err := identity.Encode(replayRec{Device: o.device, Session: o.session.ID()})
	if err != nil {
		return opened{}, err
	}
	w.tx.SetTTL(keyReplay(p.ID), b, replayLife)
	return o, nil
}

func (s *Self) responder() ratchet.Responder {
	return ratchet.Responder{
		Account: s.account.ID(), Device: s.device.ID(), DIK: s.device.AgreementSecret(),
		DKEMSeed: s.device.KEMSeed(), CertHash: s.cert.Hash(),
	}
}

// identify verifies who a handshake is from. What is checked here is the very
// object that is used later.
func (w *work) identify(pending *ratchet.Pending) (*stranger, error) {
	var proof identityProof
	if err := decodeChecked(pending.Identity(), &proof); err != nil {
		return nil, refuse(mesh.CodeBad)
	}
	genesis := identity.Genesis(proof.Genesis)
	who := &stranger{account: genesis.AccountID(), proof: proof, pending: pending}
	if who.account == w.self.account.ID() {
		return nil, refuse(mesh.CodeBad)
	}
	rec, err := w.contact(who.account)
	if err != nil {
		return nil, err
	}
	var pin identity.Pin
	if rec != nil {
		pin = rec.Pin.pin()
	}
	m, err := verifyIdentity(pin, &proof, w.now)
	if err != nil {
		return nil, w.identityFault(who.account, rec, err)
	}
	who.pin, who.cert = m.pin, m.certs[0]
	for _, c := range m.members {
		who.members = append(who.members, c.Device)
	}
	if !slices.Contains(who.members, who.cert.Device) {
		return nil, refuse(mesh.CodeBad)
	}
	return who, nil
}

// identityFault turns a fault of an identity into a verdict; a fork raises the
// alarm.
func (w *work) identityFault(id identity.AccountID, rec *contactRec, err error) error {
	if errors.Is(err, identity.ErrFork) && rec != nil {
		if err := w.alarm(id, rec, AlarmFork); err != nil {
			return err
		}
		return refuse(mesh.CodeBusy)
	}
	if errors.Is(err, identity.ErrExpired) {
		return refuse(mesh.CodeUnknown) // to begin again with a newer one
	}
	w.c.cfg.Logger.Debug("identity refused", "error", err)
	return refuse(mesh.CodeBad)
}

// admit decides whether a handshake of that account is wanted at all.
func (w *work) admit(who *stranger) error {
	rec, err := w.contact(who.account)
	if err != nil {
		return err
	}
	if rec != nil && (rec.State == Blocked || rec.Alarm != 0) {
		return refuse(mesh.CodeBusy)
	}
	if rec != nil && rec.known() {
		return nil
	}
	if t := who.pending.Token(); len(t) > 0 {
		if _, err := w.invite(t, who.account); err == nil {
			return nil
		}
	}
	if who.work < w.c.cfg.WorkBits {
		return refuse(mesh.CodeWork)
	}
	if rec == nil {
		return w.room(who.account)
	}
	return nil
}

// asks says whether what a handshake carries is a contact request of its
// account: nothing else is kept of somebody who is not known.
func asks(content ratchet.Opened, account identity.AccountID) bool {
	var b body
	var r request
	return decodeChecked(content.Content, &b) == nil && b.Type == typeRequest &&
		decodeChecked(b.Payload, &r) == nil && identity.Genesis(r.Card.Genesis).AccountID() == account
}

// accept completes the handshake and stores the session.
func (w *work) accept(who *stranger) (opened, error) {
	device := who.cert.Device
	d, err := w.device(device)
	if err != nil {
		return opened{}, err
	}
	if d.Account != (identity.AccountID{}) && d.Account != who.account {
		return opened{}, refuse(mesh.CodeBad)
	}
	s, content, proved, err := w.complete(who, device)
	if err != nil {
		return opened{}, err
	}
	rec, err := w.contact(who.account)
	if err != nil {
		return opened{}, err
	}
	if rec == nil && !asks(content, who.account) {
		return opened{}, refuse(mesh.CodeBad)
	}
	if err := w.place(who, device, d, s, proved); err != nil {
		return opened{}, err
	}
	return opened{account: who.account, device: device, session: s, content: content, who: who}, nil
}

func (w *work) complete(who *stranger, device identity.DeviceID) (s ratchet.Session, o ratchet.Opened, proved bool, err error) {
	manifest := who.pending.ManifestHash()
	if !w.self.hasManifest(manifest) {
		return s, o, false, refuse(mesh.CodeUnknown)
	}
	var psk *[32]byte
	if ref, ok := who.pending.Resume(); ok {
		if psk, err = w.resumeKey(device, ref); err != nil {
			return s, o, false, err
		}
	}
	if who.pending.NeedsPSK() && psk == nil {
		return s, o, false, refuse(mesh.CodeUnknown)
	}
	s, o, err = who.pending.Accept(ratchet.Peer{
		Account: who.account, Device: device, DIK: who.cert.Public.DIK, DKEM: who.cert.Public.DKEM,
		CertHash: who.cert.Hash(), ManifestHash: who.pin.Hash,
	}, manifest, psk)
	if err != nil {
		return s, o, false, refuse(mesh.CodeUnknown)
	}
	return s, o, psk != nil, nil
}

func (s *Self) hasManifest(hash [32]byte) bool {
	return slices.ContainsFunc(s.manifests, func(m *identity.Manifest) bool { return m.Hash() == hash })
}
