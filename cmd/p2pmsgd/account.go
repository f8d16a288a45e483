package main

import (
	"context"
	"fmt"

	"github.com/p2pmsgd/p2pmsgd/api"
	"github.com/spf13/cobra"
)

func (a *app) accountVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Your account: make it, name it, protect it",
		Long: `Your account is a key that lives in the data folder, and nowhere else. Write down
the recovery phrase: without it a lost disk is a lost account.`,
		Example: `  p2pmsgd account create --name 'Alice Doe' --handle alice
  p2pmsgd account phrase
  p2pmsgd account passphrase`,
	}
	cmd.AddCommand(a.accountCreate(), a.accountShow(), a.accountName(), a.accountPhrase(),
		a.accountLock(), a.accountUnlock(), a.accountPassphrase())
	return a.group(cmd)
}

func (a *app) accountCreate() *cobra.Command {
	var p api.AccountCreateParams
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make the account of this data folder",
		Long: `Make the account of this data folder. With --handle it also claims that name, so
that others find you by it; "p2pmsgd handle claim" does so later.`,
		Example: "  p2pmsgd account create --name 'Alice Doe' --handle alice",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			acc, err := c.AccountCreate(ctx, p)
			if err != nil {
				return err
			}
			return a.showAccount(acc)
		}),
	}
	cmd.Flags().StringVar(&p.Name, "name", "", "display name that contacts see")
	cmd.Flags().StringVar(&p.Handle, "handle", "", "name to claim")
	return cmd
}

func (a *app) accountShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show the account",
		Long:    "Show the account of this data folder and its devices.",
		Example: "  p2pmsgd account show\n  p2pmsgd account show --json",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			acc, err := c.AccountGet(ctx)
			if err != nil {
				return err
			}
			return a.showAccount(acc)
		}),
	}
}

func (a *app) showAccount(acc api.Account) error {
	if a.json {
		return a.showJSON(acc)
	}
	rows := [][]string{
		{"account", string(acc.Account)},
		{"handle", or(acc.Handle, `none: "p2pmsgd handle claim NAME" claims one`)},
		{"name", or(oneLine(acc.Name), "none")},
		{"created", day(acc.CreatedAt)},
	}
	for _, d := range acc.Devices {
		rows = append(rows, []string{"device", string(d.Device) + marks(d.Name != "", oneLine(d.Name)) +
			marks(d.Current, "this one") + marks(!d.RevokedAt.IsZero(), "revoked")})
	}
	if !acc.RecoveryPhraseSeen {
		rows = append(rows, []string{"phrase", `never shown: "p2pmsgd account phrase", and write it down`})
	}
	return a.table(rows, "")
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

func (a *app) accountName() *cobra.Command {
	return &cobra.Command{
		Use:     "name NAME",
		Short:   "Change your display name",
		Long:    "Change the name that contacts see beside your handle. An empty one removes it.",
		Example: "  p2pmsgd account name 'Alice Doe'\n  p2pmsgd account name ''",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, c *api.Client, args []string) error {
			acc, err := c.AccountUpdate(ctx, api.AccountUpdateParams{Name: args[0]})
			if err != nil {
				return err
			}
			return a.showAccount(acc)
		}),
	}
}

func (a *app) accountPhrase() *cobra.Command {
	return &cobra.Command{
		Use:   "phrase",
		Short: "Show the recovery phrase",
		Long: `Show the recovery phrase: the words that bring the account back after a lost
disk. Whoever reads them is you. Write them on paper, and show them to nobody.`,
		Example: "  p2pmsgd account phrase",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			r, err := c.AccountRecoveryPhrase(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.err, "Write these words on paper. Whoever reads them is you.")
			return a.show(r, "%s", r.Phrase)
		}),
	}
}

func (a *app) accountLock() *cobra.Command {
	return &cobra.Command{
		Use:     "lock",
		Short:   "Forget the keys until the passphrase is given",
		Long:    `Close the data folder and forget its keys. Only with a passphrase, see "p2pmsgd account passphrase".`,
		Example: "  p2pmsgd account lock",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			if err := c.AccountLock(ctx, api.AccountLockParams{}); err != nil {
				return err
			}
			return a.show(api.Empty{}, "locked")
		}),
	}
}

func (a *app) accountUnlock() *cobra.Command {
	return &cobra.Command{
		Use:   "unlock",
		Short: "Give the passphrase to a locked daemon",
		Long: `Give the passphrase to a locked daemon. It is asked for on the terminal, or read
as one line from standard input.`,
		Example: "  p2pmsgd account unlock\n  pass show p2pmsgd | p2pmsgd account unlock",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			pass, err := a.asker().secret("Passphrase")
			if err != nil {
				return err
			}
			if err := c.AccountUnlock(ctx, api.AccountUnlockParams{Passphrase: pass}); err != nil {
				return err
			}
			return a.show(api.Empty{}, "unlocked")
		}),
	}
}

func (a *app) accountPassphrase() *cobra.Command {
	var protected bool
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Protect the data folder with a passphrase",
		Long: `Protect the data folder with a passphrase, or change it with --change. An empty
new one removes the protection. Passphrases are asked for on the terminal, or
read from standard input, one per line: the old one first, if there is one.

There is no way back without the passphrase but the recovery phrase.`,
		Example: "  p2pmsgd account passphrase\n  p2pmsgd account passphrase --change",
		Args:    cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, c *api.Client, _ []string) error {
			p, err := a.askPassphrase(protected)
			if err != nil {
				return err
			}
			if err := c.AccountSetPassphrase(ctx, p); err != nil {
				return err
			}
			if p.New == "" {
				return a.show(api.Empty{}, "the passphrase is gone")
			}
			return a.show(api.Empty{}, "the passphrase is set")
		}),
	}
	cmd.Flags().BoolVar(&protected, "change", false, "there is a passphrase already: ask for it first")
	return cmd
}

func (a *app) askPassphrase(protected bool) (p api.AccountSetPassphraseParams, err error) {
	ask := a.asker()
	if protected {
		if p.Old, err = ask.secret("Old passphrase"); err != nil {
			return p, err
		}
	}
	if p.New, err = ask.secret("New passphrase"); err != nil || !ask.terminal() {
		return p, err
	}
	again, err := ask.secret("Once more")
	if err == nil && again != p.New {
		err = fmt.Errorf("the two are not the same")
	}
	return p, err
}
