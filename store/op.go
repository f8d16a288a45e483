package store

import (
	"encoding/binary"
	"fmt"
)

// op is one write of a closure: what the journal carries.
type op struct {
	key string
	entry
}

const (
	opPut    = 1
	opDelete = 2
	// opExtra is the most that encoding adds to key and value.
	opExtra = 1 + 2 + 8 + 4
)

// appendOp writes an op; spec/storage.md#frames.
func appendOp(out []byte, key string, e entry) []byte {
	kind := byte(opPut)
	if e.dead {
		kind = opDelete
	}
	out = append(out, kind)
	out = binary.BigEndian.AppendUint16(out, uint16(len(key)))
	out = append(out, key...)
	if e.dead {
		return out
	}
	out = binary.BigEndian.AppendUint64(out, uint64(e.expires))
	out = binary.BigEndian.AppendUint32(out, uint32(len(e.value)))
	return append(out, e.value...)
}

var errOp = fmt.Errorf("journal write: %w", ErrCorrupt)

// parseOp reads the first op of b and returns the rest. The value aliases b.
func parseOp(b []byte) (o op, rest []byte, err error) {
	if len(b) < 3 || (b[0] != opPut && b[0] != opDelete) {
		return o, nil, errOp
	}
	o.dead = b[0] == opDelete
	n := int(binary.BigEndian.Uint16(b[1:]))
	if b = b[3:]; n == 0 || len(b) < n {
		return o, nil, errOp
	}
	o.key, b = string(b[:n]), b[n:]
	if o.dead {
		return o, b, nil
	}
	return parseOpValue(o, b)
}

func parseOpValue(o op, b []byte) (op, []byte, error) {
	if len(b) < 12 {
		return o, nil, errOp
	}
	o.expires = int64(binary.BigEndian.Uint64(b))
	n := uint64(binary.BigEndian.Uint32(b[8:]))
	if b = b[12:]; uint64(len(b)) < n {
		return o, nil, errOp
	}
	o.value = b[:n:n]
	return o, b[n:], nil
}

// replay applies a run of ops to an overlay.
func replay(root *node, ops []byte) (*node, error) {
	for len(ops) > 0 {
		o, rest, err := parseOp(ops)
		if err != nil {
			return nil, err
		}
		root, ops = root.put(o.key, o.entry), rest
	}
	return root, nil
}
