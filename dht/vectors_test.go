package dht

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/spec"
)

// -write makes the vectors anew, at the real prices. What changes then, changes
// the protocol.
var writeVectors = flag.Bool("write", false, "write spec/vectors/directory.json")

type hexBytes []byte

func (h hexBytes) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	raw, err := hex.DecodeString(s)
	*h = raw
	return err
}

type vectors struct {
	Now     int64           `json:"now"`
	Secret  hexBytes        `json:"secret"`
	Phrase  hexBytes        `json:"phrase"`
	Places  []placeVector   `json:"places"`
	Work    []workVector    `json:"work"`
	Records []recordVector  `json:"records"`
	Refused []refusalVector `json:"refused"`
	Frames  []frameVector   `json:"frames"`
}

type placeVector struct {
	Kind  Kind     `json:"kind"`
	Epoch uint32   `json:"epoch"`
	From  string   `json:"from"` // name, full handle, or hex of the secret
	Index hexBytes `json:"index"`
	Seal  hexBytes `json:"seal"`
	Part  hexBytes `json:"part"`
	Key   hexBytes `json:"key"` // public key of the record
}

type workVector struct {
	Bound hexBytes `json:"bound"`
	I     int      `json:"i"`
	Nonce uint64   `json:"nonce"`
	Zeros int      `json:"zeros"`
}

type recordVector struct {
	Name    string   `json:"name"`
	Seal    hexBytes `json:"seal"`
	Record  hexBytes `json:"record"`
	Content hexBytes `json:"content"`
}

type refusalVector struct {
	Name   string   `json:"name"`
	Record hexBytes `json:"record"`
	Server status   `json:"server"` // what a server answers
	Error  string   `json:"error"`  // why a reader refuses it
}

type frameVector struct {
	Name  string   `json:"name"`
	Bytes hexBytes `json:"bytes"`
}

// cast is who the vectors are about; all from fixed seeds.
func cast(t *testing.T) (alice, thief *person) {
	make1 := func(seed byte) *person {
		phrase, err := identity.PhraseFromSecret(bytes.Repeat([]byte{seed}, 32))
		must(t, err)
		secret := bytes.Repeat([]byte{seed + 1}, identity.DeviceSecretSize)
		dev, err := identity.DeviceKeyFromSecret(secret)
		must(t, err)
		p := &person{name: "alice", account: phrase.Account(), device: dev}
		p.cert, err = identity.IssueDeviceCert(p.account, p.account.ID(), dev, identity.Admin, noon)
		must(t, err)
		p.manifest, err = identity.NewManifest(p.account, noon, p.cert)
		must(t, err)
		p.bundle = p.newBundle(t, 1, noon)
		p.secret = sha256.Sum256([]byte{seed, 1})
		p.locator, p.presence = sha256.Sum256([]byte{seed, 2}), sha256.Sum256([]byte{seed, 3})
		return p
	}
	return make1(1), make1(2)
}

func TestVectors(t *testing.T) {
	if *writeVectors {
		write(t)
	}
	b, err := spec.Vector("directory")
	if *writeVectors {
		b, err = os.ReadFile("../spec/vectors/directory.json")
	}
	must(t, err)
	var v vectors
	must(t, json.Unmarshal(b, &v))
	alice, _ := cast(t)
	t.Run("places", func(t *testing.T) { checkPlaces(t, alice, v.Places) })
	t.Run("work", func(t *testing.T) { checkWorkVectors(t, v.Work) })
	t.Run("records", func(t *testing.T) { checkRecords(t, alice, v) })
	t.Run("refused", func(t *testing.T) { checkRefused(t, alice, v) })
	t.Run("frames", func(t *testing.T) { checkFrames(t, v.Frames) })
}

// somewhere derives the place that a vector describes.
func somewhere(t *testing.T, alice *person, v placeVector) place {
	t.Helper()
	l := DefaultLimits()
	d := &DHT{slow: newSlowHashes(l.NameMemory, l.NamePasses)}
	p := alice.profile("")
	pl, err := d.placeOf(context.Background(), &p, itemID{kind: v.Kind, name: "alice", epoch: v.Epoch})
	must(t, err)
	return pl
}

func checkPlaces(t *testing.T, alice *person, vs []placeVector) {
	for _, v := range vs {
		p := somewhere(t, alice, v)
		key := recordKey(alice.secret, p, [16]byte(v.Part))[32:]
		if !bytes.Equal(p.index[:], v.Index) || !bytes.Equal(p.seal[:], v.Seal) || !bytes.Equal(key, v.Key) {
			t.Errorf("kind %v: %x %x %x", v.Kind, p.index, p.seal, key)
		}
	}
}

func checkWorkVectors(t *testing.T, vs []workVector) {
	for _, v := range vs {
		var e envelope
		e.readHead(append(bytes.Clone(v.Bound), make([]byte, headSize-len(v.Bound))...))
		e.kind = Kind(v.Bound[2])
		p := newPuzzle(&e, DefaultLimits().WorkMemory)
		if got := p.zeros(v.I, v.Nonce); got != v.Zeros {
			t.Errorf("nonce %d of %d: %d zeros, want %d", v.I, v.Nonce, got, v.Zeros)
		}
	}
}

