package chat

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/mesh"
	"github.com/p2pmsgd/p2pmsgd/ratchet"
	"github.com/p2pmsgd/p2pmsgd/store"
)

// seenLife is how long an envelope is remembered, so that one sent twice is
// acknowledged twice and shown once.
// It is as long as a message that was cleared is known: a sender that was
// switched off before it had our answer sends the same bytes when it is back,
// and if they were forgotten they would look like the work of its double.
const seenLife = clearedLife

// opened is an envelope that a session opened.
type opened struct {
	account identity.AccountID
	device  identity.DeviceID
	session ratchet.Session
	content ratchet.Opened
	who     *stranger // when a handshake came along
}

// Receive takes envelopes from a peer, in order, in one transaction. It is part
// of mesh.Upper.
func (c *Chat) Receive(ctx context.Context, from peer.ID, envs [][]byte) []mesh.Verdict {
	var verdicts []mesh.Verdict
	var speakers map[identity.DeviceID]identity.AccountID
	err := c.update(ctx, func(w *work) error {
		verdicts = make([]mesh.Verdict, len(envs))
		speakers = map[identity.DeviceID]identity.AccountID{}
		return w.receiveAll(from, envs, verdicts, speakers)
	})
	if err != nil {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
			c.cfg.Logger.Error("receive", "error", err)
		}
		return busy(len(envs))
	}
	for d := range speakers {
		c.hints.learn(from, d)
	}
	return verdicts
}

func busy(n int) []mesh.Verdict {
	v := make([]mesh.Verdict, n)
	for i := range v {
		v[i].Refuse = mesh.CodeBusy
	}
	return v
}

func (w *work) receiveAll(from peer.ID, envs [][]byte, verdicts []mesh.Verdict, speakers map[identity.DeviceID]identity.AccountID) error {
	for i, env := range envs {
		v, err := w.receive(from, env, speakers)
		var no refusal
		if errors.As(err, &no) {
			v, err = mesh.Verdict{Refuse: no.code}, nil
		}
		if err != nil {
			return err
		}
		verdicts[i] = v
		if v.Refuse == mesh.CodeBusy {
			copy(verdicts[i:], busy(len(envs)-i))
			return nil
		}
	}
	return nil
}

// receive opens one envelope and does what it says. A refusal leaves nothing
// behind: whatever may refuse does so before the first change is made, but for
// alarms, which stay.
func (w *work) receive(from peer.ID, env []byte, speakers map[identity.DeviceID]identity.AccountID) (mesh.Verdict, error) {
	h := identity.Hash("chat-envelope", env)
	key := keySeen([16]byte(h[:16]))
	switch r, err := w.tx.Get(key); {
	case err == nil && len(r) == mesh.ReceiptSize:
		return mesh.Verdict{Receipt: [16]byte(r)}, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return mesh.Verdict{}, err
	}
	o, err := w.open(from, env)
	if err != nil {
		return mesh.Verdict{}, err
	}
	if err := w.dispatch(&o, from); err != nil {
		return mesh.Verdict{}, err
	}
	speakers[o.device] = o.account
	w.tx.SetTTL(key, o.content.Receipt[:], seenLife)
	return mesh.Verdict{Receipt: o.content.Receipt}, nil
}

func (w *work) open(from peer.ID, env []byte) (opened, error) {
	kind, err := ratchet.EnvelopeKind(env)
	if err != nil {
		return opened{}, refuse(mesh.CodeBad)
	}
	if kind == ratchet.KindInit {
		return w.receiveInit(env)
	}
	return w.openMessage(from, env)
}

// openMessage tries the sessions of the devices that this peer spoke for
// before, then the others.
func (w *work) openMessage(from peer.ID, env []byte) (opened, error) {
	known := w.c.hints.devices(from)
	left := w.c.cfg.Limits.Trials
	for _, d := range known {
		if o, err := w.tryDevice(d, env, &left); err == nil || !errors.Is(err, errNextSession) {
			return o, err
		}
	}
	return w.tryOthers(known, env, left)
}

