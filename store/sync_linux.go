package store

import (
	"os"
	"syscall"
)

// syncData puts a file's bytes on disk. Its size does not change in the common
// case, so the rest of its inode need not be written.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
