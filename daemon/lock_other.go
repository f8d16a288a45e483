//go:build !unix

package daemon

import "os"

// lockFile does nothing here: opening the store and listening on the socket
// refuse a second process on these systems.
func lockFile(*os.File) error { return nil }
