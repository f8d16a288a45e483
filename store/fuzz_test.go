package store

import (
	"bytes"
	"testing"
	"time"
)

func FuzzKeyring(f *testing.F) {
	f.Add(wrap(testKey(), byKeyFile, cost{}, []byte("x")).encode())
	f.Add(wrap(testKey(), byPassphrase, cost{1, 8, 1}, []byte("x")).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWrapped(b)
		if err == nil && !bytes.Equal(w.encode(), b) {
			t.Error("it encodes to other bytes")
		}
	})
}

func FuzzOps(f *testing.F) {
	f.Add(appendOp(appendOp(nil, "k", entry{value: []byte("v"), expires: 5}), "l", entry{dead: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		for rest := b; len(rest) > 0; {
			o, next, err := parseOp(rest)
			if err != nil {
				return
			}
			again, rest = appendOp(again, o.key, o.entry), next
		}
		if !bytes.Equal(again, b) {
			t.Error("it encodes to other bytes")
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add(Event{Time: time.UnixMilli(12345), Type: "a", Data: []byte("b")}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEvent(1, b)
		if err == nil && !bytes.Equal(e.encode(), b) {
			t.Error("it encodes to other bytes")
		}
	})
}

func FuzzRecord(f *testing.F) {
	s := newSealer(testKey())
	f.Add("\x81k", s.seal("\x81k", entry{value: []byte("v")}))
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		if len(key) > 0 && key[0] < tableBit {
			return // Scan and Get are under a table
		}
		s.open(key, b)
	})
}

// FuzzSegment changes a segment with frames: reading must not panic, and must
// give a beginning of what was written or refuse.
func FuzzSegment(f *testing.F) {
	f.Add(uint16(0), byte(0), uint16(0))
	f.Add(uint16(1030), byte(1), uint16(60))
	k := journalKeysOf(testKey())
	v := makeSegmentVector(&testing.T{}, testKey(), "\x81k", entry{value: []byte("v")})
	f.Fuzz(func(t *testing.T, at uint16, change byte, cut uint16) {
		b := bytes.Clone(v.File)
		b[int(at)%len(b)] ^= change
		b = b[:len(b)-int(cut)%len(b)]
		frames, _, err := readSegment(t, k, b)
		for i, ops := range frames {
			if err == nil && !bytes.Equal(ops, v.Writes[i]) {
				t.Errorf("frame %d changed", i)
			}
		}
	})
}

// FuzzKeys checks that keys made of parts of fixed width are told apart, and
// sort as their numbers do.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), uint64(1), uint64(2), "name")
	names := nameKey(testKey().derive("store-name", nil))
	f.Fuzz(func(t *testing.T, id []byte, a, b uint64, name string) {
		table := Table{ID: 0x20}
		enc := func(n uint64, s string) string { return table.Key(Bytes(id), Uint(n), Secret(s)).encode(&names) }
		if (enc(a, name) < enc(b, name)) != (a < b) {
			t.Error("keys do not sort as numbers")
		}
		if enc(a, name) == enc(a, name+"x") {
			t.Error("two names have one key")
		}
		if len(name) > 3 && bytes.Contains([]byte(enc(a, name)[9+len(id):]), []byte(name)) {
			t.Error("the name is in the key")
		}
	})
}
