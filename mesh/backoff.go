package mesh

import (
	"math/rand/v2"
	"time"
)

// backoff is the wait after a number of failures: least doubled each time, at
// most most, jittered by a quarter so that many links do not try at once.
func backoff(failures int, least, most time.Duration) time.Duration {
	d := least
	for i := 1; i < failures && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d - d/4 + rand.N(d/2+1)
}
