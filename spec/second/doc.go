// Package second holds the handshake and the ratchet once more, in JavaScript
// and written from the documents alone, and the tests in which it talks to
// package ratchet. There is no Go code to import here; README.md says more.
package second
