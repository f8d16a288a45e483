package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// Mesh delivers envelopes. Safe for concurrent use.
type Mesh struct {
	lim      Limits
	node     *node.Node
	direct   *direct
	inbound  *inbound
	desk     *desk
	carriers []Carrier

	doors *doors

	mu    sync.Mutex
	upper Upper
}

// New makes a Mesh over a node. Attach and Run must follow. Streams that
// arrive earlier wait.
func New(cfg Config, n *node.Node) (*Mesh, error) { return build(cfg, n, n) }

// build is New with outgoing streams opened by o.
func build(cfg Config, n *node.Node, o opener) (*Mesh, error) {
	log, now := cfg.Logger, cfg.Now
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	if err := cfg.Limits.check(); err != nil {
		return nil, err
	}
	b := newBudget(cfg.Limits.BufferBytes)
	d := newDirect(cfg.Limits, n, o, log, b)
	m := &Mesh{
		lim: cfg.Limits, node: n, direct: d,
		inbound:  newInbound(cfg.Limits, d.knows, b, log, now),
		desk:     newDesk(cfg.Limits, log, now),
		carriers: append([]Carrier{d}, cfg.Carriers...),
		doors:    newDoors(),
	}
	n.Handle(ProtocolDM, m.inbound.limits(), m.doors.through(m.inbound.serve))
	n.Handle(ProtocolPrekey, m.desk.limits(), m.doors.through(m.desk.serve))
	return m, nil
}

// check refuses limits with which nothing could move.
func (l Limits) check() error {
	if min(l.Window, l.Queue, l.Batch, l.Failures, l.Peers, l.PrekeyBurst, l.OneTimePerHour) < 1 ||
		min(l.WindowBytes, l.QueueBytes, l.BatchBytes) < 1 ||
		min(l.BackoffMin, l.AckTimeout, l.FrameTimeout, l.WriteTimeout, l.PrekeyTimeout, l.PrekeyEvery) <= 0 {
		return errors.New("mesh: a limit is zero: start from DefaultLimits")
	}
	return nil
}

// Attach names the floor above. It is called once, before Run.
func (m *Mesh) Attach(u Upper, l Locator, p PrekeySource) {
	m.mu.Lock()
	m.upper = u
	m.mu.Unlock()
	m.direct.attach(u, l)
	m.inbound.attach(u)
	m.desk.attach(p)
}

// Run delivers until ctx ends, and returns when all it started has ended.
func (m *Mesh) Run(ctx context.Context) error {
	m.mu.Lock()
	up := m.upper
	m.mu.Unlock()
	if up == nil {
		return ErrNotAttached
	}
	m.doors.open()
	defer m.doors.close()
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range m.carriers {
		g.Go(func() error { return c.Run(ctx, up) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("mesh: run: %w", err)
	}
	return nil
}

// SetDest keeps a link to a device from now on, or moves the one there is. An
// attempt follows at once when something is new. It never blocks.
func (m *Mesh) SetDest(d Dest) { m.direct.set(d) }

// Forget ends the link to a device.
func (m *Mesh) Forget(device identity.DeviceID) { m.direct.forget(device) }

// Push hands over items that were just committed to the outbox of a device, in
// ascending order. It never blocks: what does not fit into memory is read from
// Upper.Pending when its turn comes.
func (m *Mesh) Push(device identity.DeviceID, items ...Item) {
	for _, c := range m.carriers {
		c.Push(device, items...)
	}
}

// State says how the device is reached: by the first carrier that is connected
// to it, or else why there is no direct link.
func (m *Mesh) State(device identity.DeviceID) LinkState {
	for _, c := range m.carriers {
		if s := c.State(device); s.Connected {
			return s
		}
	}
	return m.direct.State(device)
}
