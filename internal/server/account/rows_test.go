package account_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestAccountIsFoundByUUIDAndSlug(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	ctx := t.Context()
	storetest.Do(t, s, func(tx *store.Tx) error {
		if n, err := account.Count(ctx, tx); n != 0 || err != nil {
			t.Errorf("a new database has %d accounts (%v)", n, err)
		}
		made, err := account.Insert(ctx, tx, "Ada Lovelace", true)
		if err != nil {
			return err
		}
		want := account.Account{ID: made.ID, Name: "Ada Lovelace", Slug: "ada-lovelace", Admin: true, Created: clock.T}
		for _, ref := range []string{made.ID, "ada-lovelace"} {
			got, err := account.ByRef(ctx, tx, ref)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by %s: %v (-want +got):\n%s", ref, err, diff)
			}
		}
		byID, err := account.ByID(ctx, tx, []string{made.ID, ident.NewUUID()})
		if diff := cmp.Diff(map[string]account.Account{made.ID: want}, byID); diff != "" {
			t.Errorf("by ids (-want +got):\n%s", diff)
		}
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := account.ByRef(ctx, tx, "Ada Lovelace") // a name is no reference: two people may have one name
		return err
	})
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
		_, err := account.Insert(ctx, tx, "ada lovelace", false)
		return err
	})
}

func TestAccountWithoutLettersGetsASlug(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	storetest.Do(t, s, func(tx *store.Tx) error {
		for _, name := range []string{"李", "王"} {
			a, err := account.Insert(t.Context(), tx, name, false)
			if err != nil {
				return err
			}
			if !ident.IsSlug(a.Slug) {
				t.Errorf("%s has the slug %q", name, a.Slug)
			}
		}
		return nil
	})
}

