package daemon

import (
	"context"
	"errors"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// faults says what kind a fault of the floors is to a program, and what may
// help a person. The first that fits counts.
var faults = []struct {
	err  error
	kind api.Kind
	hint string
}{
	{chat.ErrNoAccount, api.KindNotFound, "account.create makes one"},
	{chat.ErrAccountExists, api.KindConflict, "there is one account in a data folder; use another folder for another account"},
	{chat.ErrBlocked, api.KindBlocked, "contact.unblock ends the block"},
	{chat.ErrIdentityChanged, api.KindIdentityChanged, "compare the safety number with them over another way, then contact.verify"},
	{chat.ErrUnverified, api.KindUnverified, "compare the safety number with them over another way, then contact.verify"},
	{chat.ErrTooLarge, api.KindTooLarge, ""},
	{chat.ErrRateLimited, api.KindRateLimited, "try again later"},
	{chat.ErrInvite, api.KindInvalid, "ask for a new invite"},
	{chat.ErrOffline, api.KindOffline, "check that this device is connected to somebody: node.status"},
	{chat.ErrNotFound, api.KindNotFound, ""},
	{chat.ErrConflict, api.KindConflict, ""},
	{chat.ErrMalformed, api.KindInvalid, ""},
	{chat.ErrInvalid, api.KindInvalid, ""},
	{chat.ErrClosed, api.KindLocked, ""},
	{identity.ErrHandle, api.KindInvalid, "a handle is a name of 3 to 24 characters (a-z, 0-9, _ and -), and for the full one ~ and its tag"},
	{store.ErrPassphrase, api.KindForbidden, ""},
	{store.ErrLocked, api.KindLocked, "account.unlock opens the data folder"},
	{store.ErrClosed, api.KindLocked, "account.unlock opens the data folder"},
	{store.ErrTooLarge, api.KindTooLarge, ""},
	{store.ErrTooOld, api.KindNotFound, "events that old are gone: reload everything, then subscribe without after"},
	{store.ErrNotFound, api.KindNotFound, ""},
	{context.DeadlineExceeded, api.KindTimeout, "try again"},
}

// apiError turns a fault of the floors into what crosses the API; nil for one
// that nobody foresaw.
func apiError(err error) *api.Error {
	if several, ok := errors.AsType[*chat.AmbiguousError](err); ok {
		return ambiguous(several)
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			e := api.Errorf(f.kind, "%s", err)
			e.Hint = f.hint
			return e
		}
	}
	return nil
}

func ambiguous(several *chat.AmbiguousError) *api.Error {
	var claims []api.Claim
	for _, c := range several.Claimants {
		claims = append(claims, api.Claim{
			Handle: c.Handle.String(), Account: api.AccountID(c.Account.String()),
			Fingerprint: fingerprint(c.Account), Pinned: c.Pinned,
		})
	}
	if len(claims) == 0 {
		for _, h := range several.Handles {
			claims = append(claims, api.Claim{Handle: h.String()})
		}
	}
	return api.Ambiguous(several.Name, claims)
}
