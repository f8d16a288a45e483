package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"pgregory.net/rapid"
)

// forest is an account with up to two histories that part somewhere.
type forest struct {
	*person
	all  []*identity.Manifest // main line first, then the branch
	main int                  // how many are of the main line
	cut  int                  // the branch follows this one of the main line
	now  time.Time
}

// grow draws a main line of device- and account-signed manifests, and perhaps a
// branch.
func grow(t *rapid.T, alice *person, laptop *identity.DeviceKey) forest {
	f := forest{person: alice, now: start}
	next := func(m *identity.Manifest, name string) *identity.Manifest {
		f.now = f.now.Add(time.Minute)
		var by identity.Signer = laptop
		if rapid.Bool().Draw(t, name) {
			by = alice.key
		}
		return must(m.Next(by, f.now, identity.Change{}))
	}
	f.all = slices.Clone(alice.chain[:1])
	for i := range rapid.IntRange(0, 6).Draw(t, "main") {
		f.all = append(f.all, next(f.all[i], fmt.Sprint("by account ", i)))
	}
	f.main = len(f.all)
	f.cut = rapid.IntRange(0, f.main-1).Draw(t, "cut")
	at := f.all[f.cut]
	for i := range rapid.IntRange(0, 3).Draw(t, "branch") {
		at = next(at, fmt.Sprint("branch by account ", i))
		f.all = append(f.all, at)
	}
	return f
}

// TestPinProperties walks a contact through any subsets of any forest, in any
// order: the pin never goes back, never leaves its history without saying so,
// and the answer depends on the set of manifests, not on their order.
func TestPinProperties(t *testing.T) {
	alice, laptop, _ := household()
	rapid.Check(t, func(t *rapid.T) {
		f := grow(t, alice, laptop)
		g, pin := alice.key.Genesis(), identity.Pin{}
		for step := range rapid.IntRange(1, 5).Draw(t, "steps") {
			some := rapid.SliceOfDistinct(rapid.IntRange(0, len(f.all)-1), rapid.ID).Draw(t, fmt.Sprint("some ", step))
			chain := make([]*identity.Manifest, len(some))
			for i, n := range some {
				chain[i] = f.all[n]
			}
			got, err := pin.Advance(g, chain, alice.certs, f.now)
			slices.Reverse(chain)
			again, errAgain := pin.Advance(g, chain, alice.certs, f.now)
			if got != again || fmt.Sprint(err) != fmt.Sprint(errAgain) {
				t.Fatalf("order matters: %v, %v against %v, %v", got, err, again, errAgain)
			}
			f.judge(t, pin, got, err)
			pin = got
		}
	})
}

func (f *forest) judge(t *rapid.T, before, after identity.Pin, err error) {
	switch {
	case err != nil && after != before:
		t.Fatalf("the pin moved with %v", err)
	case after.Seq < before.Seq || after.Seq == before.Seq && after != before:
		t.Fatalf("the pin went from %v to %v", before, after)
	case err != nil && errors.Is(err, identity.ErrForged):
		t.Fatal("an honest signature was called forged")
	case before.Seq > 0 && err == nil && !f.descends(after, before):
		t.Fatal("the pin changed history without an alarm")
	}
	if err == nil && f.main == len(f.all) && errors.Is(err, identity.ErrFork) {
		t.Fatal("alarm without a fork")
	}
}

// descends tells whether a's history goes through b.
func (f *forest) descends(a, b identity.Pin) bool {
	for a.Seq > b.Seq {
		i := slices.IndexFunc(f.all, func(m *identity.Manifest) bool { return m.Pin() == a })
		a = identity.Pin{Seq: a.Seq - 1, Hash: f.all[i].Prev}
	}
	return a == b
}

// TestForksAreAlwaysSeen: whoever holds both histories whole gets the proof, a
// contact of one of them and a newcomer alike; whoever holds one gets none.
func TestForksAreAlwaysSeen(t *testing.T) {
	alice, laptop, _ := household()
	rapid.Check(t, func(t *rapid.T) {
		f := grow(t, alice, laptop)
		forks := f.main < len(f.all) && f.cut < f.main-1
		pins := []identity.Pin{{}, f.all[0].Pin(), f.all[f.main-1].Pin()}
		for _, p := range pins {
			_, err := p.Advance(alice.key.Genesis(), f.all, alice.certs, f.now)
			if errors.Is(err, identity.ErrFork) != forks || !forks && err != nil {
				t.Fatalf("pinned %d, forked %v: %v", p.Seq, forks, err)
			}
			got, err := p.Advance(alice.key.Genesis(), f.all[:f.main], alice.certs, f.now)
			if err != nil || got != f.all[f.main-1].Pin() {
				t.Fatalf("one history: %v, %v", got, err)
			}
		}
	})
}

// TestRevocationsAreBounded: the list keeps the newest and stays parseable.
func TestRevocationsAreBounded(t *testing.T) {
	alice, laptop, _ := household()
	var list []identity.Revocation
	for i := range 40 {
		list = append(list, identity.Revocation{Device: identity.DeviceID{1, byte(200 - i)}, Reason: identity.Lost, Time: start.Add(time.Duration(i) * time.Hour)})
	}
	boxes := make([][]byte, identity.MaxMailboxes)
	for i := range boxes {
		boxes[i] = make([]byte, identity.MaxMailboxSize)
	}
	m := alice.say(laptop, start, identity.Change{Revoke: list, Mailboxes: boxes, MinSuite: 0xffff})
	if m.Revokes(list[7].Device) || !m.Revokes(list[8].Device) || !m.Revokes(list[39].Device) {
		t.Error("not the newest were kept")
	}
	if got := must(identity.ParseManifest(m.Bytes())); got.Hash() != m.Hash() || len(got.Revoked) != identity.MaxRevocations {
		t.Error("the longest manifest does not come back")
	}
	t.Logf("longest manifest with 2 devices: %d of %d bytes", len(m.Bytes()), identity.MaxManifestSize)
	var nine []*identity.DeviceCert
	for i := range 9 {
		nine = append(nine, must(identity.IssueDeviceCert(alice.key, alice.key.ID(), newDevice(fmt.Sprint(i)), identity.Member, start)))
	}
	_, err := alice.head().Next(laptop, start, identity.Change{Devices: nine})
	wantErr(t, err, identity.ErrMalformed)
	if m, err = alice.head().Next(laptop, start, identity.Change{Devices: nine[:8]}); err != nil || len(m.Bytes()) > identity.MaxManifestSize {
		t.Errorf("eight devices: %v", err)
	}
}
