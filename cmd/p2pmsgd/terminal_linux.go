package main

import (
	"os"
	"syscall"
	"unsafe"
)

func isTerminal(f *os.File) bool {
	_, err := termios(f)
	return err == nil
}

// hideInput turns off the echo of a terminal, and returns what turns it on.
func hideInput(f *os.File) (restore func()) {
	was, err := termios(f)
	if err != nil {
		return func() {}
	}
	now := was
	now.Lflag &^= syscall.ECHO
	setTermios(f, &now)
	return func() { setTermios(f, &was) }
}

func termios(f *os.File) (t syscall.Termios, err error) {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&t)))
	if errno != 0 {
		return t, errno
	}
	return t, nil
}

func setTermios(f *os.File, t *syscall.Termios) {
	syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCSETS, uintptr(unsafe.Pointer(t)))
}
