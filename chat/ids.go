package chat

import (
	"encoding/hex"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// ConversationID names a conversation. A direct one is computed from its two
// accounts, so both sides have the same (spec/bodies.md#ids).
type ConversationID [16]byte

// MessageID names one message on this daemon: it is computed from the account
// of the author and the 16 random bytes it chose, so nobody can take the id of
// another author's message (spec/bodies.md#ids).
type MessageID [16]byte

// InviteID names an invite to the user who made it; the token is not in it.
type InviteID [8]byte

func (c ConversationID) String() string { return hex.EncodeToString(c[:]) }
func (m MessageID) String() string      { return hex.EncodeToString(m[:]) }
func (i InviteID) String() string       { return hex.EncodeToString(i[:]) }

// ParseConversationID reads the 32 hex digits of String.
func ParseConversationID(s string) (ConversationID, error) {
	var id ConversationID
	err := parseHex(s, id[:])
	return id, err
}

// ParseMessageID reads the 32 hex digits of String.
func ParseMessageID(s string) (MessageID, error) {
	var id MessageID
	err := parseHex(s, id[:])
	return id, err
}

// ParseInviteID reads the 16 hex digits of String.
func ParseInviteID(s string) (InviteID, error) {
	var id InviteID
	err := parseHex(s, id[:])
	return id, err
}

func parseHex(s string, to []byte) error {
	if len(s) != 2*len(to) {
		return fmt.Errorf("%w: id of %d digits", ErrInvalid, len(s))
	}
	if _, err := hex.Decode(to, []byte(s)); err != nil {
		return fmt.Errorf("%w: id: %w", ErrInvalid, err)
	}
	return nil
}

// DirectConversation returns the conversation of two accounts, in any order.
func DirectConversation(a, b identity.AccountID) ConversationID {
	if string(a[:]) > string(b[:]) {
		a, b = b, a
	}
	h := identity.Hash("chat-conversation", a[:], b[:])
	return ConversationID(h[:16])
}

func messageID(author identity.AccountID, mid [16]byte) MessageID {
	h := identity.Hash("chat-message", author[:], mid[:])
	return MessageID(h[:16])
}
