package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// asker asks for secrets: on a terminal with a prompt and without echo, from
// anything else as a line each.
type asker struct {
	in     *bufio.Reader
	prompt io.Writer
	tty    *os.File // nil when in is no terminal
}

func (a *app) asker() *asker {
	k := &asker{in: bufio.NewReader(a.in), prompt: a.err}
	if f, ok := a.in.(*os.File); ok && isTerminal(f) {
		k.tty = f
	}
	return k
}

func (k *asker) terminal() bool { return k.tty != nil }

func (k *asker) secret(what string) (string, error) {
	if k.tty != nil {
		fmt.Fprintf(k.prompt, "%s: ", what)
		restore := hideInput(k.tty)
		defer func() {
			restore()
			fmt.Fprintln(k.prompt)
		}()
	}
	line, err := k.in.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("%s: nothing to read on standard input", strings.ToLower(what))
	}
	return strings.TrimRight(line, "\r\n"), nil
}
