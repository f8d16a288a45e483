package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// timeLayout is RFC 3339 in UTC with milliseconds, always with all three.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is a moment as the API writes it: RFC 3339, UTC, milliseconds. The zero
// value is "no time" and is left out of objects.
type Time struct{ time.Time }

// At returns t as the API writes it, cut to whole milliseconds.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// String returns the time as it stands in JSON, without quotes.
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalJSON writes the zero time as null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON accepts any RFC 3339 time, and null for none.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("must be an RFC 3339 time in quotes")
	}
	if s == nil {
		*t = Time{}
		return nil
	}
	v, err := time.Parse(time.RFC3339Nano, *s)
	if err != nil {
		return fmt.Errorf("%q is not an RFC 3339 time, such as %s", *s, timeLayout)
	}
	*t = At(v)
	return nil
}
