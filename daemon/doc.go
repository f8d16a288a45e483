// Package daemon puts the floors together into one running program: the host
// and the directory from the start, the store with the people's part (contacts,
// sessions, messages) while the data folder is unlocked, and the JSON-RPC API
// on a Unix socket over all of it.
//
// New opens what may fail; Run does the work and returns when everything it
// started has ended; Ready tells when others may connect. A file here is one
// subject of the API (handles.go, contacts.go, messages.go …), and its methods
// only translate: api types in, chat and dht calls, api types out.
//
// The data folder (spec/storage.md#files) holds:
//
//	lock          held by the one process that runs on this folder
//	peer.key      key of the libp2p host, owner-only
//	peers.cache   peers of earlier runs
//	keys, db/     what package store keeps
//	rpc.sock      the API, owner-only
package daemon
