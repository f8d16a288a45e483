package chat

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// Bounds of invites.
const (
	invitePrefix   = "p2pmsg:"
	inviteLife     = 7 * 24 * time.Hour
	maxInviteLife  = 30 * 24 * time.Hour
	maxInviteUses  = 1000
	keepDeadInvite = 7 * 24 * time.Hour
)

// inviteWire is what an invite URI carries, spec/bodies.md#invite.
type inviteWire struct {
	Genesis [65]byte        `cbor:"1,keyasint"`
	Token   [tokenSize]byte `cbor:"2,keyasint"`
	Expires uint64          `cbor:"3,keyasint"` // s
	Peer    []byte          `cbor:"4,keyasint"`
	Addrs   [][]byte        `cbor:"5,keyasint,omitempty"`
	Locator [32]byte        `cbor:"6,keyasint,omitzero"`
}

func (i *inviteWire) check() error {
	if _, err := identity.ParseGenesis(i.Genesis[:]); err != nil {
		return malformed("invite genesis")
	}
	if len(i.Peer) > maxPeer || len(i.Addrs) > maxCardAddrs || i.Expires > 1<<40 {
		return malformed("invite")
	}
	for _, a := range i.Addrs {
		if len(a) > maxAddr {
			return malformed("invite address")
		}
	}
	_, err := addrInfo(i.Peer, i.Addrs)
	return err
}

func (i *inviteWire) uri() (string, error) {
	b, err := identity.Encode(i)
	return invitePrefix + base64.RawURLEncoding.EncodeToString(b), err
}

// parseInvite reads an invite URI; nothing but what uri writes.
func parseInvite(s string) (*inviteWire, error) {
	if len(s) > maxInvite || !strings.HasPrefix(s, invitePrefix) {
		return nil, malformed("invite")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[len(invitePrefix):])
	if err != nil {
		return nil, fmt.Errorf("%w: invite: %w", ErrMalformed, err)
	}
	i := new(inviteWire)
	if err := decodeChecked(b, i); err != nil {
		return nil, err
	}
	if again, err := i.uri(); err != nil || again != s {
		return nil, malformed("invite") // a line break, which the library skips
	}
	return i, nil
}

func inviteIDOf(token []byte) InviteID {
	h := identity.Hash("chat-invite", token)
	return InviteID(h[:8])
}

// CreateInvite makes an invite.
func (c *Chat) CreateInvite(ctx context.Context, r InviteRequest) (Invite, error) {
	r.ExpiresIn, r.Uses = cmp.Or(r.ExpiresIn, inviteLife), cmp.Or(r.Uses, 1)
	if r.ExpiresIn < 0 || r.ExpiresIn > maxInviteLife || r.Uses < 0 || r.Uses > maxInviteUses {
		return Invite{}, fmt.Errorf("%w: at most %v and %d uses", ErrInvalid, maxInviteLife, maxInviteUses)
	}
	rec, err := c.newInvite(r)
	if err != nil {
		return Invite{}, err
	}
	id := inviteIDOf(rec.Token[:])
	err = c.update(ctx, func(w *work) error {
		n, err := w.openInvites()
		if err != nil {
			return err
		}
		if n >= c.cfg.Limits.Invites {
			return fmt.Errorf("%w: %d invites are open", ErrRateLimited, n)
		}
		return set(w.tx, keyInvite(id), rec)
	})
	return rec.shown(id), err
}

func (c *Chat) newInvite(r InviteRequest) (*inviteRec, error) {
	self, now := c.self.Load(), c.cfg.Now()
	w := &inviteWire{
		Genesis: self.account.Genesis(), Expires: uint64(now.Add(r.ExpiresIn).Unix()),
		Peer: []byte(c.host.ID()), Addrs: addrBytes(c.host.Addrs()), Locator: self.rec.Locator,
	}
	if err := draw(c.cfg.Rand, w.Token[:]); err != nil {
		return nil, err
	}
	uri, err := w.uri()
	if err != nil {
		return nil, err
	}
	return &inviteRec{
		Token: w.Token, URI: uri, Expires: int64(w.Expires), Uses: uint32(r.Uses), Created: ms(now),
	}, nil
}

