package account_test

import (
	"context"
	"testing"

	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestTwoServersThatStartMakeOneAdministratorWithOneKey(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		d := openDesk(t, race.Open)
		if of1, of2 := race.Run(1, d.EnsureAdmin, d.EnsureAdmin); of1 != nil || of2 != nil {
			t.Errorf("make the administrator: %v; the second: %v", of1, of2)
		}
		var keys [2]string
		first := func(n int) func(context.Context) error {
			return func(ctx context.Context) (err error) {
				keys[n], err = d.FirstKey(ctx)
				return err
			}
		}
		if of1, of2 := race.Run(1, first(0), first(1)); of1 != nil || of2 != nil || keys[0] == "" || keys[1] != "" {
			t.Errorf("keys %q (%v, %v), want one for the first alone", keys, of1, of2)
		}
		d.tx(func(ctx context.Context, tx *store.Tx) error {
			n, err := account.Count(ctx, tx)
			if n != 1 {
				t.Errorf("%d accounts, want 1", n)
			}
			return err
		})
	})
}
