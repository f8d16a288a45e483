package daemon

import (
	"context"
	"errors"
	"strings"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/p2pmsgd/p2pmsgd/chat"
)

var (
	errLocked    = api.Errorf(api.KindLocked, "the data folder is locked").WithHint("unlock it with account.unlock")
	errNoAccount = api.Errorf(api.KindNotFound, "there is no account here yet").WithHint("account.create makes one, and so does claiming a handle")
)

// chat returns the account's part of the daemon, if it is unlocked and there
// is an account.
func (d *Daemon) chat() (*chat.Chat, error) {
	u := d.open.Load()
	switch {
	case u == nil:
		return nil, errLocked
	case u.chat == nil:
		return nil, errNoAccount
	}
	return u.chat, nil
}

// chatOrNew is chat, but makes an account without a name when there is none:
// what is asked for needs one, and making it takes no decision.
func (d *Daemon) chatOrNew(ctx context.Context) (*chat.Chat, error) {
	c, err := d.chat()
	if !errors.Is(err, errNoAccount) {
		return c, err
	}
	if err := d.create(ctx, ""); err != nil && !errors.Is(err, chat.ErrAccountExists) {
		return nil, err
	}
	return d.chat()
}

// create makes the account and starts it.
func (d *Daemon) create(ctx context.Context, name string) error {
	return d.ask(ctx, func(ctx context.Context) error {
		u := d.open.Load()
		if u == nil {
			return errLocked
		}
		if u.chat != nil {
			return chat.ErrAccountExists
		}
		self, err := chat.CreateAccount(ctx, d.cfg.Chat, u.db, name)
		if err != nil {
			return err
		}
		// The parts of an open account start together, so those that run are
		// stopped and started again around the store, which stays open.
		u.stop()
		if err := u.group.Wait(); err != nil {
			return err
		}
		if err := d.start(ctx, u.db, self); err != nil {
			// The store is closed, and nothing runs on it: it is as if locked.
			d.open.Store(nil)
			return err
		}
		return nil
	})
}

func (d *Daemon) accountCreate(ctx context.Context, p api.AccountCreateParams) (api.Account, error) {
	if p.Handle != "" {
		if err := checkName(p.Handle); err != nil {
			return api.Account{}, err
		}
	}
	if err := d.create(ctx, p.Name); err != nil {
		return api.Account{}, err
	}
	if p.Handle != "" {
		if _, err := d.claim(ctx, p.Handle); err != nil {
			return api.Account{}, err
		}
	}
	return d.accountGet(ctx, api.Empty{})
}

func (d *Daemon) accountGet(context.Context, api.Empty) (api.Account, error) {
	c, err := d.chat()
	if err != nil {
		return api.Account{}, err
	}
	return d.renderAccount(c.Me()), nil
}

func (d *Daemon) accountUpdate(ctx context.Context, p api.AccountUpdateParams) (api.Account, error) {
	c, err := d.chat()
	if err != nil {
		return api.Account{}, err
	}
	me, err := c.SetName(ctx, p.Name)
	if err != nil {
		return api.Account{}, err
	}
	return d.renderAccount(me), nil
}

func (d *Daemon) accountRecoveryPhrase(ctx context.Context, _ api.Empty) (api.AccountRecoveryPhraseResult, error) {
	c, err := d.chat()
	if err != nil {
		return api.AccountRecoveryPhraseResult{}, err
	}
	words, err := c.Phrase(ctx)
	if err != nil {
		return api.AccountRecoveryPhraseResult{}, err
	}
	return api.AccountRecoveryPhraseResult{Phrase: strings.Join(words, " ")}, nil
}

func (d *Daemon) accountLock(ctx context.Context, _ api.AccountLockParams) (api.Empty, error) {
	if !d.keyring.Protected() {
		return api.Empty{}, api.Errorf(api.KindConflict, "no passphrase protects this data folder, so there is nothing to lock it with").
			WithHint("set one with account.setPassphrase")
	}
	return api.Empty{}, d.ask(ctx, func(context.Context) error { return d.close() })
}

func (d *Daemon) accountUnlock(ctx context.Context, p api.AccountUnlockParams) (api.Empty, error) {
	return api.Empty{}, d.ask(ctx, func(ctx context.Context) error { return d.unlock(ctx, []byte(p.Passphrase)) })
}

func (d *Daemon) accountSetPassphrase(ctx context.Context, p api.AccountSetPassphraseParams) (api.Empty, error) {
	if d.open.Load() == nil {
		return api.Empty{}, errLocked
	}
	return api.Empty{}, d.ask(ctx, func(context.Context) error {
		return d.keyring.SetPassphrase([]byte(p.Old), []byte(p.New))
	})
}
