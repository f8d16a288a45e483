//go:build !linux

package main

import "os"

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// hideInput is not known for this system: what is typed can be seen.
func hideInput(*os.File) (restore func()) { return func() {} }
