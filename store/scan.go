package store

import (
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// Range is an ordered set of keys under a prefix.
type Range struct {
	Prefix  Key    // table and leading parts
	After   []byte // exclusive lower bound on what follows the prefix (Key.Tail); nil: none
	Before  []byte // exclusive upper bound on what follows the prefix; nil: none
	Reverse bool   // from the last to the first
	Limit   int    // at most so many records; 0: no bound
}

// Scan visits the records of a range in key order until fn says no more. Key
// and value may be kept. In an update fn may write: the scan sees the state at
// its start.
func (tx *Tx) Scan(r Range, fn func(k Key, v []byte) (more bool, err error)) error {
	if tx.done {
		return errTxDone
	}
	prefix := r.Prefix.encode(&tx.db.names)
	s := span{prefix: prefix, reverse: r.Reverse}
	if r.After != nil {
		s.after = prefix + string(r.After)
	}
	if r.Before != nil {
		s.before = prefix + string(r.Before)
	}
	m := tx.merge(s)
	defer m.close()
	nowMilli := tx.db.now().UnixMilli()
	for n := 0; r.Limit <= 0 || n < r.Limit; {
		key, e, err := m.next()
		if err != nil || key == "" {
			return err
		}
		if e.gone(nowMilli) {
			continue
		}
		n++
		more, err := fn(Key{raw: key, tail: len(prefix)}, e.value)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// span is a range of encoded keys.
type span struct {
	prefix, after, before string
	reverse               bool
}

// start is where a walk over the span begins; the bound itself is not in it.
func (s span) start() string {
	switch {
	case !s.reverse && s.after != "":
		return s.after
	case !s.reverse:
		return s.prefix
	case s.before != "":
		return s.before
	}
	return s.prefix + topKey
}

// topKey sorts after everything that can follow a prefix.
var topKey = strings.Repeat("\xff", 1024)

// holds says where a key lies: skip it (the bound itself), visit it, or end.
func (s span) holds(key string) (visit, end bool) {
	switch {
	case !strings.HasPrefix(key, s.prefix):
		return false, true
	case s.after != "" && key <= s.after:
		return false, s.reverse
	case s.before != "" && key >= s.before:
		return false, !s.reverse
	}
	return true, false
}

// merge walks the layers of a state as one; of equal keys the newest layer's
// counts.
type merge struct {
	span    span
	layers  [2]*walk // young, frozen
	settled *badger.Iterator
	db      *DB
}

func (tx *Tx) merge(s span) *merge {
	opt := badger.IteratorOptions{Prefix: []byte(s.prefix), Reverse: s.reverse}
	m := &merge{span: s, db: tx.db, settled: tx.snapshot().NewIterator(opt)}
	m.settled.Seek([]byte(s.start()))
	m.layers[0] = tx.state.young.walkFrom(s.start(), s.reverse)
	m.layers[1] = tx.state.frozen.walkFrom(s.start(), s.reverse)
	return m
}

func (m *merge) close() { m.settled.Close() }

// next gives the next entry of the span, "" at its end. Deleted and expired
// entries of the overlay are given, too: they hide older ones.
func (m *merge) next() (string, entry, error) {
	for {
		key, layer := m.first()
		if key == "" {
			return "", entry{}, nil
		}
		visit, end := m.span.holds(key)
		if end {
			return "", entry{}, nil
		}
		var e entry
		var err error
		if visit {
			e, err = m.read(key, layer)
		}
		m.pass(key)
		if visit || err != nil {
			return key, e, err
		}
	}
}

// first is the next key of all layers, and the newest layer that has it.
func (m *merge) first() (key string, layer int) {
	for i, w := range m.layers {
		if n := w.at(); n != nil && m.sooner(n.key, key) {
			key, layer = n.key, i
		}
	}
	if m.settled.Valid() {
		if k := string(m.settled.Item().Key()); m.sooner(k, key) {
			key, layer = k, len(m.layers)
		}
	}
	return key, layer
}

// sooner says whether a key comes before the best so far; "" is none.
func (m *merge) sooner(key, best string) bool {
	return best == "" || (key < best) != m.span.reverse && key != best
}

func (m *merge) read(key string, layer int) (e entry, err error) {
	if layer < len(m.layers) {
		e = m.layers[layer].at().entry
		e.value = slices.Clone(e.value)
		return e, nil
	}
	err = m.settled.Item().Value(func(v []byte) (err error) {
		e, err = m.db.seal.open(key, v)
		return err
	})
	return e, err
}

// pass moves every layer over a key.
func (m *merge) pass(key string) {
	for _, w := range m.layers {
		if n := w.at(); n != nil && n.key == key {
			w.next()
		}
	}
	if m.settled.Valid() && string(m.settled.Item().Key()) == key {
		m.settled.Next()
	}
}
