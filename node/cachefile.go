package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// cacheFile is the file as it lies on disk. spec/network.md#peer-cache
type cacheFile struct {
	Version uint64       `cbor:"1,keyasint"`
	Port    uint16       `cbor:"2,keyasint"`
	Peers   []cacheEntry `cbor:"3,keyasint"`
}

type cacheEntry struct {
	ID    []byte   `cbor:"1,keyasint"`
	Addrs [][]byte `cbor:"2,keyasint"`
	Last  uint32   `cbor:"3,keyasint"`
	OK    uint32   `cbor:"4,keyasint"`
	Fail  uint32   `cbor:"5,keyasint"`
}

// encodeCache writes peers in the order of their IDs.
func encodeCache(peers map[peer.ID]*cached, port int) ([]byte, error) {
	f := cacheFile{Version: cacheVersion, Port: uint16(port), Peers: []cacheEntry{}}
	for _, id := range slices.Sorted(maps.Keys(peers)) {
		e := peers[id]
		addrs := make([][]byte, len(e.addrs))
		for i, a := range e.addrs {
			addrs[i] = a.Bytes()
		}
		f.Peers = append(f.Peers, cacheEntry{ID: []byte(id), Addrs: addrs, Last: e.last, OK: e.ok, Fail: e.fail})
	}
	return identity.Encode(f)
}

// decodeCache reads what encodeCache wrote, and nothing else.
func decodeCache(b []byte) (map[peer.ID]*cached, int, error) {
	var f cacheFile
	if len(b) > cacheFileMax {
		return nil, 0, fmt.Errorf("%w: %d bytes", ErrCache, len(b))
	}
	if err := identity.Decode(b, &f); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrCache, err)
	}
	if f.Version != cacheVersion || len(f.Peers) > cachePeers {
		return nil, 0, fmt.Errorf("%w: version %d, %d peers", ErrCache, f.Version, len(f.Peers))
	}
	peers := make(map[peer.ID]*cached, len(f.Peers))
	var before []byte
	for _, e := range f.Peers {
		c, err := e.peer()
		if err != nil {
			return nil, 0, err
		}
		if before != nil && bytes.Compare(before, e.ID) >= 0 {
			return nil, 0, fmt.Errorf("%w: peers out of order", ErrCache)
		}
		before = e.ID
		peers[c.id] = c
	}
	return peers, int(f.Port), nil
}

func (e *cacheEntry) peer() (*cached, error) {
	id, err := peer.IDFromBytes(e.ID)
	if err != nil || len(e.ID) > cacheIDLen || len(e.Addrs) == 0 || len(e.Addrs) > cacheAddrs {
		return nil, fmt.Errorf("%w: peer with %d addresses", ErrCache, len(e.Addrs))
	}
	c := &cached{id: id, last: e.Last, ok: e.OK, fail: e.Fail}
	for _, b := range e.Addrs {
		if len(b) == 0 || len(b) > cacheAddrLen {
			return nil, fmt.Errorf("%w: address of %d bytes", ErrCache, len(b))
		}
		a, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil || !bytes.Equal(a.Bytes(), b) {
			return nil, fmt.Errorf("%w: address", ErrCache)
		}
		c.addrs = append(c.addrs, a)
	}
	return c, nil
}

// load reads the file. One that is not there, or is spoilt, leaves the cache
// empty: it holds nothing that cannot be learned again.
func (c *cache) load() error {
	if c.file == "" {
		return nil
	}
	b, err := readAtMost(c.file, cacheFileMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("node: read peer cache: %w", err)
	}
	peers, port, err := decodeCache(b)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peers, c.port = peers, port
	return nil
}

func readAtMost(file string, max int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1)) // one more shows that it is too long
}

// save replaces the file, whole or not at all.
func (c *cache) save() error {
	if c.file == "" {
		return nil
	}
	c.mu.Lock()
	b, err := encodeCache(c.peers, c.port)
	c.mu.Unlock()
	if err == nil {
		err = replace(c.file, b)
	}
	if err != nil {
		return fmt.Errorf("node: write peer cache: %w", err)
	}
	return nil
}

// replace writes a file under another name, and renames it once it is on disk.
func replace(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
