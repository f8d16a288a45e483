package ratchet

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// vectorRatchet is ratchet.json.
type vectorRatchet struct {
	Erasure []vectorErasure        `json:"erasure_code"`
	Start   map[string]vectorChain `json:"start"`
	Steps   []vectorStep           `json:"steps"`
	End     map[string]hexBytes    `json:"end"`
}

// vectorErasure is an object and pieces of it.
type vectorErasure struct {
	Object hexBytes         `json:"object"`
	Pieces map[int]hexBytes `json:"pieces"`
}

// vectorChain is the first state of a side.
type vectorChain struct {
	NHKs, NHKr hexBytes
	PQRK       hexBytes `json:"pqrk_0"`
	PQSend     hexBytes `json:"pq_send_chain"`
	PQRecv     hexBytes `json:"pq_recv_chain"`
}

// vectorStep is one step of the conversation.
type vectorStep struct {
	Side     string       `json:"side"`
	Do       string       `json:"do"`
	Number   int          `json:"number"`
	Content  hexBytes     `json:"content,omitempty"`
	Draws    []hexBytes   `json:"draws,omitempty"`
	Header   *vectorFacts `json:"header,omitempty"`
	DMK      hexBytes     `json:"dmk,omitempty"`
	PMK      hexBytes     `json:"pmk,omitempty"`
	MK       hexBytes     `json:"mk,omitempty"`
	Receipt  hexBytes     `json:"receipt,omitempty"`
	Envelope hexBytes     `json:"envelope,omitempty"`
	Error    string       `json:"error,omitempty"`
	Epoch    uint32       `json:"epoch"`
	Root     hexBytes     `json:"rk"`
	LaneRoot hexBytes     `json:"pqrk"`
	Resume   hexBytes     `json:"xk,omitempty"`
}

// vectorFacts are the fields of a header.
type vectorFacts struct {
	DH         hexBytes `json:"dh"`
	PN         uint32   `json:"pn"`
	N          uint32   `json:"n"`
	Epoch      uint32   `json:"pq_epoch"`
	Idx        uint32   `json:"pq_idx"`
	PQPN       uint32   `json:"pq_pn"`
	Kind       byte     `json:"kind"`
	ChunkIdx   byte     `json:"chunk_idx"`
	ChunkEpoch uint32   `json:"chunk_epoch"`
	Flags      uint16   `json:"flags"`
	Tag        hexBytes `json:"tag"`
}

// talk makes and checks the conversation: the steps are the same, only where
// the randomness comes from differs.
type talk struct {
	t     *testing.T
	sides map[string]*Session
	sent  map[int][]byte
	steps []vectorStep
	rand  func(step *vectorStep) derandomised
	drawn func() []hexBytes
}

// plan is the conversation: who seals (a, b), seals a control message (A, B),
// or opens message number n. Numbers count from 1; message 0 is the one of the
// handshake.
func plan() (out []vectorStep) {
	number := 0
	seal := func(side string, n int) {
		for range n {
			number++
			out = append(out, vectorStep{Side: side, Do: "seal", Number: number})
		}
	}
	open := func(side, fault string, numbers ...int) {
		for _, n := range numbers {
			out = append(out, vectorStep{Side: side, Do: "open", Number: n, Error: fault})
		}
	}
	seal("a", 2)              // 1 2, still with the prefix
	open("b", "", 2)          // 1 is late
	open("b", "duplicate", 2) //
	seal("b", 3)              // 3 4 5 with the ciphertext of epoch 1
	open("a", "", 3, 5)       //
	open("b", "", 1)          //
	seal("a", 2)              // 6 7
	open("a", "", 4)          // the third piece: epoch 1
	seal("a", 2)              // 8 9
	open("b", "", 9, 6)       // closes both chains
	open("b", "duplicate", 6) //
	for range 14 {
		seal("b", 1)
		open("a", "", number)
		seal("a", 1)
		open("b", "", number)
	}
	open("b", "", 7, 8)
	open("b", "not mine", 8) // nothing is left of that chain
	for range 4 {
		for _, s := range [][2]string{{"b", "a"}, {"a", "b"}} {
			seal(s[0], 1)
			out[len(out)-1].Do = "control"
			open(s[1], "", number)
		}
	}
	return out
}

// run goes through the steps and fills in what comes of them.
func (k *talk) run() {
	for i := range k.steps {
		step := &k.steps[i]
		s := k.sides[step.Side]
		if step.Do == "open" {
			k.open(s, step)
		} else {
			k.seal(s, step)
		}
		step.Epoch, step.Root, step.LaneRoot = s.LaneEpoch(), bytes.Clone(s.dr.root[:]), bytes.Clone(s.lane.root[:])
	}
}

func (k *talk) open(s *Session, step *vectorStep) {
	next, opened, err := s.Open(k.sent[step.Number])
	want := map[string]error{"": nil, "duplicate": ErrDuplicate, "not mine": ErrNotMine}[step.Error]
	if !errors.Is(err, want) {
		k.t.Fatalf("opening message %d: %v", step.Number, err)
	}
	if err == nil {
		step.Content, step.Receipt = opened.Content, opened.Receipt[:]
	}
	*s = next
}

