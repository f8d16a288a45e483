package mesh

import (
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// The kinds of frame of ProtocolDM (spec/delivery.md#frames).
const (
	kindData   = 0
	kindAck    = 1
	kindRefuse = 2
)

// frame is every frame of ProtocolDM: Data{n, body} from the sender, Ack{n,
// body} and Refuse{n, code} from the receiver.
type frame struct {
	Kind uint8  `cbor:"1,keyasint"`
	N    uint64 `cbor:"2,keyasint"`
	Body []byte `cbor:"3,keyasint,omitempty"` // the envelope, or the receipt
	Code Code   `cbor:"4,keyasint,omitempty"`
}

func (f frame) encode() ([]byte, error) { return identity.Encode(f) }

// decodeData reads what a sender sends.
func decodeData(b []byte) (frame, error) {
	f, err := decodeFrame(b)
	if err != nil {
		return frame{}, err
	}
	if f.Kind != kindData || len(f.Body) == 0 || len(f.Body) > MaxEnvelope || f.Code != 0 {
		return frame{}, fmt.Errorf("%w: not data", ErrFrame)
	}
	return f, nil
}

// decodeAnswer reads what a receiver sends.
func decodeAnswer(b []byte) (frame, error) {
	f, err := decodeFrame(b)
	if err != nil {
		return frame{}, err
	}
	ack := f.Kind == kindAck && len(f.Body) == ReceiptSize && f.Code == 0
	refuse := f.Kind == kindRefuse && len(f.Body) == 0 && f.Code != 0
	if !ack && !refuse {
		return frame{}, fmt.Errorf("%w: not an answer", ErrFrame)
	}
	return f, nil
}

func decodeFrame(b []byte) (f frame, err error) {
	if err := identity.Decode(b, &f); err != nil {
		return frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if f.N == 0 {
		return frame{}, fmt.Errorf("%w: no number", ErrFrame)
	}
	return f, nil
}

// answer is the frame for a verdict.
func answer(n uint64, v Verdict) frame {
	if v.Refuse != 0 {
		return frame{Kind: kindRefuse, N: n, Code: v.Refuse}
	}
	return frame{Kind: kindAck, N: n, Body: v.Receipt[:]}
}
