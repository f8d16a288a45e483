package chat

import (
	"context"
	"errors"
	"slices"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
)

// errHopeless says that trying again changes nothing.
var errHopeless = errors.New("chat: nothing to introduce for")

var errNoAnswer = errors.New("chat: no answer yet")

// introduce opens a session to every device of a contact that has none. With
// force also to those that have one. A contact who is known to have a newer
// manifest is asked for it on the way.
func (c *Chat) introduce(ctx context.Context, id identity.AccountID, force bool) error {
	rec, lacking, err := c.lacking(id, force)
	if err != nil {
		return err
	}
	if len(lacking) == 0 && len(rec.Devices) > 0 && !rec.Stale {
		return c.drain(ctx, id)
	}
	o, err := c.offers(ctx, id, rec)
	if err == nil {
		err = c.refresh(ctx, id, o)
	}
	if err == nil {
		err = c.beginAll(ctx, id, rec, o, force)
	}
	if err != nil {
		c.problem(id, err)
	}
	return err
}

// refresh takes over the newer identity that an offer shows.
func (c *Chat) refresh(ctx context.Context, id identity.AccountID, o *offer) error {
	return c.update(ctx, func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil || rec.Alarm != 0 || o.pin.Seq < rec.Pin.Seq {
			return err
		}
		rec.Stale = false
		w.keepContact(id, rec)
		return w.adopt(id, rec, o.pin, o.manifests, o.certs, deviceIDs(o.members))
	})
}

// beginAll begins a session with every device that has none, or with force
// with every device, as far as there are bundles.
func (c *Chat) beginAll(ctx context.Context, id identity.AccountID, rec *contactRec, o *offer, force bool) error {
	started, wanted := 0, 0
	for _, cert := range o.members {
		if live, err := c.hasLive(cert.Device); err != nil || live && !force {
			continue
		}
		wanted++
		b, ok := o.bundles[cert.Device]
		if !ok {
			continue
		}
		if err := c.begin(ctx, id, rec, o, cert, b, force); err != nil {
			return err
		}
		started++
	}
	if started == 0 && wanted > 0 {
		return errors.New("chat: none of their devices has a prekey bundle")
	}
	return nil
}

func (c *Chat) hasLive(device identity.DeviceID) (live bool, err error) {
	err = c.view(func(w *work) error {
		d, err := w.device(device)
		live = err == nil && d.liveRef() != nil
		return err
	})
	return live, err
}

// lacking reads a contact and the devices that need a session.
func (c *Chat) lacking(id identity.AccountID, force bool) (rec *contactRec, out []identity.DeviceID, err error) {
	err = c.view(func(w *work) error {
		if rec, err = w.contact(id); err != nil {
			return err
		}
		if rec == nil || w.sendable(rec) != nil || !rec.known() {
			return errHopeless
		}
		ready, _, err := w.ready(rec)
		if err != nil {
			return err
		}
		for _, d := range rec.Devices {
			if force || !slices.Contains(ready, d) {
				out = append(out, d)
			}
		}
		return nil
	})
	return rec, out, err
}

// problem tells the user why a contact is not reached, when that is news.
func (c *Chat) problem(id identity.AccountID, cause error) {
	text := problemText(cause)
	err := c.updateLazy(context.Background(), func(w *work) error {
		rec, err := w.contact(id)
		if err != nil || rec == nil || rec.Problem == text || errors.Is(cause, errHopeless) {
			return err
		}
		rec.Problem = text
		w.saveContact(id, rec)
		return nil
	})
	if err != nil {
		c.cfg.Logger.Debug("note a problem", "error", err)
	}
}

func problemText(err error) string {
	var refused *mesh.RefusedError
	switch {
	case errors.As(err, &refused):
		return "their device does not give prekeys: " + refused.Code.String()
	case errors.Is(err, identity.ErrExpired):
		return "what they published has expired; they must come online first"
	case errors.Is(err, ErrOffline):
		return "their device cannot be reached, and there is no directory to ask"
	}
	return "neither their device nor their prekeys in the directory can be reached"
}
