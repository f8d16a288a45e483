// Package ratchet is the end-to-end encryption between two devices: the
// handshake, the Double Ratchet with header encryption and the post-quantum
// lane beside it. Everything is a value or a function of values: no clock, no
// disk, no goroutines. Initiate and Respond start a Session; Session.Seal and
// Session.Open return the state that follows the one they are called on.
//
// An envelope is 1, 2, 4, 8, 16, 32 or 64 KiB long; the first byte says which
// of two kinds it is. Integers are big-endian. The layouts, widths in bytes:
//
//	message (spec/ratchet.md#wire-format)
//	+----+-------+--------------+----------------------------+
//	| 02 | nonce | header       | body                       |
//	| 1  | 24    | 464 + tag 16 | 4 + content + zeros, tag 16|
//	+----+-------+--------------+----------------------------+
//
//	init (spec/handshake.md#wire-format): the handshake, then a message
//	+----+-------+-------+-----+-----+------+----+------+------+-----+--------+---------+
//	| 01 | suite | flags | spk | opk | work | EK | ct_s | ct_i | len | sealed | nonce.. |
//	| 1  | 2     | 1     | 4   | 4   | 8    | 32 | 1568 | 1088 | 2   | len    |         |
//	+----+-------+-------+-----+-----+------+----+------+------+-----+--------+---------+
//
//	header (spec/ratchet.md#header)
//	+----+----+---+-------+-----+-------+------+-----+-------+-------+-----+-------+
//	| dh | pn | n | epoch | idx | pq_pn | kind | idx | epoch | flags | tag | chunk |
//	| 32 | 4  | 4 | 4     | 4   | 4     | 1    | 1   | 4     | 2     | 4   | 400   |
//	+----+----+---+-------+-----+-------+------+-----+-------+-------+-----+-------+
package ratchet
