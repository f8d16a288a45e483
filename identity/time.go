package identity

import (
	"fmt"
	"time"
)

// lastSecond is the end of the year 9999, far below where time arithmetic wraps.
const lastSecond = 253402300799

// seconds is a time as objects carry it: whole seconds since 1970, UTC.
func seconds(t time.Time) uint64 {
	if t.Unix() < 0 {
		return 0
	}
	return uint64(t.Unix())
}

func fromSeconds(s uint64) time.Time { return time.Unix(int64(s), 0).UTC() }

// span checks that an object lives from one second to a later one, and no
// longer than max.
func span(from, until uint64, max time.Duration) error {
	if from >= until || until > lastSecond || until-from > uint64(max/time.Second) {
		return fmt.Errorf("%w: lifetime", ErrMalformed)
	}
	return nil
}

// valid tells whether now lies between two times, give or take [ClockSkew].
func valid(from, until, now time.Time) bool {
	return !now.Before(from.Add(-ClockSkew)) && !now.After(until.Add(ClockSkew))
}
