package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func (a *app) demoVerb() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See two people find each other and talk, on this machine alone",
		Long: `Start two daemons in temporary folders on this machine, Alice's and Bob's. They
find each other by handle through the directory that the two of them form, become
contacts, talk, and read their history again after a restart. Nothing leaves the
machine, and nothing is left of it afterwards.

Without --once both stay up until Ctrl-C, for you to talk to.`,
		Example: "  p2pmsgd demo --once\n  p2pmsgd demo",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&once, "once", false, "tell the story and end")
	cmd.RunE = a.alone(func(ctx context.Context, _ []string) error {
		s, ctx, err := newStage(ctx)
		if err != nil {
			return err
		}
		defer s.close()
		d := demo{app: a, stage: s}
		if err := d.story(ctx); err != nil {
			return reason(ctx, err)
		}
		if once {
			return nil
		}
		d.invitation()
		<-ctx.Done()
		return reason(ctx, nil)
	})
	return cmd
}

// reason returns why the play came to its end: the failure of a daemon, else
// err; Ctrl-C after the story is no failure.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// stepTime is how long one step of the story may take.
const stepTime = 3 * time.Minute

// demo tells the story: each step is one line, with the time it took.
type demo struct {
	*app
	stage      *stage
	alice, bob *person
}

func (d *demo) story(ctx context.Context) error {
	began := time.Now()
	for _, step := range []func(context.Context) (string, error){
		d.start, d.accounts, d.aliceFindsBob, d.bobFindsAlice, d.ask, d.accept,
		d.aliceWrites, d.bobWrites, d.restart, d.aliceReads, d.bobReads,
	} {
		start := time.Now()
		stepCtx, cancel := context.WithTimeout(ctx, stepTime)
		line, err := step(stepCtx)
		cancel()
		if err != nil {
			return err
		}
		if err := d.tell(line, time.Since(start)); err != nil {
			return err
		}
	}
	return d.tell("That was all of it.", time.Since(began))
}

func (d *demo) tell(line string, took time.Duration) error {
	step := struct {
		Step    string  `json:"step"`
		Seconds float64 `json:"seconds"`
	}{line, took.Seconds()}
	return d.show(step, "%8s  %s", seconds(took.Seconds()), printable(line))
}

func (d *demo) start(ctx context.Context) (string, error) {
	var err error
	if d.alice, err = d.stage.enter(ctx, "alice", nil); err != nil {
		return "", err
	}
	if d.bob, err = d.stage.enter(ctx, "bob", d.alice.listen); err != nil {
		return "", err
	}
	return "Two daemons are up. Bob's knows the address of Alice's, and nothing else.", nil
}

func (d *demo) accounts(ctx context.Context) (string, error) {
	var both errgroup.Group
	for _, p := range []*person{d.alice, d.bob} {
		both.Go(func() error {
			acc, err := p.client.AccountCreate(ctx, api.AccountCreateParams{Name: p.title, Handle: p.name})
			if err != nil {
				return fmt.Errorf("%s makes an account: %w", p.title, err)
			}
			p.handle, p.account = acc.Handle, string(acc.Account)
			return nil
		})
	}
	if err := both.Wait(); err != nil {
		return "", err
	}
	return fmt.Sprintf("Both made an account and claimed a name: %s and %s.", d.alice.handle, d.bob.handle), nil
}

func (d *demo) aliceFindsBob(ctx context.Context) (string, error) { return d.find(ctx, d.alice, d.bob) }
func (d *demo) bobFindsAlice(ctx context.Context) (string, error) { return d.find(ctx, d.bob, d.alice) }

// find has one look the other up by bare name, again if the claim is not spread yet.
func (d *demo) find(ctx context.Context, who, whom *person) (string, error) {
	for tries := 1; ; tries++ {
		r, err := who.client.HandleResolve(ctx, api.HandleResolveParams{Handle: whom.name})
		if err != nil {
			return "", fmt.Errorf("%s looks for %s: %w", who.title, whom.name, err)
		}
		for _, c := range r.Claims {
			if c.Handle == whom.handle {
				return fmt.Sprintf("%s looked for %q in the directory and found %s%s.", who.title, whom.name, c.Handle, again(tries)), nil
			}
		}
		if !wait(ctx, 200*time.Millisecond) {
			return "", fmt.Errorf("%s looks for %s: %w", who.title, whom.name, ctx.Err())
		}
	}
}

// wait waits for d, and reports whether ctx lasted so long.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func again(tries int) string {
	if tries == 1 {
		return ""
	}
	return fmt.Sprintf(", at try %d", tries)
}

