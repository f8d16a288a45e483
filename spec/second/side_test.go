package second_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/ratchet"
)

// side is one end of a conversation. Package ratchet always plays it; when js
// is set, peer.js plays it too, from the same random bytes, and what peer.js
// makes is what goes to the other end. So the two implementations talk to one
// another, and are compared byte by byte, stored states included. Only an
// encapsulation cannot be repeated, as crypto/mlkem draws for itself: after one,
// the state that peer.js has is taken over, in its stored form.
type side struct {
	t     *testing.T
	js    *node
	name  string
	rand  *stream
	sess  ratchet.Session
	saved *ratchet.Session
	begun bool
	doing string // for messages
}

func newSide(t *testing.T, js *node, name string, seed []byte) *side {
	return &side{t: t, js: js, name: name, rand: &stream{seed: seed}}
}

func (s *side) ask(op string, r request) answer {
	s.t.Helper()
	if r == nil {
		r = request{}
	}
	r["name"], r["seed"] = s.name, s.rand.seed
	return s.js.ask(op, r)
}

func (s *side) initiate(self, to device) {
	s.t.Helper()
	next, err := ratchet.Initiate(s.rand, self.Initiator, to.target(s.t), self.want)
	if err != nil {
		s.t.Fatal(err)
	}
	s.sess, s.begun = next, true
	if s.js != nil {
		s.adopt(s.ask("initiate", request{"self": self.jsSelf(), "peer": to.jsPeer(s.t), "options": self.jsOptions()}))
	}
}

// respond begins the session with the first envelope that arrives.
func (s *side) respond(self, from device, env []byte) (ratchet.Opened, error) {
	s.t.Helper()
	next, got, pending, err := s.accept(self, from, env)
	if err == nil {
		s.sess, s.begun = next, true
	}
	if s.js == nil {
		return got, err
	}
	r := request{"self": self.jsSelf(), "prekeys": self.jsPrekeys(), "peer": from.jsPeer(s.t), "envelope": env}
	if k := from.psk(); k != nil {
		r["psk"] = k[:]
	}
	a := s.ask("respond", r)
	s.compareOpened(a, got, err)
	if err == nil {
		s.comparePending(a, pending, self)
	}
	return got, err
}

func (s *side) accept(self, from device, env []byte) (next ratchet.Session, got ratchet.Opened, p *ratchet.Pending, err error) {
	prefix, err := ratchet.ParsePrefix(env)
	if err != nil || prefix.HasOPK != (self.pre.OPK != nil) {
		return next, got, nil, ratchet.ErrHandshake
	}
	if p, err = ratchet.Respond(self.responder(), self.pre, env); err != nil {
		return next, got, nil, err
	}
	next, got, err = p.Accept(from.peer(s.t), self.ManifestHash, from.psk())
	return next, got, p, err
}

func (s *side) comparePending(a answer, p *ratchet.Pending, self device) {
	s.t.Helper()
	s.equal("identity", a.Identity, p.Identity())
	s.equal("token", a.Token, p.Token())
	manifest := p.ManifestHash()
	s.equal("manifest", a.Manifest, manifest[:])
	ref, resumed := p.Resume()
	s.equal("session of the resume key", a.PSKSession, ref.Session[:])
	if (a.PSKKind == 2) != resumed || (a.PSKKind != 0) != p.NeedsPSK() || a.PSKStep != ref.Step || manifest != self.ManifestHash {
		s.t.Fatalf("%s: read %d, %d of the sealed identity", s.name, a.PSKKind, a.PSKStep)
	}
}

