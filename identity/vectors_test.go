package identity_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

var update = flag.Bool("update", false, "write the vectors anew")

// hexed is a byte string as vectors spell it.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type identityVectors struct {
	Labels        []labelCase       `json:"labels"`
	Encodings     []encodingCase    `json:"encodings"`
	Phrases       []phraseCase      `json:"phrases"`
	Devices       []deviceCase      `json:"devices"`
	Handles       []handleCase      `json:"handles"`
	Certificates  []certificateCase `json:"certificates"`
	Manifests     []manifestCase    `json:"manifests"`
	Chains        []chainCase       `json:"chains"`
	SafetyNumbers []safetyCase      `json:"safety_numbers"`
	Codes         []codeCase        `json:"codes"`
}

type labelCase struct {
	Label string `json:"label"`
	Hash  hexed  `json:"hash"` // of the two parts 01 and 0203
	Salt  hexed  `json:"salt"`
	IKM   hexed  `json:"ikm"`
	Ctx   hexed  `json:"ctx"`
	KDF   hexed  `json:"kdf"`
}

type encodingCase struct {
	Name  string `json:"name"`
	Bytes hexed  `json:"bytes"`
	Error string `json:"error,omitempty"`
}

type phraseCase struct {
	Secret  hexed  `json:"secret,omitempty"`
	Words   string `json:"words"`
	Error   string `json:"error,omitempty"`
	Genesis hexed  `json:"genesis,omitempty"`
	Account string `json:"account,omitempty"`
	Backup  hexed  `json:"backup,omitempty"`
}

type deviceCase struct {
	Name   string `json:"name"`
	Secret hexed  `json:"secret"`
	ID     string `json:"id"`
	DSK    hexed  `json:"dsk"`
	DIK    hexed  `json:"dik"`
	DKEM   hexed  `json:"dkem"`
}

type handleCase struct {
	Name    string `json:"name,omitempty"`
	Account string `json:"account,omitempty"`
	Handle  string `json:"handle"`
	Error   string `json:"error,omitempty"`
}

type certificateCase struct {
	Name     string `json:"name"`
	Phrase   hexed  `json:"phrase,omitempty"` // whose account
	Device   string `json:"device,omitempty"` // by name
	Issuer   string `json:"issuer,omitempty"` // by name; empty: the account key
	Role     uint8  `json:"role,omitempty"`
	Created  int64  `json:"created,omitempty"`
	NotAfter int64  `json:"not_after,omitempty"`
	Bytes    hexed  `json:"bytes"`
	Hash     hexed  `json:"hash,omitempty"`
	Error    string `json:"error,omitempty"`
}

type manifestCase struct {
	Name  string `json:"name"`
	Seq   uint64 `json:"seq,omitempty"`
	Bytes hexed  `json:"bytes"`
	Hash  hexed  `json:"hash,omitempty"`
	Error string `json:"error,omitempty"`
}

type pinCase struct {
	Seq  uint64 `json:"seq"`
	Hash hexed  `json:"hash"`
}

type chainCase struct {
	Name         string   `json:"name"`
	Genesis      hexed    `json:"genesis"`
	Pin          pinCase  `json:"pin"`
	Manifests    []string `json:"manifests"`
	Certificates []string `json:"certificates"`
	Now          int64    `json:"now"`
	PinAfter     pinCase  `json:"pin_after"`
	Error        string   `json:"error,omitempty"`
}

type safetyCase struct {
	A      hexed  `json:"a"` // genesis
	B      hexed  `json:"b"`
	Number string `json:"number"`
}

type codeCase struct {
	Name    string `json:"name"`
	Scanned hexed  `json:"scanned"`
	Own     hexed  `json:"own,omitempty"` // what the scanner would show
	Error   string `json:"error,omitempty"`
}

type bundleVectors struct {
	DSK         hexed         `json:"dsk"`
	Bundles     []bundleCase  `json:"bundles"`
	OneTimeKeys []oneTimeCase `json:"one_time_keys"`
}

type bundleCase struct {
	Name     string `json:"name"`
	Bytes    hexed  `json:"bytes"`
	Hash     hexed  `json:"hash,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`
	SPKID    uint32 `json:"spk_id,omitempty"`
	OPKRoot  hexed  `json:"opk_root,omitempty"`
	OPKCount uint32 `json:"opk_count,omitempty"`
	Error    string `json:"error,omitempty"`
}

type oneTimeCase struct {
	Name  string `json:"name"`
	Bytes hexed  `json:"bytes"` // under the first bundle
	Error string `json:"error,omitempty"`
}

// kinds are the words that vectors use for our errors.
var kinds = map[string]error{
	"": nil, "malformed": identity.ErrMalformed, "forged": identity.ErrForged, "expired": identity.ErrExpired,
	"rollback": identity.ErrRollback, "gap": identity.ErrGap, "fork": identity.ErrFork,
	"mismatch": identity.ErrMismatch, "phrase": identity.ErrPhrase, "handle": identity.ErrHandle,
}

func checkKind(t *testing.T, name string, err error, kind string) {
	t.Helper()
	if want, known := kinds[kind]; !known || !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Errorf("%s: %v, want %q", name, err, kind)
	}
}

func checkBytes(t *testing.T, name string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", name, got, want)
	}
}

