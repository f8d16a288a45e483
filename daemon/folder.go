package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// ErrInUse says that another daemon runs on the data folder.
var ErrInUse = errors.New("daemon: another daemon runs on this data folder")

// folder is a data folder that this process owns until release.
type folder struct {
	dir  string
	lock *os.File
}

// openFolder makes the folder if need be and takes it.
func openFolder(dir string) (*folder, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: no data folder", ErrConfig)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("daemon: data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("daemon: data folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return &folder{dir: dir, lock: f}, nil
}

// release gives the folder back. The lock file stays: removing it would let
// two others lock two different files of that name.
func (f *folder) release() { f.lock.Close() }

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// peerKey reads the key of the host, or makes one on the first run. It lies
// outside the encrypted store because a locked daemon still serves the
// directory, under the same peer ID as before.
func (f *folder) peerKey() (identity.PeerKey, error) {
	path := f.path("peer.key")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newPeerKey(path)
	}
	if err != nil {
		return identity.PeerKey{}, fmt.Errorf("daemon: peer key: %w", err)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		return identity.PeerKey{}, fmt.Errorf("daemon: %s is damaged: remove it, and this device gets a new peer ID", path)
	}
	key, err := identity.PeerKeyFromSecret(seed)
	if err != nil {
		return identity.PeerKey{}, fmt.Errorf("daemon: %s is damaged: remove it, and this device gets a new peer ID", path)
	}
	return key, nil
}

// newPeerKey writes a key so that a crash leaves the whole file or none.
func newPeerKey(path string) (identity.PeerKey, error) {
	key, err := identity.NewPeerKey(rand.Reader)
	if err != nil {
		return key, err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(hex.EncodeToString(key.Secret())+"\n"), 0o600); err != nil {
		return key, fmt.Errorf("daemon: peer key: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return key, fmt.Errorf("daemon: peer key: %w", err)
	}
	return key, nil
}
