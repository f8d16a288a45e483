package chat

import (
	"errors"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// The faults chat finds. Every one may come wrapped; test with errors.Is.
var (
	// ErrNoAccount: the store holds no account yet.
	ErrNoAccount = errors.New("chat: no account here")
	// ErrAccountExists: the store already holds an account.
	ErrAccountExists = errors.New("chat: an account is here already")
	// ErrInvalid: an argument does not have the form asked for.
	ErrInvalid = errors.New("chat: invalid")
	// ErrNotFound: no such contact, conversation, message, invite or handle.
	ErrNotFound = errors.New("chat: not found")
	// ErrConflict: the thing is in a state that does not allow the call.
	ErrConflict = errors.New("chat: not possible in this state")
	// ErrBlocked: the contact is blocked.
	ErrBlocked = errors.New("chat: contact is blocked")
	// ErrIdentityChanged: the contact showed two identities; nothing is sent
	// until the user verifies it again.
	ErrIdentityChanged = errors.New("chat: identity of the contact changed")
	// ErrUnverified: digits that do not match, or an unproven security reset
	// of a verified contact that the user has not acknowledged.
	ErrUnverified = errors.New("chat: not verified")
	// ErrTooLarge: the text does not fit the biggest envelope.
	ErrTooLarge = errors.New("chat: message too large")
	// ErrRateLimited: too many of these in too short a time.
	ErrRateLimited = errors.New("chat: rate limited")
	// ErrInvite: the invite is malformed, expired, used up or revoked.
	ErrInvite = errors.New("chat: invite not valid")
	// ErrMalformed: bytes from a peer do not decode as what they must be.
	ErrMalformed = errors.New("chat: malformed")
	// ErrOffline: nobody could be asked.
	ErrOffline = errors.New("chat: nobody could be asked")
	// ErrClosed: the chat has stopped.
	ErrClosed = errors.New("chat: closed")
)

// AmbiguousError says that several accounts answer to a name. Nothing ever
// picks one of them silently.
type AmbiguousError struct {
	Name      string            // as asked
	Claimants []Claimant        // whom the directory knows under it, if it was asked
	Handles   []identity.Handle // full handles, of claimants or of contacts
}

// Claimant is one account that claims a name.
type Claimant struct {
	Handle  identity.Handle
	Account identity.AccountID
	Pinned  bool // already a contact
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("chat: %d accounts claim the name", len(e.Handles))
}
