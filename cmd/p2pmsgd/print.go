package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// show prints an object of the API with --json, and otherwise a line of text.
func (a *app) show(object any, format string, args ...any) error {
	if a.json {
		return a.showJSON(object)
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

// showJSON prints an object on one line.
func (a *app) showJSON(object any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

// table prints rows in columns; none is an answer too.
func (a *app) table(rows [][]string, none string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.out, none)
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	return w.Flush()
}

// printable makes text from elsewhere safe to print: what others write must not
// steer the terminal, nor turn the direction of a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// oneLine is printable text without line ends.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(s))
}

// day prints a date, for things that are not of today.
func day(t api.Time) string { return t.Local().Format("2006-01-02") }

// clock prints date and time to the minute.
func clock(t api.Time) string { return t.Local().Format("2006-01-02 15:04") }

// seconds prints a duration the way people say it.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// size prints a number of bytes.
func size[N int64 | uint64](n N) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/1000, "kMGTPE"
	for f >= 999.95 {
		f, units = f/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %cB", f, units[0])
}

// marks returns ", word" if on.
func marks(on bool, word string) string {
	if on {
		return ", " + word
	}
	return ""
}

// plural returns "1 peer" or "2 peers".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
