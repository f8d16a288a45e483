package store

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// prepare looks after what Badger does not look after itself when it opens a
// folder, and says how large its tables are. No process has the folder open.
func prepare(opt badger.Options) (tableBytes int64, err error) {
	files, err := badgerFiles(opt.Dir)
	if err != nil {
		return 0, err
	}
	if err := dropStillborn(files); err != nil {
		return 0, err
	}
	if err := checkRegistry(opt, len(files) == 0); err != nil {
		return 0, err
	}
	return checkTables(opt)
}

// badgerFiles are the files that hold data.
func badgerFiles(dir string) (files []string, err error) {
	for _, pattern := range []string{"*.mem", "*.vlog", "*.sst"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, names...)
	}
	return files, nil
}

// dropStillborn removes data files that are empty. Badger makes a log by
// creating it and then giving it a length, and unmakes it the other way round;
// killed in between it leaves an empty file, which holds nothing and over which
// it then refuses to open the database.
func dropStillborn(files []string) error {
	for _, name := range files {
		fi, err := os.Stat(name)
		if err == nil && fi.Size() == 0 && filepath.Ext(name) != ".sst" {
			err = os.Remove(name)
		}
		if err != nil {
			return fmt.Errorf("empty log: %w", err)
		}
	}
	return nil
}

// checkRegistry checks Badger's data key, and makes it for a new database. With
// a registry that lost it Badger would make another one and die, beyond our
// reach, of what that decrypts; and it makes none at all while the clock stands
// at 1970.
func checkRegistry(opt badger.Options, fresh bool) error {
	ro := badger.KeyRegistryOptions{Dir: opt.Dir, ReadOnly: true, EncryptionKey: opt.EncryptionKey, EncryptionKeyRotationDuration: never}
	r, err := badger.OpenKeyRegistry(ro)
	if err != nil {
		return badgerFault(err)
	}
	defer r.Close()
	if _, err = r.DataKey(1); err == nil {
		return nil
	}
	if !fresh {
		return fmt.Errorf("key registry: %w", ErrCorrupt)
	}
	return makeDataKey(ro)
}

func makeDataKey(opt badger.KeyRegistryOptions) error {
	opt.ReadOnly, opt.EncryptionKeyRotationDuration = false, time.Nanosecond
	r, err := badger.OpenKeyRegistry(opt)
	if err != nil {
		return badgerFault(err)
	}
	defer r.Close()
	if _, err := r.LatestDataKey(); err != nil {
		return badgerFault(err)
	}
	return nil
}
