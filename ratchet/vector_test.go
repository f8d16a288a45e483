package ratchet

import (
	"bytes"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/spec"
)

var update = flag.Bool("update", false, "write the vectors anew")

// hexBytes are bytes that are hex in JSON.
type hexBytes []byte

func (h hexBytes) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	raw, err := hex.DecodeString(s)
	*h = raw
	return err
}

// stream is a source of reproducible bytes that notes what was drawn.
type stream struct {
	seed  string
	count uint64
	drawn []hexBytes
}

func (s *stream) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += 32 {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.seed), s.count))
		s.count++
		copy(b[i:], sum[:])
	}
	s.drawn = append(s.drawn, bytes.Clone(b))
	return len(b), nil
}

// take draws n bytes that are no part of a vector's draws.
func (s *stream) take(n int) []byte {
	b := make([]byte, n)
	s.Read(b)
	s.drawn = nil
	return b
}

// draws returns what was drawn since the last call.
func (s *stream) draws() []hexBytes {
	d := s.drawn
	s.drawn = nil
	return d
}

// derandomised draws the message of an encapsulation from its reader.
type derandomised struct{ io.Reader }

func (d derandomised) message() []byte {
	m := make([]byte, 32)
	if _, err := io.ReadFull(d, m); err != nil {
		panic(err)
	}
	return m
}

func (d derandomised) encaps768(ek []byte) (key, []byte, error) {
	k, err := mlkem.NewEncapsulationKey768(ek)
	if err != nil {
		return key{}, nil, err
	}
	shared, ct, err := mlkemtest.Encapsulate768(k, d.message())
	return key(shared), ct, err
}

func (d derandomised) encaps1024(ek []byte) (key, []byte, error) {
	k, err := mlkem.NewEncapsulationKey1024(ek)
	if err != nil {
		return key{}, nil, err
	}
	shared, ct, err := mlkemtest.Encapsulate1024(k, d.message())
	return key(shared), ct, err
}

// vectorParty is a device in a vector, with all its secrets.
type vectorParty struct {
	Account  hexBytes `json:"account"`
	Device   hexBytes `json:"device"`
	DIK      hexBytes `json:"dik_secret"`
	DKEM     hexBytes `json:"dkem_seed"`
	Cert     hexBytes `json:"cert_hash"`
	Manifest hexBytes `json:"manifest_hash"`
}

func newVectorParty(s *stream) vectorParty {
	return vectorParty{s.take(32), s.take(16), s.take(32), s.take(64), s.take(32), s.take(32)}
}

// vectorPrekeys are the secrets of the responder's prekeys.
type vectorPrekeys struct {
	SPKID  uint32   `json:"spk_id"`
	SPK    hexBytes `json:"spk_secret"`
	PQSPK  hexBytes `json:"pqspk_seed"`
	Bundle hexBytes `json:"bundle_hash"`
	OPKID  uint32   `json:"opk_id,omitempty"`
	OPK    hexBytes `json:"opk_secret,omitempty"`
	PQOPK  hexBytes `json:"pqopk_seed,omitempty"`
}

// vectorHandshake is one case of handshake.json.
type vectorHandshake struct {
	Name      string        `json:"name"`
	Initiator vectorParty   `json:"initiator"`
	Responder vectorParty   `json:"responder"`
	Prekeys   vectorPrekeys `json:"prekeys"`
	Identity  hexBytes      `json:"identity"`
	Token     hexBytes      `json:"token"`
	Work      int           `json:"work_bits"`
	PSKKind   byte          `json:"psk_kind"`
	PSK       hexBytes      `json:"psk,omitempty"`
	PSKFrom   hexBytes      `json:"psk_session,omitempty"`
	PSKStep   uint32        `json:"psk_step,omitempty"`
	Draws     []hexBytes    `json:"draws"`
	Derived   vectorDerived `json:"derived"`
	Content   hexBytes      `json:"content"`
	SealDraws []hexBytes    `json:"seal_draws"`
	Receipt   hexBytes      `json:"receipt"`
	Envelope  hexBytes      `json:"envelope"`
	Mutations []mutation    `json:"mutations"`
}

