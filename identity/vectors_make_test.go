package identity_test

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

func makeIdentityVectors() *identityVectors {
	alice, bob := newPerson("alice").key, newPerson("bob").key
	v := &identityVectors{Labels: makeLabels(), Encodings: makeEncodings(), Phrases: makePhrases(), Handles: makeHandles(alice.ID())}
	for _, name := range []string{"laptop", "phone"} {
		d := newDevice(name)
		p := d.Public()
		v.Devices = append(v.Devices, deviceCase{name, d.Secret(), d.ID().String(), p.DSK[:], p.DIK[:], p.DKEM})
	}
	ga, gb := alice.Genesis(), bob.Genesis()
	v.SafetyNumbers = []safetyCase{{ga[:], gb[:], identity.SafetyNumber(alice.ID(), ga, bob.ID(), gb)}}
	v.Codes = makeCodes(alice.ID(), bob.ID())
	makeChains(v)
	return v
}

func makeLabels() (out []labelCase) {
	for _, c := range []labelCase{
		{Label: "account", IKM: hexed{1, 2, 3}, KDF: make(hexed, 32)},
		{Label: "backup", Salt: bytes.Repeat([]byte{7}, 32), IKM: hexed{}, Ctx: hexed{4, 5}, KDF: make(hexed, 80)},
	} {
		h := identity.Hash(c.Label, []byte{1}, []byte{2, 3})
		c.Hash, c.KDF = h[:], identity.Derive(c.Salt, c.IKM, c.Label, c.Ctx, len(c.KDF))
		out = append(out, c)
	}
	return out
}

func makeEncodings() []encodingCase {
	bad := func(name, h string) encodingCase { return encodingCase{name, unhex(h), "malformed"} }
	return []encodingCase{
		{"empty map", unhex("a0"), ""},
		{"one of each", unhex("a401010241ff03616104820102"), ""},
		bad("keys out of order", "a202010101"),
		bad("key twice", "a201010101"),
		bad("long integer", "a1011801"),
		bad("long length", "a1015801ff"),
		bad("indefinite map", "bf0101ff"),
		bad("indefinite bytes", "a1015f41ffff"),
		bad("tag", "a101c241ff"),
		bad("invalid UTF-8", "a10161ff"),
		bad("nine levels", "a101"+"8181818181818181"+"01"),
		bad("cut", "a101"),
		bad("trailing byte", "a000"),
	}
}

func makePhrases() (out []phraseCase) {
	alice := newPerson("alice").phrase
	for _, p := range []identity.Phrase{alice, must(identity.PhraseFromSecret(make([]byte, 32)))} {
		g := p.Account().Genesis()
		out = append(out, phraseCase{
			Secret: p.Secret(), Words: joined(p.Words()), Genesis: g[:],
			Account: p.Account().ID().String(), Backup: p.BackupKey(),
		})
	}
	words := alice.Words()
	words[0], words[1] = words[1], words[0]
	return append(out,
		phraseCase{Words: joined(words), Error: "phrase"},
		phraseCase{Words: joined(words[:23]), Error: "phrase"},
		phraseCase{Words: strings.Repeat("abandon ", 11) + "about", Error: "phrase"})
}

func makeHandles(id identity.AccountID) (out []handleCase) {
	for _, name := range []string{"alice", "a_1-"} {
		out = append(out, handleCase{Name: name, Account: id.String(), Handle: must(identity.NewHandle(name, id)).String()})
	}
	out = append(out, handleCase{Handle: "bare-name"})
	for _, bad := range []string{"", "ab", "Alice", "alice~", "alice~abcdefghi1", "alice~abcdefghi", "аlice", strings.Repeat("a", 25)} {
		out = append(out, handleCase{Handle: bad, Error: "handle"})
	}
	return out
}

func makeCodes(alice, bob identity.AccountID) []codeCase {
	pa, pb := identity.Pin{Seq: 4, Hash: [32]byte{1}}, identity.Pin{Seq: 2, Hash: [32]byte{2}}
	show := func(mine, theirs identity.AccountID, my, their identity.Pin) hexed {
		return must(identity.NewVerification(seeded("nonce"), mine, theirs, my, their)).Bytes()
	}
	shown := show(alice, bob, pa, pb)
	return []codeCase{
		{"agreed", shown, show(bob, alice, pb, pa), ""},
		{"behind", shown, show(bob, alice, pb, identity.Pin{Seq: 3}), ""},
		{"another history", shown, show(bob, alice, pb, identity.Pin{Seq: 4}), "fork"},
		{"another account", shown, show(bob, bob, pb, pa), "mismatch"},
		{"cut", shown[:128], nil, "malformed"},
		{"unknown version", slices.Concat(hexed{2}, shown[1:]), nil, "malformed"},
	}
}