func checkRecords(t *testing.T, alice *person, v vectors) {
	l := DefaultLimits()
	for _, r := range v.Records {
		e, err := parseEnvelope(r.Record)
		must(t, err)
		p := place{e.kind, e.epoch, e.index, [32]byte(r.Seal)}
		e, err = checkRecord(r.Record, p, &l, time.Unix(v.Now, 0), func(*envelope) bool { return false })
		must(t, err)
		o, err := e.open(p.seal)
		must(t, err)
		must(t, e.checkVouched(o, alice.account.Genesis()))
		if !bytes.Equal(o.content, r.Content) || !bytes.Equal(e.bytes(), r.Record) {
			t.Errorf("%s: another content", r.Name)
		}
	}
}

func checkRefused(t *testing.T, alice *person, v vectors) {
	now := func() time.Time { return time.Unix(v.Now, 0) }
	l := DefaultLimits()
	m := newMint(t, alice, l, now())
	slow := newSlowHashes(l.NameMemory, l.NamePasses)
	for _, r := range v.Refused {
		s := newServer(l, now, newShelves(l, [32]byte{}))
		if got := put(s, m, r.Record); got.Status != r.Server {
			t.Errorf("%s: server answers %d, want %d", r.Name, got.Status, r.Server)
		}
		d := &DHT{cfg: Config{Limits: l, Now: now}, slow: slow, newest: map[[32]byte]uint64{}}
		if err := judgement(t, d, alice, r.Record); err == nil || !bytes.Contains([]byte(err.Error()), []byte(r.Error)) {
			t.Errorf("%s: reader says %v, want %s", r.Name, err, r.Error)
		}
	}
}

func checkFrames(t *testing.T, vs []frameVector) {
	for _, v := range vs {
		var q request
		var r reply
		var out []byte
		var err error
		if v.Name[:3] == "req" {
			must(t, identity.Decode(v.Bytes, &q))
			out, err = identity.Encode(q)
		} else {
			must(t, identity.Decode(v.Bytes, &r))
			out, err = identity.Encode(r)
		}
		must(t, err)
		if !bytes.Equal(out, v.Bytes) {
			t.Errorf("%s: %x", v.Name, out)
		}
	}
}

func write(t *testing.T) {
	alice, thief := cast(t)
	v := vectors{Now: noon.Unix(), Secret: alice.secret[:], Phrase: bytes.Repeat([]byte{1}, 32)}
	writePlaces(t, alice, &v)
	writeRecords(t, alice, &v)
	writeRefused(t, alice, thief, &v)
	writeFrames(t, &v)
	b, err := json.MarshalIndent(v, "", "\t")
	must(t, err)
	must(t, os.WriteFile("../spec/vectors/directory.json", append(b, '\n'), 0o644))
}

func writePlaces(t *testing.T, alice *person, v *vectors) {
	full, err := identity.NewHandle("alice", alice.account.ID())
	must(t, err)
	locator, presence := hex.EncodeToString(alice.locator[:]), hex.EncodeToString(alice.presence[:])
	dev := alice.device.ID()
	for _, pv := range []placeVector{
		{Kind: KindName, From: "alice"}, {Kind: KindFull, From: full.String()}, {Kind: KindAccount, From: locator},
		{Kind: KindRoute, From: presence}, {Kind: KindBundle, From: locator, Part: dev[:]},
	} {
		pv.Epoch = epochAt(noon, rules[pv.Kind].unit)
		if pv.Part == nil {
			pv.Part = make([]byte, 16)
		}
		p := somewhere(t, alice, pv)
		pv.Index, pv.Seal = p.index[:], p.seal[:]
		pv.Key = hexBytes(recordKey(alice.secret, p, [16]byte(pv.Part))[32:])
		v.Places = append(v.Places, pv)
	}
}

func writeRecords(t *testing.T, alice *person, v *vectors) {
	l := DefaultLimits()
	d := &DHT{cfg: Config{Limits: l, Rand: rand.Reader}, slow: newSlowHashes(l.NameMemory, l.NamePasses), shelves: newShelves(l, [32]byte{})}
	route := someRoute(t)
	prof := alice.profile(route.Devices[0].Peer)
	prof.Route = route
	ids, content, err := prof.wanted(noon, &RouteDevice{})
	must(t, err)
	for _, id := range ids {
		it := &item{id: id, content: content[id]}
		it.ready, err = d.prepare(t.Context(), &prof, id)
		must(t, err)
		must(t, it.issue(d, prof.Sign, noon))
		v.Records = append(v.Records, recordVector{id.kind.String(), it.ready.place.seal[:], it.raw, it.content})
		for i, n := range it.env.nonces {
			z := it.ready.miner.zeros(i, n)
			v.Work = append(v.Work, workVector{it.env.bound(), i, n, z})
		}
	}
}

func writeRefused(t *testing.T, alice, thief *person, v *vectors) {
	m := newMint(t, alice, DefaultLimits(), noon)
	for _, f := range forgeries {
		v.Refused = append(v.Refused, refusalVector{
			f.name, f.make(m, thief), refusal(verdict{err: f.server}).Status, f.reader.Error(),
		})
	}
}

func writeFrames(t *testing.T, v *vectors) {
	for i, q := range someRequests() {
		b, err := identity.Encode(q)
		must(t, err)
		v.Frames = append(v.Frames, frameVector{[]string{"request: get all", "request: get names", "request: put", "request: refresh"}[i], b})
	}
	for _, r := range someReplies() {
		b, err := identity.Encode(r)
		must(t, err)
		v.Frames = append(v.Frames, frameVector{fmt.Sprintf("reply: status %d", r.Status), b})
	}
}
