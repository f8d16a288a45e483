//go:build !unix

package store

import "io/fs"

// diskUse is what a file takes on disk.
func diskUse(fi fs.FileInfo) int64 { return fi.Size() }
