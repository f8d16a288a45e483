// Package testnet is a whole world in memory for story tests: real daemons,
// each with its own folder, host and keys, in one process, on links that a
// test can slow down, make lossy, make repeat packets, and cut.
//
// New makes a World; World.Daemon puts somebody into it; World.Link and
// World.Cut change what lies between two of them. Everything ends with the
// test that made it.
//
// Packets travel as QUIC over simulated UDP, so whatever the network does,
// what arrives was sent by somebody: the world may only delay, drop and
// repeat. A repeated envelope is made by cutting the link between a message
// and its acknowledgement.
package testnet
