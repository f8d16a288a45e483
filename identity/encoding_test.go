package identity_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"pgregory.net/rapid"
)

// sample has one field of every kind that our objects use.
type sample struct {
	Number uint64   `cbor:"1,keyasint"`
	Bytes  []byte   `cbor:"2,keyasint"`
	Fixed  [4]byte  `cbor:"3,keyasint"`
	Text   string   `cbor:"4,keyasint"`
	List   []uint16 `cbor:"5,keyasint"`
	Maybe  []byte   `cbor:"6,keyasint,omitempty"`
}

// TestOneSpelling lists every way in which CBOR could say the same twice.
func TestOneSpelling(t *testing.T) {
	good := "a5" + "0101" + "024102" + "034400010203" + "046161" + "05810a"
	if err := identity.Decode(unhex(good), &sample{}); err != nil {
		t.Fatalf("the canonical one: %v", err)
	}
	for name, h := range map[string]string{
		"long integer":              "a5" + "011801" + "024102" + "034400010203" + "046161" + "05810a",
		"long length":               "a5" + "0101" + "02580102" + "034400010203" + "046161" + "05810a",
		"long key":                  "a5" + "180101" + "024102" + "034400010203" + "046161" + "05810a",
		"keys out of order":         "a5" + "024102" + "0101" + "034400010203" + "046161" + "05810a",
		"key twice":                 "a6" + "0101" + "0101" + "024102" + "034400010203" + "046161" + "05810a",
		"unknown key":               "a6" + "0101" + "024102" + "034400010203" + "046161" + "05810a" + "0701",
		"unknown text key":          "a6" + "0101" + "024102" + "034400010203" + "046161" + "05810a" + "617801",
		"missing field":             "a4" + "0101" + "024102" + "034400010203" + "046161",
		"empty optional field":      "a6" + "0101" + "024102" + "034400010203" + "046161" + "05810a" + "0640",
		"indefinite map":            "bf" + "0101" + "024102" + "034400010203" + "046161" + "05810a" + "ff",
		"indefinite list":           "a5" + "0101" + "024102" + "034400010203" + "046161" + "059f0aff",
		"indefinite bytes":          "a5" + "0101" + "025f4102ff" + "034400010203" + "046161" + "05810a",
		"tag":                       "a5" + "0101" + "02c24102" + "034400010203" + "046161" + "05810a",
		"null":                      "a5" + "0101" + "02f6" + "034400010203" + "046161" + "05810a",
		"undefined":                 "a5" + "01f7" + "024102" + "034400010203" + "046161" + "05810a",
		"float":                     "a5" + "01f93c00" + "024102" + "034400010203" + "046161" + "05810a",
		"short array":               "a5" + "0101" + "024102" + "0343000102" + "046161" + "05810a",
		"long array":                "a5" + "0101" + "024102" + "03450001020304" + "046161" + "05810a",
		"list for bytes":            "a5" + "0101" + "028102" + "034400010203" + "046161" + "05810a",
		"bytes for text":            "a5" + "0101" + "024102" + "034400010203" + "044161" + "05810a",
		"bad UTF-8":                 "a5" + "0101" + "024102" + "034400010203" + "0461ff" + "05810a",
		"negative":                  "a5" + "0120" + "024102" + "034400010203" + "046161" + "05810a",
		"number too big":            "a5" + "0101" + "024102" + "034400010203" + "046161" + "05811a00010000",
		"trailing byte":             good + "00",
		"cut":                       good[:len(good)-2],
		"nothing":                   "",
		"length beyond the end":     "a5" + "0101" + "025b7fffffffffffffff",
		"list length beyond reason": "a5" + "0101" + "024102" + "034400010203" + "046161" + "059b00ffffffffffffff",
	} {
		if err := identity.Decode(unhex(h), &sample{}); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	var v any
	deep := append(bytes.Repeat([]byte{0x81}, 9), 0x01)
	if identity.Decode(deep, &v) == nil {
		t.Error("nine levels were read")
	}
	v = nil
	if err := identity.Decode(deep[2:], &v); err != nil {
		t.Errorf("seven levels: %v", err)
	}
}

func TestEncodingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := sample{
			Number: rapid.Uint64().Draw(t, "number"), Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"),
			Text: rapid.String().Draw(t, "text"), List: rapid.SliceOf(rapid.Uint16()).Draw(t, "list"),
			Maybe: rapid.SliceOf(rapid.Byte()).Draw(t, "maybe"),
		}
		copy(in.Fixed[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "fixed"))
		b := must(identity.Encode(in))
		var out sample
		if err := identity.Decode(b, &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, must(identity.Encode(out))) {
			t.Fatal("came back as something else")
		}
	})
}

func TestIDsHaveOneSpelling(t *testing.T) {
	id := newPerson("alice").key.ID()
	dev := newDevice("laptop").ID()
	if got := must(identity.ParseAccountID(id.String())); got != id {
		t.Error("account id changed")
	}
	if got := must(identity.ParseDeviceID(dev.String())); got != dev {
		t.Error("device id changed")
	}
	s := id.String()
	for _, bad := range []string{"", s[1:], s + "a", strings.ToUpper(s), s[:51] + "1", s[:51] + "b", s + "====", s[:20] + "\n" + s[20:]} {
		if _, err := identity.ParseAccountID(bad); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("account id %q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", dev.String()[2:], strings.ToUpper(strings.Repeat("ab", 16)), strings.Repeat("g", 32)} {
		if _, err := identity.ParseDeviceID(bad); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("device id %q: %v", bad, err)
		}
	}
}

func unhex(s string) []byte { return must(hex.DecodeString(s)) }
