package series_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// TestChangesOfAProjectFollowEachOther: version numbers, series and dimensions are each found or made by looking first.
func TestChangesOfAProjectFollowEachOther(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		home := storetest.Home(t, s, "Acme")
		p := storetest.NewProject(t, s, project.Project{OrganizationID: home.ID, Name: "shop"})
		door := project.NewDoor(s, nil)
		var head series.Head
		storetest.Do(t, s, func(tx *store.Tx) (err error) {
			_, head, err = series.InsertBranch(t.Context(), tx, p.ID, "main", "")
			return err
		})
		var mu sync.Mutex
		var numbers []int64
		submit := func(ctx context.Context) error {
			var number int64
			err := door.Change(ctx, access.Actor{Kind: access.Local}, access.EditProject, p.Slug, func(tx *store.Tx, p project.Project) error {
				v, err := series.EnsureVersion(ctx, tx, p.ID, head.ID, "")
				if err != nil {
					return err
				}
				number = v.Number
				lab, err := series.EnsureTestbed(ctx, tx, p.ID, "lab")
				if err != nil {
					return err
				}
				b, err := series.EnsureBenchmarks(ctx, tx, p.ID, []string{"b"})
				if err != nil {
					return err
				}
				m, err := series.EnsureMeasures(ctx, tx, p.ID, []series.Measure{{Name: "latency", Units: "ns"}})
				if err != nil {
					return err
				}
				_, err = series.Ensure(ctx, tx, lab.ID, []series.Key{{BenchmarkID: b["b"].ID, MeasureID: m["latency"].ID}})
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			numbers = append(numbers, number)
			return err
		}
		first := func(ctx context.Context) error { return submit(ctx) }
		if of1, of2 := race.Run(1, first, submit); of1 != nil || of2 != nil {
			t.Fatalf("the first: %v; the second: %v", of1, of2)
		}
		slices.Sort(numbers) // who returns first does not matter
		if diff := cmp.Diff("[0 1]", fmt.Sprint(numbers)); diff != "" {
			t.Errorf("numbers of versions (-want +got):\n%s", diff)
		}
	})
}

// TestASlugThatIsTakenMeanwhileGetsASuffix where it was made from a name.
func TestASlugThatIsTakenMeanwhileGetsASuffix(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		home := storetest.Home(t, s, "Acme")
		var slugs [2]string
		projects := func(n int) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				p, err := project.Insert(t.Context(), tx, project.Project{OrganizationID: home.ID, Name: "shop", Visibility: "public"})
				slugs[n] = p.Slug
				return err
			}
		}
		race.Tx(projects(0), projects(1))
		if slugs[0] != "shop" || slugs[1] == "shop" {
			t.Errorf("projects are %q, want shop and another", slugs)
		}
		p := storetest.NewProject(t, s, project.Project{OrganizationID: home.ID, Name: "yard"})
		branches := func(n int, name string) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				b, _, err := series.InsertBranch(t.Context(), tx, p.ID, name, "")
				slugs[n] = b.Slug
				return err
			}
		}
		race.Tx(branches(0, "a/b"), branches(1, "a-b"))
		if slugs[0] != "a-b" || slugs[1] == "a-b" {
			t.Errorf("branches are %q, want a-b and another", slugs)
		}
		testbeds := func(n int, name string) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				b, err := series.InsertTestbed(t.Context(), tx, series.Testbed{ProjectID: p.ID, Name: name})
				slugs[n] = b.Slug
				return err
			}
		}
		race.Tx(testbeds(0, "a/b"), testbeds(1, "a-b"))
		if slugs[0] != "a-b" || slugs[1] == "a-b" {
			t.Errorf("testbeds are %q, want a-b and another", slugs)
		}
	})
}
