package identity

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"strings"

	"github.com/tyler-smith/go-bip39"
)

// maxPhrase bounds what is read as a phrase: 24 words of at most 8 letters,
// with room for generous spacing.
const maxPhrase = 1024

// Phrase is the recovery phrase: 32 secret bytes from which the whole account
// follows, shown to people as 24 words. It has no String on purpose.
// spec/identity.md#recovery-phrase
type Phrase struct{ secret hidden[[32]byte] }

// NewPhrase draws a fresh phrase from rand.
func NewPhrase(rand io.Reader) (Phrase, error) {
	s := new([32]byte)
	if _, err := io.ReadFull(rand, s[:]); err != nil {
		return Phrase{}, fmt.Errorf("identity: new phrase: %w", err)
	}
	return Phrase{hide(s)}, nil
}

// PhraseFromSecret takes back what Secret gave.
func PhraseFromSecret(b []byte) (Phrase, error) {
	if len(b) != 32 {
		return Phrase{}, fmt.Errorf("%w: phrase", ErrSecret)
	}
	s := [32]byte(b)
	return Phrase{hide(&s)}, nil
}

// ParsePhrase reads 24 words as people write them: any white space, any case.
// It checks the checksum in the last word; its error never names a word.
func ParsePhrase(words string) (Phrase, error) {
	if len(words) > maxPhrase {
		return Phrase{}, ErrPhrase
	}
	list := strings.Fields(strings.ToLower(words))
	if len(list) != 24 {
		return Phrase{}, ErrPhrase
	}
	b, err := bip39.EntropyFromMnemonic(strings.Join(list, " "))
	if err != nil || len(b) != 32 {
		return Phrase{}, ErrPhrase
	}
	return PhraseFromSecret(b)
}

// Words gives the 24 words, BIP-39 English.
func (p Phrase) Words() []string {
	s, err := bip39.NewMnemonic(p.secret()[:])
	if err != nil {
		panic("identity: " + err.Error()) // 32 bytes are always a phrase
	}
	return strings.Fields(s)
}

// Secret gives a copy of the 32 bytes, for sealed storage.
func (p Phrase) Secret() []byte { return append([]byte(nil), p.secret()[:]...) }

// BackupKey gives the 32-byte key that opens backups without a passphrase.
func (p Phrase) BackupKey() []byte { return Derive(nil, p.secret()[:], "backup", nil, 32) }

// Account derives the account. The same phrase always gives the same account.
func (p Phrase) Account() *AccountKey {
	signing := ed25519.NewKeyFromSeed(Derive(nil, p.secret()[:], "ark-ed25519", nil, ed25519.SeedSize))
	g := newGenesis(signing.Public().(ed25519.PublicKey), p.postQuantumKey())
	return &AccountKey{genesis: g, id: g.AccountID(), signing: hide(&signing)}
}
