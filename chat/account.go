package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// keptManifests is how many links of the own chain are kept and published, so
// that a contact who was away for long still finds the one it knows.
const keptManifests = 8

// selfRec is the account on disk.
type selfRec struct {
	Phrase    [32]byte `cbor:"1,keyasint"`
	Device    []byte   `cbor:"2,keyasint"` // identity.DeviceKey.Secret
	Cert      []byte   `cbor:"3,keyasint"`
	Manifests [][]byte `cbor:"4,keyasint"` // oldest first
	Secret    [32]byte `cbor:"5,keyasint"` // of the directory
	Locator   [32]byte `cbor:"6,keyasint"`
	Presence  [32]byte `cbor:"7,keyasint"`
	Name      string   `cbor:"8,keyasint,omitempty"`
	Handles   []string `cbor:"9,keyasint,omitempty"`
	Seen      bool     `cbor:"10,keyasint,omitempty"` // the phrase was shown
	Created   int64    `cbor:"11,keyasint"`           // ms
	SPK       uint32   `cbor:"12,keyasint"`           // newest prekey generation, 0 none
	BundleSeq uint64   `cbor:"13,keyasint,omitempty"`
	Version   uint64   `cbor:"14,keyasint,omitempty"` // of this record
	Told      [32]byte `cbor:"15,keyasint,omitzero"`  // hash of the addresses contacts were told
}

// Self is the own account and device with their keys, as of one moment: it is
// never changed, a new one takes its place. It has no String on purpose.
type Self struct {
	_         [0]func()
	account   *identity.AccountKey
	device    *identity.DeviceKey
	cert      *identity.DeviceCert
	manifests []*identity.Manifest // oldest first, at least one
	handles   []identity.Handle
	rec       *selfRec
}

// CreateAccount makes an account, its recovery phrase and the key of this
// device, and stores them. name is the display name, may be empty.
// ErrAccountExists when there is one.
func CreateAccount(ctx context.Context, cfg Config, db *store.DB, name string) (*Self, error) {
	cfg = cfg.filled()
	if err := checkName(name, cfg.Limits.NameBytes); err != nil {
		return nil, err
	}
	rec, err := newSelfRec(cfg.Rand, cfg.Now())
	if err != nil {
		return nil, err
	}
	rec.Name = name
	self, err := parseSelf(rec)
	if err != nil {
		return nil, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		switch _, err := tx.Get(keySelf()); {
		case err == nil:
			return ErrAccountExists
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return set(tx, keySelf(), rec)
	})
	if err != nil {
		return nil, fmt.Errorf("chat: create account: %w", err)
	}
	return self, nil
}

func newSelfRec(rand io.Reader, now time.Time) (*selfRec, error) {
	phrase, err := identity.NewPhrase(rand)
	if err != nil {
		return nil, err
	}
	device, err := identity.NewDeviceKey(rand)
	if err != nil {
		return nil, err
	}
	account := phrase.Account()
	cert, err := identity.IssueDeviceCert(account, account.ID(), device, identity.Admin, now)
	if err != nil {
		return nil, err
	}
	manifest, err := identity.NewManifest(account, now, cert)
	if err != nil {
		return nil, err
	}
	rec := &selfRec{
		Phrase: [32]byte(phrase.Secret()), Device: device.Secret(), Cert: cert.Bytes(),
		Manifests: [][]byte{manifest.Bytes()}, Created: ms(now),
	}
	for _, s := range []*[32]byte{&rec.Secret, &rec.Locator, &rec.Presence} {
		if _, err := io.ReadFull(rand, s[:]); err != nil {
			return nil, fmt.Errorf("chat: new secret: %w", err)
		}
	}
	return rec, nil
}

// LoadSelf reads the account of the store; ErrNoAccount when there is none.
func LoadSelf(db *store.DB) (*Self, error) {
	var rec selfRec
	err := db.View(func(tx *store.Tx) error { return get(tx, keySelf(), &rec) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoAccount
	}
	if err != nil {
		return nil, fmt.Errorf("chat: load account: %w", err)
	}
	return parseSelf(&rec)
}

func parseSelf(rec *selfRec) (*Self, error) {
	phrase, err := identity.PhraseFromSecret(rec.Phrase[:])
	if err != nil {
		return nil, err
	}
	s := &Self{account: phrase.Account(), rec: rec}
	if s.device, err = identity.DeviceKeyFromSecret(rec.Device); err != nil {
		return nil, err
	}
	if s.cert, err = identity.ParseDeviceCert(rec.Cert); err != nil {
		return nil, err
	}
	if s.manifests, err = parseManifests(rec.Manifests); err != nil {
		return nil, err
	}
	for _, h := range rec.Handles {
		handle, err := identity.ParseHandle(h)
		if err != nil {
			return nil, err
		}
		s.handles = append(s.handles, handle)
	}
	return s, nil
}

// with returns the account with a changed record. Keys are taken over, not
// parsed again.
func (s *Self) with(rec *selfRec) (*Self, error) {
	n := *s
	n.rec = rec
	var err error
	if n.manifests, err = parseManifests(rec.Manifests); err != nil {
		return nil, err
	}
	n.handles = nil
	for _, h := range rec.Handles {
		handle, err := identity.ParseHandle(h)
		if err != nil {
			return nil, err
		}
		n.handles = append(n.handles, handle)
	}
	return &n, nil
}

// Me describes the account.
func (s *Self) Me() Me {
	m := Me{
		Account: s.account.ID(), Device: s.device.ID(), Handles: s.handles,
		Name: s.rec.Name, PhraseSeen: s.rec.Seen, CreatedAt: fromMS(s.rec.Created),
	}
	if len(s.handles) > 0 {
		m.Handle = s.handles[0]
	}
	return m
}

// newest is the manifest in force.
func (s *Self) newest() *identity.Manifest { return s.manifests[len(s.manifests)-1] }

// proof is what the device shows about itself. The chain is cut to what fits
// beside a handshake: its links are signed by the account key, so the last few
// stand by themselves.
func (s *Self) proof() identityProof {
	links := s.rec.Manifests
	if len(links) > maxManifests {
		links = links[len(links)-maxManifests:]
	}
	return identityProof{Genesis: s.account.Genesis(), Manifests: links, Certs: [][]byte{s.rec.Cert}}
}

func parseManifests(raw [][]byte) ([]*identity.Manifest, error) {
	var out []*identity.Manifest
	for _, b := range raw {
		m, err := identity.ParseManifest(b)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, malformed("no manifest")
	}
	return out, nil
}

func parseCerts(raw [][]byte) ([]*identity.DeviceCert, error) {
	var out []*identity.DeviceCert
	for _, b := range raw {
		c, err := identity.ParseDeviceCert(b)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// checkName says whether a display name or petname may be shown: UTF-8, one
// line, no characters that control the terminal or the direction of writing.
func checkName(s string, limit int) error {
	if len(s) > limit || !utf8.ValidString(s) {
		return fmt.Errorf("%w: name longer than %d bytes or not UTF-8", ErrInvalid, limit)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("%w: name has a control character", ErrInvalid)
		}
	}
	return nil
}

// shownName is a name a peer told, made safe to show.
func shownName(s string) string {
	if checkName(s, maxName) != nil {
		return ""
	}
	return s
}
