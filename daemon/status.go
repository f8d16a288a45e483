package daemon

import (
	"context"
	"time"

	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/store"
)

func (d *Daemon) discover(context.Context, api.Empty) (api.OpenRPC, error) {
	return api.Document(d.cfg.Version), nil
}

func (d *Daemon) nodeStatus(context.Context, api.Empty) (api.NodeStatus, error) {
	return d.status(), nil
}

// status describes how this device stands in the network.
func (d *Daemon) status() api.NodeStatus {
	n, table := d.node.Status(), d.dht.Status()
	out := api.NodeStatus{
		PeerID:       d.node.ID().String(),
		Version:      d.cfg.Version,
		Uptime:       int64(time.Since(d.started).Seconds()),
		Peers:        n.Peers,
		DHT:          api.DHTStatus{WAN: renderTable(table.WAN), LAN: renderTable(table.LAN)},
		Reachability: api.Reachability(n.Reachability),
		Relays:       n.Relays,
		Traffic:      api.Traffic{In: n.In, Out: n.Out},
	}
	for _, a := range d.node.Addrs() {
		out.Addresses = append(out.Addresses, a.String())
	}
	if u := d.open.Load(); u != nil {
		out.Storage.Bytes = u.db.Size()
	}
	return out
}

func renderTable(s dht.NetworkStatus) api.TableStatus {
	return api.TableStatus{Mode: api.TableMode(s.Mode), Size: s.Size}
}

// watchNode announces changes of where this device can be reached, at most one
// in nodePause.
func (d *Daemon) watchNode(ctx context.Context, db *store.DB) error {
	changed := make(chan struct{}, 1)
	cancel := d.node.OnAddrs(func([]multiaddr.Multiaddr) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer cancel()
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		err := db.UpdateLazy(ctx, func(tx *store.Tx) error {
			tx.Append(string(api.EventNodeChanged), nil)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(nodePause):
		case <-ctx.Done():
			return nil
		}
	}
}

// nodePause keeps a flapping interface from filling the event log.
const nodePause = 10 * time.Second
