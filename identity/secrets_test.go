package identity_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// secrets is every type that holds a secret, with the secret itself.
func secrets() map[string]struct {
	value  any
	secret []byte
} {
	p := newPerson("alice")
	d := newDevice("laptop")
	k := must(identity.NewPeerKey(seeded("peer")))
	ark := identity.Derive(nil, p.phrase.Secret(), "ark-ed25519", nil, 32)
	return map[string]struct {
		value  any
		secret []byte
	}{
		"phrase": {p.phrase, p.phrase.Secret()}, "account key": {p.key, ark}, "account key value": {*p.key, ark},
		"device key": {d, d.Secret()[:32]}, "device key value": {*d, d.Secret()[32:64]}, "peer key": {k, k.Secret()},
	}
}

// TestSecretsDoNotPrint: no method turns a secret into text, no field shows it,
// and no way of printing or encoding the value lets it out.
func TestSecretsDoNotPrint(t *testing.T) {
	for name, s := range secrets() {
		typ := reflect.TypeOf(s.value)
		for _, method := range []string{"String", "GoString", "Format", "LogValue", "MarshalJSON", "MarshalText", "MarshalBinary", "MarshalCBOR", "Error"} {
			if _, has := typ.MethodByName(method); has {
				t.Errorf("%s has %s", name, method)
			}
		}
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() {
				t.Errorf("%s shows its field %s", name, f.Name)
			}
		}
		if typ.Comparable() {
			t.Errorf("%s can be compared with ==", name)
		}
		for _, out := range spelled(s.value) {
			checkNoSecret(t, name, out, s.secret)
		}
	}
}

func spelled(v any) (out []string) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		out = append(out, fmt.Sprintf(verb, v))
	}
	j, _ := json.Marshal(v)
	var g bytes.Buffer
	_ = gob.NewEncoder(&g).Encode(v)
	c, _ := identity.Encode(v)
	return append(out, string(j), g.String(), string(c))
}

func checkNoSecret(t *testing.T, name, out string, secret []byte) {
	t.Helper()
	decimal := fmt.Sprint(secret[:8])
	for _, needle := range []string{string(secret[:8]), hex.EncodeToString(secret[:8]), decimal[1 : len(decimal)-1], fmt.Sprintf("%#v", secret[:8])[7:]} {
		if bytes.Contains([]byte(out), []byte(needle)) {
			t.Errorf("%s prints its secret: %.60q", name, out)
		}
	}
}

func TestSecretsComeBack(t *testing.T) {
	d := newDevice("laptop")
	again := must(identity.DeviceKeyFromSecret(d.Secret()))
	if again.ID() != d.ID() || !reflect.DeepEqual(again.Public(), d.Public()) ||
		again.AgreementSecret() != d.AgreementSecret() || again.KEMSeed() != d.KEMSeed() {
		t.Error("the device key changed")
	}
	if len(d.Secret()) != identity.DeviceSecretSize {
		t.Errorf("%d secret bytes", len(d.Secret()))
	}
	k := must(identity.NewPeerKey(seeded("peer")))
	if got := must(identity.PeerKeyFromSecret(k.Secret())); got.ID() != k.ID() || !got.Private().Equals(k.Private()) {
		t.Error("the peer key changed")
	}
	if !k.ID().MatchesPrivateKey(k.Private()) {
		t.Error("the peer id is not the key's")
	}
}

// TestSecretsAreCopies: what is handed out or taken in is not shared.
func TestSecretsAreCopies(t *testing.T) {
	p, d, k := newPerson("alice").phrase, newDevice("laptop"), must(identity.NewPeerKey(seeded("peer")))
	for name, get := range map[string]func() []byte{
		"phrase": p.Secret, "device": d.Secret, "peer": k.Secret, "dkem": func() []byte { return d.Public().DKEM },
	} {
		before := slices.Clone(get())
		clear(get())
		if !bytes.Equal(before, get()) {
			t.Errorf("%s hands out its own memory", name)
		}
	}
	in := d.Secret()
	taken := must(identity.DeviceKeyFromSecret(in))
	clear(in)
	if !bytes.Equal(taken.Secret(), d.Secret()) {
		t.Error("the device key kept the caller's memory")
	}
}

func TestCutSecretsAreRefused(t *testing.T) {
	short := make([]byte, 31)
	_, err := identity.PhraseFromSecret(short)
	wantErr(t, err, identity.ErrSecret)
	_, err = identity.DeviceKeyFromSecret(short)
	wantErr(t, err, identity.ErrSecret)
	_, err = identity.PeerKeyFromSecret(short)
	wantErr(t, err, identity.ErrSecret)
}

// TestDryRandomness: no key is ever made of less than was asked for.
func TestDryRandomness(t *testing.T) {
	dry := func() io.Reader { return bytes.NewReader(make([]byte, 31)) }
	_, p := identity.NewPhrase(dry())
	_, d := identity.NewDeviceKey(dry())
	_, k := identity.NewPeerKey(dry())
	_, v := identity.NewVerification(bytes.NewReader(nil), identity.AccountID{}, identity.AccountID{}, identity.Pin{}, identity.Pin{})
	for i, err := range []error{p, d, k, v} {
		if err == nil {
			t.Errorf("key %d was made of nothing", i)
		}
	}
}