// mutation is one change of an envelope that must fail.
type mutation struct {
	Field string `json:"field"`
	At    int    `json:"at"`
	Xor   byte   `json:"xor"`
	Error string `json:"error"`
}

// vectorDerived are all values of a handshake.
type vectorDerived struct {
	DIKA     hexBytes `json:"dik_a"`
	DIKB     hexBytes `json:"dik_b"`
	SPK      hexBytes `json:"spk"`
	EK       hexBytes `json:"ek"`
	DH1      hexBytes `json:"dh1"`
	DH2      hexBytes `json:"dh2"`
	DH3      hexBytes `json:"dh3"`
	DH4      hexBytes `json:"dh4"`
	SSS      hexBytes `json:"ss_s"`
	SSI      hexBytes `json:"ss_i"`
	PrefixID hexBytes `json:"prefix_id"`
	TH0      hexBytes `json:"th0"`
	Work     hexBytes `json:"work"`
	K0       hexBytes `json:"k0"`
	Sealed   hexBytes `json:"sealed_plaintext"`
	TH1      hexBytes `json:"th1"`
	SID      hexBytes `json:"sid"`
	RK0      hexBytes `json:"rk0"`
	HKa      hexBytes `json:"hka"`
	NHKb     hexBytes `json:"nhkb"`
	PQK0     hexBytes `json:"pqk0"`
	TK       hexBytes `json:"tk"`
}

func (v *vectorHandshake) initiator() Initiator {
	p := v.Initiator
	return Initiator{Account: [32]byte(p.Account), Device: [16]byte(p.Device), DIK: [32]byte(p.DIK), DKEMSeed: [64]byte(p.DKEM),
		CertHash: [32]byte(p.Cert), ManifestHash: [32]byte(p.Manifest), Identity: v.Identity}
}

func (v *vectorHandshake) target(t *testing.T) Target {
	p, k := v.Responder, v.Prekeys
	to := Target{Account: [32]byte(p.Account), Device: [16]byte(p.Device), DIK: pub(t, p.DIK), DKEM: pub768(t, p.DKEM),
		SPKID: k.SPKID, SPK: pub(t, k.SPK), PQSPK: pub1024(t, k.PQSPK), BundleHash: [32]byte(k.Bundle),
		CertHash: [32]byte(p.Cert), ManifestHash: [32]byte(p.Manifest)}
	if k.OPK != nil {
		to.OPK = &OneTime{ID: k.OPKID, X: pub(t, k.OPK), KEM: pub1024(t, k.PQOPK)}
	}
	return to
}

func (v *vectorHandshake) options() Options {
	o := Options{Token: v.Token, Work: v.Work}
	switch pskKind(v.PSKKind) {
	case pskExternal:
		psk := [32]byte(v.PSK)
		o.PSK = &psk
	case pskResume:
		o.Resume = &ResumeKey{ResumeRef{[32]byte(v.PSKFrom), v.PSKStep}, [32]byte(v.PSK)}
	}
	return o
}

func pub(t *testing.T, secret []byte) [32]byte {
	k, err := dhKeyOf(key(secret))
	noError(t, err)
	return k.public
}

func pub768(t *testing.T, seed []byte) []byte {
	k, err := mlkem.NewDecapsulationKey768(seed)
	noError(t, err)
	return k.EncapsulationKey().Bytes()
}

func pub1024(t *testing.T, seed []byte) []byte {
	k, err := mlkem.NewDecapsulationKey1024(seed)
	noError(t, err)
	return k.EncapsulationKey().Bytes()
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// replay gives the draws of a vector back.
type replay struct {
	t     *testing.T
	draws []hexBytes
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.draws) == 0 || len(r.draws[0]) != len(b) {
		r.t.Fatalf("%d bytes are drawn that the vector does not have", len(b))
	}
	copy(b, r.draws[0])
	r.draws = r.draws[1:]
	return len(b), nil
}

