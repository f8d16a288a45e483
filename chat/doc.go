// Package chat is what people do with p2pmsgd: they have an account, add each
// other, write and read. Plaintext comes in from the API and leaves as sealed
// envelopes; sealed envelopes come in from mesh and leave as messages and
// events. The package owns contacts, sessions, prekeys, conversations,
// messages, receipts and the outbox, and every change of any of them is one
// store transaction: a message, the ratchet state that sealed it, the outbox
// entry that carries it and the event that announces it commit together or
// not at all.
//
// CreateAccount or LoadSelf gives the account; New composes it with the
// store, the directory and the mesh; Run drives what happens by itself
// (introductions, key rotation, receipts, presence).
//
// What travels inside the ratchet is a body, drawn in spec/bodies.md#body:
//
//	body = { mid 16, conv 16, dev_seq, dev_prev 32, parents <=4x16, lamport,
//	         wall_ms, own_head, peer_head_seen, expiry, type, payload }
//
// An invite is a URI, drawn in spec/bodies.md#invite:
//
//	p2pmsg:<base64url of CBOR { genesis, token, expires, peer, addresses }>
package chat
