package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/spec"
)

var update = flag.Bool("update", false, "write the vectors and the golden database anew")

// hexBytes are bytes that JSON shows as hex.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors is spec/vectors/storage.json.
type vectors struct {
	DataKey hexBytes        `json:"dataKey"`
	Keyring []keyringVector `json:"keyring"`
	Keys    []keyVector     `json:"keys"`
	Record  recordVector    `json:"record"`
	Segment segmentVector   `json:"segment"`
	Event   eventVector     `json:"event"`
}

type keyringVector struct {
	File       hexBytes `json:"file"`
	Passphrase string   `json:"passphrase,omitempty"`
	KeyFile    hexBytes `json:"keyFile,omitempty"`
}

type keyVector struct {
	Table  byte       `json:"table"`
	Parts  []hexBytes `json:"parts"` // of kind
	Kinds  string     `json:"kinds"` // b bytes, u number, s secret
	OnDisk hexBytes   `json:"onDisk"`
}

type recordVector struct {
	Key     hexBytes `json:"key"`
	Value   hexBytes `json:"value"`
	Expires int64    `json:"expires"`
	OnDisk  hexBytes `json:"onDisk"`
}

type segmentVector struct {
	File    hexBytes   `json:"file"` // up to the last frame
	Seq     uint64     `json:"seq"`
	Settled uint64     `json:"settled"`
	Writes  []hexBytes `json:"writes"` // of each frame
	Damaged []struct {
		Byte int    `json:"byte"` // flipped by 1
		What string `json:"what"`
		Left int    `json:"left"` // frames that are still read; -1: refused
	} `json:"damaged"`
}

type eventVector struct {
	Time  int64    `json:"time"`
	Type  string   `json:"type"`
	Data  hexBytes `json:"data"`
	Value hexBytes `json:"value"`
}

func (v keyVector) key() Key {
	var parts []Part
	for i, p := range v.Parts {
		switch v.Kinds[i] {
		case 'u':
			var n uint64
			for _, b := range p {
				n = n<<8 | uint64(b)
			}
			parts = append(parts, Uint(n))
		case 's':
			parts = append(parts, Secret([]byte(p)))
		default:
			parts = append(parts, Bytes(p))
		}
	}
	return Table{ID: v.Table}.Key(parts...)
}

func testKey() DataKey {
	k := DataKey{secret: new([32]byte)}
	for i := range k.secret {
		k.secret[i] = byte(i)
	}
	return k
}

func journalKeysOf(k DataKey) *journalKeys {
	return &journalKeys{head: k.derive("store-segment", nil), data: k}
}

// frameOf makes a frame's buffer as a batch does.
func frameOf(ops []byte) []byte { return append(make([]byte, frameOps), ops...) }

