package identity

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

var (
	encMode = mustEncMode()
	decMode = mustDecMode()
)

func mustEncMode() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty // nil and empty are one thing
	o.TagsMd = cbor.TagsForbidden
	m, err := o.EncMode()
	if err != nil {
		panic(err)
	}
	return m
}

func mustDecMode() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxNestedLevels:   8,
		MaxArrayElements:  4096,
		MaxMapPairs:       256,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}

// Encode writes v in the one canonical encoding, spec/identity.md#encoding:
// CBOR in core deterministic form. Structs use integer keys (`keyasint`).
func Encode(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("identity: encode: %w", err)
	}
	return b, nil
}

// Decode reads into v, a pointer to a zero value, what [Encode] would write and
// nothing else: unknown or missing fields, duplicate keys, keys out of order,
// long integers, indefinite lengths, tags, byte strings of another length than
// the array they go to, and trailing bytes are all refused. The caller bounds
// the length of b; memory stays in proportion to it.
func Decode(b []byte, v any) error {
	if err := DecodeOwn(b, v); err != nil {
		return err
	}
	// The library reads more than one spelling of a value. Writing it again is
	// the cheapest way to insist on the canonical one, and makes a field that
	// is absent or cut differ from its zero.
	again, err := encMode.Marshal(v)
	if err != nil || !bytes.Equal(b, again) {
		return fmt.Errorf("%w: not in canonical form", ErrMalformed)
	}
	return nil
}

// DecodeOwn reads into v, a pointer to a zero value, what [Encode] wrote here
// and what has been authenticated since, such as a record of the store. It does
// not insist on the canonical form, which takes as long again as reading.
func DecodeOwn(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}
