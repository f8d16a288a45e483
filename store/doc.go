// Package store keeps everything a daemon must remember, encrypted, in one
// folder that one process owns.
//
// Enter by OpenKeyring, Keyring.Unlock and Open. Then View reads a snapshot,
// Update changes things and returns when they are on disk, UpdateLazy does not
// wait for the disk, and Run keeps house. Inside a closure the caller is alone:
// it loads a state, changes it and saves it; it sees what every closure before
// it wrote; if it fails nothing of it is left.
//
// # Layers
//
//	closure → batch → journal (one frame, one sync)          on the caller's goroutine
//	             ↘ overlay: young → frozen → Badger          settling, in the background
//
// Closures run one at a time (DB.turn). What they wrote waits in a batch; the
// first caller that finds the journal free (DB.io) writes the whole batch as
// one frame, syncs it, makes it visible and wakes the others: while the disk is
// busy the next batch fills. The journal is a preallocated file that is written
// over and over, so that a commit is one write and one sync that changes nothing
// in the file system; that is cheaper than a commit of Badger, which syncs a
// growing WAL and a value log.
//
// What was committed lives in the overlay, a persistent tree whose roots are
// snapshots. When a segment of the journal is full the overlay is frozen and
// settled into Badger, sorted and in large transactions, and the segment is
// used again. A session state that changed a thousand times in between reaches
// Badger once.
//
// Reads look at young, frozen and Badger, in this order. They never wait for a
// commit.
//
// # On disk
//
//	keys                the wrapped data key      spec/storage.md#keyring-file
//	storage.key         32 bytes, without passphrase
//	journal/segment-*   head 64 | head 64 | frame … (length 4 | check 4 | nonce 24 | sealed)
//	                                              spec/storage.md#segments
//	db/                 Badger: 0x80|table || parts → 01 | nonce 24 | sealed
//	                                              spec/storage.md#records
//
// What a passphrase protects from and what not stands in
// spec/storage.md#what-this-does-not-give.
package store
