package chat

import (
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// Sessions of one device pair, spec/bodies.md#sessions: one is live and sent
// on; others are only listened to, for messages that are still on their way.
//
//	           initiate, nobody there                  peer answers
//	(none) ------------------------------> live ------------------------> live, confirmed
//	   |                                     | both started: the other wins
//	   | handshake arrives                   v
//	   +------------> live                receive-only ---- 24 h ----> erased
//	                   ^                     ^
//	                   +-- proof of the old -+-- new one with proof, or unproven and
//	                       session               the contact was never verified
const (
	loserLife   = 24 * time.Hour
	maxSessions = 4 // per device, the live one included
)

// liveRef is the session a device is sent on, or nil.
func (d *deviceRec) liveRef() *sessionRef {
	for i := range d.Sessions {
		if d.Sessions[i].State == sessionLive {
			return &d.Sessions[i]
		}
	}
	return nil
}

// newest is the session that was added last; there is one.
func (d *deviceRec) newest() *sessionRef { return &d.Sessions[len(d.Sessions)-1] }

// live loads the session a device is sent on.
func (w *work) live(device identity.DeviceID) (ratchet.Session, bool, error) {
	d, err := w.device(device)
	if err != nil {
		return ratchet.Session{}, false, err
	}
	ref := d.liveRef()
	if ref == nil {
		return ratchet.Session{}, false, nil
	}
	return w.session(device, ref.ID)
}

// addSession stores a new session and makes it live when asked; the one that
// was live is then only listened to.
func (w *work) addSession(account identity.AccountID, device identity.DeviceID, s ratchet.Session, live bool) error {
	d, err := w.device(device)
	if err != nil {
		return err
	}
	d.Account = account
	state := sessionReceive
	if live {
		state = sessionLive
		if ref := d.liveRef(); ref != nil {
			ref.State = sessionReceive
		}
	}
	d.Sessions = append(d.Sessions, sessionRef{ID: s.ID(), State: state, Created: ms(w.now), Initiated: s.Initiated()})
	w.saveSession(device, s)
	w.keepDevice(device)
	w.pruneSessions(device, d)
	return nil
}

// pruneSessions erases sessions nobody can use any more.
func (w *work) pruneSessions(device identity.DeviceID, d *deviceRec) {
	over := len(d.Sessions) - maxSessions
	d.Sessions = slices.DeleteFunc(d.Sessions, func(r sessionRef) bool {
		old := r.State != sessionLive && w.now.Sub(fromMS(r.Created)) > loserLife
		if r.State == sessionLive || !old && over <= 0 {
			return false
		}
		over--
		w.dropSession(device, r.ID)
		d.Skipped = slices.DeleteFunc(d.Skipped, func(k skippedRec) bool { return k.Session == r.ID })
		return true
	})
	w.keepDevice(device)
}

// eraseDevice erases a device with its sessions and what waits for it.
func (w *work) eraseDevice(device identity.DeviceID) error {
	d, err := w.device(device)
	if err != nil {
		return err
	}
	for _, r := range d.Sessions {
		w.dropSession(device, r.ID)
	}
	w.tx.Delete(keyDevice(device))
	delete(w.devices, device)
	delete(w.pushes, device)
	w.tx.OnCommit(func() { w.c.mesh.Forget(device) })
	return deleteAll(w.tx, outboxOf(device))
}

// dropLive erases the live session of a device, for one that never came to
// life at the other end.
func (w *work) dropLive(device identity.DeviceID, d *deviceRec) {
	if ref := d.liveRef(); ref != nil {
		id := ref.ID
		w.dropSession(device, id)
		d.Sessions = slices.DeleteFunc(d.Sessions, func(r sessionRef) bool { return r.ID == id })
		d.Skipped = slices.DeleteFunc(d.Skipped, func(k skippedRec) bool { return k.Session == id })
		w.keepDevice(device)
	}
}

// resumeKey finds the key that proves an earlier session.
func (w *work) resumeKey(device identity.DeviceID, ref ratchet.ResumeRef) (*[32]byte, error) {
	s, ok, err := w.session(device, ref.Session)
	if err != nil || !ok {
		return nil, err
	}
	for _, k := range s.ResumeKeys() {
		if k.ResumeRef == ref {
			return &k.Key, nil
		}
	}
	return nil, nil
}

// verdictOn says what to do with a session a peer started.
type verdictOn uint8

const (
	takeLive    verdictOn = iota // send on it from now on
	takeReceive                  // listen only
	takeReset                    // unproven: show it to the user
	takeRefuse                   // unproven, and the user must say so first
)

// judge decides about a session that a peer started, spec/bodies.md#resets.
func (w *work) judge(rec *contactRec, d *deviceRec, device identity.DeviceID, s ratchet.Session, proved bool) (verdictOn, error) {
	ref := d.liveRef()
	if ref == nil || rec == nil || rec.State != Accepted && rec.State != Requested {
		return takeLive, nil
	}
	old, ok, err := w.session(device, ref.ID)
	if err != nil {
		return takeRefuse, err
	}
	recent := w.now.Sub(fromMS(ref.Created)) < loserLife
	switch {
	case !ok || proved:
		return takeLive, nil
	case old.Initiated() && !old.Confirmed():
		// Both began. The same comparison at both ends picks the same one.
		if s.Wins(old) {
			return takeLive, nil
		}
		return takeReceive, nil
	case old.Initiated() && recent && old.Wins(s):
		return takeReceive, nil // began at once too, and arrives late
	case !old.Confirmed() && rec.State != Accepted:
		return takeLive, nil // nothing was ever agreed on: nothing is lost
	case rec.Verified && !rec.ResetOK:
		return takeRefuse, nil
	}
	return takeReset, nil
}

// place stores a session where judge says.
func (w *work) place(who *stranger, device identity.DeviceID, d *deviceRec, s ratchet.Session, proved bool) error {
	rec, err := w.contact(who.account)
	if err != nil {
		return err
	}
	v, err := w.judge(rec, d, device, s, proved)
	if err != nil {
		return err
	}
	switch v {
	case takeRefuse:
		if err := w.resetAlarm(who.account, rec); err != nil {
			return err
		}
		return refuse(mesh.CodeBusy)
	case takeReset:
		if !w.countReset(d, device) {
			return refuse(mesh.CodeDeclined)
		}
		if !rec.ResetOK {
			if err := w.resetAlarm(who.account, rec); err != nil {
				return err
			}
		}
		rec.ResetOK = false // the user's yes was for one
	}
	if rec != nil {
		if err := w.adopt(who.account, rec, who.pin, who.proof.Manifests, who.proof.Certs, who.members); err != nil {
			return err
		}
	}
	d.Stranger = rec == nil || rec.State == Incoming
	return w.addSession(who.account, device, s, v != takeReceive)
}

// countReset says whether the device may start anew once more today.
func (w *work) countReset(d *deviceRec, device identity.DeviceID) bool {
	day := ms(w.now.Add(-24 * time.Hour))
	d.Resets = slices.DeleteFunc(d.Resets, func(at int64) bool { return at < day })
	if len(d.Resets) >= w.c.cfg.Limits.ResetsPerDay {
		return false
	}
	d.Resets = append(d.Resets, ms(w.now))
	w.keepDevice(device)
	return true
}

func (w *work) resetAlarm(id identity.AccountID, rec *contactRec) error {
	if rec.Reset && rec.Verified {
		return nil // said already
	}
	rec.Reset = true
	w.saveContact(id, rec)
	return emit(w.tx, EventIdentityAlarm, Ref{Account: id, Reason: AlarmReset})
}
