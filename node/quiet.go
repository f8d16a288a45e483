package node

import (
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"
)

// libp2p logs by itself, to standard error, with whole peer IDs and addresses.
// What matters of it comes back to us as errors.
func init() { LogLibrary(slog.DiscardHandler) }

// LogLibrary sends libp2p's own log to h, to look into a fault. It holds for the
// whole program and must be called before the first New.
func LogLibrary(h slog.Handler) { gologshim.SetDefaultHandler(h) }
