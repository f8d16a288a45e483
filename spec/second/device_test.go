package second_test

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"io"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// device has the keys of a device and its prekeys; what the handshake takes as
// opaque is random.
type device struct {
	ratchet.Initiator
	pre  ratchet.Prekeys // OPK is nil when there is none
	spk  uint32
	opk  uint32
	want ratchet.Options // of the handshake it starts
}

func newDevice(t *testing.T, r io.Reader, oneTime bool, identity int) device {
	var d device
	fill := func(bs ...[]byte) {
		for _, b := range bs {
			if _, err := io.ReadFull(r, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.Identity = make([]byte, identity)
	fill(d.Account[:], d.Device[:], d.DIK[:], d.DKEMSeed[:], d.CertHash[:], d.ManifestHash[:], d.Identity,
		d.pre.SPK[:], d.pre.PQSPKSeed[:], d.pre.BundleHash[:])
	d.spk, d.opk = 7, 9
	if oneTime {
		d.pre.OPK = &ratchet.OneTimeSecret{}
		fill(d.pre.OPK.X[:], d.pre.OPK.KEMSeed[:])
	}
	return d
}

func x25519(t *testing.T, secret [32]byte) (out [32]byte) {
	k, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	copy(out[:], k.PublicKey().Bytes())
	return out
}

func kem768(t *testing.T, seed [64]byte) []byte {
	k, err := mlkem.NewDecapsulationKey768(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k.EncapsulationKey().Bytes()
}

func kem1024(t *testing.T, seed [64]byte) []byte {
	k, err := mlkem.NewDecapsulationKey1024(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k.EncapsulationKey().Bytes()
}

func (d device) target(t *testing.T) ratchet.Target {
	to := ratchet.Target{
		Account: d.Account, Device: d.Device, DIK: x25519(t, d.DIK), DKEM: kem768(t, d.DKEMSeed),
		SPKID: d.spk, SPK: x25519(t, d.pre.SPK), PQSPK: kem1024(t, d.pre.PQSPKSeed),
		BundleHash: d.pre.BundleHash, CertHash: d.CertHash, ManifestHash: d.ManifestHash,
	}
	if o := d.pre.OPK; o != nil {
		to.OPK = &ratchet.OneTime{ID: d.opk, X: x25519(t, o.X), KEM: kem1024(t, o.KEMSeed)}
	}
	return to
}

func (d device) peer(t *testing.T) ratchet.Peer {
	return ratchet.Peer{
		Account: d.Account, Device: d.Device, DIK: x25519(t, d.DIK), DKEM: kem768(t, d.DKEMSeed),
		CertHash: d.CertHash, ManifestHash: d.ManifestHash,
	}
}

func (d device) responder() ratchet.Responder {
	return ratchet.Responder{Account: d.Account, Device: d.Device, DIK: d.DIK, DKEMSeed: d.DKEMSeed, CertHash: d.CertHash}
}

// psk is the pre-shared key of d.want, nil without one.
func (d device) psk() *[32]byte {
	if d.want.Resume != nil {
		return &d.want.Resume.Key
	}
	return d.want.PSK
}

// The same for peer.js, which names fields as the documents do.

func (d device) jsSelf() request {
	return request{
		"account": d.Account[:], "device": d.Device[:], "dik": d.DIK[:], "dkemSeed": d.DKEMSeed[:],
		"certHash": d.CertHash[:], "manifestHash": d.ManifestHash[:], "identity": d.Identity,
	}
}

func (d device) jsPeer(t *testing.T) request {
	to := d.target(t)
	out := request{
		"account": to.Account[:], "device": to.Device[:], "dik": to.DIK[:], "dkem": to.DKEM,
		"certHash": to.CertHash[:], "manifestHash": to.ManifestHash[:], "bundleHash": to.BundleHash[:],
		"spkId": to.SPKID, "spk": to.SPK[:], "pqspk": to.PQSPK, "opk": nil,
	}
	if o := to.OPK; o != nil {
		out["opk"] = request{"id": o.ID, "x": o.X[:], "kem": o.KEM}
	}
	return out
}

func (d device) jsPrekeys() request {
	out := request{"spk": d.pre.SPK[:], "pqspkSeed": d.pre.PQSPKSeed[:], "bundleHash": d.pre.BundleHash[:], "opk": nil}
	if o := d.pre.OPK; o != nil {
		out["opk"] = request{"x": o.X[:], "kemSeed": o.KEMSeed[:]}
	}
	return out
}

func (d device) jsOptions() request {
	out := request{"work": d.want.Work, "token": d.want.Token}
	switch o := d.want; {
	case o.Resume != nil:
		out["psk"] = request{"kind": 2, "key": o.Resume.Key[:], "session": o.Resume.Session[:], "step": o.Resume.Step}
	case o.PSK != nil:
		out["psk"] = request{"kind": 1, "key": o.PSK[:], "session": make([]byte, 32), "step": 0}
	}
	return out
}
