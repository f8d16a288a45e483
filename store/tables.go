package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// verifyWhole is how much of Badger's tables is checked to the last byte when
// the database is opened. Of larger ones only the indexes are, and blocks when
// they are read: there an iterator cannot tell a damaged block from the end.
const verifyWhole = 8 << 20

// checkTables checks the ends of Badger's tables, and says how large they are
// together. Badger trusts lengths it finds there and dies, beyond our reach, of
// wrong ones; and a table whose index has a wrong checksum it leaves out.
//
//	blocks … | index | index length 4 | checksum | checksum length 4
func checkTables(opt badger.Options) (total int64, err error) {
	names, err := liveTables(opt)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		size, err := checkTable(name)
		if err != nil {
			return 0, fmt.Errorf("table %s: %w", filepath.Base(name), err)
		}
		total += size
	}
	return total, nil
}

// liveTables are the tables that Badger's manifest lists. Others are what a
// kill left half-written, or not yet removed; Badger removes them when it opens.
func liveTables(opt badger.Options) (names []string, err error) {
	f, err := os.Open(filepath.Join(opt.Dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, opt.ExternalMagicVersion, opt)
	if err != nil {
		return nil, badgerFault(err)
	}
	for id := range manifest.Tables {
		names = append(names, table.NewFilename(id, opt.Dir))
	}
	return names, nil
}

func checkTable(name string) (size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() == 0 {
		return 0, err
	}
	t := tail{f: f, end: fi.Size()}
	sum := t.take(t.length())
	index := t.take(t.length())
	want, n := binary.Uvarint(after(sum, 0x10)) // protobuf field 2; field 1 is CRC-32C's 0
	if t.err != nil {
		return 0, t.err
	}
	if n != len(sum)-1 || want != uint64(crc32.Checksum(index, castagnoli)) {
		return 0, ErrCorrupt
	}
	return fi.Size(), nil
}

// after is what follows a first byte, nothing when it is another one.
func after(b []byte, first byte) []byte {
	if len(b) == 0 || b[0] != first {
		return nil
	}
	return b[1:]
}

// tail reads a file from its end towards its beginning.
type tail struct {
	f   *os.File
	end int64
	err error
}

func (t *tail) length() int64 {
	if b := t.take(4); b != nil {
		return int64(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (t *tail) take(n int64) []byte {
	if t.err == nil && (n <= 0 || n > t.end) {
		t.err = ErrCorrupt
	}
	if t.err != nil {
		return nil
	}
	b := make([]byte, n)
	t.end -= n
	_, t.err = t.f.ReadAt(b, t.end)
	return b
}