func (r *inviteRec) shown(id InviteID) Invite {
	return Invite{
		ID: id, URI: r.URI, Expires: time.Unix(r.Expires, 0).UTC(), Uses: int(r.Uses),
		Used: int(r.Used), CreatedAt: fromMS(r.Created), Revoked: r.Revoked,
	}
}

// holds says whether the invite may be used once more, by anybody or by one
// who has used it before.
func (r *inviteRec) holds(now time.Time, by identity.AccountID) bool {
	if r.Revoked || now.Unix() > r.Expires {
		return false
	}
	return r.Used < r.Uses || slices.Contains(r.By, by)
}

// openInvites counts invites that can be used, and erases those that are long
// over.
func (w *work) openInvites() (n int, err error) {
	err = w.tx.Scan(store.Range{Prefix: tableInvite.Key()}, func(k store.Key, b []byte) (bool, error) {
		r := new(inviteRec)
		if err := identity.Decode(b, r); err != nil {
			return false, err
		}
		if r.holds(w.now, identity.AccountID{}) {
			n++
		}
		if w.now.Sub(time.Unix(r.Expires, 0)) > keepDeadInvite {
			w.tx.Delete(k)
		}
		return true, nil
	})
	return n, err
}

// invite finds the invite of a token that may be used by an account.
func (w *work) invite(token []byte, by identity.AccountID) (*inviteRec, error) {
	r := new(inviteRec)
	if err := get(w.tx, keyInvite(inviteIDOf(token)), r); err != nil {
		return nil, ErrInvite
	}
	if subtle.ConstantTimeCompare(r.Token[:], token) != 1 || !r.holds(w.now, by) {
		return nil, ErrInvite
	}
	return r, nil
}

// useInvite counts one use. The same account uses an invite once, however often
// it comes.
func (w *work) useInvite(token []byte, by identity.AccountID) error {
	r, err := w.invite(token, by)
	if err != nil {
		return err
	}
	if slices.Contains(r.By, by) {
		return nil
	}
	r.Used++
	r.By = append(r.By, by)
	return set(w.tx, keyInvite(inviteIDOf(token)), r)
}

// openInvite says whether a token would let somebody in now.
func (c *Chat) openInvite(token []byte) (r *inviteRec, err error) {
	err = c.view(func(w *work) error {
		r, err = w.invite(token, identity.AccountID{})
		return err
	})
	return r, err
}

// OpenInvite adds the account of an invite URI; no directory is needed.
func (c *Chat) OpenInvite(ctx context.Context, uri string) (Contact, error) {
	m, err := c.readInvite(uri)
	if err != nil {
		return Contact{}, err
	}
	return c.meet(ctx, m, AddRequest{})
}

func (c *Chat) readInvite(uri string) (*meeting, error) {
	i, err := parseInvite(strings.TrimSpace(uri))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvite, err)
	}
	if c.cfg.Now().Unix() > int64(i.Expires) {
		return nil, fmt.Errorf("%w: expired", ErrInvite)
	}
	return &meeting{
		genesis: i.Genesis, locator: i.Locator, intro: [][]byte{i.Peer}, addrs: i.Addrs, token: i.Token[:],
	}, nil
}

// Invites lists the invites of this account, oldest first.
func (c *Chat) Invites() ([]Invite, error) {
	var out []Invite
	err := c.view(func(w *work) error {
		return scan(w.tx, store.Range{Prefix: tableInvite.Key()}, func(tail []byte, r *inviteRec) error {
			out = append(out, r.shown(InviteID(tail)))
			return nil
		})
	})
	slices.SortFunc(out, func(a, b Invite) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(string(a.ID[:]), string(b.ID[:])))
	})
	return out, err
}

// RevokeInvite makes an invite useless.
func (c *Chat) RevokeInvite(ctx context.Context, id InviteID) (Invite, error) {
	var out Invite
	err := c.update(ctx, func(w *work) error {
		r := new(inviteRec)
		if err := get(w.tx, keyInvite(id), r); err != nil {
			return notFound(err)
		}
		r.Revoked = true
		out = r.shown(id)
		return set(w.tx, keyInvite(id), r)
	})
	return out, err
}
