package mesh

import (
	"fmt"
	"slices"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Bounds of a response (spec/delivery.md#prekeys).
const (
	// MaxManifests and MaxCerts are how many of each a response has at most.
	MaxManifests = 16
	MaxCerts     = 8

	locatorSize = 32
	maxRetry    = 24 * 60 * 60 // seconds
)

// request is a PrekeyRequest on the wire.
type request struct {
	Account identity.AccountID `cbor:"1,keyasint"`
	Locator []byte             `cbor:"2,keyasint,omitempty"`
	Token   []byte             `cbor:"3,keyasint,omitempty"`
	OneTime bool               `cbor:"4,keyasint,omitempty"`
}

// response is a PrekeyResponse, or a refusal, on the wire.
type response struct {
	Manifests [][]byte `cbor:"1,keyasint,omitempty"`
	Certs     [][]byte `cbor:"2,keyasint,omitempty"`
	Bundle    []byte   `cbor:"3,keyasint,omitempty"`
	OneTime   []byte   `cbor:"4,keyasint,omitempty"`
	Refused   Code     `cbor:"5,keyasint,omitempty"`
	Retry     uint32   `cbor:"6,keyasint,omitempty"` // seconds
}

func encodeRequest(req PrekeyRequest) ([]byte, error) {
	w := request(req)
	if err := w.check(); err != nil {
		return nil, err
	}
	return identity.Encode(w)
}

func decodeRequest(b []byte) (PrekeyRequest, error) {
	var w request
	if err := identity.Decode(b, &w); err != nil {
		return PrekeyRequest{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if err := w.check(); err != nil {
		return PrekeyRequest{}, err
	}
	return PrekeyRequest(w), nil
}

// check asks for exactly one proof.
func (w request) check() error {
	locator := len(w.Locator) == locatorSize && len(w.Token) == 0
	token := len(w.Locator) == 0 && len(w.Token) > 0 && len(w.Token) <= MaxToken
	if !locator && !token {
		return fmt.Errorf("%w: a request has one proof", ErrFrame)
	}
	return nil
}

func encodeResponse(r PrekeyResponse) ([]byte, error) {
	w := response{Manifests: r.Manifests, Certs: r.Certs, Bundle: r.Bundle}
	if r.OneTime != nil {
		w.OneTime = r.OneTime.Bytes()
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	b, err := identity.Encode(w)
	if err == nil && len(b) > MaxPrekeyResponse {
		err = fmt.Errorf("%w: response of %d bytes", ErrFrame, len(b))
	}
	return b, err
}

func encodeRefusal(e RefusedError) ([]byte, error) {
	return identity.Encode(response{Refused: e.Code, Retry: uint32(min(max(0, e.Retry/time.Second), maxRetry))})
}

func decodeResponse(b []byte) (r PrekeyResponse, refused *RefusedError, err error) {
	var w response
	if err := identity.Decode(b, &w); err != nil {
		return r, nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if err := w.check(); err != nil {
		return r, nil, err
	}
	if w.Refused != 0 {
		return r, &RefusedError{Code: w.Refused, Retry: time.Duration(w.Retry) * time.Second}, nil
	}
	r = PrekeyResponse{Manifests: w.Manifests, Certs: w.Certs, Bundle: w.Bundle}
	if len(w.OneTime) > 0 {
		k, err := identity.ParseOneTimeKey(w.OneTime)
		if err != nil {
			return PrekeyResponse{}, nil, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		r.OneTime = &k
	}
	return r, nil, nil
}

// check bounds a response; what a refusal says beside its code is nothing.
func (w response) check() error {
	full := within(w.Manifests, MaxManifests, identity.MaxManifestSize) &&
		within(w.Certs, MaxCerts, identity.MaxCertSize) &&
		len(w.Bundle) > 0 && len(w.Bundle) <= identity.MaxBundleSize && w.Refused == 0 && w.Retry == 0
	refusal := w.Refused != 0 && w.Retry <= maxRetry && len(w.Manifests)+len(w.Certs)+len(w.Bundle)+len(w.OneTime) == 0
	if !full && !refusal {
		return fmt.Errorf("%w: neither a response nor a refusal", ErrFrame)
	}
	return nil
}

// within says whether there is at least one object and none is too many, empty
// or too large.
func within(objects [][]byte, most, size int) bool {
	return len(objects) > 0 && len(objects) <= most &&
		!slices.ContainsFunc(objects, func(o []byte) bool { return len(o) == 0 || len(o) > size })
}