func (s *side) seal(content []byte, control bool) ratchet.Sealed {
	s.t.Helper()
	var next ratchet.Session
	var out ratchet.Sealed
	var err error
	op := "seal"
	if control {
		op = "control"
		next, out, err = s.sess.SealControl(s.rand)
	} else {
		next, out, err = s.sess.Seal(s.rand, content)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	encapsulates := s.encapsulates()
	s.sess = next
	if s.js == nil {
		return out
	}
	a := s.ask(op, request{"content": content})
	if encapsulates {
		s.adopt(a)
		return ratchet.Sealed{Envelope: a.Envelope, Receipt: [16]byte(a.Receipt)}
	}
	s.equal("envelope", a.Envelope, out.Envelope)
	s.equal("receipt", a.Receipt, out.Receipt[:])
	s.compareState(a)
	return out
}

// encapsulates tells whether the next message answers a key: it is in the
// stored state, see spec/ratchet.md#session-state.
func (s *side) encapsulates() bool {
	const peersKey = 1 << 5
	return s.encode()[2]&peersKey != 0
}

func (s *side) encode() []byte {
	s.t.Helper()
	b, err := s.sess.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// adopt goes on from the state that peer.js is in.
func (s *side) adopt(a answer) {
	s.t.Helper()
	if a.Error != "" {
		s.t.Fatalf("%s: %s", s.name, a.Error)
	}
	next, err := ratchet.DecodeSession(s.ask("state", nil).Whole)
	if err != nil {
		s.t.Fatalf("%s: the state of peer.js: %v", s.name, err)
	}
	s.sess, s.rand.at = next, a.Drawn
	s.compareState(a)
}

func (s *side) open(env []byte) (ratchet.Opened, error) {
	s.t.Helper()
	next, got, err := s.sess.Open(env)
	if err == nil {
		s.sess = next
	}
	if s.js != nil {
		s.compareOpened(s.ask("open", request{"envelope": env}), got, err)
	}
	return got, err
}

// restart is what a crash does: the state goes through its stored form.
func (s *side) restart() {
	s.t.Helper()
	next, err := ratchet.DecodeSession(s.encode())
	if err != nil {
		s.t.Fatal(err)
	}
	s.sess = next
}

// save and restore are a device that comes back with an old state.
func (s *side) save() {
	old := s.sess
	s.saved = &old
	if s.js != nil {
		s.ask("save", nil)
	}
}

func (s *side) restore() {
	s.sess = *s.saved
	if s.js != nil {
		s.compareState(s.ask("restore", nil))
	}
}

func (s *side) equal(what string, got, want []byte) {
	s.t.Helper()
	if !bytes.Equal(got, want) {
		s.t.Fatalf("%s %s: %s differs (%d and %d bytes)", s.name, s.doing, what, len(got), len(want))
	}
}

func (s *side) compareOpened(a answer, want ratchet.Opened, err error) {
	s.t.Helper()
	if a.Error != kindOf(err) {
		s.t.Fatalf("%s %s: opening says %q, want %q", s.name, s.doing, a.Error, kindOf(err))
	}
	if err != nil {
		return
	}
	s.equal("content", a.Content, want.Content)
	s.equal("receipt", a.Receipt, want.Receipt[:])
	if a.Control != want.Control {
		s.t.Fatalf("%s: control is %v", s.name, a.Control)
	}
	s.compareState(a)
}

func (s *side) compareState(a answer) {
	s.t.Helper()
	want := s.encode()
	if a.Epoch != s.sess.LaneEpoch() {
		s.t.Fatalf("%s: sends in epoch %d, want %d", s.name, a.Epoch, s.sess.LaneEpoch())
	}
	if h := sha256.Sum256(want); !bytes.Equal(h[:], a.State) {
		got := s.ask("state", nil).Whole
		s.t.Fatalf("%s %s: the stored state differs from byte %d on:\n%x\nwant\n%x", s.name, s.doing, firstDifference(got, want), got, want)
	}
}

var kinds = map[string]error{
	"malformed": ratchet.ErrMalformed, "handshake": ratchet.ErrHandshake, "not mine": ratchet.ErrNotMine,
	"duplicate": ratchet.ErrDuplicate, "skip": ratchet.ErrSkip, "corrupt": ratchet.ErrCorrupt,
}

// kindOf is the name that peer.js has for a fault.
func kindOf(err error) string {
	for name, e := range kinds {
		if errors.Is(err, e) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func firstDifference(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}