func (d *demo) ask(ctx context.Context) (string, error) {
	if _, err := d.alice.client.ContactAdd(ctx, api.ContactAddParams{Peer: d.bob.name, Greeting: "Hi Bob, it is Alice"}); err != nil {
		return "", fmt.Errorf("Alice asks Bob: %w", err)
	}
	c, err := await(ctx, d.bob, func(c api.Contact) bool { return c.State == api.ContactIncoming }, api.EventContactRequest)
	if err != nil {
		return "", fmt.Errorf("Bob waits for the request: %w", err)
	}
	return fmt.Sprintf("Alice asked Bob to be a contact. He reads: %q", c.Greeting), nil
}

func (d *demo) accept(ctx context.Context) (string, error) {
	if _, err := d.bob.client.ContactAccept(ctx, api.PeerChangeParams{Peer: d.alice.account}); err != nil {
		return "", fmt.Errorf("Bob accepts: %w", err)
	}
	if _, err := await(ctx, d.alice, func(c api.Contact) bool { return c.State == api.ContactAccepted }, api.EventContactChanged); err != nil {
		return "", fmt.Errorf("Alice waits for the answer: %w", err)
	}
	return "Bob accepted. From here on everything is end to end encrypted, post-quantum included.", nil
}

func (d *demo) aliceWrites(ctx context.Context) (string, error) {
	return d.write(ctx, d.alice, d.bob, "Shall we climb on Sunday?")
}

func (d *demo) bobWrites(ctx context.Context) (string, error) {
	return d.write(ctx, d.bob, d.alice, "Yes! I bring the rope.")
}

// write has one send a message, the other receive it, and waits until the
// sender knows.
func (d *demo) write(ctx context.Context, from, to *person, text string) (string, error) {
	sent, err := from.client.MessageSend(ctx, api.MessageSendParams{To: to.account, Text: text})
	if err != nil {
		return "", fmt.Errorf("%s writes: %w", from.title, err)
	}
	if _, err := await(ctx, to, func(m api.Message) bool { return !m.Outgoing && m.Text == text }, api.EventMessageNew); err != nil {
		return "", fmt.Errorf("%s waits for the message: %w", to.title, err)
	}
	if _, err := await(ctx, from, func(m api.Message) bool { return m.Message == sent.Message && arrived(m) }, api.EventMessageNew, api.EventMessageChanged); err != nil {
		return "", fmt.Errorf("%s waits for the receipt: %w", from.title, err)
	}
	return fmt.Sprintf("%s wrote: %q %s has it, and %s knows.", from.title, text, to.title, from.title), nil
}

func arrived(m api.Message) bool {
	return m.State == api.StateDelivered || m.State == api.StateRead
}

func (d *demo) restart(ctx context.Context) (string, error) {
	for _, p := range []*person{d.alice, d.bob} {
		d.stage.leave(p)
	}
	alice, err := d.stage.enter(ctx, d.alice.name, nil)
	if err != nil {
		return "", err
	}
	bob, err := d.stage.enter(ctx, d.bob.name, alice.listen)
	if err != nil {
		return "", err
	}
	alice.handle, alice.account = d.alice.handle, d.alice.account
	bob.handle, bob.account = d.bob.handle, d.bob.account
	d.alice, d.bob = alice, bob
	return "Both daemons were stopped and started again, from what is encrypted on disk.", nil
}

func (d *demo) aliceReads(ctx context.Context) (string, error) { return d.read(ctx, d.alice, d.bob) }
func (d *demo) bobReads(ctx context.Context) (string, error)   { return d.read(ctx, d.bob, d.alice) }

// read returns the history that one has with the other.
func (d *demo) read(ctx context.Context, who, with *person) (string, error) {
	contact, err := who.client.ContactGet(ctx, api.PeerParams{Peer: with.account})
	if err != nil {
		return "", fmt.Errorf("%s reads: %w", who.title, err)
	}
	list, err := who.client.MessageList(ctx, api.MessageListParams{Conversation: contact.Conversation})
	if err != nil {
		return "", fmt.Errorf("%s reads: %w", who.title, err)
	}
	line, texts := who.title+"'s history:", 0
	for _, m := range list.Messages {
		name := with.title
		if m.Outgoing {
			name = "me"
		}
		if m.Kind == api.KindText {
			texts++
		}
		line += fmt.Sprintf("\n          %s  %s: %s", clock(m.SentAt), name, m.Text)
	}
	if texts != 2 {
		return "", fmt.Errorf("%s reads: %s are on disk, not 2", who.title, plural(texts, "message"))
	}
	return line, nil
}

// invitation says how to talk to the two while they stay up.
func (d *demo) invitation() {
	fmt.Fprintf(d.out, `
Both stay up until Ctrl-C. Talk to them from other terminals:

  p2pmsgd --data %[1]s read %[4]s --follow
  p2pmsgd --data %[2]s send %[3]s 'Hello from here'
  p2pmsgd --data %[1]s status

or through their sockets, one JSON-RPC message per line:

  %[5]s
  %[6]s
`, d.alice.dir, d.bob.dir, d.alice.handle, d.bob.handle, api.SocketPath(d.alice.dir), api.SocketPath(d.bob.dir))
}