// derive computes the values of a case from the responder's side.
func (v *vectorHandshake) derive(t *testing.T) (vectorDerived, *Pending, Session, Opened) {
	p, k := v.Responder, v.Prekeys
	self := Responder{Account: [32]byte(p.Account), Device: [16]byte(p.Device), DIK: [32]byte(p.DIK), DKEMSeed: [64]byte(p.DKEM), CertHash: [32]byte(p.Cert)}
	pre := Prekeys{SPK: [32]byte(k.SPK), PQSPKSeed: [64]byte(k.PQSPK), BundleHash: [32]byte(k.Bundle)}
	if k.OPK != nil {
		pre.OPK = &OneTimeSecret{X: [32]byte(k.OPK), KEMSeed: [64]byte(k.PQOPK)}
	}
	pending, err := Respond(self, pre, v.Envelope)
	noError(t, err)
	a := v.initiator()
	peer := Peer{Account: a.Account, Device: a.Device, DIK: pub(t, v.Initiator.DIK), DKEM: pub768(t, v.Initiator.DKEM), CertHash: a.CertHash, ManifestHash: a.ManifestHash}
	var psk *[32]byte
	if pending.NeedsPSK() {
		b := [32]byte(v.PSK)
		psk = &b
	}
	session, opened, err := pending.Accept(peer, [32]byte(p.Manifest), psk)
	noError(t, err)
	x := pending.x
	noError(t, func() error {
		if !pending.agreeRest(&x, peer) {
			return ErrHandshake
		}
		return nil
	}())
	if psk != nil {
		x.psk = *psk
	}
	d, k0 := x.derive(session.th), x.initKey(pending.th0)
	ek := pending.ek()
	dikA, dikB, spk := pub(t, v.Initiator.DIK), pub(t, v.Responder.DIK), pub(t, k.SPK)
	return vectorDerived{DIKA: dikA[:], DIKB: dikB[:], SPK: spk[:], EK: ek[:],
		DH1: x.dh1[:], DH2: x.dh2[:], DH3: x.dh3[:], DH4: x.dh4[:], SSS: x.ssS[:], SSI: x.ssI[:],
		PrefixID: session.prefixID[:], TH0: pending.th0[:], Work: pending.prefix.raw[prefixNonce:prefixEK], K0: k0[:],
		Sealed: pending.inner.encode(), TH1: session.th[:], SID: d.sid[:], RK0: d.root[:],
		HKa: d.headA[:], NHKb: d.headB[:], PQK0: d.lane[:], TK: d.tags[:]}, pending, session, opened
}

// handshakeCases makes the cases anew.
func handshakeCases(t *testing.T) (out []vectorHandshake) {
	for _, name := range []string{"one-time prekey", "no one-time prekey, token and work", "pre-shared key", "resume key"} {
		s := &stream{seed: "p2pmsg handshake " + name}
		v := vectorHandshake{Name: name, Initiator: newVectorParty(s), Responder: newVectorParty(s), Identity: s.take(600)}
		v.Prekeys = vectorPrekeys{SPKID: 0x01020304, SPK: s.take(32), PQSPK: s.take(64), Bundle: s.take(32)}
		switch name {
		case "one-time prekey":
			v.Prekeys.OPKID, v.Prekeys.OPK, v.Prekeys.PQOPK = 0x05060708, s.take(32), s.take(64)
		case "pre-shared key":
			v.PSKKind, v.PSK = 1, s.take(32)
		case "resume key":
			v.PSKKind, v.PSK, v.PSKFrom, v.PSKStep = 2, s.take(32), s.take(32), 9
		default:
			v.Token, v.Work = []byte("an invite token"), 10
		}
		v.Content = []byte("hello from " + name)
		session, err := Initiate(derandomised{s}, v.initiator(), v.target(t), v.options())
		noError(t, err)
		v.Draws = s.draws()
		_, sealed, err := session.Seal(derandomised{s}, v.Content)
		noError(t, err)
		v.SealDraws, v.Receipt, v.Envelope = s.draws(), sealed.Receipt[:], sealed.Envelope
		v.Derived, _, _, _ = v.derive(t)
		v.Mutations = mutations(v.Envelope)
		out = append(out, v)
	}
	return out
}

