package daemon

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/dht"
	"github.com/p2pmsgd/p2pmsgd/identity"
)

// maxHandles is how many names one account may claim at a time.
const maxHandles = 4

func (d *Daemon) handleClaim(ctx context.Context, p api.HandleClaimParams) (api.HandleClaimResult, error) {
	if err := checkName(p.Name); err != nil {
		return api.HandleClaimResult{}, err
	}
	h, err := d.claim(ctx, p.Name)
	if err != nil {
		return api.HandleClaimResult{}, err
	}
	return api.HandleClaimResult{Handle: h.String()}, nil
}

func checkName(name string) error {
	if err := identity.ParseName(name); err != nil {
		e := apiError(err)
		e.Field = "name"
		return e
	}
	return nil
}

// claim adds a handle to the account, in front of those it has, and waits
// until somebody else holds the claim. When nobody answers in time the claim
// stands all the same: it is published as soon as there is somebody.
func (d *Daemon) claim(ctx context.Context, name string) (identity.Handle, error) {
	c, err := d.chatOrNew(ctx)
	if err != nil {
		return identity.Handle{}, err
	}
	me := c.Me()
	h, err := d.tagged(name, me.Account)
	if err != nil {
		return identity.Handle{}, err
	}
	others := slices.DeleteFunc(slices.Clone(me.Handles), func(o identity.Handle) bool { return o == h })
	if len(others) >= maxHandles {
		return identity.Handle{}, api.Errorf(api.KindConflict, "this account claims %d names already", len(others)).
			WithHint("handle.release gives them up")
	}
	if _, err := c.SetHandles(ctx, append([]identity.Handle{h}, others...)...); err != nil {
		return identity.Handle{}, err
	}
	wait, cancel := context.WithTimeout(ctx, d.cfg.ClaimWait)
	defer cancel()
	if err := d.dht.WaitPublished(wait, name); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return identity.Handle{}, err
	}
	return h, nil
}

func (d *Daemon) tagged(name string, account identity.AccountID) (identity.Handle, error) {
	d.tags.Lock()
	defer d.tags.Unlock()
	defer debug.FreeOSMemory() // Argon2id's 64 MiB, at once
	return identity.NewHandle(name, account)
}

func (d *Daemon) handleRelease(ctx context.Context, _ api.HandleReleaseParams) (api.Empty, error) {
	c, err := d.chat()
	if err != nil {
		return api.Empty{}, err
	}
	_, err = c.SetHandles(ctx)
	return api.Empty{}, err
}

func (d *Daemon) handleResolve(ctx context.Context, p api.HandleResolveParams) (api.HandleResolveResult, error) {
	h, err := identity.ParseHandle(p.Handle)
	if err != nil {
		return api.HandleResolveResult{}, err
	}
	found := map[identity.AccountID]dht.Claimant{}
	search, err := d.dht.Resolve(ctx, h, func(c dht.Claimant) { found[c.Account] = c })
	if err != nil {
		return api.HandleResolveResult{}, err
	}
	return api.HandleResolveResult{Claims: d.renderClaims(found), Searched: search.Asked, Elapsed: search.Elapsed.Seconds()}, nil
}

// renderClaims lists claimants, contacts first, then the one that did the most
// work, then the oldest.
func (d *Daemon) renderClaims(found map[identity.AccountID]dht.Claimant) []api.Claim {
	claims := make([]api.Claim, 0, len(found))
	for _, c := range found {
		claims = append(claims, d.renderClaim(c))
	}
	slices.SortFunc(claims, func(a, b api.Claim) int {
		if a.Pinned != b.Pinned {
			return map[bool]int{true: -1, false: 1}[a.Pinned]
		}
		ca, cb := bits(found, a), bits(found, b)
		return cmp.Or(cmp.Compare(cb, ca), a.Since.Compare(b.Since.Time), strings.Compare(a.Handle, b.Handle))
	})
	return claims
}

func bits(found map[identity.AccountID]dht.Claimant, c api.Claim) int {
	id, _ := identity.ParseAccountID(string(c.Account))
	return found[id].Bits
}

func (d *Daemon) renderClaim(c dht.Claimant) api.Claim {
	claim := api.Claim{
		Handle:      c.Handle.String(),
		Account:     api.AccountID(c.Account.String()),
		Fingerprint: fingerprint(c.Account),
		Since:       api.At(c.Since),
	}
	for _, p := range c.Intro {
		if p == d.node.ID() || d.node.Path(p) != "" {
			yes := true
			claim.Reachable = &yes
		}
	}
	if talk, err := d.chat(); err == nil {
		_, err := talk.Contact(c.Account.String())
		claim.Pinned = err == nil
	}
	return claim
}

// fingerprint is a short form of an account ID for people: its first 100 bits
// in groups of four letters. The whole ID is what programs compare.
func fingerprint(id identity.AccountID) string {
	s := id.String()
	return strings.Join([]string{s[0:4], s[4:8], s[8:12], s[12:16], s[16:20]}, " ")
}
