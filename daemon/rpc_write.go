package daemon

import (
	"net"
	"slices"
	"sync"
	"time"
)

// lineWriter writes lines from many goroutines. Whoever finds nobody writing
// writes, its own line and those that others add meanwhile: no goroutine waits
// for work, and under load many lines go out in one system call.
//
// A zero lineWriter is not usable; newLineWriter makes one. Safe for concurrent use.
type lineWriter struct {
	nc      net.Conn
	most    int           // bytes that may wait
	timeout time.Duration // for one piece

	mu      sync.Mutex
	change  sync.Cond // waiting got shorter, or writing or err changed
	waiting []byte
	spare   []byte // the buffer that waiting will be next
	writing bool
	err     error
}

func newLineWriter(nc net.Conn, most int, timeout time.Duration) *lineWriter {
	w := &lineWriter{nc: nc, most: most, timeout: timeout}
	w.change.L = &w.mu
	return w
}

// put has a line written, soon. It waits while too much is waiting already,
// which ends in any case when the client has taken nothing for the timeout:
// then the connection is closed, and this and every later put fails.
func (w *lineWriter) put(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.writing && w.err == nil && len(w.waiting)+len(line) > w.most {
		w.change.Wait()
	}
	if w.err != nil {
		return w.err
	}
	w.waiting = append(append(w.waiting, line...), '\n')
	if !w.writing {
		w.flushLocked()
	}
	return w.err
}

// flushLocked writes until nothing waits. It lets go of mu while it writes.
func (w *lineWriter) flushLocked() {
	w.writing = true
	for len(w.waiting) > 0 && w.err == nil {
		out := w.waiting
		w.waiting = w.spare[:0]
		w.change.Broadcast()
		w.mu.Unlock()
		err := w.write(out)
		w.mu.Lock()
		if w.spare = out[:0]; cap(out) > w.most {
			w.spare = nil // one huge answer must not be paid for until the end
		}
		if err != nil {
			w.err = err
			w.nc.Close() // wakes the reader, which ends the connection
		}
	}
	w.writing = false
	w.change.Broadcast()
}

// write writes b in pieces with a deadline each: a client that reads slowly, but
// reads, may take its time over a large answer.
func (w *lineWriter) write(b []byte) error {
	for piece := range slices.Chunk(b, 64<<10) {
		w.nc.SetWriteDeadline(time.Now().Add(w.timeout))
		if _, err := w.nc.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when everything put so far is written, or the writer has failed.
func (w *lineWriter) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.writing {
		w.change.Wait()
	}
}
