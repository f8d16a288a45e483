package second_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
)

// node is the long-lived process that runs peer.js.
type node struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// request and answer are what goes over its pipes, an object a line.
type request map[string]any

type answer struct {
	Error    string
	Drawn    int // bytes drawn so far
	Epoch    uint32
	State    []byte // hash of the encoded session
	Whole    []byte // the encoded session
	Envelope []byte
	Receipt  []byte
	Content  []byte
	Control  bool
	Wins     bool

	Identity, Token, Manifest, PSKSession []byte
	PSKKind                               byte
	PSKStep                               uint32
}

func startNode(t *testing.T) *node {
	t.Helper()
	cmd := exec.Command("node", "peer.js")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the end of its input ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return &node{t, in, bufio.NewReaderSize(out, 1<<18)}
}

func (n *node) ask(op string, r request) answer {
	n.t.Helper()
	if r == nil {
		r = request{}
	}
	r["op"] = op
	line, err := json.Marshal(r)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
	got, err := n.out.ReadBytes('\n')
	if err != nil {
		n.t.Fatalf("%s: %v", op, err)
	}
	var a answer
	if err := json.Unmarshal(got, &a); err != nil {
		n.t.Fatal(err)
	}
	return a
}

// stream is the random source that peer.js makes of the same seed.
type stream struct {
	seed  []byte
	at    int
	block [sha256.Size]byte
}

func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		if i == 0 || s.at%sha256.Size == 0 {
			s.fill()
		}
		p[i] = s.block[s.at%sha256.Size]
		s.at++
	}
	return len(p), nil
}

func (s *stream) fill() {
	n := uint32(s.at / sha256.Size)
	s.block = sha256.Sum256(binary.BigEndian.AppendUint32(bytes.Clone(s.seed), n))
}
