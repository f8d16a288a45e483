//go:build !linux

package store

import "os"

// syncData puts a file's bytes on disk.
func syncData(f *os.File) error { return f.Sync() }
