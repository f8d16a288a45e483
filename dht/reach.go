package dht

import (
	"context"
	"fmt"

	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// reach is what the directory asks of *node.Node. A simulated network of many
// thousand nodes stands in for it.
type reach interface {
	Host() host.Host
	Handle(p protocol.ID, l node.StreamLimits, h func(ctx context.Context, s network.Stream))
	Open(ctx context.Context, id peer.ID, p protocol.ID, o node.OpenOptions) (network.Stream, error)
}

// caller sends one request on a stream of its own and never waits longer than
// the limit of a call: a peer that is gone must not hold up a search.
type caller struct {
	net    reach
	limits Limits
}

// open opens a stream with the deadline of ctx on it.
func (c *caller) open(ctx context.Context, to peer.ID, p protocol.ID) (network.Stream, func(), error) {
	st, err := c.net.Open(ctx, to, p, node.OpenOptions{Timeout: c.limits.RPC})
	if err != nil {
		return nil, nil, fmt.Errorf("dht: open %s: %w", p, err)
	}
	if at, ok := ctx.Deadline(); ok {
		_ = st.SetDeadline(at) // a stream that knows no deadline is reset below
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	return st, func() { stop(); _ = st.Close() }, nil
}

// call asks one question and hands every reply to got, which says whether it
// wants more.
func (c *caller) call(ctx context.Context, to peer.ID, q request, got func(reply) bool) error {
	ctx, cancel := context.WithTimeout(ctx, c.limits.RPC)
	defer cancel()
	st, done, err := c.open(ctx, to, Protocol)
	if err != nil {
		return err
	}
	defer done()
	b, err := identity.Encode(q)
	if err != nil {
		return err
	}
	if err := node.WriteFrame(st, b); err != nil {
		return fmt.Errorf("dht: send: %w", err)
	}
	_ = st.CloseWrite() // the server needs no more than the frame
	for range maxAnswers + 1 {
		r, err := readReply(st)
		if err != nil {
			return err
		}
		if !got(r) || r.Status != statusRecord {
			return nil
		}
	}
	return fmt.Errorf("%w: answer without end", ErrMalformed)
}

func readReply(st network.Stream) (reply, error) {
	var r reply
	b, err := node.ReadFrame(st, maxFrame)
	if err != nil {
		return r, fmt.Errorf("dht: receive: %w", err)
	}
	if err := identity.Decode(b, &r); err != nil {
		return r, fmt.Errorf("%w: reply: %w", ErrMalformed, err)
	}
	return r, nil
}

// ask is call for requests with a single reply.
func (c *caller) ask(ctx context.Context, to peer.ID, q request) (reply, error) {
	var out reply
	err := c.call(ctx, to, q, func(r reply) bool { out = r; return false })
	if err == nil && out.Status == statusRecord {
		err = fmt.Errorf("%w: a record nobody asked for", ErrMalformed)
	}
	return out, err
}

// kadSender carries Kademlia's messages. The library's own one waits ten
// seconds for a peer that has just gone.
type kadSender struct {
	caller
	proto protocol.ID
}

const maxKadFrame = 1 << 20 // 20 peers of 32 addresses, with room

// OnDisconnect has nothing to forget: no stream outlives its request.
func (s *kadSender) OnDisconnect(context.Context, peer.ID) {}

// SendMessage sends without waiting for an answer.
func (s *kadSender) SendMessage(ctx context.Context, to peer.ID, m *pb.Message) error {
	_, err := s.send(ctx, to, m, false)
	return err
}

// SendRequest sends and waits for the answer.
func (s *kadSender) SendRequest(ctx context.Context, to peer.ID, m *pb.Message) (*pb.Message, error) {
	return s.send(ctx, to, m, true)
}

func (s *kadSender) send(ctx context.Context, to peer.ID, m *pb.Message, wait bool) (*pb.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limits.RPC)
	defer cancel()
	st, done, err := s.open(ctx, to, s.proto)
	if err != nil {
		return nil, err
	}
	defer done()
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("dht: encode: %w", err)
	}
	if err := node.WriteFrame(st, b); err != nil {
		return nil, fmt.Errorf("dht: send: %w", err)
	}
	_ = st.CloseWrite()
	if !wait {
		return nil, nil
	}
	if b, err = node.ReadFrame(st, maxKadFrame); err != nil {
		return nil, fmt.Errorf("dht: receive: %w", err)
	}
	out := new(pb.Message)
	if err := proto.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return out, nil
}
