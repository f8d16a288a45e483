package dht

import (
	"fmt"
	"time"
)

// epochAt is the number of the epoch of length unit that t falls into.
func epochAt(t time.Time, unit time.Duration) uint32 {
	return uint32(t.Unix() / int64(unit/time.Second))
}

// epochStart is the first moment of an epoch.
func epochStart(epoch uint32, unit time.Duration) time.Time {
	return time.Unix(int64(epoch)*int64(unit/time.Second), 0)
}

// around lists the epochs between two offsets from t, without repetition.
func around(t time.Time, unit, before, after time.Duration) []uint32 {
	out := []uint32{epochAt(t, unit)}
	if e := epochAt(t.Add(-before), unit); e != out[0] {
		out = append(out, e)
	}
	if e := epochAt(t.Add(after), unit); e != out[0] {
		out = append(out, e)
	}
	return out
}

// epochsToPublish are the running epoch and, near its end, the next one.
func (k Kind) epochsToPublish(t time.Time) []uint32 {
	r := rules[k]
	return around(t, r.unit, 0, r.lead)
}

// epochsToRead are the running epoch and, near a boundary, its neighbour,
// whose clocks may be ahead or behind.
func (k Kind) epochsToRead(t time.Time) []uint32 {
	return around(t, rules[k].unit, skew, skew)
}

// latestExpiry is the last moment at which a record of an epoch may expire.
func (k Kind) latestExpiry(epoch uint32) time.Time {
	return epochStart(epoch+1, rules[k].unit).Add(day)
}

// checkTime refuses what is of another epoch, expired, from the future, or
// meant to live longer than its kind may. spec/directory.md#checks
func (e *envelope) checkTime(now time.Time) error {
	r := rules[e.kind]
	fits := false
	for _, n := range around(now, r.unit, skew, r.lead+skew) {
		fits = fits || n == e.epoch
	}
	if !fits {
		return fmt.Errorf("%w: epoch %d", ErrEpoch, e.epoch)
	}
	issued, expires := fromUnix(e.issued), fromUnix(e.expires)
	switch {
	case !now.Before(expires):
		return fmt.Errorf("%w: expired", ErrEpoch)
	case issued.After(now.Add(skew)):
		return fmt.Errorf("%w: issued in the future", ErrEpoch)
	case !issued.Before(expires), expires.Sub(issued) > r.life, expires.After(e.kind.latestExpiry(e.epoch)):
		return fmt.Errorf("%w: lives too long", ErrEpoch)
	}
	return nil
}