func (k *talk) seal(s *Session, step *vectorStep) {
	rand := k.rand(step)
	before := *s
	next, sealed, err := *s, Sealed{}, error(nil)
	if step.Do == "control" {
		next, sealed, err = s.SealControl(rand)
	} else {
		step.Content = []byte("message " + string(rune('a'+step.Number%26)))
		next, sealed, err = s.Seal(rand, step.Content)
	}
	noError(k.t, err)
	step.Draws = k.drawn()
	noError(k.t, before.ready(derandomised{&replay{k.t, step.Draws}}))
	h := before.header(step.Do == "control")
	step.Header = &vectorFacts{h.dh[:], h.pn, h.n, h.epoch, h.idx, h.pqpn, byte(h.piece.kind), h.piece.idx, h.piece.epoch, h.flags, h.piece.tag[:]}
	dmk, pmk := before.dr.send.next(), before.lane.send.next()
	mk, receipt := before.messageKeys(dmk, pmk)
	step.DMK, step.PMK, step.MK, step.Receipt = dmk[:], pmk[:], mk[:], receipt[:]
	if receipt != sealed.Receipt {
		k.t.Fatal("receipts differ")
	}
	step.Envelope = sealed.Envelope
	xk := next.dr.resume[next.dr.step%keptResume]
	step.Resume = xk[:]
	k.sent[step.Number] = sealed.Envelope
	*s = next
}

// start is both sides after the first case of handshake.json.
func start(t *testing.T) (alice, bob Session) {
	var cases []vectorHandshake
	readVector(t, "handshake", &cases)
	v := cases[0]
	alice, err := Initiate(derandomised{&replay{t, v.Draws}}, v.initiator(), v.target(t), v.options())
	noError(t, err)
	alice, _, err = alice.Seal(derandomised{&replay{t, v.SealDraws}}, v.Content)
	noError(t, err)
	_, _, bob, _ = v.derive(t)
	return alice, bob
}

// converse makes the whole file. draws has the draws of each seal; without
// them new ones are made.
func converse(t *testing.T, old *vectorRatchet) vectorRatchet {
	alice, bob := start(t)
	s := &stream{seed: "p2pmsg ratchet"}
	k := &talk{t: t, sides: map[string]*Session{"a": &alice, "b": &bob}, sent: map[int][]byte{}, steps: plan()}
	k.rand, k.drawn = func(*vectorStep) derandomised { return derandomised{s} }, s.draws
	if old != nil {
		byNumber := map[int][]hexBytes{}
		for _, step := range old.Steps {
			if step.Do != "open" {
				byNumber[step.Number] = step.Draws
			}
		}
		var last []hexBytes
		k.rand = func(step *vectorStep) derandomised {
			last = byNumber[step.Number]
			return derandomised{&replay{t, last}}
		}
		k.drawn = func() []hexBytes { return last }
	}
	v := vectorRatchet{Start: map[string]vectorChain{"a": firstChain(alice, true), "b": firstChain(bob, false)}}
	v.Erasure = []vectorErasure{erasure(s, 1184), erasure(s, 1088)}
	k.run()
	a, err := alice.Encode()
	noError(t, err)
	b, err := bob.Encode()
	noError(t, err)
	v.Steps, v.End = k.steps, map[string]hexBytes{"a": a, "b": b}
	return v
}

// firstChain is the first state, after the first message of A.
func firstChain(s Session, a bool) vectorChain {
	hks, hkr := s.dr.nextSend, s.dr.recvHead
	if a {
		hks, hkr = s.dr.sendHead, s.dr.nextRecv
	}
	return vectorChain{NHKs: bytes.Clone(hks[:]), NHKr: bytes.Clone(hkr[:]), PQRK: bytes.Clone(s.lane.root[:]),
		PQSend: bytes.Clone(s.lane.send.key[:]), PQRecv: bytes.Clone(s.lane.recv.key[:])}
}

// erasure makes pieces of an object.
func erasure(s *stream, n int) vectorErasure {
	v := vectorErasure{Object: s.take(n), Pieces: map[int]hexBytes{}}
	for _, i := range []int{0, 1, 2, 3, 4, 128, 254, 255} {
		var out [chunkSize]byte
		encodeChunk(&out, v.Object, byte(i))
		v.Pieces[i] = out[:]
	}
	return v
}

func TestRatchetVectors(t *testing.T) {
	if *update {
		writeVector(t, "ratchet", converse(t, nil))
		return
	}
	var want vectorRatchet
	readVector(t, "ratchet", &want)
	got := converse(t, &want)
	if !reflect.DeepEqual(got.Start, want.Start) {
		t.Fatal("the first state differs")
	}
	if !reflect.DeepEqual(got.Erasure, want.Erasure) {
		t.Fatal("the erasure code differs")
	}
	for i := range want.Steps {
		if !reflect.DeepEqual(got.Steps[i], want.Steps[i]) {
			t.Fatalf("step %d differs:\n%+v\nwant\n%+v", i, got.Steps[i], want.Steps[i])
		}
	}
	if !reflect.DeepEqual(got.End, want.End) || want.Steps[len(want.Steps)-1].Epoch < 3 {
		t.Fatal("the last states differ, or are too early")
	}
}
