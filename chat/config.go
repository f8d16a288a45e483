package chat

import (
	"crypto/rand"
	"io"
	"log/slog"
	"time"
)

// Config tells New how to behave. The zero value of a field means its default.
type Config struct {
	// Limits bounds what peers and users may make the daemon hold or do.
	Limits Limits
	// Logger takes warnings; it never sees text, names, handles or keys.
	Logger *slog.Logger
	// Now is the wall clock.
	Now func() time.Time
	// Rand is the source of keys, ids and nonces; crypto/rand unless a test
	// needs the same bytes twice. It must be safe for concurrent use.
	Rand io.Reader
	// ReceiptJitter is the longest time a read receipt waits for others.
	ReceiptJitter time.Duration
	// ReadReceipts says whether contacts learn what was read.
	ReadReceipts bool
	// WorkBits is the hashcash a stranger's contact request must carry.
	WorkBits int
	// Retry is the first pause after an introduction failed; it doubles up to
	// RetryMax.
	Retry, RetryMax time.Duration
	// FetchTimeout bounds one attempt to get prekeys from a device.
	FetchTimeout time.Duration
	// DeviceGrace is how much longer than the directory a device may take to
	// answer before a session is begun without a one-time key.
	DeviceGrace time.Duration
	// RouteGap is the shortest time between two tellings of new addresses.
	RouteGap time.Duration
	// PresenceDelay is how long a change of online state must last before it
	// is announced.
	PresenceDelay time.Duration
}

// DefaultConfig returns what the daemon uses.
func DefaultConfig() Config {
	return Config{
		Limits:        DefaultLimits(),
		Logger:        slog.New(slog.DiscardHandler),
		Now:           time.Now,
		Rand:          rand.Reader,
		ReceiptJitter: time.Minute,
		ReadReceipts:  true,
		WorkBits:      20,
		Retry:         2 * time.Second,
		RetryMax:      5 * time.Minute,
		FetchTimeout:  5 * time.Second,
		DeviceGrace:   3 * time.Second,
		RouteGap:      time.Minute,
		PresenceDelay: time.Second,
	}
}

// Limits bounds memory, disk and work. All are counts unless the name says so.
type Limits struct {
	// RequestsPerDay is how many contact requests are shown in a day; the rest
	// is counted only.
	RequestsPerDay int
	// GreetingBytes is the longest greeting of a contact request.
	GreetingBytes int
	// NameBytes is the longest display name or petname.
	NameBytes int
	// FailedOpens is how many envelopes a peer may send per minute that no
	// session opens.
	FailedOpens int
	// Trials is how many sessions one envelope is tried against.
	Trials int
	// Invites is how many open invites may exist.
	Invites int
	// Contacts is how many contacts may exist.
	Contacts int
	// SendBatch is how many concurrent sends share one commit.
	SendBatch int
	// PrekeysPerHour is how many one-time keys are given to strangers.
	PrekeysPerHour int
	// OneTimeKeys is how many one-time keys a bundle offers.
	OneTimeKeys int
	// ResetsPerDay is how many new sessions a known device may start.
	ResetsPerDay int
	// OpenRequests is how many introductions run at the same time.
	OpenRequests int
}

// DefaultLimits returns the bounds the daemon uses.
func DefaultLimits() Limits {
	return Limits{
		RequestsPerDay: 50,
		GreetingBytes:  512,
		NameBytes:      128,
		FailedOpens:    32,
		Trials:         256,
		Invites:        100,
		Contacts:       5000,
		SendBatch:      256,
		PrekeysPerHour: 32,
		OneTimeKeys:    64,
		ResetsPerDay:   3,
		OpenRequests:   4,
	}
}

// filled returns c with defaults in place of zero values. ReadReceipts has no
// default to fill: false is a choice.
func (c Config) filled() Config {
	d := DefaultConfig()
	if c.Limits == (Limits{}) {
		c.Limits = d.Limits
	}
	if c.Logger == nil {
		c.Logger = d.Logger
	}
	if c.Now == nil {
		c.Now = d.Now
	}
	if c.Rand == nil {
		c.Rand = d.Rand
	}
	if c.ReceiptJitter == 0 {
		c.ReceiptJitter = d.ReceiptJitter
	}
	if c.WorkBits == 0 {
		c.WorkBits = d.WorkBits
	}
	if c.Retry == 0 {
		c.Retry = d.Retry
	}
	if c.RetryMax == 0 {
		c.RetryMax = d.RetryMax
	}
	if c.FetchTimeout == 0 {
		c.FetchTimeout = d.FetchTimeout
	}
	if c.DeviceGrace == 0 {
		c.DeviceGrace = d.DeviceGrace
	}
	if c.RouteGap == 0 {
		c.RouteGap = d.RouteGap
	}
	if c.PresenceDelay == 0 {
		c.PresenceDelay = d.PresenceDelay
	}
	return c
}
