package daemon

import (
	"encoding/json"
	"sync/atomic"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// answers collects the answers to one line and writes them: the one of a single
// request, or the array of a batch when all are there.
type answers struct {
	conn    *rpcConn
	batch   bool
	release func()
	left    atomic.Int32
	each    [][]byte // one per request of a batch; nil for notifications
}

func newAnswers(c *rpcConn, n int, batch bool, release func()) *answers {
	a := &answers{conn: c, batch: batch, release: release}
	a.left.Store(int32(n))
	if batch {
		a.each = make([][]byte, n)
	}
	return a
}

// give takes the answer to request i; one without an id is thrown away.
func (a *answers) give(i int, id, result json.RawMessage, e *api.Error) error {
	var line []byte
	if id != nil {
		line = encodeAnswer(id, result, e)
	}
	if !a.batch {
		a.release()
	} else {
		a.each[i] = line
		if a.left.Add(-1) > 0 {
			return nil
		}
		a.release()
		line = joinBatch(a.each)
	}
	if line == nil {
		return nil
	}
	return a.conn.out.put(line)
}

// joinBatch returns the array of the answers, or nil when there are none.
func joinBatch(each [][]byte) []byte {
	var b []byte
	for _, line := range each {
		if line == nil {
			continue
		}
		if b == nil {
			b = append(b, '[')
		} else {
			b = append(b, ',')
		}
		b = append(b, line...)
	}
	if b == nil {
		return nil
	}
	return append(b, ']')
}
