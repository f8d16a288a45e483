package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rss is the memory a process holds, in bytes.
func (p *process) rss(tb testing.TB) int64 {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Skipf("no memory figures on this system: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	tb.Fatal("no VmRSS in /proc")
	return 0
}

// cpu is the processor time a process has taken.
func (p *process) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		tb.Skipf("no processor figures on this system: %v", err)
	}
	_, rest, _ := strings.Cut(string(b), ") ") // after the name, which may hold anything
	fields := strings.Fields(rest)
	var user, system int64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ
}

// pause stops a process in its tracks, resume lets it go on.
func (p *process) pause(tb testing.TB)  { p.signal(tb, syscall.SIGSTOP) }
func (p *process) resume(tb testing.TB) { p.signal(tb, syscall.SIGCONT) }

func (p *process) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		tb.Fatal(err)
	}
}
