package store

import "math/rand/v2"

// entry is what the overlay knows of one key. Its value is shared by every
// snapshot and never changed.
type entry struct {
	value   []byte
	expires int64 // Unix milliseconds; 0: never
	dead    bool  // deleted: hides what Badger has
}

// gone says whether the entry must be taken for absent at a time.
func (e entry) gone(nowMilli int64) bool {
	return e.dead || (e.expires != 0 && e.expires <= nowMilli)
}

// node is a persistent treap, ordered by key: put copies the path it changes,
// so a root is a snapshot that costs nothing and a failed closure is undone by
// forgetting its root. nil is the empty overlay. Safe for concurrent use.
type node struct {
	key         string
	entry       entry
	prio        uint32
	left, right *node
}

func (n *node) get(key string) (entry, bool) {
	for n != nil {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.entry, true
		}
	}
	return entry{}, false
}

// put returns the overlay with key set to e.
func (n *node) put(key string, e entry) *node {
	if n == nil {
		return &node{key: key, entry: e, prio: rand.Uint32()}
	}
	c := *n
	switch {
	case key < n.key:
		l := n.left.put(key, e) // freshly copied, so it may be rotated in place
		if c.left = l; l.prio > c.prio {
			c.left, l.right = l.right, &c
			return l
		}
	case key > n.key:
		r := n.right.put(key, e)
		if c.right = r; r.prio > c.prio {
			c.right, r.left = r.left, &c
			return r
		}
	default:
		c.entry = e
	}
	return &c
}

// walk walks an overlay in order of keys, either way.
type walk struct {
	path    []*node // ancestors still to visit, the next one last
	reverse bool
}

// walkFrom starts at the first key >= from, or in reverse at the last <= from.
func (n *node) walkFrom(from string, reverse bool) *walk {
	w := &walk{reverse: reverse}
	for n != nil {
		if (!reverse && n.key >= from) || (reverse && n.key <= from) {
			w.path = append(w.path, n)
			n = n.near(reverse)
		} else {
			n = n.far(reverse)
		}
	}
	return w
}

// near is the subtree that is visited before n, far the one after.
func (n *node) near(reverse bool) *node {
	if reverse {
		return n.right
	}
	return n.left
}

func (n *node) far(reverse bool) *node { return n.near(!reverse) }

// at is the current node, nil at the end.
func (w *walk) at() *node {
	if len(w.path) == 0 {
		return nil
	}
	return w.path[len(w.path)-1]
}

func (w *walk) next() {
	n := w.at()
	w.path = w.path[:len(w.path)-1]
	for n = n.far(w.reverse); n != nil; n = n.near(w.reverse) {
		w.path = append(w.path, n)
	}
}
