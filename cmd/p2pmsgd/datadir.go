package main

import (
	"errors"
	"path/filepath"
)

// dataDir returns the data folder: the flag, the environment, or the place that
// the XDG base directory specification gives.
func (a *app) dataDir() (string, error) {
	dir := a.dataFlag
	if dir == "" {
		dir = a.getenv("P2PMSG_DATA")
	}
	if dir == "" {
		dir = a.defaultDir()
	}
	if dir == "" {
		return "", usage("no data folder: give --data, or set P2PMSG_DATA or HOME")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", errors.Join(usage("data folder %s", dir), err)
	}
	return abs, nil
}

func (a *app) defaultDir() string {
	if home := a.getenv("XDG_DATA_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "p2pmsgd")
	}
	if home := a.getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "p2pmsgd")
	}
	return ""
}