// mutations changes each field once.
func mutations(env []byte) []mutation {
	end := prefixSealed + int(binary.BigEndian.Uint16(env[prefixLength:]))
	const e = "handshake"
	return []mutation{
		{"kind", 0, 0x03, e}, {"suite", prefixSuite + 1, 0x02, e}, {"one-time flag", prefixFlags, 0x01, e}, {"unknown flag", prefixFlags, 0x80, e},
		{"spk_id", prefixSPK, 0x01, e}, {"opk_id", prefixOPK + 3, 0x01, e}, {"EK", prefixEK, 0x01, e}, {"ct_s", prefixCTS, 0x01, e},
		{"ct_i", prefixCTI, 0x01, e}, {"sealed_len", prefixLength, 0x02, e}, {"sealed nonce", prefixSealed, 0x01, e},
		{"sealed identity", prefixSealed + nonceSize, 0x01, e}, {"tag of the sealed identity", end - 1, 0x01, e}, {"nonce", end, 0x01, e},
		{"header", end + nonceSize, 0x01, e}, {"body", end + nonceSize + sealedHeader, 0x01, e}, {"tag of the body", len(env) - 1, 0x01, e},
	}
}

// writeVector writes a file of vectors.
func writeVector(t *testing.T, name string, v any) {
	b, err := json.MarshalIndent(v, "", " ")
	noError(t, err)
	noError(t, os.WriteFile("../spec/vectors/"+name+".json", append(b, '\n'), 0o644))
}

func readVector(t *testing.T, name string, v any) {
	b, err := spec.Vector(name)
	noError(t, err)
	noError(t, json.Unmarshal(b, v))
}

func TestHandshakeVectors(t *testing.T) {
	if *update {
		writeVector(t, "handshake", handshakeCases(t))
		return
	}
	var cases []vectorHandshake
	readVector(t, "handshake", &cases)
	for _, v := range cases {
		t.Run(v.Name, func(t *testing.T) {
			session, err := Initiate(derandomised{&replay{t, v.Draws}}, v.initiator(), v.target(t), v.options())
			noError(t, err)
			_, sealed, err := session.Seal(derandomised{&replay{t, v.SealDraws}}, v.Content)
			noError(t, err)
			if !bytes.Equal(sealed.Envelope, v.Envelope) || !bytes.Equal(sealed.Receipt[:], v.Receipt) {
				t.Fatal("the initiator makes another envelope")
			}
			got, pending, bob, opened := v.derive(t)
			if !reflect.DeepEqual(got, v.Derived) {
				t.Fatalf("derived\n%x\nwant\n%x", got, v.Derived)
			}
			if !bytes.Equal(opened.Content, v.Content) || bob.ID() != session.ID() || !bytes.Equal(pending.Token(), v.Token) {
				t.Fatal("the responder opens something else")
			}
			checkMutations(t, v, pending)
		})
	}
}

// checkMutations makes sure that each of them fails.
func checkMutations(t *testing.T, v vectorHandshake, good *Pending) {
	a := v.initiator()
	peer := Peer{Account: a.Account, Device: a.Device, DIK: pub(t, v.Initiator.DIK), DKEM: pub768(t, v.Initiator.DKEM), CertHash: a.CertHash, ManifestHash: a.ManifestHash}
	pre := Prekeys{SPK: [32]byte(v.Prekeys.SPK), PQSPKSeed: [64]byte(v.Prekeys.PQSPK), BundleHash: [32]byte(v.Prekeys.Bundle)}
	for _, m := range v.Mutations {
		env := bytes.Clone(v.Envelope)
		env[m.At] ^= m.Xor
		if prefix, err := ParsePrefix(env); err == nil && prefix.HasOPK {
			pre.OPK = &OneTimeSecret{}
			if v.Prekeys.OPK != nil {
				pre.OPK = &OneTimeSecret{X: [32]byte(v.Prekeys.OPK), KEMSeed: [64]byte(v.Prekeys.PQOPK)}
			}
		}
		p, err := Respond(good.self, pre, env)
		if err == nil {
			var psk *[32]byte
			if p.NeedsPSK() {
				psk = (*[32]byte)(v.PSK)
			}
			_, _, err = p.Accept(peer, p.ManifestHash(), psk)
		}
		if err != ErrHandshake {
			t.Errorf("%s changed: %v", m.Field, err)
		}
	}
}
