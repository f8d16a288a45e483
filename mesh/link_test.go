package mesh

import (
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// A link that is hurried before its first attempt, or in any other moment, has
// a time for the next one.
func TestHurryIsNeverNever(t *testing.T) {
	for name, hurry := range map[string]func(*link){
		"hurry":        func(l *link) { l.hurry(0) },
		"push":         func(l *link) { l.push(nil, time.Second) },
		"address":      (*link).renew,
		"peer comes":   func(l *link) { l.peerChanged(node.PeerEvent{Connected: true}, time.Second) },
		"after a rest": func(l *link) { l.begin(); l.rest(); l.hurry(0) },
	} {
		l := newLink(Dest{}, DefaultLimits(), nil)
		hurry(l)
		if d, timed := l.due(); !timed || d > time.Second {
			t.Errorf("%s: the next attempt is in %v, %v", name, d, timed)
		}
	}
}
