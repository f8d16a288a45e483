package ratchet

// chain is a symmetric chain that gives one key per message. In the Double
// Ratchet its number is the root step it came from, in the lane its epoch.
type chain struct {
	id  uint32
	key key
	n   uint32 // number of the next message
}

// next takes the key of the next message.
func (c *chain) next() key {
	message, after := advance(c.key)
	c.key = after
	c.n++
	return message
}

// skipTo takes the keys up to message n and puts them aside. limit bounds how
// many these may be.
func (c *chain) skipTo(n uint32, limit int, aside skipped) (skipped, error) {
	if n < c.n {
		return aside, ErrCorrupt
	}
	if n-c.n > uint32(limit) {
		return aside, ErrSkip
	}
	from := c.n
	keys := make([]key, 0, n-c.n)
	for c.n < n {
		keys = append(keys, c.next())
	}
	return aside.with(c.id, from, keys), nil
}
