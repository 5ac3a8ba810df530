package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

// registryStore is a store with the projects "a" and "b", whose ids it returns.
func registryStore(t *testing.T) (s *Store, clock *testClock, a, b string) {
	t.Helper()
	s, clock = open(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		o, err := tx.InsertOrganization(ctx, "acme", "free")
		if err != nil {
			return err
		}
		pa, errA := tx.InsertProject(ctx, Project{OrganizationID: o.ID, Name: "a", Slug: "a", Visibility: "public"})
		pb, errB := tx.InsertProject(ctx, Project{OrganizationID: o.ID, Name: "b", Slug: "b", Visibility: "public"})
		a, b = pa.ID, pb.ID
		return errors.Join(errA, errB)
	})
	return s, clock, a, b
}

// commit runs f in a transaction that must succeed.
func commit(t *testing.T, s *Store, f func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), func(tx *Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// wantFault runs f in a transaction that must fail with the kind.
func wantFault(t *testing.T, s *Store, want fault.Kind, f func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), func(tx *Tx) error { return f(t.Context(), tx) }); err == nil || fault.Of(err) != want {
		t.Fatalf("want %v, got %v", want, err)
	}
}

func testDigest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

func TestRegistryManifestIsKeptWhole(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	want := RegistryManifest{
		ProjectID: a, Repository: "app", Digest: testDigest(1), MediaType: "x/y", ArtifactType: "z", Subject: testDigest(9),
		Annotations: `{"k":"v"}`, Size: 3, Body: []byte("{}\n"), Created: clock.now(),
	}
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		return tx.PutRegistryManifest(ctx, want, []string{testDigest(2)})
	})
	clock.advance(time.Hour)
	commit(t, s, func(ctx context.Context, tx *Tx) error { // again: nothing changes
		if err := tx.PutRegistryManifest(ctx, want, []string{testDigest(2), testDigest(2)}); err != nil {
			return err
		}
		got, err := tx.RegistryManifest(ctx, a, "app", testDigest(1))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("manifest (-want +got):\n%s", diff)
		}
		return err
	})
	for _, where := range [][2]string{{a, ""}, {a, "other"}, {b, "app"}} {
		wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error {
			_, err := tx.RegistryManifest(ctx, where[0], where[1], testDigest(1))
			return err
		})
	}
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		for repository, want := range map[string]bool{"app": true, "": false} {
			if got, err := tx.HasRegistryRepository(ctx, a, repository); got != want || err != nil {
				t.Errorf("repository %q: want %v, got %v, %v", repository, want, got, err)
			}
			if got, err := tx.HasRegistryManifest(ctx, a, repository, testDigest(1)); got != want || err != nil {
				t.Errorf("manifest in %q: want %v, got %v, %v", repository, want, got, err)
			}
		}
		return nil
	})
}

func TestRegistryTagNeedsItsManifestAndGoesWithIt(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error { return tx.SetRegistryTag(ctx, a, "", "v1", testDigest(1)) })
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		return errors.Join(
			tx.PutRegistryManifest(ctx, RegistryManifest{ProjectID: a, Digest: testDigest(1), Body: []byte("1")}, nil),
			tx.PutRegistryManifest(ctx, RegistryManifest{ProjectID: a, Digest: testDigest(2), Body: []byte("2")}, nil),
			tx.SetRegistryTag(ctx, a, "", "v1", testDigest(1)),
			tx.SetRegistryTag(ctx, a, "", "v1", testDigest(2)),
			tx.SetRegistryTag(ctx, a, "", "v2", testDigest(2)),
		)
	})
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		if got, err := tx.RegistryTag(ctx, a, "", "v1"); got != testDigest(2) || err != nil {
			t.Errorf("v1: got %s, %v", got, err)
		}
		return tx.DeleteRegistryTag(ctx, a, "", "v2")
	})
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error { return tx.DeleteRegistryTag(ctx, a, "", "v2") })
	commit(t, s, func(ctx context.Context, tx *Tx) error { return tx.DeleteRegistryManifest(ctx, a, "", testDigest(2)) })
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error { return tx.DeleteRegistryManifest(ctx, a, "", testDigest(2)) })
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error {
		_, err := tx.RegistryTag(ctx, a, "", "v1")
		return err
	})
}

func TestRegistryTagsAreOrderedWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		err := tx.PutRegistryManifest(ctx, RegistryManifest{ProjectID: a, Digest: testDigest(1), Body: []byte("1")}, nil)
		for _, tag := range []string{"b", "A", "a", "B", "1"} {
			err = errors.Join(err, tx.SetRegistryTag(ctx, a, "", tag, testDigest(1)))
		}
		return err
	})
	for last, want := range map[string]string{"": "1 A a B", "A": "a B b", "a": "B b", "aa": "B b", "b": "", "zzz": ""} {
		commit(t, s, func(ctx context.Context, tx *Tx) error {
			got, err := tx.RegistryTags(ctx, a, "", last, 4)
			if strings.Join(got, " ") != want || got == nil {
				t.Errorf("after %q: want %q, got %q", last, want, got)
			}
			return err
		})
	}
}

func TestRegistryBlobIsSeenByItsProject(t *testing.T) {
	t.Parallel()
	s, _, a, b := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error { return tx.PutRegistryBlob(ctx, a, testDigest(1), 42) })
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		if got, err := tx.RegistryBlob(ctx, a, testDigest(1)); got != 42 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		return nil
	})
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error {
		_, err := tx.RegistryBlob(ctx, b, testDigest(1))
		return err
	})
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error { return tx.DeleteRegistryBlob(ctx, b, testDigest(1)) })
	commit(t, s, func(ctx context.Context, tx *Tx) error { return tx.DeleteRegistryBlob(ctx, a, testDigest(1)) })
}

func TestForgetUnusedRegistryBlobsSparesTheYoungAndTheNamed(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		var err error
		for n := range 5 {
			err = errors.Join(err, tx.PutRegistryBlob(ctx, a, testDigest(n), 1), tx.PutRegistryBlob(ctx, b, testDigest(n), 1))
		}
		return errors.Join(err, tx.PutRegistryManifest(ctx, RegistryManifest{ProjectID: a, Digest: testDigest(9), Body: []byte("9")}, []string{testDigest(0)}))
	})
	clock.advance(time.Hour)
	commit(t, s, func(ctx context.Context, tx *Tx) error { return tx.PutRegistryBlob(ctx, a, testDigest(1), 1) }) // again
	forget := func(limit int) (n int64) {
		commit(t, s, func(ctx context.Context, tx *Tx) (err error) {
			n, err = tx.ForgetUnusedRegistryBlobs(ctx, clock.now().Add(-time.Minute), limit)
			return err
		})
		return n
	}
	if got := []int64{forget(6), forget(6), forget(6)}; cmp.Diff([]int64{6, 2, 0}, got) != "" {
		t.Errorf("forgotten in batches of 6: want [6 2 0], got %v", got)
	}
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		got, err := tx.BlobRoots(ctx, "", 10)
		if diff := cmp.Diff([]string{testDigest(0), testDigest(1)}, got); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		return err
	})
}

func TestBlobRootsAreThoseOfEveryOwnerOnce(t *testing.T) {
	t.Parallel()
	s, _, a, b := registryStore(t)
	rollBack := errors.New("roll back") // the rows of other rooms have no parents and could not be committed
	err := s.Tx(t.Context(), func(tx *Tx) error {
		for _, query := range []string{
			`pragma defer_foreign_keys = 1`,
			`insert into job_output (job_id, epoch, iteration, kind, digest, size, created) values ('j', 1, 0, 'stdout', '` + testDigest(2) + `', 1, 0)`,
			`insert into report_input (report_id, iteration, digest, size) values ('r', 0, '` + testDigest(4) + `', 1), ('r', 1, '` + testDigest(3) + `', 1)`,
		} {
			if _, err := tx.q.ExecContext(t.Context(), query); err != nil {
				return err
			}
		}
		for _, p := range []string{a, b} {
			for _, n := range []int{1, 3} {
				if err := tx.PutRegistryBlob(t.Context(), p, testDigest(n), 1); err != nil {
					return err
				}
			}
		}
		for last, want := range map[string][]string{
			"":            {testDigest(1), testDigest(2), testDigest(3)},
			testDigest(2): {testDigest(3), testDigest(4)},
			testDigest(4): {},
		} {
			got, err := tx.BlobRoots(t.Context(), last, 3)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("after %q (-want +got), %v:\n%s", last, err, diff)
			}
		}
		return rollBack
	})
	if !errors.Is(err, rollBack) {
		t.Fatal(err)
	}
}

