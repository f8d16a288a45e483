//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// diskUse is what a file takes on disk: Badger's logs are longer than that.
func diskUse(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return fi.Size()
}