func TestOrganizationsOfAnAccount(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	ctx := t.Context()
	var ada account.Account
	var byName = map[string]account.Organization{}
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		if ada, err = account.Insert(ctx, tx, "ada", false); err != nil {
			return err
		}
		for _, name := range []string{"beta", "alpha", "gamma"} {
			if byName[name], err = account.InsertOrganization(ctx, tx, name, "free"); err != nil {
				return err
			}
		}
		if err := account.AddMember(ctx, tx, ada.ID, byName["beta"].ID, "member"); err != nil {
			return err
		}
		if err := account.AddMember(ctx, tx, ada.ID, byName["alpha"].ID, "leader"); err != nil {
			return err
		}
		return account.AddMember(ctx, tx, ada.ID, byName["beta"].ID, "leader") // the later role counts
	})
	storetest.Do(t, s, func(tx *store.Tx) error {
		roles, err := account.RolesOf(ctx, tx, ada.ID)
		if diff := cmp.Diff(map[string]string{byName["alpha"].ID: "leader", byName["beta"].ID: "leader"}, roles); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		return err
	})
	for _, tc := range []struct {
		name    string
		account string
		page    store.Page
		want    []string
		total   int
	}{
		{"an account's own, by name", ada.ID, store.Page{Limit: 10}, []string{"alpha", "beta"}, 2},
		{"all", "", store.Page{Limit: 10}, []string{"alpha", "beta", "gamma"}, 3},
		{"a page tells the number of all", "", store.Page{Limit: 1, Offset: 1}, []string{"beta"}, 3},
		{"backwards", "", store.Page{Limit: 10, Desc: true}, []string{"gamma", "beta", "alpha"}, 3},
		{"behind the end", "", store.Page{Limit: 10, Offset: 9}, []string{}, 3},
		{"a stranger's", ident.NewUUID(), store.Page{Limit: 10}, []string{}, 0},
	} {
		storetest.Do(t, s, func(tx *store.Tx) error {
			rows, total, err := account.ListOrganizations(ctx, tx, tc.account, tc.page)
			got := []string{}
			for _, o := range rows {
				got = append(got, o.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || total != tc.total {
				t.Errorf("%s: want %d in all, got %d (-want +got):\n%s", tc.name, tc.total, total, diff)
			}
			return err
		})
	}
	clock.Advance(time.Minute)
	storetest.Do(t, s, func(tx *store.Tx) error {
		if err := account.SetPlan(ctx, tx, byName["beta"].ID, "team"); err != nil {
			return err
		}
		want := byName["beta"]
		want.Plan, want.Modified = "team", clock.T
		got, err := account.OrganizationByRef(ctx, tx, "beta")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after SetPlan (-want +got):\n%s", diff)
		}
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error { return account.SetPlan(ctx, tx, ident.NewUUID(), "team") })
	storetest.Refused(t, s, fault.Conflict, func(tx *store.Tx) error {
		_, err := account.InsertOrganization(ctx, tx, "Beta", "free")
		return err
	})
}

func TestKeyLivesUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	s, clock := storetest.Open(t)
	ctx := t.Context()
	var ada, eve account.Account
	var first, second account.Key
	expires := clock.T.Add(time.Hour)
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		if ada, err = account.Insert(ctx, tx, "ada", false); err != nil {
			return err
		}
		if eve, err = account.Insert(ctx, tx, "eve", false); err != nil {
			return err
		}
		first, err = account.InsertKey(ctx, tx, account.Key{Kind: "user", Hash: "h1", Hint: "tacho_user_aaaa…", Name: "laptop",
			AccountID: &ada.ID, Expires: &expires})
		return err
	})
	clock.Advance(time.Minute)
	storetest.Do(t, s, func(tx *store.Tx) (err error) {
		second, err = account.InsertKey(ctx, tx, account.Key{Kind: "user", Hash: "h2", Hint: "tacho_user_bbbb…", Name: "ci", AccountID: &ada.ID})
		return err
	})
	list := func(owner string, page store.Page) ([]account.Key, int) {
		t.Helper()
		var rows []account.Key
		var total int
		storetest.Do(t, s, func(tx *store.Tx) (err error) {
			rows, total, err = account.ListKeys(ctx, tx, owner, page)
			return err
		})
		return rows, total
	}
	if rows, total := list(ada.ID, store.Page{Limit: 9, Desc: true}); total != 2 || cmp.Diff([]account.Key{second, first}, rows) != "" {
		t.Errorf("newest first: %d, %s", total, cmp.Diff([]account.Key{second, first}, rows))
	}
	if rows, total := list(ada.ID, store.Page{Limit: 1}); total != 2 || cmp.Diff([]account.Key{first}, rows) != "" {
		t.Errorf("the oldest of two: %d, %s", total, cmp.Diff([]account.Key{first}, rows))
	}
	if rows, total := list(eve.ID, store.Page{Limit: 9}); total != 0 || rows == nil || len(rows) != 0 {
		t.Errorf("another's keys: %d %v", total, rows)
	}
	storetest.Do(t, s, func(tx *store.Tx) error { return account.TouchKey(ctx, tx, first.ID) })
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error { return account.RevokeKey(ctx, tx, eve.ID, first.ID) })
	revokedAt := clock.T
	storetest.Do(t, s, func(tx *store.Tx) error { return account.RevokeKey(ctx, tx, ada.ID, first.ID) })
	clock.Advance(time.Minute)
	storetest.Do(t, s, func(tx *store.Tx) error { return account.RevokeKey(ctx, tx, ada.ID, first.ID) }) // again: the first time counts
	want := first
	want.LastUsed, want.Revoked = &revokedAt, &revokedAt
	storetest.Do(t, s, func(tx *store.Tx) error {
		got, err := account.KeyByHash(ctx, tx, "h1")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a revoked key (-want +got):\n%s", diff)
		}
		return err
	})
	storetest.Refused(t, s, fault.Missing, func(tx *store.Tx) error {
		_, err := account.KeyByHash(ctx, tx, "h3")
		return err
	})
}
