package main

import (
	"math"
	"testing"
)

func TestPrinting(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{printable("a\x1b[31m\tb\nc\u202e\u2066d\u009b"), "a\ufffd[31m\tb\nc\ufffd\ufffdd\ufffd"},
		{oneLine("a\nb"), "a b"},
		{size(int64(0)), "0 B"},
		{size(int64(999)), "999 B"},
		{size(int64(1000)), "1.0 kB"},
		{size(uint64(999_949)), "999.9 kB"},
		{size(uint64(999_950)), "1.0 MB"},
		{size(uint64(math.MaxUint64)), "18.4 EB"},
		{seconds(0.01234), "10ms"},
		{seconds(65.4), "1m5s"},
		{seconds(3600 * 50), "50h0m"},
		{plural(1, "peer"), "1 peer"},
		{plural(0, "peer"), "0 peers"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
