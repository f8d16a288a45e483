// Package store keeps everything a daemon must remember, encrypted, in one
// folder that one process owns.
package store