// readVectors reads a file of spec/vectors into v, after writing it anew when
// asked to. What is made again must be what is written there.
func readVectors(t *testing.T, name string, fresh, v any) {
	t.Helper()
	made := append(must(json.MarshalIndent(fresh, "", "\t")), '\n')
	file := made
	if *update {
		if err := os.WriteFile("../spec/vectors/"+name+".json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	} else {
		file = must(spec.Vector(name))
	}
	if !bytes.Equal(file, made) {
		t.Errorf("vectors/%s.json is not what this code makes; if the specification changed, run with -update", name)
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	var v identityVectors
	readVectors(t, "identity", makeIdentityVectors(), &v)
	for _, c := range v.Labels {
		h := identity.Hash(c.Label, []byte{1}, []byte{2, 3})
		checkBytes(t, c.Label, h[:], c.Hash)
		checkBytes(t, c.Label, identity.Derive(c.Salt, c.IKM, c.Label, c.Ctx, len(c.KDF)), c.KDF)
	}
	for _, c := range v.Encodings {
		var m map[uint64]any
		checkKind(t, c.Name, identity.Decode(c.Bytes, &m), c.Error)
	}
	for _, c := range v.Phrases {
		checkPhrase(t, c)
	}
	for _, c := range v.Devices {
		d := must(identity.DeviceKeyFromSecret(c.Secret))
		p := d.Public()
		checkBytes(t, c.Name, bytes.Join([][]byte{p.DSK[:], p.DIK[:], p.DKEM}, nil), bytes.Join([][]byte{c.DSK, c.DIK, c.DKEM}, nil))
		if d.ID().String() != c.ID {
			t.Errorf("%s: %v", c.Name, d.ID())
		}
	}
	for _, c := range v.Handles {
		checkHandle(t, c)
	}
	for _, c := range v.SafetyNumbers {
		a, b := must(identity.ParseGenesis(c.A)), must(identity.ParseGenesis(c.B))
		if got := identity.SafetyNumber(a.AccountID(), a, b.AccountID(), b); got != c.Number {
			t.Errorf("safety number %s, want %s", got, c.Number)
		}
	}
	for _, c := range v.Codes {
		shown, err := identity.ParseVerification(c.Scanned)
		if err == nil {
			err = shown.Check(must(identity.ParseVerification(c.Own)))
		}
		checkKind(t, c.Name, err, c.Error)
	}
	checkChains(t, &v)
}

func checkPhrase(t *testing.T, c phraseCase) {
	t.Helper()
	p, err := identity.ParsePhrase(c.Words)
	checkKind(t, c.Words, err, c.Error)
	if err != nil {
		return
	}
	g := p.Account().Genesis()
	checkBytes(t, "secret", p.Secret(), c.Secret)
	checkBytes(t, "genesis", g[:], c.Genesis)
	checkBytes(t, "backup", p.BackupKey(), c.Backup)
	if got := p.Account().ID().String(); got != c.Account {
		t.Errorf("account %s, want %s", got, c.Account)
	}
}

func checkHandle(t *testing.T, c handleCase) {
	t.Helper()
	h, err := identity.ParseHandle(c.Handle)
	checkKind(t, c.Handle, err, c.Error)
	if err == nil && c.Account != "" {
		id := must(identity.ParseAccountID(c.Account))
		if made := must(identity.NewHandle(c.Name, id)); made != h {
			t.Errorf("handle %v, want %v", made, h)
		}
	}
}

// checkChains checks certificates and manifests alone, then in chains.
func checkChains(t *testing.T, v *identityVectors) {
	t.Helper()
	certs, manifests := map[string]*identity.DeviceCert{}, map[string]*identity.Manifest{}
	for _, c := range v.Certificates {
		cert, err := identity.ParseDeviceCert(c.Bytes)
		checkKind(t, c.Name, err, c.Error)
		if err == nil {
			h := cert.Hash()
			checkBytes(t, c.Name, h[:], c.Hash)
			certs[c.Name] = cert
		}
	}
	for _, c := range v.Manifests {
		m, err := identity.ParseManifest(c.Bytes)
		checkKind(t, c.Name, err, c.Error)
		if err == nil {
			h := m.Hash()
			checkBytes(t, c.Name, h[:], c.Hash)
			manifests[c.Name] = m
		}
	}
	for _, c := range v.Chains {
		var chain []*identity.Manifest
		var along []*identity.DeviceCert
		for _, name := range c.Manifests {
			chain = append(chain, manifests[name])
		}
		for _, name := range c.Certificates {
			along = append(along, certs[name])
		}
		pin := identity.Pin{Seq: c.Pin.Seq, Hash: [32]byte(c.Pin.Hash)}
		got, err := pin.Advance(must(identity.ParseGenesis(c.Genesis)), chain, along, time.Unix(c.Now, 0))
		checkKind(t, c.Name, err, c.Error)
		if got != (identity.Pin{Seq: c.PinAfter.Seq, Hash: [32]byte(c.PinAfter.Hash)}) {
			t.Errorf("%s: pin is now %v", c.Name, got)
		}
	}
}

func TestVectorsOfBundles(t *testing.T) {
	var v bundleVectors
	readVectors(t, "identity-bundle", makeBundleVectors(), &v)
	var first *identity.Bundle
	for _, c := range v.Bundles {
		b, err := identity.ParseBundle(c.Bytes, [32]byte(v.DSK))
		checkKind(t, c.Name, err, c.Error)
		if err != nil {
			continue
		}
		if first == nil {
			first = b
		}
		h := b.Hash()
		checkBytes(t, c.Name, h[:], c.Hash)
		checkBytes(t, c.Name, b.OPKRoot[:], c.OPKRoot)
		if b.Seq != c.Seq || b.SPKID != c.SPKID || b.OPKCount != c.OPKCount {
			t.Errorf("%s came back as %+v", c.Name, b)
		}
	}
	for _, c := range v.OneTimeKeys {
		k, err := identity.ParseOneTimeKey(c.Bytes)
		if err == nil {
			err = first.VerifyOneTime(k)
		}
		checkKind(t, c.Name, err, c.Error)
	}
}
