// Package dht is the directory: it finds accounts by handle, their devices and
// their addresses, with nobody in charge. It joins two Kademlia networks, one
// of those who can be reached from anywhere and one of those nearby, uses them
// for routing only, and asks the peers it finds there over a protocol of its
// own, because Kademlia keeps one value for a key and a name may have many
// claimants.
//
// Enter by New and Run. [DHT.Publish] keeps an account findable;
// [DHT.Resolve] lists everybody who claims a handle, [DHT.Account] fetches
// what an account says of its devices, [DHT.Route] where they are, and
// [DHT.FindPeer] the addresses of a peer. An answer is a hint that proves
// itself: who holds a record can withhold it, never change it.
//
// Every record has this form, spec/directory.md#envelope:
//
//	0     1      2      3       7       39    71    79       83        87     88           120      122
//	+-----+------+------+-------+-------+-----+-----+--------+---------+------+------------+--------+
//	| ver | algo | kind | epoch | index | key | seq | issued | expires | bits | nonces 4×8 | length |
//	+-----+------+------+-------+-------+-----+-----+--------+---------+------+------------+--------+
//	| sealed: nonce 24 | XChaCha20-Poly1305(length 2 | by the account 64 | content | zeros) | tag 16|
//	+--------------------------------------------------------------------------------------+--------+
//	| by key 64 |
//	+-----------+
package dht
