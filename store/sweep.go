package store

import (
	"fmt"
	"os"
	"path/filepath"
)

// dropStillborn removes log files of Badger that are empty. Badger makes a log
// by creating it and then giving it a length, and unmakes it the other way
// round; killed in between it leaves an empty file, which holds nothing and
// which it then refuses to open the database over.
func dropStillborn(dir string) error {
	return withFolderLock(dir, func() error {
		for _, pattern := range []string{"*.mem", "*.vlog"} {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := dropIfEmpty(name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func dropIfEmpty(name string) error {
	fi, err := os.Stat(name)
	if err != nil || fi.Size() > 0 {
		return err
	}
	if err := os.Remove(name); err != nil {
		return fmt.Errorf("empty log: %w", err)
	}
	return nil
}
