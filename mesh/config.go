package mesh

import (
	"log/slog"
	"time"
)

// Config is what a Mesh needs to know. Start from DefaultConfig.
type Config struct {
	// Limits bound memory, time and rates.
	Limits Limits
	// Carriers are further ways besides the direct one, in no order.
	Carriers []Carrier
	// Logger receives what an operator should know; nil means none.
	Logger *slog.Logger
	// Now is the clock of the rates; nil means time.Now.
	Now func() time.Time
}

// DefaultConfig fits a desktop computer.
func DefaultConfig() Config { return Config{Limits: DefaultLimits()} }

// Limits bound what a link, and what strangers, can make the daemon hold and do.
type Limits struct {
	// Window and WindowBytes bound the envelopes of a link that are sent and
	// not answered.
	Window, WindowBytes int
	// LimitedBytes is WindowBytes over a metered relay, which cuts the
	// connection without warning.
	LimitedBytes int
	// Queue and QueueBytes bound the envelopes of a link that wait in memory;
	// the rest stays in the outbox.
	Queue, QueueBytes int
	// Batch and BatchBytes bound the envelopes handed up in one call.
	Batch, BatchBytes int
	// BufferBytes bounds the read buffers of all links together, beyond one
	// frame for each.
	BufferBytes int64

	// BackoffMin and BackoffMax are the first and the longest wait between
	// attempts while something waits to be sent; BackoffIdle is the longest
	// while nothing does. Each wait is jittered by a quarter.
	BackoffMin, BackoffMax, BackoffIdle time.Duration
	// PushGap and PeerGap are how soon after a failed attempt new items, or a
	// peer that comes, may cause another.
	PushGap, PeerGap time.Duration
	// LocateGap is the shortest time between look-ups of one device;
	// LocateTimeout bounds one.
	LocateGap, LocateTimeout time.Duration
	// AckTimeout is how long an envelope may stay unanswered while nothing
	// else is answered, before the stream is given up.
	AckTimeout time.Duration
	// FrameTimeout is how long a frame that has begun may take to be whole.
	FrameTimeout time.Duration
	// WriteTimeout bounds one write of answers.
	WriteTimeout time.Duration
	// DrainTimeout is how long a stream that is to be left may take to
	// deliver the answers that are on their way.
	DrainTimeout time.Duration
	// Dials is how many links may be connecting at once.
	Dials int

	// Streams is how many incoming streams may be open at once, Strangers how
	// many of them to peers without a link, PerPeer how many to one peer.
	Streams, Strangers, PerPeer int
	// StreamRate is how many streams a second one peer may open, sustained;
	// StreamBurst at once.
	StreamRate  float64
	StreamBurst int
	// StrangerIdle closes a stranger's stream that is silent for so long.
	StrangerIdle time.Duration
	// Failures is how many envelopes a minute one peer may send that are
	// CodeUnknown or CodeBad; beyond them its streams are closed.
	Failures int

	// PrekeyTimeout bounds one request for prekeys, on either side.
	PrekeyTimeout time.Duration
	// PrekeyEvery is the sustained gap between requests of one peer,
	// PrekeyBurst how many it may make at once.
	PrekeyEvery time.Duration
	PrekeyBurst int
	// OneTimePerHour is how many one-time keys an hour are handed out to
	// requests without a token. Beyond them the response has none.
	OneTimePerHour int
	// PrekeyStreams is how many requests may be served at once.
	PrekeyStreams int
	// Peers is how many peers the rates remember.
	Peers int
}

// DefaultLimits fit a desktop computer with some hundred contacts.
func DefaultLimits() Limits {
	return Limits{
		Window: 1024, WindowBytes: 512 << 10, LimitedBytes: 32 << 10,
		Queue: 1024, QueueBytes: 1 << 20,
		Batch: 512, BatchBytes: 256 << 10, BufferBytes: 32 << 20,

		BackoffMin: time.Second, BackoffMax: 5 * time.Minute, BackoffIdle: 30 * time.Minute,
		PushGap: 10 * time.Second, PeerGap: time.Second,
		LocateGap: time.Minute, LocateTimeout: 30 * time.Second,
		AckTimeout: 30 * time.Second, FrameTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, DrainTimeout: 5 * time.Second,
		Dials: 16,

		Streams: 512, Strangers: 128, PerPeer: 4,
		StreamRate: 2, StreamBurst: 32,
		StrangerIdle: time.Minute, Failures: 32,

		PrekeyTimeout: 10 * time.Second, PrekeyEvery: time.Minute, PrekeyBurst: 3,
		OneTimePerHour: 32, PrekeyStreams: 32, Peers: 4096,
	}
}
