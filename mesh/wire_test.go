package mesh

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vector is a case of spec/vectors/delivery.json.
type vector struct {
	Name  string
	From  string
	Bytes hexBytes
	Error string

	Kind uint8
	N    uint64
	Body hexBytes
	Code Code

	Account, Locator, Token hexBytes
	OneTime                 bool

	Manifests, Certs []hexBytes
	Bundle           hexBytes
	Retry            int
}

func vectors(t testing.TB) []vector {
	b, err := spec.Vector("delivery")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Frames []vector }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all.Frames
}

func TestVectors(t *testing.T) {
	check := map[string]func(t *testing.T, v vector) error{
		"sender": checkFrame(decodeData), "receiver": checkFrame(decodeAnswer),
		"requester": checkRequest, "server": checkResponse,
	}
	for _, v := range vectors(t) {
		t.Run(v.From+"/"+v.Name, func(t *testing.T) {
			err := check[v.From](t, v)
			if (err != nil) != (v.Error != "") {
				t.Fatalf("error is %v, want %q", err, v.Error)
			}
			if err != nil && !errors.Is(err, ErrFrame) {
				t.Errorf("%v is no ErrFrame", err)
			}
		})
	}
}

func checkFrame(decode func([]byte) (frame, error)) func(*testing.T, vector) error {
	return func(t *testing.T, v vector) error {
		f, err := decode(v.Bytes)
		if err != nil {
			return err
		}
		if f.Kind != v.Kind || f.N != v.N || !bytes.Equal(f.Body, v.Body) || f.Code != v.Code {
			t.Errorf("decoded as %+v", f)
		}
		same(t, v.Bytes)(encode(t, frame{Kind: v.Kind, N: v.N, Body: v.Body, Code: v.Code}), nil)
		return nil
	}
}

// encode is what append writes behind the length.
func encode(t *testing.T, f frame) []byte {
	t.Helper()
	b, err := node.ReadFrame(bytes.NewReader(f.append(nil)), 2*MaxFrame)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkRequest(t *testing.T, v vector) error {
	r, err := decodeRequest(v.Bytes)
	if err != nil {
		return err
	}
	if !bytes.Equal(r.Account[:], v.Account) || !bytes.Equal(r.Locator, v.Locator) ||
		!bytes.Equal(r.Token, v.Token) || r.OneTime != v.OneTime {
		t.Errorf("decoded as %+v", r)
	}
	same(t, v.Bytes)(encodeRequest(r))
	return nil
}

func checkResponse(t *testing.T, v vector) error {
	r, refused, err := decodeResponse(v.Bytes)
	if err != nil {
		return err
	}
	if refused != nil {
		if refused.Code != v.Code || refused.Retry != time.Duration(v.Retry)*time.Second {
			t.Errorf("decoded as %+v", refused)
		}
		same(t, v.Bytes)(encodeRefusal(*refused))
		return nil
	}
	if len(r.Manifests) != len(v.Manifests) || len(r.Certs) != len(v.Certs) || !bytes.Equal(r.Bundle, v.Bundle) {
		t.Errorf("decoded as %+v", r)
	}
	same(t, v.Bytes)(encodeResponse(r))
	return nil
}

// same expects an encoder to give want.
func same(t *testing.T, want []byte) func([]byte, error) {
	return func(got []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("encoded as %x, %v; want %x", got, err, want)
		}
	}
}

// TestBounds holds the largest of everything against the limits.
func TestBounds(t *testing.T) {
	if big := encode(t, frame{N: 1<<64 - 1, Body: make([]byte, MaxEnvelope)}); len(big) > MaxFrame {
		t.Errorf("the largest envelope makes a frame of %d bytes", len(big))
	}
	if decodeFails(encode(t, frame{N: 1, Body: make([]byte, MaxEnvelope+1)})) == nil {
		t.Error("an envelope beyond the limit is read")
	}
	if ack := encode(t, answer(1<<64-1, Verdict{Receipt: [16]byte{1}})); len(ack) > MaxAnswer {
		t.Errorf("an ack takes %d bytes", len(ack))
	}
	req, err := encodeRequest(PrekeyRequest{Token: make([]byte, MaxToken), OneTime: true})
	if err != nil || len(req) > MaxPrekeyRequest {
		t.Errorf("a request takes %d bytes: %v", len(req), err)
	}
}

func decodeFails(b []byte) error {
	_, err := decodeData(b)
	return err
}

// TestOneTimeKeyTravels carries a real key through a response.
func TestOneTimeKeyTravels(t *testing.T) {
	k := identity.OneTimeKey{ID: 7, X: [32]byte{9}, KEM: make([]byte, identity.KEM1024KeySize)}
	r := PrekeyResponse{Manifests: [][]byte{{1}}, Certs: [][]byte{{2}}, Bundle: []byte{3}, OneTime: &k}
	b, err := encodeResponse(r)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := decodeResponse(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.OneTime == nil || !bytes.Equal(got.OneTime.Bytes(), k.Bytes()) {
		t.Errorf("got %+v", got.OneTime)
	}
}
