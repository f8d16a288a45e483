package chat

import (
	"context"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// SetReadReceipts switches read receipts on or off.
func (c *Chat) SetReadReceipts(on bool) { c.readReceipts.Store(on) }

// receiptRec is a batch of messages that were read and not yet told.
type receiptRec struct {
	Read []MessageID `cbor:"1,keyasint"`
}

// oweReceipts notes what was read, to be told after a while: a receipt that
// came at once would say when somebody looks at the screen.
func (w *work) oweReceipts(account identity.AccountID, read []MessageID) error {
	if len(read) == 0 || !w.c.readReceipts.Load() {
		return nil
	}
	rec, err := w.contact(account)
	if err != nil || rec == nil || rec.State != Accepted {
		return err
	}
	for len(read) > 0 {
		n := min(len(read), maxReceipts)
		var id [8]byte
		if err := draw(w.c.cfg.Rand, id[:]); err != nil {
			return err
		}
		if err := set(w.tx, keyReceipt(account, id), receiptRec{read[:n]}); err != nil {
			return err
		}
		read = read[n:]
	}
	w.tx.OnCommit(func() { poke(w.c.receiptsDue) })
	return nil
}

// runReceipts tells what was read, some random time after it was.
func (c *Chat) runReceipts(ctx context.Context) error {
	poke(c.receiptsDue) // what a restart left behind
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.receiptsDue:
		}
		if !sleep(ctx, time.Duration(c.random(uint64(c.cfg.ReceiptJitter)+1))) {
			return nil
		}
		if err := c.tellReceipts(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("receipts", "error", err)
		}
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (c *Chat) tellReceipts(ctx context.Context) error {
	return c.update(ctx, func(w *work) error {
		return w.tx.Scan(store.Range{Prefix: tableReceipt.Key()}, func(k store.Key, b []byte) (bool, error) {
			if len(k.Tail()) < 32 {
				return false, malformed("receipt key")
			}
			account := identity.AccountID(k.Tail()[:32])
			var r receiptRec
			if err := identity.Decode(b, &r); err != nil {
				return false, err
			}
			told, err := w.tellReceipt(account, r.Read)
			if told {
				w.tx.Delete(k)
			}
			return true, err
		})
	})
}

// tellReceipt seals one receipt; told says that it need not be kept.
func (w *work) tellReceipt(account identity.AccountID, read []MessageID) (told bool, err error) {
	rec, err := w.contact(account)
	if err != nil {
		return false, err
	}
	if rec == nil || rec.State != Accepted || !w.c.readReceipts.Load() {
		return true, nil
	}
	if w.sendable(rec) != nil {
		return false, nil
	}
	ready, _, err := w.ready(rec)
	if err != nil || len(ready) == 0 {
		return false, err
	}
	var ids [][16]byte
	for _, id := range read {
		ids = append(ids, id)
	}
	b, err := w.control(account, rec, typeReceipt, receipt{Read: ids})
	if err != nil {
		return false, err
	}
	for _, d := range ready {
		if err := w.seal(d, b, outRec{Kind: outControl}); err != nil {
			return false, err
		}
	}
	return true, nil
}

// onReceipt notes that messages of ours were read. Only our own messages of
// that very conversation can be.
func (w *work) onReceipt(in *incoming) error {
	var r receipt
	if err := decodeChecked(in.body.Payload, &r); err != nil {
		return err
	}
	if in.rec == nil || in.rec.State != Accepted {
		return nil
	}
	conv := w.direct(in.account)
	for _, id := range r.Read {
		o, err := w.orderOf(conv, id)
		if err != nil {
			continue // never sent, or cleared meanwhile
		}
		err = w.changeMessage(conv, o, func(m *messageRec) bool {
			if !m.Outgoing || m.State == Read {
				return false
			}
			m.State = Read
			if d := m.delivery(in.device); d != nil {
				d.State, d.At = Read, ms(w.now)
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}
