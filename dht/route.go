package dht

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Route says where the devices of an account are.
type Route struct {
	Devices []RouteDevice
	Seq     uint64    // set by DHT.Route, ignored by Publish
	Expires time.Time // set by DHT.Route, ignored by Publish
}

// RouteDevice is a device and where it listens.
type RouteDevice struct {
	Device identity.DeviceID
	Peer   peer.ID
	// Addrs are without /p2p. For the publishing node itself Publish takes the
	// addresses of the host instead, and follows their changes.
	Addrs []multiaddr.Multiaddr
}

// Route fetches the newest route record of an account whose presence secret
// the caller was told.
func (d *DHT) Route(ctx context.Context, id identity.AccountID, g identity.Genesis, presence [32]byte) (*Route, error) {
	if g.AccountID() != id {
		return nil, fmt.Errorf("%w: genesis of another account", ErrForged)
	}
	var places []place
	for _, epoch := range KindRoute.epochsToRead(d.cfg.Now()) {
		places = append(places, routePlace(presence, epoch))
	}
	var newest *Route
	r := d.newReading(func(rec *record) error { return rec.checkVouched(rec.opened, g) }, places...)
	r.run(ctx, KindRoute, d.cfg.Limits.Region/2, func(j *judged, again bool) {
		if again || newest != nil && newest.Seq >= j.seq {
			return
		}
		if route, err := parseRoute(j.content); err == nil {
			newest, route.Seq, route.Expires = route, j.seq, fromUnix(j.expires)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if newest == nil {
		return nil, fmt.Errorf("%w: route record", ErrNotFound)
	}
	return newest, nil
}