// errNextSession says that another session may open the envelope.
var errNextSession = errors.New("chat: not of this session")

func (w *work) tryDevice(device identity.DeviceID, env []byte, left *int) (opened, error) {
	d, err := w.device(device)
	if err != nil {
		return opened{}, err
	}
	// Newest first: the live one is most often the last that was added.
	for i := len(d.Sessions) - 1; i >= 0 && *left > 0; i-- {
		*left--
		o, err := w.openIn(device, d.Sessions[i].ID, env)
		var no refusal
		if errors.As(err, &no) && no.code == mesh.CodeUnknown {
			continue
		}
		return o, err
	}
	return opened{}, errNextSession
}

func (w *work) tryOthers(tried []identity.DeviceID, env []byte, left int) (opened, error) {
	skip := map[identity.DeviceID]bool{}
	for _, d := range tried {
		skip[d] = true
	}
	var found opened
	result := refuse(mesh.CodeUnknown)
	err := w.tx.Scan(store.Range{Prefix: tableDevice.Key()}, func(k store.Key, _ []byte) (bool, error) {
		device := identity.DeviceID(k.Tail())
		if skip[device] || left <= 0 {
			return left > 0, nil
		}
		// Strangers only ever repeat handshakes, which say where they belong:
		// however many there are, they take no trial from a contact.
		if d, err := w.device(device); err != nil || d.Stranger {
			return true, err
		}
		o, err := w.tryDevice(device, env, &left)
		if errors.Is(err, errNextSession) {
			return true, nil
		}
		found, result = o, err
		return false, nil
	})
	if err != nil {
		return opened{}, err
	}
	return found, result
}

// openIn opens an envelope in one session. The contact is looked at first: for
// one who is blocked nothing is opened, and everything can be opened later.
func (w *work) openIn(device identity.DeviceID, id [32]byte, env []byte) (opened, error) {
	s, ok, err := w.session(device, id)
	if err != nil {
		return opened{}, err
	}
	if !ok {
		return opened{}, refuse(mesh.CodeUnknown)
	}
	next, content, err := s.Open(env)
	if err != nil {
		return opened{}, w.openFault(device, err)
	}
	d, err := w.device(device)
	if err != nil {
		return opened{}, err
	}
	if err := w.listens(d.Account); err != nil {
		return opened{}, err
	}
	w.saveSession(device, next)
	return opened{account: d.Account, device: device, session: next, content: content}, nil
}

// maxStrange is how many envelopes a device may send that its session knows
// and cannot open.
const maxStrange = 3

// openFault keeps apart only what the sender must do: begin a new session, or
// give the message up. An envelope that a session knows and yet cannot open is
// one of two with the same number: after a few of them the device is taken to
// have a double (spec/bodies.md#chain).
func (w *work) openFault(device identity.DeviceID, err error) error {
	switch {
	case errors.Is(err, ratchet.ErrMalformed):
		return refuse(mesh.CodeBad)
	case errors.Is(err, ratchet.ErrCorrupt), errors.Is(err, ratchet.ErrDuplicate), errors.Is(err, ratchet.ErrSkip):
		if err := w.strange(device); err != nil {
			return err
		}
		return refuse(mesh.CodeBad)
	}
	return refuse(mesh.CodeUnknown)
}

func (w *work) strange(device identity.DeviceID) error {
	d, err := w.device(device)
	if err != nil {
		return err
	}
	d.Strange++
	w.keepDevice(device)
	if d.Strange < maxStrange {
		return nil
	}
	d.Strange = 0
	rec, err := w.contact(d.Account)
	if err != nil || rec == nil {
		return err
	}
	return w.alarm(d.Account, rec, AlarmClone)
}

// listens says whether anything more of an account is taken now: of one who
// asked, nothing before the user has answered.
func (w *work) listens(account identity.AccountID) error {
	rec, err := w.contact(account)
	if err != nil {
		return err
	}
	if rec != nil && (rec.State == Blocked || rec.State == Incoming) {
		return refuse(mesh.CodeBusy)
	}
	return nil
}