// makeChains tells one story of alice and every way in which it is judged.
func makeChains(v *identityVectors) {
	alice, laptop, phone := household()
	day := func(n int) time.Time { return start.Add(time.Duration(n) * 24 * time.Hour) }
	bySelf := must(identity.IssueDeviceCert(laptop, alice.key.ID(), newDevice("tablet"), identity.Member, day(1)))
	certs := map[string]*identity.DeviceCert{"laptop": alice.certs[0], "phone": alice.certs[1], "tablet": bySelf}
	v.Devices = append(v.Devices, func() deviceCase {
		d := newDevice("tablet")
		p := d.Public()
		return deviceCase{"tablet", d.Secret(), d.ID().String(), p.DSK[:], p.DIK[:], p.DKEM}
	}())
	for _, name := range []string{"laptop", "phone", "tablet"} {
		v.Certificates = append(v.Certificates, certificateOf(name, alice, certs[name]))
	}
	v.Certificates = append(v.Certificates, badCertificates(alice, laptop)...)

	one := alice.head()
	two := alice.say(laptop, day(1), identity.Change{Devices: append(alice.certs, bySelf)})
	twin := must(one.Next(laptop, day(2), identity.Change{}))
	three := alice.say(alice.key, day(3), identity.Change{Revoke: []identity.Revocation{{Device: phone.ID(), Reason: identity.Lost, Time: day(3)}}})
	member := must(two.Next(phone, day(3), identity.Change{}))
	for _, m := range []struct {
		name string
		*identity.Manifest
	}{{"one", one}, {"two", two}, {"twin of two", twin}, {"three, an anchor", three}, {"three by a member", member}} {
		h := m.Hash()
		v.Manifests = append(v.Manifests, manifestCase{Name: m.name, Seq: m.Seq, Bytes: m.Bytes(), Hash: h[:]})
	}
	v.Manifests = append(v.Manifests, badManifests(alice)...)
	v.Chains = judgements(alice, one, two, three, day)
}

func judgements(alice *person, one, two, three *identity.Manifest, day func(int) time.Time) (out []chainCase) {
	g, none, all := alice.key.Genesis(), identity.Pin{}, []string{"laptop", "phone", "tablet"}
	for _, c := range []struct {
		name     string
		pin      identity.Pin
		chain    string
		certs    []string
		now      time.Time
		pinAfter identity.Pin
		err      string
	}{
		{"first sight", none, "one", all, day(0), one.Pin(), ""},
		{"whole chain", none, "one/two/three, an anchor", all, day(3), three.Pin(), ""},
		{"whole chain, any order", none, "three, an anchor/one/two", all, day(3), three.Pin(), ""},
		{"from an anchor", none, "three, an anchor", all, day(3), three.Pin(), ""},
		{"one step", one.Pin(), "one/two", all, day(1), two.Pin(), ""},
		{"no news", two.Pin(), "two", all, day(1), two.Pin(), ""},
		{"older than the pin", two.Pin(), "one", all, day(1), two.Pin(), "rollback"},
		{"a missing link", one.Pin(), "one/three, an anchor", all, day(3), one.Pin(), "gap"},
		{"nothing by the account key", none, "two", all, day(1), none, "gap"},
		{"the pinned one not at hand", one.Pin(), "two", all, day(1), one.Pin(), "gap"},
		{"no certificate of the signer", one.Pin(), "one/two", []string{"phone"}, day(1), one.Pin(), "gap"},
		{"signed by a member", two.Pin(), "two/three by a member", all, day(3), two.Pin(), "forged"},
		{"two with one number", none, "one/two/twin of two", all, day(2), none, "fork"},
		{"two with one number, one pinned", two.Pin(), "one/two/twin of two", all, day(2), two.Pin(), "fork"},
		{"follows another than the pin", identity.Pin{Seq: 2, Hash: [32]byte{1}}, "three, an anchor", all, day(3), identity.Pin{Seq: 2, Hash: [32]byte{1}}, "fork"},
		{"expired", one.Pin(), "one/two", all, day(16), two.Pin(), "expired"},
		{"within the skew", one.Pin(), "one/two", all, day(15).Add(10 * time.Minute), two.Pin(), ""},
	} {
		out = append(out, chainCase{
			c.name, g[:], pinCase{c.pin.Seq, c.pin.Hash[:]}, strings.Split(c.chain, "/"), c.certs,
			c.now.Unix(), pinCase{c.pinAfter.Seq, c.pinAfter.Hash[:]}, c.err,
		})
	}
	return out
}

func certificateOf(name string, p *person, c *identity.DeviceCert) certificateCase {
	h, issuer := c.Hash(), ""
	if c.Issuer != (identity.DeviceID{}) {
		issuer = "laptop"
	}
	return certificateCase{
		Name: name, Phrase: p.phrase.Secret(), Device: name, Issuer: issuer, Role: uint8(c.Role),
		Created: c.Created.Unix(), NotAfter: c.NotAfter.Unix(), Bytes: c.Bytes(), Hash: h[:],
	}
}

