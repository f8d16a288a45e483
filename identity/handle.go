package identity

import (
	"crypto/subtle"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The price of one guess at a tag, spec/identity.md#handle.
const (
	tagPasses = 3
	tagMemory = 64 << 10 // KiB
)

// Handle is a name that people type: `name`, which anybody may claim, or
// `name~tag`, whose tag only one account fits.
type Handle struct {
	Name string
	Tag  string // empty: a bare name
}

// String is name~tag, or the name alone when there is no tag.
func (h Handle) String() string {
	if h.Tag == "" {
		return h.Name
	}
	return h.Name + "~" + h.Tag
}

// ParseHandle reads what String writes. It is strict: lower case, no spaces.
func ParseHandle(s string) (Handle, error) {
	if len(s) > MaxName+1+TagSize {
		return Handle{}, fmt.Errorf("%w: too long", ErrHandle)
	}
	name, tag, tagged := strings.Cut(s, "~")
	if err := ParseName(name); err != nil {
		return Handle{}, err
	}
	if tagged && !isTag(tag) {
		return Handle{}, fmt.Errorf("%w: a tag has %d characters of a-z and 2-7", ErrHandle, TagSize)
	}
	return Handle{Name: name, Tag: tag}, nil
}

// ParseName checks a bare name: 3 to 24 characters of a-z, 0-9, _ and -. ASCII
// on purpose: look-alike letters belong in display names, which prove nothing.
func ParseName(s string) error {
	if len(s) < MinName || len(s) > MaxName {
		return fmt.Errorf("%w: a name has %d to %d characters", ErrHandle, MinName, MaxName)
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return fmt.Errorf("%w: a name has only a-z, 0-9, _ and -", ErrHandle)
		}
	}
	return nil
}

func isTag(s string) bool {
	return len(s) == TagSize && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// NewHandle gives the account's full handle under a name. It takes 64 MiB and a
// fraction of a second: callers run one at a time.
func NewHandle(name string, id AccountID) (Handle, error) {
	if err := ParseName(name); err != nil {
		return Handle{}, err
	}
	return Handle{Name: name, Tag: tagOf(name, id)}, nil
}

// Matches tells whether the tag belongs to the account. It costs what NewHandle
// costs. A bare name certifies nothing and so matches nobody.
func (h Handle) Matches(id AccountID) bool {
	if ParseName(h.Name) != nil || !isTag(h.Tag) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(tagOf(h.Name, id)), []byte(h.Tag)) == 1
}

func tagOf(name string, id AccountID) string {
	salt := Hash("handle-tag", []byte(name))
	k := argon2.IDKey(id[:], salt[:16], tagPasses, tagMemory, 1, 32)
	return base32Lower.EncodeToString(k)[:TagSize]
}
