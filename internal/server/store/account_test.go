package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// do runs f in a transaction that must succeed.
func do(t testing.TB, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// refused checks that f fails with kind and leaves nothing behind.
func refused(t testing.TB, s *Store, kind fault.Kind, f func(*Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); !fault.Is(err, kind) {
		t.Errorf("want a fault of kind %v, got %v", kind, err)
	}
}

func TestAccountIsFoundByUUIDAndSlug(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	ctx := t.Context()
	do(t, s, func(tx *Tx) error {
		if n, err := tx.CountAccounts(ctx); n != 0 || err != nil {
			t.Errorf("a new database has %d accounts (%v)", n, err)
		}
		made, err := tx.InsertAccount(ctx, "Ada Lovelace", true)
		if err != nil {
			return err
		}
		want := Account{ID: made.ID, Name: "Ada Lovelace", Slug: "ada-lovelace", Admin: true, Created: clock.t}
		for _, ref := range []string{made.ID, "ada-lovelace"} {
			got, err := tx.AccountByRef(ctx, ref)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("by %s: %v (-want +got):\n%s", ref, err, diff)
			}
		}
		byID, err := tx.AccountsByID(ctx, []string{made.ID, ident.NewUUID()})
		if diff := cmp.Diff(map[string]Account{made.ID: want}, byID); diff != "" {
			t.Errorf("by ids (-want +got):\n%s", diff)
		}
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.AccountByRef(ctx, "Ada Lovelace") // a name is no reference: two people may have one name
		return err
	})
	refused(t, s, fault.Conflict, func(tx *Tx) error {
		_, err := tx.InsertAccount(ctx, "ada lovelace", false)
		return err
	})
}

func TestAccountWithoutLettersGetsASlug(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	do(t, s, func(tx *Tx) error {
		for _, name := range []string{"李", "王"} {
			a, err := tx.InsertAccount(t.Context(), name, false)
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
	s, clock := open(t)
	ctx := t.Context()
	var ada Account
	var byName = map[string]Organization{}
	do(t, s, func(tx *Tx) (err error) {
		if ada, err = tx.InsertAccount(ctx, "ada", false); err != nil {
			return err
		}
		for _, name := range []string{"beta", "alpha", "gamma"} {
			if byName[name], err = tx.InsertOrganization(ctx, name, "free"); err != nil {
				return err
			}
		}
		if err := tx.AddMember(ctx, ada.ID, byName["beta"].ID, "member"); err != nil {
			return err
		}
		if err := tx.AddMember(ctx, ada.ID, byName["alpha"].ID, "leader"); err != nil {
			return err
		}
		return tx.AddMember(ctx, ada.ID, byName["beta"].ID, "leader") // the later role counts
	})
	do(t, s, func(tx *Tx) error {
		roles, err := tx.RolesOf(ctx, ada.ID)
		if diff := cmp.Diff(map[string]string{byName["alpha"].ID: "leader", byName["beta"].ID: "leader"}, roles); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		return err
	})
	for _, tc := range []struct {
		name    string
		account string
		page    Page
		want    []string
		total   int
	}{
		{"an account's own, by name", ada.ID, Page{Limit: 10}, []string{"alpha", "beta"}, 2},
		{"all", "", Page{Limit: 10}, []string{"alpha", "beta", "gamma"}, 3},
		{"a page tells the number of all", "", Page{Limit: 1, Offset: 1}, []string{"beta"}, 3},
		{"backwards", "", Page{Limit: 10, Desc: true}, []string{"gamma", "beta", "alpha"}, 3},
		{"behind the end", "", Page{Limit: 10, Offset: 9}, []string{}, 3},
		{"a stranger's", ident.NewUUID(), Page{Limit: 10}, []string{}, 0},
	} {
		do(t, s, func(tx *Tx) error {
			rows, total, err := tx.ListOrganizations(ctx, tc.account, tc.page)
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
	clock.advance(time.Minute)
	do(t, s, func(tx *Tx) error {
		if err := tx.SetPlan(ctx, byName["beta"].ID, "team"); err != nil {
			return err
		}
		want := byName["beta"]
		want.Plan, want.Modified = "team", clock.t
		got, err := tx.OrganizationByRef(ctx, "beta")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after SetPlan (-want +got):\n%s", diff)
		}
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.SetPlan(ctx, ident.NewUUID(), "team") })
	refused(t, s, fault.Conflict, func(tx *Tx) error {
		_, err := tx.InsertOrganization(ctx, "Beta", "free")
		return err
	})
}

func TestKeyLivesUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	ctx := t.Context()
	var ada, eve Account
	var first, second Key
	expires := clock.t.Add(time.Hour)
	do(t, s, func(tx *Tx) (err error) {
		if ada, err = tx.InsertAccount(ctx, "ada", false); err != nil {
			return err
		}
		if eve, err = tx.InsertAccount(ctx, "eve", false); err != nil {
			return err
		}
		first, err = tx.InsertKey(ctx, Key{Kind: "user", Hash: "h1", Hint: "tacho_user_aaaa…", Name: "laptop", AccountID: &ada.ID, Expires: &expires})
		return err
	})
	clock.advance(time.Minute)
	do(t, s, func(tx *Tx) (err error) {
		second, err = tx.InsertKey(ctx, Key{Kind: "user", Hash: "h2", Hint: "tacho_user_bbbb…", Name: "ci", AccountID: &ada.ID})
		return err
	})
	list := func(owner string, page Page) ([]Key, int) {
		t.Helper()
		var rows []Key
		var total int
		do(t, s, func(tx *Tx) (err error) {
			rows, total, err = tx.ListKeys(ctx, owner, page)
			return err
		})
		return rows, total
	}
	if rows, total := list(ada.ID, Page{Limit: 9, Desc: true}); total != 2 || cmp.Diff([]Key{second, first}, rows) != "" {
		t.Errorf("newest first: %d, %s", total, cmp.Diff([]Key{second, first}, rows))
	}
	if rows, total := list(ada.ID, Page{Limit: 1}); total != 2 || cmp.Diff([]Key{first}, rows) != "" {
		t.Errorf("the oldest of two: %d, %s", total, cmp.Diff([]Key{first}, rows))
	}
	if rows, total := list(eve.ID, Page{Limit: 9}); total != 0 || rows == nil || len(rows) != 0 {
		t.Errorf("another's keys: %d %v", total, rows)
	}
	do(t, s, func(tx *Tx) error { return tx.TouchKey(ctx, first.ID) })
	refused(t, s, fault.Missing, func(tx *Tx) error { return tx.RevokeKey(ctx, eve.ID, first.ID) })
	revokedAt := clock.t
	do(t, s, func(tx *Tx) error { return tx.RevokeKey(ctx, ada.ID, first.ID) })
	clock.advance(time.Minute)
	do(t, s, func(tx *Tx) error { return tx.RevokeKey(ctx, ada.ID, first.ID) }) // again: the first time counts
	want := first
	want.LastUsed, want.Revoked = &revokedAt, &revokedAt
	do(t, s, func(tx *Tx) error {
		got, err := tx.KeyByHash(ctx, "h1")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a revoked key (-want +got):\n%s", diff)
		}
		return err
	})
	refused(t, s, fault.Missing, func(tx *Tx) error {
		_, err := tx.KeyByHash(ctx, "h3")
		return err
	})
}