// badCertificates spoils one thing at a time under good signatures.
func badCertificates(alice *person, laptop *identity.DeviceKey) (out []certificateCase) {
	good := alice.certs[0].Bytes()
	flipped := bytes.Clone(good)
	flipped[40] ^= 1
	out = append(out,
		certificateCase{Name: "cut", Bytes: good[:len(good)-1], Error: "malformed"},
		certificateCase{Name: "a flipped bit of dsk", Bytes: flipped, Error: "forged"})
	for _, c := range []struct {
		name   string
		change map[uint]any
	}{
		{"dik of low order", map[uint]any{3: make([]byte, 32)}},
		{"dkem out of range", map[uint]any{4: bytes.Repeat([]byte{0xff}, 1184)}},
		{"unknown role", map[uint]any{5: 3}},
		{"no suite", map[uint]any{6: []any{}}},
		{"suites out of order", map[uint]any{6: []any{2, 1}}},
		{"lives too long", map[uint]any{8: uint64(start.Add(identity.CertLifetime).Unix()) + 1}},
		{"empty issuer", map[uint]any{9: []byte{}}},
		{"unknown field", map[uint]any{10: 1}},
	} {
		out = append(out, certificateCase{Name: c.name, Bytes: signedCert(alice, laptop, c.change), Error: "malformed"})
	}
	return out
}

// signedCert signs a certificate whose content is sound but for a change.
func signedCert(alice *person, dev *identity.DeviceKey, change map[uint]any) []byte {
	id, p := alice.key.ID(), dev.Public()
	fields := map[uint]any{
		1: id[:], 2: p.DSK[:], 3: p.DIK[:], 4: p.DKEM, 5: 2, 6: []any{1},
		7: uint64(start.Unix()), 8: uint64(start.Add(identity.CertLifetime).Unix()),
	}
	for k, v := range change {
		fields[k] = v
	}
	b := must(identity.Encode(fields))
	b = append(b, dev.Sign("cert-self", b)...)
	return append(b, alice.key.Sign("cert-issuer", b)...)
}

func badManifests(alice *person) (out []manifestCase) {
	for _, c := range []struct {
		name   string
		change map[uint]any
	}{
		{"number zero", map[uint]any{2: 0}},
		{"first with a predecessor", map[uint]any{3: bytes.Repeat([]byte{7}, 32)}},
		{"first by a device", map[uint]any{10: bytes.Repeat([]byte{7}, 16)}},
		{"lives too long", map[uint]any{5: uint64(start.Add(identity.ManifestLifetime).Unix()) + 1}},
		{"nine devices", map[uint]any{6: many(9)}},
		{"devices out of order", map[uint]any{6: []any{bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{1}, 32)}}},
		{"unknown field", map[uint]any{11: 1}},
	} {
		fields := manifestFields(alice)
		for k, v := range c.change {
			fields[k] = v
		}
		out = append(out, manifestCase{Name: c.name, Bytes: must(signedManifest(alice, fields)), Error: "malformed"})
	}
	return out
}

func makeBundleVectors() *bundleVectors {
	laptop := newDevice("laptop")
	b, keys := bundleOf(laptop, 3)
	h, dsk, good := b.Hash(), laptop.Public().DSK, b.Bytes()
	v := &bundleVectors{DSK: dsk[:], Bundles: []bundleCase{{
		Name: "three one-time keys", Bytes: good, Hash: h[:], Seq: b.Seq, SPKID: b.SPKID, OPKRoot: b.OPKRoot[:], OPKCount: b.OPKCount,
	}}}
	content := good[:len(good)-identity.SignatureSize]
	other, _ := bundleOf(newDevice("phone"), 0)
	stolen := other.Bytes()[:len(other.Bytes())-identity.SignatureSize]
	for _, c := range []bundleCase{
		{Name: "signed for another purpose", Bytes: slices.Concat(content, laptop.Sign("manifest-sig", content)), Error: "forged"},
		{Name: "of another device", Bytes: slices.Concat(stolen, laptop.Sign("bundle-sig", stolen)), Error: "mismatch"},
		{Name: "unsigned", Bytes: content, Error: "forged"},
		{Name: "empty", Bytes: hexed{}, Error: "malformed"},
	} {
		v.Bundles = append(v.Bundles, c)
	}
	for _, k := range keys {
		v.OneTimeKeys = append(v.OneTimeKeys, oneTimeCase{Name: "of the bundle", Bytes: k.Bytes()})
	}
	foreign, unproven, weak := keys[0], keys[1], keys[2]
	foreign.ID++
	unproven.Proof = nil
	weak.X = [32]byte{1}
	return &bundleVectors{v.DSK, v.Bundles, append(v.OneTimeKeys,
		oneTimeCase{"of no bundle", foreign.Bytes(), "forged"},
		oneTimeCase{"without its proof", unproven.Bytes(), "forged"},
		oneTimeCase{"of low order", weak.Bytes(), "malformed"})}
}
