package mesh

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// desk is the serving side of ProtocolPrekey. Requests are counted for each
// peer; one-time keys, of which there are few, over all.
type desk struct {
	lim     Limits
	log     *slog.Logger
	now     func() time.Time
	callers *rates
	oneTime *rate.Limiter

	mu     sync.Mutex
	source PrekeySource
}

func newDesk(lim Limits, log *slog.Logger, now func() time.Time) *desk {
	return &desk{
		lim: lim, log: log, now: now,
		callers: newRates(lim.PrekeyEvery, lim.PrekeyBurst, lim.Peers, now),
		oneTime: rate.NewLimiter(rate.Every(time.Hour/time.Duration(max(1, lim.OneTimePerHour))), lim.OneTimePerHour),
	}
}

func (d *desk) attach(p PrekeySource) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.source = p
}

// limits are what the node sees to before a stream comes here. The rate is
// counted here, where it can be answered with the time to wait.
func (d *desk) limits() node.StreamLimits {
	return node.StreamLimits{
		Concurrent: d.lim.PrekeyStreams, PerPeer: 2,
		Rate: d.lim.StreamRate, Burst: d.lim.StreamBurst,
		Deadline: d.lim.PrekeyTimeout, FrameMax: MaxPrekeyResponse, Limited: true,
	}
}

// serve answers one request.
func (d *desk) serve(ctx context.Context, s network.Stream) {
	from := s.Conn().RemotePeer()
	b, err := node.ReadFrame(s, MaxPrekeyRequest)
	if err == nil {
		b, err = d.answer(ctx, from, b)
	}
	if err == nil {
		err = node.WriteFrame(s, b)
	}
	if err != nil {
		_ = s.Reset()
		d.log.Debug("prekey request failed", "peer", short(from), "why", err)
	}
}

// answer makes the response to a request, or the refusal. An error means that
// neither is due.
func (d *desk) answer(ctx context.Context, from peer.ID, b []byte) ([]byte, error) {
	req, err := decodeRequest(b)
	if err != nil {
		return nil, err
	}
	resp, err := d.ask(ctx, from, req)
	var refused *RefusedError
	switch {
	case err == nil:
		return encodeResponse(resp)
	case errors.As(err, &refused):
		return encodeRefusal(*refused)
	default:
		return encodeRefusal(RefusedError{Code: CodeDeclined})
	}
}

func (d *desk) ask(ctx context.Context, from peer.ID, req PrekeyRequest) (PrekeyResponse, error) {
	if !d.callers.take(from, 1) {
		return PrekeyResponse{}, &RefusedError{Code: CodeBusy, Retry: d.lim.PrekeyEvery}
	}
	d.mu.Lock()
	source := d.source
	d.mu.Unlock()
	if source == nil {
		return PrekeyResponse{}, &RefusedError{Code: CodeBusy, Retry: d.lim.PrekeyEvery}
	}
	free := req.OneTime && len(req.Token) == 0
	if free && d.oneTime.TokensAt(d.now()) < 1 {
		req.OneTime = false
	}
	resp, err := source.Prekeys(ctx, from, req)
	if free && resp.OneTime != nil { // a wrong proof must not cost an honest caller's key
		d.oneTime.AllowN(d.now(), 1)
	}
	var refused *RefusedError
	if err != nil && !errors.As(err, &refused) {
		d.log.Debug("prekeys declined", "peer", short(from), "why", err)
		err = &RefusedError{Code: CodeDeclined}
	}
	return resp, err
}
