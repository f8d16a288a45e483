package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"pgregory.net/rapid"
)

func joined(words []string) string { return strings.Join(words, " ") }

func TestNames(t *testing.T) {
	for _, good := range []string{"abc", "a_b-c", "000", strings.Repeat("z", 24)} {
		if err := identity.ParseName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "ab", strings.Repeat("z", 25), "Alice", "al ice", "аlice", "alice~", "al.ice", "alice\n", "al\x00ice"} {
		if err := identity.ParseName(bad); !errors.Is(err, identity.ErrHandle) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHandlesHaveOneSpelling(t *testing.T) {
	for _, bad := range []string{
		"", "~", "alice~", "~abcdefghij", "alice~abcdefghi", "alice~abcdefghijk", "alice~abcdefghi1", "alice~ABCDEFGHIJ",
		"alice~~bcdefghij", "alice~abcdefghij~", " alice", "@alice", strings.Repeat("a", 1<<20),
	} {
		if h, err := identity.ParseHandle(bad); !errors.Is(err, identity.ErrHandle) || h != (identity.Handle{}) {
			t.Errorf("%.40q: %v, %v", bad, h, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z0-9_-]{3,24}(~[a-z2-7]{10})?`).Draw(t, "handle")
		if got := must(identity.ParseHandle(s)); got.String() != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

func TestHandleMatchesRefusesNonsense(t *testing.T) {
	id := newPerson("alice").key.ID()
	for _, h := range []identity.Handle{{}, {Name: "alice", Tag: "short"}, {Name: "A", Tag: "abcdefghij"}} {
		if h.Matches(id) {
			t.Errorf("%v matched", h)
		}
	}
	if _, err := identity.NewHandle("no", id); !errors.Is(err, identity.ErrHandle) {
		t.Errorf("a handle under a bad name: %v", err)
	}
}

func TestPhraseForgivesSpacingOnly(t *testing.T) {
	p := newPerson("alice").phrase
	words := p.Words()
	if len(words) != 24 {
		t.Fatalf("%d words", len(words))
	}
	messy := "\t" + strings.ToUpper(strings.Join(words, "  \n"))
	if got := must(identity.ParsePhrase(messy)); string(got.Secret()) != string(p.Secret()) {
		t.Error("spacing changed the phrase")
	}
	swapped := strings.Fields(joined(words))
	swapped[0], swapped[1] = swapped[1], swapped[0]
	for name, bad := range map[string]string{
		"nothing": "", "one short": joined(words[:23]), "one over": joined(words) + " zoo", "12 good words": strings.Repeat("abandon ", 11) + "about",
		"no such word": strings.Replace(joined(words), words[3], "zebrazebra", 1), "two swapped": joined(swapped),
		"huge": strings.Repeat("abandon ", 1<<16), "joined by commas": strings.Join(words, ","),
	} {
		_, err := identity.ParsePhrase(bad)
		if !errors.Is(err, identity.ErrPhrase) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "zebra") {
			t.Errorf("%s: the error names a word", name)
		}
	}
}

func TestPhraseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "secret")
		p := must(identity.PhraseFromSecret(secret))
		if got := must(identity.ParsePhrase(joined(p.Words()))); string(got.Secret()) != string(secret) {
			t.Fatal("the words gave another secret")
		}
	})
	// Leading zeros must not fall out of the arithmetic.
	zero := must(identity.PhraseFromSecret(make([]byte, 32)))
	if got := must(identity.ParsePhrase(joined(zero.Words()))); string(got.Secret()) != string(make([]byte, 32)) {
		t.Error("zeros were lost")
	}
}

func TestSafetyNumber(t *testing.T) {
	a, b, c := newPerson("alice").key, newPerson("bob").key, newPerson("carol").key
	n := identity.SafetyNumber(a.ID(), a.Genesis(), b.ID(), b.Genesis())
	if len(n) != identity.SafetyNumberDigits || strings.Trim(n, "0123456789") != "" {
		t.Fatalf("not 60 digits: %q", n)
	}
	if n != identity.SafetyNumber(b.ID(), b.Genesis(), a.ID(), a.Genesis()) {
		t.Error("the two sides see different numbers")
	}
	if n == identity.SafetyNumber(a.ID(), a.Genesis(), c.ID(), c.Genesis()) {
		t.Error("another contact has the same number")
	}
}

func TestScannedCode(t *testing.T) {
	alice, bob, carol := newPerson("alice").key.ID(), newPerson("bob").key.ID(), newPerson("carol").key.ID()
	pa, pb := identity.Pin{Seq: 4, Hash: [32]byte{1}}, identity.Pin{Seq: 2, Hash: [32]byte{2}}
	show := func(mine, theirs identity.AccountID, my, their identity.Pin) identity.Verification {
		return must(identity.NewVerification(seeded("nonce"), mine, theirs, my, their))
	}
	shown := show(alice, bob, pa, pb)
	scanned := must(identity.ParseVerification(shown.Bytes()))
	if scanned != shown || len(shown.Bytes()) != identity.VerificationSize {
		t.Fatal("the code changed on the way")
	}
	behind, forked := identity.Pin{Seq: 3, Hash: [32]byte{9}}, identity.Pin{Seq: 4, Hash: [32]byte{9}}
	for _, c := range []struct {
		name string
		own  identity.Verification
		want error
	}{
		{"bob holds the same", show(bob, alice, pb, pa), nil},
		{"bob is behind", show(bob, alice, pb, behind), nil},
		{"bob was shown another history", show(bob, alice, pb, forked), identity.ErrFork},
		{"alice was shown another history", show(bob, alice, identity.Pin{Seq: 2}, pa), identity.ErrFork},
		{"carol scans it", show(carol, alice, pb, pa), identity.ErrMismatch},
		{"bob meant carol", show(bob, carol, pb, pa), identity.ErrMismatch},
		{"alice scans her own", shown, identity.ErrMismatch},
	} {
		if err := scanned.Check(c.own); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, bad := range [][]byte{nil, shown.Bytes()[1:], append(shown.Bytes(), 0), append([]byte{2}, shown.Bytes()[1:]...)} {
		if _, err := identity.ParseVerification(bad); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("a code of %d bytes: %v", len(bad), err)
		}
	}
}
