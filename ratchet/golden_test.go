package ratchet

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// goldenMoments brings two sessions to moments whose states differ in form.
// Each pair of states must still be read and go on in every later version.
func goldenMoments(t *testing.T) map[string][2]Session {
	alice, bob := start(t)
	moments := map[string][2]Session{"begun": {alice, bob}}
	pass := func(from, to *Session, lost int) {
		for range lost {
			next, _, err := from.Seal(rand.Reader, []byte("lost"))
			noError(t, err)
			*from = next
		}
		next, sealed, err := from.Seal(rand.Reader, []byte("text"))
		noError(t, err)
		got, _, err := to.Open(sealed.Envelope)
		noError(t, err)
		*from, *to = next, got
	}
	pass(&bob, &alice, 0)
	moments["ciphertext"] = [2]Session{alice, bob}
	for bob.lane.out == nil || bob.lane.out.kind != objectEK {
		pass(&alice, &bob, 0)
		pass(&bob, &alice, 0)
	}
	moments["key"] = [2]Session{alice, bob}
	for alice.lane.peerEK == nil {
		pass(&alice, &bob, 70)
		pass(&bob, &alice, 3)
	}
	moments["skipped"] = [2]Session{alice, bob}
	return moments
}

// TestGoldenState reads the states that version 1 wrote.
func TestGoldenState(t *testing.T) {
	if *update {
		writeGolden(t)
		return
	}
	files, err := filepath.Glob("testdata/state-1-*-a.hex")
	noError(t, err)
	if len(files) < 4 {
		t.Fatalf("only %d golden states", len(files))
	}
	for _, a := range files {
		b := a[:len(a)-len("a.hex")] + "b.hex"
		alice, bob := readGolden(t, a), readGolden(t, b)
		for range 20 {
			next, sealed, err := bob.Seal(rand.Reader, []byte("still here"))
			noError(t, err)
			got, opened, err := alice.Open(sealed.Envelope)
			noError(t, err)
			if string(opened.Content) != "still here" {
				t.Fatalf("%s: opened %q", a, opened.Content)
			}
			alice, bob = next, got // the other one seals next
		}
	}
}

func readGolden(t *testing.T, file string) Session {
	text, err := os.ReadFile(file)
	noError(t, err)
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	noError(t, err)
	s, err := DecodeSession(raw)
	noError(t, err)
	again, err := s.Encode()
	noError(t, err)
	if !bytes.Equal(again, raw) {
		t.Fatalf("%s encodes differently", file)
	}
	return s
}

// writeGolden writes states that are not there yet; none is written anew.
func writeGolden(t *testing.T) {
	noError(t, os.MkdirAll("testdata", 0o755))
	for name, pair := range goldenMoments(t) {
		for i, side := range []string{"a", "b"} {
			file := "testdata/state-1-" + name + "-" + side + ".hex"
			if _, err := os.Stat(file); err == nil {
				continue
			}
			raw, err := pair[i].Encode()
			noError(t, err)
			noError(t, os.WriteFile(file, []byte(hex.EncodeToString(raw)+"\n"), 0o644))
			t.Logf("%s: %d bytes", file, len(raw))
		}
	}
}

// Every state that can come up encodes and decodes to itself.
func TestStateForms(t *testing.T) {
	for name, pair := range goldenMoments(t) {
		for i, s := range pair {
			raw, err := s.Encode()
			noError(t, err)
			if len(raw) > s.encodedSize() {
				t.Errorf("%s %d is longer than foreseen", name, i)
			}
			t.Logf("%-10s %c %5d bytes", name, 'a'+i, len(raw))
			for n := range len(raw) {
				if _, err := DecodeSession(raw[:n]); err != ErrState {
					t.Fatalf("%s %d decodes from %d bytes", name, i, n)
				}
			}
			if _, err := DecodeSession(append(bytes.Clone(raw), 0)); err != ErrState {
				t.Fatalf("%s %d decodes with a byte too many", name, i)
			}
		}
	}
}