func TestRegistryUploadBelongsToARepository(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		return errors.Join(tx.InsertRegistryUpload(ctx, "u1", a, "app"), tx.InsertRegistryUpload(ctx, "u2", a, ""))
	})
	clock.advance(time.Hour)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		if err := errors.Join(tx.InsertRegistryUpload(ctx, "u3", a, ""), tx.CheckRegistryUpload(ctx, "u1", a, "app")); err != nil {
			return err
		}
		for last, want := range map[string][]string{"": {"u1", "u2"}, "u1": {"u2"}} {
			got, err := tx.RegistryUploadsBefore(ctx, clock.now(), last, 9)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("begun before, after %q (-want +got), %v:\n%s", last, err, diff)
			}
		}
		if n, err := tx.CountRegistryUploads(ctx, a); n != 3 || err != nil {
			t.Errorf("count: want 3, got %d, %v", n, err)
		}
		return errors.Join(tx.DeleteRegistryUpload(ctx, "u2"), tx.DeleteRegistryUpload(ctx, "u2"))
	})
	for _, c := range [][3]string{{"u1", a, ""}, {"u1", b, "app"}, {"u2", a, ""}, {"u9", a, ""}} {
		wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error { return tx.CheckRegistryUpload(ctx, c[0], c[1], c[2]) })
	}
}

func TestRegistryScopesAreThoseThatHold(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		soon, late := tx.Now().Add(time.Minute), tx.Now().Add(time.Hour)
		return errors.Join(
			tx.InsertRegistryToken(ctx, RegistryToken{Hash: "two", ProjectID: a, Repository: "app", Actions: "pull", Expires: late}),
			tx.InsertRegistryToken(ctx, RegistryToken{Hash: "two", ProjectID: b, Repository: "*", Actions: "pull,push", Expires: soon}),
			tx.InsertRegistryToken(ctx, RegistryToken{Hash: "login", KeyHash: "key", Expires: late}),
		)
	})
	scopes := func(hash string) (got []string) {
		commit(t, s, func(ctx context.Context, tx *Tx) error {
			rows, err := tx.RegistryScopes(ctx, hash)
			for _, r := range rows {
				got = append(got, r.ProjectSlug+"/"+r.Repository+" "+r.Actions+r.KeyHash)
			}
			return err
		})
		return got
	}
	for hash, want := range map[string][]string{"two": {"a/app pull", "b/* pull,push"}, "login": {"/ key"}, "unknown": nil} {
		if diff := cmp.Diff(want, scopes(hash)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", hash, diff)
		}
	}
	clock.advance(time.Minute)
	if diff := cmp.Diff([]string{"a/app pull"}, scopes("two")); diff != "" {
		t.Errorf("a minute later (-want +got):\n%s", diff)
	}
	commit(t, s, func(ctx context.Context, tx *Tx) error { return tx.DeleteProject(ctx, a) })
	if got := scopes("two"); got != nil {
		t.Errorf("after the project's deletion: %v", got)
	}
	clock.advance(time.Hour)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		if err := tx.DeleteExpiredRegistryTokens(ctx); err != nil {
			return err
		}
		var left int
		err := tx.q.QueryRowContext(ctx, `select count(*) from registry_token`).Scan(&left)
		if left != 0 {
			t.Errorf("%d expired rows are left", left)
		}
		return err
	})
	wantFault(t, s, fault.Missing, func(ctx context.Context, tx *Tx) error {
		return tx.InsertRegistryToken(ctx, RegistryToken{Hash: "x", ProjectID: "nothing", Expires: tx.Now()})
	})
}

func TestRegistryReferrersAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	commit(t, s, func(ctx context.Context, tx *Tx) error {
		var err error
		for n := range 6 {
			m := RegistryManifest{ProjectID: a, Digest: testDigest(n), ArtifactType: []string{"even", "odd"}[n%2], Subject: testDigest(9), Body: []byte("x")}
			err = errors.Join(err, tx.PutRegistryManifest(ctx, m, nil))
		}
		return err
	})
	for _, c := range []struct {
		artifactType, last string
		limit              int
		want               []string
	}{
		{"", "", 9, []string{testDigest(0), testDigest(1), testDigest(2), testDigest(3), testDigest(4), testDigest(5)}},
		{"odd", "", 2, []string{testDigest(1), testDigest(3)}},
		{"odd", testDigest(3), 2, []string{testDigest(5)}},
		{"none", "", 2, nil},
	} {
		commit(t, s, func(ctx context.Context, tx *Tx) error {
			rows, err := tx.RegistryReferrers(ctx, RegistryReferrersParams{ProjectID: a, Subject: testDigest(9), ArtifactType: c.artifactType, Last: c.last, Limit: c.limit})
			var got []string
			for _, m := range rows {
				got = append(got, m.Digest)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", c, diff)
			}
			return err
		})
	}
}
