package chat

import (
	"errors"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// membership is what a verified identity amounts to.
type membership struct {
	pin       identity.Pin
	manifests []*identity.Manifest
	certs     []*identity.DeviceCert // in the order given
	members   []*identity.DeviceCert // those that count now
}

// verifyIdentity checks a chain and its certificates against a pin.
func verifyIdentity(pin identity.Pin, p *identityProof, now time.Time) (membership, error) {
	genesis, err := identity.ParseGenesis(p.Genesis[:])
	if err != nil {
		return membership{}, err
	}
	var m membership
	if m.manifests, err = parseManifests(p.Manifests); err != nil {
		return membership{}, err
	}
	if m.certs, err = parseCerts(p.Certs); err != nil {
		return membership{}, err
	}
	return m, m.judge(genesis, pin, now)
}

func (m *membership) judge(g identity.Genesis, pin identity.Pin, now time.Time) error {
	next, err := pin.Advance(g, m.manifests, m.certs, now)
	if errors.Is(err, identity.ErrGap) {
		// Away for longer than the chain that is shown: the account key vouches.
		next, err = pin.Rejoin(g, m.manifests, m.certs, now)
	}
	if err != nil {
		return err
	}
	m.pin = next
	m.members = m.manifests[len(m.manifests)-1].Members(m.certs, now)
	return nil
}

// alarm stops all sending to a contact until the user verifies it again.
func (w *work) alarm(id identity.AccountID, rec *contactRec, why AlarmReason) error {
	if rec.Alarm != 0 {
		return nil
	}
	rec.Alarm, rec.Verified = why, false
	w.saveContact(id, rec)
	return emit(w.tx, EventIdentityAlarm, Ref{Account: id, Reason: why})
}

// adopt takes a verified, newer identity of a contact over. Sessions of devices
// that are gone are erased; what waited for them is for the others. Of the
// identity that is known already another device may show itself: it is noted,
// so that it is erased with the rest one day.
func (w *work) adopt(id identity.AccountID, rec *contactRec, pin identity.Pin, manifests, certs [][]byte, members []identity.DeviceID) error {
	if rec.Pin.pin() == pin && len(rec.Devices) > 0 {
		for _, d := range members {
			if !slices.Contains(rec.Devices, d) {
				rec.Devices = append(rec.Devices, d)
				w.saveContact(id, rec)
			}
		}
		return nil
	}
	for _, d := range rec.Devices {
		if slices.Contains(members, d) {
			continue
		}
		err := w.eachWaiting(d, func(out outRec) error {
			if out.Kind == outText {
				w.hold(id, rec, out.Order)
			}
			rec.Owe |= out.Owed
			return nil
		})
		if err := errors.Join(err, w.eraseDevice(d)); err != nil {
			return err
		}
	}
	rec.Pin, rec.Devices = pinOf(pin), members
	rec.Manifests, rec.Certs = manifests[len(manifests)-1:], certs
	w.saveContact(id, rec)
	return nil
}
