package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// read --follow prints what there is, then what comes, nothing twice, and ends
// well when it is told to.
func TestReadFollows(t *testing.T) {
	t.Setenv("TZ", "UTC")
	dir := t.TempDir()
	stop, err := serveFake(api.SocketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		a := &app{in: strings.NewReader(""), out: w, err: io.Discard, getenv: func(string) string { return "" }}
		code <- a.run(ctx, []string{"read", "bob", "--follow", "--data", dir})
		w.Close()
	}()
	var got []string
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if got = append(got, lines.Text()); len(got) == 4 {
			cancel()
		}
	}
	if want := "Bob: And now?"; len(got) != 4 || !strings.HasSuffix(got[3], want) || !strings.HasSuffix(got[0], "Bob: Hello!") {
		t.Errorf("printed %q, whose last line should end in %q", got, want)
	}
	if c := <-code; c != 0 {
		t.Errorf("ended with code %d", c)
	}
}
