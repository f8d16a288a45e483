//go:build unix

package daemon

import (
	"os"
	"syscall"
)

// lockFile takes f for this process; the lock goes with the descriptor, also
// when the process is killed.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
