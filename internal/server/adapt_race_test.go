package server

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestTwoPushesToANewProjectMakeIt(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		storetest.Home(t, s, "Acme")
		g := &gate{store: s, accounts: account.New(s, rand.Reader, fleet.RunnerIDByKeyHash), visible: "public"}
		var made [2]project.Project
		push := func(n int) func(context.Context) error {
			return func(ctx context.Context) (err error) {
				made[n], err = g.find(ctx, access.Actor{Kind: access.Local}, "shop", true)
				return err
			}
		}
		if of1, of2 := race.Run(1, push(0), push(1)); of1 != nil || of2 != nil || made[0].ID != made[1].ID || made[0].ID == "" {
			t.Errorf("projects %s (%v) and %s (%v), want one", made[0].ID, of1, made[1].ID, of2)
		}
	})
}