func writeVectors(t *testing.T, path string) {
	k := testKey()
	names := nameKey(k.derive("store-name", nil))
	v := vectors{DataKey: k.secret[:]}
	file := bytes.Repeat([]byte{9}, 32)
	v.Keyring = []keyringVector{
		{File: wrap(k, byKeyFile, cost{}, file).encode(), KeyFile: file},
		{File: wrap(k, byPassphrase, usualCost, []byte("correct horse")).encode(), Passphrase: "correct horse"},
	}
	v.Keys = []keyVector{
		{Table: 0x20, Kinds: "s", Parts: []hexBytes{hexBytes("alice~k3v9x2m4qa")}},
		{Table: 0x21, Kinds: "bu", Parts: []hexBytes{bytes.Repeat([]byte{7}, 16), {1, 2}}},
		{Table: 0x7f},
	}
	for i := range v.Keys {
		v.Keys[i].OnDisk = hexBytes(v.Keys[i].key().encode(&names))
	}
	e := entry{value: []byte("hello"), expires: 1_800_000_000_000}
	key := string(v.Keys[1].OnDisk)
	v.Record = recordVector{Key: hexBytes(key), Value: e.value, Expires: e.expires, OnDisk: newSealer(k).seal(key, e)}
	v.Segment = makeSegmentVector(t, k, key, e)
	ev := Event{Time: time.UnixMilli(1_790_000_000_123), Type: "message.new", Data: []byte{1, 2, 3}}
	v.Event = eventVector{ev.Time.UnixMilli(), ev.Type, ev.Data, ev.encode()}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func makeSegmentVector(t *testing.T, k DataKey, key string, e entry) segmentVector {
	path := filepath.Join(t.TempDir(), "segment-1")
	s, err := journalKeysOf(k).createSegment(path, 4<<10, place{seq: 7, settled: 6})
	if err != nil {
		t.Fatal(err)
	}
	defer s.file.Close()
	v := segmentVector{Seq: 7, Settled: 6}
	v.Writes = []hexBytes{
		appendOp(nil, key, e),
		appendOp(appendOp(nil, key, entry{dead: true}), key+"x", entry{value: []byte{}}),
		appendOp(nil, key, entry{value: []byte("last")}),
	}
	for _, w := range v.Writes {
		if err := errors.Join(s.append(frameOf(w)), s.sync()); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v.File = b[:s.end]
	for _, d := range []struct {
		at, left int
		what     string
	}{
		{3, 3, "first head: the second one counts"},
		{firstFrame + 1, -1, "length of the first frame: a later one says it was on disk"},
		{firstFrame + 50, -1, "first frame"},
		{int(s.end) - 70, 2, "last frame: taken for a torn end"},
	} {
		v.Damaged = append(v.Damaged, struct {
			Byte int    `json:"byte"`
			What string `json:"what"`
			Left int    `json:"left"`
		}{d.at, d.what, d.left})
	}
	return v
}

// readSegment counts the frames of a segment file, -1 when it is refused.
func readSegment(t testing.TB, k *journalKeys, b []byte) (frames [][]byte, s *segment, err error) {
	path := filepath.Join(t.TempDir(), "segment-x")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = k.openSegment(path, func(ops []byte) error { frames = append(frames, ops); return nil })
	if err == nil {
		s.file.Close()
	}
	return frames, s, err
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t, "../spec/vectors/storage.json")
	}
	b, err := os.ReadFile("../spec/vectors/storage.json")
	if !*update {
		b, err = spec.Vector("storage")
	}
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	k := DataKey{secret: (*[32]byte)(v.DataKey)}
	t.Run("keyring", func(t *testing.T) { checkKeyringVectors(t, v.Keyring, k) })
	t.Run("keys", func(t *testing.T) {
		names := nameKey(k.derive("store-name", nil))
		for _, kv := range v.Keys {
			if got := kv.key().encode(&names); got != string(kv.OnDisk) {
				t.Errorf("key of table %#x: %x", kv.Table, got)
			}
		}
	})
	t.Run("record", func(t *testing.T) { checkRecordVector(t, v.Record, k) })
	t.Run("segment", func(t *testing.T) { checkSegmentVector(t, v.Segment, k) })
	t.Run("event", func(t *testing.T) {
		e, err := parseEvent(1, v.Event.Value)
		if err != nil || e.Time.UnixMilli() != v.Event.Time || e.Type != v.Event.Type || !bytes.Equal(e.Data, v.Event.Data) {
			t.Errorf("%v %v", e, err)
		}
	})
}

func checkKeyringVectors(t *testing.T, vs []keyringVector, k DataKey) {
	for _, v := range vs {
		w, err := parseWrapped(v.File)
		if err != nil {
			t.Fatal(err)
		}
		secret := append([]byte(v.Passphrase), v.KeyFile...)
		got, ok := w.unwrap(secret)
		if !ok || *got.secret != *k.secret {
			t.Error("the keyring does not open")
		}
		if _, ok := w.unwrap(append(secret, 'x')); ok {
			t.Error("the keyring opens with another secret")
		}
	}
}

func checkRecordVector(t *testing.T, v recordVector, k DataKey) {
	s := newSealer(k)
	e, err := s.open(string(v.Key), v.OnDisk)
	if err != nil || !bytes.Equal(e.value, v.Value) || e.expires != v.Expires {
		t.Errorf("%v %v", e, err)
	}
	if _, err := s.open(string(v.Key)+"x", v.OnDisk); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record opens under another key: %v", err)
	}
	for i := range v.OnDisk {
		b := bytes.Clone(v.OnDisk)
		b[i] ^= 1
		if _, err := s.open(string(v.Key), b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a record with byte %d changed opens", i)
		}
	}
}

func checkSegmentVector(t *testing.T, v segmentVector, k DataKey) {
	frames, s, err := readSegment(t, journalKeysOf(k), v.File)
	if err != nil || len(frames) != len(v.Writes) || s.seq != v.Seq || s.settled != v.Settled {
		t.Fatalf("%d frames: %v", len(frames), err)
	}
	for i, f := range frames {
		if !bytes.Equal(f, v.Writes[i]) {
			t.Errorf("frame %d is %x", i, f)
		}
	}
	for _, d := range v.Damaged {
		b := bytes.Clone(v.File)
		b[d.Byte] ^= 1
		frames, _, err := readSegment(t, journalKeysOf(k), b)
		if (d.Left < 0) != errors.Is(err, ErrCorrupt) || (d.Left >= 0 && len(frames) != d.Left) {
			t.Errorf("%s: %d frames, %v", d.What, len(frames), err)
		}
	}
}
