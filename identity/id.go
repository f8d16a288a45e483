package identity

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// AccountID names an account for ever: the hash of its genesis.
type AccountID [32]byte

// String is lower-case base32 without padding, 52 characters.
func (id AccountID) String() string { return base32Lower.EncodeToString(id[:]) }

// ParseAccountID reads what String writes, and no other spelling of it.
func ParseAccountID(s string) (AccountID, error) {
	b, err := base32Lower.DecodeString(s)
	if err != nil || len(b) != len(AccountID{}) || AccountID(b).String() != s {
		return AccountID{}, fmt.Errorf("%w account id", ErrMalformed)
	}
	return AccountID(b), nil
}

// DeviceID names a device for as long as its signing key lives.
type DeviceID [16]byte

// String is lower-case hex, 32 characters.
func (id DeviceID) String() string { return hex.EncodeToString(id[:]) }

// ParseDeviceID reads what String writes, and no other spelling of it.
func ParseDeviceID(s string) (DeviceID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(DeviceID{}) || DeviceID(b).String() != s {
		return DeviceID{}, fmt.Errorf("%w device id", ErrMalformed)
	}
	return DeviceID(b), nil
}
