package mesh_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/mesh/meshtest"
)

// BenchmarkRest is one second of links at rest, beside one of the same
// connections without mesh: what it reports is processor time of the whole
// process. (Run it with -benchtime 10x.)
func BenchmarkRest(b *testing.B) {
	const links = 30
	for name, withLinks := range map[string]bool{"links": true, "connections": false} {
		b.Run(name, func(b *testing.B) {
			lim := mesh.DefaultLimits()
			p := newPair(b, lim)
			hub := p.start(b, meshtest.Alice, &floor{}, nil, nil)
			hub.mesh.Forget(hub.to)
			for i := range links {
				restingLink(b, hub, p, byte(i+10), withLinks)
			}
			time.Sleep(2 * time.Second) // until identify and the like are over
			before := processorTime(b)
			for b.Loop() {
				time.Sleep(time.Second)
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N)/links, "cpu-µs/s/link")
		})
	}
}

// restingLink starts another daemon with a link to and from the hub.
func restingLink(b *testing.B, hub *end, p *pair, name byte, link bool) {
	other := newPair(b, p.lim)
	other.keys[meshtest.Alice], other.addrs[meshtest.Alice] = p.keys[meshtest.Alice], p.addrs[meshtest.Alice]
	e := other.start(b, meshtest.Bob, &floor{}, nil, nil)
	d := other.dest(meshtest.Bob)
	d.Device = identity.DeviceID{name}
	hub.mesh.SetDest(d)
	eventually(b, "both links", func() bool {
		return e.mesh.State(e.to).Connected && hub.mesh.State(d.Device).Connected
	})
	if !link {
		hub.mesh.Forget(d.Device)
		e.mesh.Forget(e.to)
	}
}

func processorTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
