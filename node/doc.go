// Package node is the libp2p host of p2pmsgd: sockets, transports, finding
// peers, staying connected, and the bounds on what strangers may ask of us. It
// knows nothing of messages, handles or accounts.
//
// Build one with [New] from [DefaultConfig], then [Node.Run] it. The packages
// above serve their protocols with [Node.Handle] and call others with
// [Node.Open]; both speak in frames (spec/network.md#frames):
//
//	 0         1..4              length+1..4
//	+-----------+-----------------+
//	| length    | body            |    length: unsigned varint, shortest form
//	| 1..4 byte | length bytes    |    body: 1 byte up to the protocol's maximum
//	+-----------+-----------------+
//
// What a node remembers between runs is the peer cache
// (spec/network.md#peer-cache). How neighbours without internet find each other
// is spec/network.md#local-discovery.
package node
