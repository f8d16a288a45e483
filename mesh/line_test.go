package mesh_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// badLine opens streams that lose and double frames, in both directions.
type badLine struct {
	mesh.Opener
	faults *meshtest.Faults
}

func (l badLine) Open(ctx context.Context, id peer.ID, p protocol.ID, o node.OpenOptions) (network.Stream, error) {
	s, err := l.Opener.Open(ctx, id, p, o)
	if err != nil || p != mesh.ProtocolDM || l.faults == nil {
		return s, err
	}
	return &badStream{Stream: s, faults: l.faults}, nil
}

type badStream struct {
	network.Stream
	faults *meshtest.Faults

	read    sync.Mutex
	partial []byte // of a frame
	whole   []byte // to be read
}

// Write is called with whole frames.
func (s *badStream) Write(b []byte) (int, error) {
	out, rest := s.spoil(b)
	if len(rest) > 0 {
		panic("a write that ends inside a frame")
	}
	if len(out) > 0 {
		if _, err := s.Stream.Write(out); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (s *badStream) Read(p []byte) (int, error) {
	s.read.Lock()
	defer s.read.Unlock()
	buf := make([]byte, 4<<10)
	for len(s.whole) == 0 {
		n, err := s.Stream.Read(buf)
		s.whole, s.partial = s.spoil(append(s.partial, buf[:n]...))
		if err != nil && len(s.whole) == 0 {
			return 0, err
		}
	}
	n := copy(p, s.whole)
	s.whole = s.whole[n:]
	return n, nil
}

// spoil passes, loses or doubles each whole frame of b.
func (s *badStream) spoil(b []byte) (out, rest []byte) {
	for {
		size, head := binary.Uvarint(b)
		if head <= 0 || len(b) < head+int(size) {
			return out, bytes.Clone(b)
		}
		f := b[:head+int(size)]
		b = b[len(f):]
		switch s.faults.Next() {
		case meshtest.Pass:
			out = append(out, f...)
		case meshtest.Double:
			out = append(append(out, f...), f...)
		}
	}
}
