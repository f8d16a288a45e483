package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/node"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Daemon is one person's messenger: a host, a directory server, and the
// account of its data folder. Safe for concurrent use.
type Daemon struct {
	cfg     Config
	folder  *folder
	keyring *store.Keyring
	node    *node.Node
	dht     *dht.DHT
	rpc     *rpcServer
	started time.Time

	ready chan ReadyInfo

	// open is nil while locked. Only the keeper writes it, and then closes and
	// replaces opening.
	open    atomic.Pointer[unlocked]
	opening atomic.Pointer[chan struct{}]
	tasks   chan task // what the keeper is asked to do

	answers keyedMutex // clientIds that are being answered
	tags    sync.Mutex // one Argon2id tag at a time: each takes 64 MiB
}

// ReadyInfo is what others need to know to reach a daemon that is ready.
type ReadyInfo struct {
	PeerID string   // libp2p peer ID
	Socket string   // path of the API's Unix socket
	UI     string   // URL of the companion page, or "off"
	Listen []string // full multiaddrs with /p2p/
}

// New takes the data folder and opens sockets and keys. The caller must call
// Run. Errors: ErrConfig, ErrInUse, and those of the floors.
func New(cfg Config) (*Daemon, error) {
	cfg, err := cfg.resolved()
	if err != nil {
		return nil, err
	}
	f, err := openFolder(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	d := &Daemon{cfg: cfg, folder: f, started: time.Now(), ready: make(chan ReadyInfo, 1), tasks: make(chan task)}
	d.opening.Store(new(make(chan struct{})))
	if err := d.build(); err != nil {
		if d.node != nil {
			d.node.Close()
		}
		f.release()
		return nil, err
	}
	return d, nil
}

// build opens what lives as long as the daemon.
func (d *Daemon) build() (err error) {
	if d.keyring, err = store.OpenKeyring(d.folder.dir); err != nil {
		return err
	}
	if d.cfg.Node.Key, err = d.folder.peerKey(); err != nil {
		return err
	}
	d.cfg.Node.CacheFile = d.folder.path("peers.cache")
	if d.node, err = node.New(d.cfg.Node); err != nil {
		return err
	}
	if d.dht, err = dht.New(d.cfg.DHT, d.node); err != nil {
		return err
	}
	d.rpc = newRPCServer(d.handlers(), d.cfg.RPC, d.cfg.Logger)
	d.rpc.mapError = apiError
	return nil
}

// Ready delivers once, when the API answers and the host listens.
func (d *Daemon) Ready() <-chan ReadyInfo { return d.ready }

// Run works until ctx ends or something fails for good, and returns when all
// that New and Run started has ended.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.folder.release()
	listener, err := d.listen()
	if err != nil {
		d.node.Close()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	opened := make(chan struct{})
	g.Go(func() error { return d.node.Run(ctx) })
	g.Go(func() error { return d.dht.Run(ctx) })
	g.Go(func() error { return d.keep(ctx, opened) })
	g.Go(func() error { return d.answer(ctx, listener, opened) })
	return g.Wait()
}

// listen opens the API's socket. Whoever holds the folder's lock may replace a
// socket that a killed daemon left.
func (d *Daemon) listen() (net.Listener, error) {
	path := d.socket()
	if len(path) > api.MaxSocketPath {
		return nil, fmt.Errorf("%w: the socket path %s is longer than %d bytes: choose a shorter data folder", ErrConfig, path, api.MaxSocketPath)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("daemon: old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("daemon: api socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("daemon: api socket: %w", err)
	}
	return l, nil
}

func (d *Daemon) socket() string { return api.SocketPath(d.folder.dir) }

// answer serves the API once the account is open or known to be locked, and
// tells those who wait on Ready. Who connects earlier waits until then.
func (d *Daemon) answer(ctx context.Context, l net.Listener, opened <-chan struct{}) error {
	select {
	case <-opened:
	case <-ctx.Done():
		return l.Close()
	}
	info := ReadyInfo{PeerID: d.node.ID().String(), Socket: d.socket(), UI: "off"}
	for _, a := range d.node.Addrs() {
		info.Listen = append(info.Listen, a.String())
	}
	d.ready <- info
	return d.rpc.Serve(ctx, l)
}
