package mesh

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// PrekeyRequest asks a device for what a first message to it needs.
// Exactly one of Locator and Token is set.
type PrekeyRequest struct {
	Account identity.AccountID
	// Locator is the locator of the account's claim, nil or 32 bytes.
	Locator []byte
	// Token is the token of an invite, nil or 1 to MaxToken bytes.
	Token []byte
	// OneTime asks for a one-time key. The server's mesh clears it before it
	// asks its PrekeySource when the allowance of the hour is used up.
	OneTime bool
}

// PrekeyResponse is what a device says of itself; all of it is still to be
// verified.
type PrekeyResponse struct {
	// Manifests is the tail of the manifest chain, oldest first, at most
	// MaxManifests.
	Manifests [][]byte
	// Certs are the device certificates, at most MaxCerts.
	Certs [][]byte
	// Bundle is the prekey bundle of the device that answers.
	Bundle []byte
	// OneTime is a one-time key of that bundle with its proof, or nil.
	OneTime *identity.OneTimeKey
}

// FetchPrekeys asks the device at ai for prekeys, for Limits.PrekeyTimeout at
// most. A refusal is a *RefusedError; any other error means that there was no
// answer, or none that can be read.
func (m *Mesh) FetchPrekeys(ctx context.Context, ai peer.AddrInfo, req PrekeyRequest) (PrekeyResponse, error) {
	b, err := encodeRequest(req)
	if err != nil {
		return PrekeyResponse{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.lim.PrekeyTimeout)
	defer cancel()
	if addrs := bare(ai.Addrs, ai.ID); len(addrs) > 0 {
		m.node.Host().Peerstore().AddAddrs(ai.ID, addrs, peerstore.TempAddrTTL)
	}
	s, err := m.direct.opener.Open(ctx, ai.ID, ProtocolPrekey, node.OpenOptions{Limited: true})
	if err != nil {
		return PrekeyResponse{}, fmt.Errorf("mesh: fetch prekeys: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	return ask(s, b)
}

// ask writes the request and reads the response.
func ask(s network.Stream, req []byte) (PrekeyResponse, error) {
	defer s.Reset() //nolint:errcheck // nothing can be done about it
	if err := node.WriteFrame(s, req); err != nil {
		return PrekeyResponse{}, fmt.Errorf("mesh: fetch prekeys: %w", err)
	}
	_ = s.CloseWrite() // if that failed, so does the read
	b, err := node.ReadFrame(s, MaxPrekeyResponse)
	if err != nil {
		return PrekeyResponse{}, fmt.Errorf("mesh: fetch prekeys: %w", err)
	}
	r, refused, err := decodeResponse(b)
	if err != nil {
		return PrekeyResponse{}, err
	}
	if refused != nil {
		return PrekeyResponse{}, refused
	}
	return r, nil
}
