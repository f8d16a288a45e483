package store

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Layout of a segment; spec/storage.md#segments.
const (
	segmentMagic = "P2PMJNL\x01"
	segmentHead  = 64   // magic 8 | seq 8 | settled 8 | id 16 | MAC 24
	headCopy     = 512  // where the second copy of the head begins
	firstFrame   = 1024 // where frames begin
	frameAlign   = 64
	frameHead    = 4 + 4 + nonceLen // length | check | nonce
	framePlain   = 8                // synced, the beginning of the plaintext
	frameOps     = frameHead + framePlain
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalKeys are the keys of segments: heads are authenticated under one,
// frames are sealed under a key derived from the other and the segment's id.
type journalKeys struct {
	head [32]byte
	data DataKey
}

// place says what a segment is a part of.
type place struct {
	seq     uint64 // position in the journal, from 1
	settled uint64 // highest seq that Badger held when the head was written
}

// segment is one file of the journal: writes that Badger does not hold yet.
// Not safe for concurrent use.
type segment struct {
	place
	id     [16]byte
	path   string
	file   *os.File
	aead   cipher.AEAD
	end    int64 // where the next frame goes
	synced int64 // what lies before is on disk
}

func (k *journalKeys) encodeHead(p place, id [16]byte) []byte {
	out := append(make([]byte, 0, segmentHead), segmentMagic...)
	out = binary.BigEndian.AppendUint64(out, p.seq)
	out = binary.BigEndian.AppendUint64(out, p.settled)
	out = append(out, id[:]...)
	mac := hmac.New(sha256.New, k.head[:])
	mac.Write(out)
	return append(out, mac.Sum(nil)[:24]...)
}

func (k *journalKeys) parseHead(b []byte) (p place, id [16]byte, err error) {
	if len(b) < segmentHead {
		return p, id, fmt.Errorf("journal head: %w", ErrCorrupt)
	}
	p = place{binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
	copy(id[:], b[24:])
	if !hmac.Equal(k.encodeHead(p, id), b[:segmentHead]) {
		return p, id, fmt.Errorf("journal head: %w", ErrCorrupt)
	}
	return p, id, nil
}

// createSegment makes a segment file of zeros and gives it a head. The file
// takes its name only when it is whole and on disk. Space is taken at once:
// writing into it later needs no change of the file system's own records, and
// so syncs in half the time.
func (k *journalKeys) createSegment(path string, size int64, p place) (*segment, error) {
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	s := &segment{path: path, file: f}
	if err = k.fill(s, size, p); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncParent(path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("new journal segment: %w", err)
	}
	return s, nil
}

func (k *journalKeys) fill(s *segment, size int64, p place) error {
	b := make([]byte, max(size, firstFrame))
	head := k.begin(s, p)
	copy(b, head)
	copy(b[headCopy:], head)
	if _, err := s.file.Write(b); err != nil {
		return err
	}
	return s.file.Sync()
}

// begin makes a segment empty, with a new id, and gives its head.
func (k *journalKeys) begin(s *segment, p place) (head []byte) {
	rand.Read(s.id[:]) // never fails
	s.place = p
	s.aead = newAEAD(k.data.derive("store-frame", s.id[:]))
	s.end, s.synced = firstFrame, firstFrame
	return k.encodeHead(p, s.id)
}

// recycle empties a segment and gives it a new place. With its old id the key
// of its old frames is gone.
func (k *journalKeys) recycle(s *segment, p place) error {
	head := k.begin(s, p)
	// One copy at a time: a power cut spoils one of them at most.
	for _, at := range []int64{0, headCopy} {
		if _, err := s.file.WriteAt(head, at); err != nil {
			return err
		}
		if err := s.file.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// openSegment opens a segment file and hands its frames, in order, to fn.
func (k *journalKeys) openSegment(path string, fn func(ops []byte) error) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	s := &segment{path: path, file: f}
	if err := s.load(k, fn); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *segment) load(k *journalKeys, fn func(ops []byte) error) error {
	fi, err := s.file.Stat()
	if err != nil {
		return err
	}
	b := make([]byte, fi.Size())
	if _, err := io.ReadFull(s.file, b); err != nil {
		return err
	}
	if err := s.readHead(k, b); err != nil {
		return err
	}
	s.aead = newAEAD(k.data.derive("store-frame", s.id[:]))
	s.end = firstFrame
	for {
		ops, _, next, ok := s.openFrame(b, s.end)
		if !ok {
			break
		}
		if err := fn(ops); err != nil {
			return err
		}
		s.end = next
	}
	return s.checkRest(b)
}

// readHead takes the newer of the two copies that are valid.
func (s *segment) readHead(k *journalKeys, b []byte) error {
	if len(b) < firstFrame {
		return fmt.Errorf("journal segment is too short: %w", ErrCorrupt)
	}
	p1, id1, err1 := k.parseHead(b)
	p2, id2, err2 := k.parseHead(b[headCopy:])
	switch {
	case err1 != nil && err2 != nil:
		return err1
	case err1 != nil || (err2 == nil && p2.seq > p1.seq):
		s.place, s.id = p2, id2
	default:
		s.place, s.id = p1, id1
	}
	return nil
}

// checkRest tells a torn tail from damage: a frame beyond the end that says
// the end was on disk when it was written proves that something was lost.
func (s *segment) checkRest(b []byte) error {
	for off := s.end + frameAlign; off+frameHead < int64(len(b)); off += frameAlign {
		if _, synced, _, ok := s.openFrame(b, off); ok && synced > s.end {
			return fmt.Errorf("journal segment %d: %w", s.seq, ErrCorrupt)
		}
	}
	return nil
}

// openFrame opens the frame at off of the segment's bytes b, if one is there.
func (s *segment) openFrame(b []byte, off int64) (ops []byte, synced, next int64, ok bool) {
	if off+frameHead > int64(len(b)) {
		return nil, 0, 0, false
	}
	f := b[off:]
	n := int64(binary.BigEndian.Uint32(f))
	if n < framePlain+tagLen || n > int64(len(f))-frameHead ||
		binary.BigEndian.Uint32(f[4:]) != s.check(off, uint32(n)) {
		return nil, 0, 0, false
	}
	plain, err := s.aead.Open(nil, f[8:frameHead], f[frameHead:frameHead+n], s.frameAD(off))
	if err != nil {
		return nil, 0, 0, false
	}
	synced = int64(binary.BigEndian.Uint64(plain))
	return plain[framePlain:], synced, aligned(off + frameHead + n), true
}

// check lets a reader find frames without trying to open everything.
func (s *segment) check(off int64, n uint32) uint32 {
	var b [28]byte
	copy(b[:], s.id[:])
	binary.BigEndian.PutUint64(b[16:], uint64(off))
	binary.BigEndian.PutUint32(b[24:], n)
	return crc32.Checksum(b[:], castagnoli)
}

func (s *segment) frameAD(off int64) []byte {
	ad := append([]byte(identity.Label("store-frame")), s.id[:]...)
	return binary.BigEndian.AppendUint64(ad, uint64(off))
}

func aligned(off int64) int64 { return (off + frameAlign - 1) &^ (frameAlign - 1) }

// append seals a frame in place and writes it. frame begins with frameOps free
// bytes; the ops follow. Nothing has changed when it fails.
func (s *segment) append(frame []byte) error {
	n := uint32(len(frame) - frameHead + tagLen)
	nonce := newNonce()
	binary.BigEndian.PutUint32(frame, n)
	binary.BigEndian.PutUint32(frame[4:], s.check(s.end, n))
	copy(frame[8:], nonce[:])
	binary.BigEndian.PutUint64(frame[frameHead:], uint64(s.synced))
	frame = s.aead.Seal(frame[:frameHead], nonce[:], frame[frameHead:], s.frameAD(s.end))
	if _, err := s.file.WriteAt(frame, s.end); err != nil {
		return fmt.Errorf("journal write: %w", err)
	}
	s.end = aligned(s.end + int64(len(frame)))
	return nil
}

// sync puts everything that was appended on disk.
func (s *segment) sync() error {
	if s.synced == s.end {
		return nil
	}
	if err := syncData(s.file); err != nil {
		return fmt.Errorf("journal sync: %w", err)
	}
	s.synced = s.end
	return nil
}

func (s *segment) empty() bool { return s.end == firstFrame }
