package image_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// registryStore is a store with the projects "a" and "b", whose ids it returns.
func registryStore(t *testing.T) (s *store.Store, clock *storetest.Clock, a, b string) {
	t.Helper()
	s, clock = storetest.Open(t)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		o, err := account.InsertOrganization(ctx, tx, "acme", "free")
		if err != nil {
			return err
		}
		pa, errA := project.Insert(ctx, tx, project.Project{OrganizationID: o.ID, Name: "a", Slug: "a", Visibility: "public"})
		pb, errB := project.Insert(ctx, tx, project.Project{OrganizationID: o.ID, Name: "b", Slug: "b", Visibility: "public"})
		a, b = pa.ID, pb.ID
		return errors.Join(errA, errB)
	})
	return s, clock, a, b
}

func testDigest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

func TestRegistryManifestIsKeptWhole(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	want := image.Manifest{
		ProjectID: a, Repository: "app", Digest: testDigest(1), MediaType: "x/y", ArtifactType: "z", Subject: testDigest(9),
		Annotations: `{"k":"v"}`, Size: 3, Body: []byte("{}\n"), Created: clock.Now(),
	}
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return image.PutManifest(ctx, tx, want, []string{testDigest(2)})
	})
	clock.Advance(time.Hour)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error { // again: nothing changes
		if err := image.PutManifest(ctx, tx, want, []string{testDigest(2), testDigest(2)}); err != nil {
			return err
		}
		got, err := image.FindManifest(ctx, tx, a, "app", testDigest(1))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("manifest (-want +got):\n%s", diff)
		}
		return err
	})
	for _, where := range [][2]string{{a, ""}, {a, "other"}, {b, "app"}} {
		storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
			_, err := image.FindManifest(ctx, tx, where[0], where[1], testDigest(1))
			return err
		})
	}
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		for repository, want := range map[string]bool{"app": true, "": false} {
			if got, err := image.HasRepository(ctx, tx, a, repository); got != want || err != nil {
				t.Errorf("repository %q: want %v, got %v, %v", repository, want, got, err)
			}
			if got, err := image.HasManifest(ctx, tx, a, repository, testDigest(1)); got != want || err != nil {
				t.Errorf("manifest in %q: want %v, got %v, %v", repository, want, got, err)
			}
		}
		return nil
	})
}

func TestRegistryTagNeedsItsManifestAndGoesWithIt(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		return image.SetTag(ctx, tx, a, "", "v1", testDigest(1))
	})
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			image.PutManifest(ctx, tx, image.Manifest{ProjectID: a, Digest: testDigest(1), Body: []byte("1")}, nil),
			image.PutManifest(ctx, tx, image.Manifest{ProjectID: a, Digest: testDigest(2), Body: []byte("2")}, nil),
			image.SetTag(ctx, tx, a, "", "v1", testDigest(1)),
			image.SetTag(ctx, tx, a, "", "v1", testDigest(2)),
			image.SetTag(ctx, tx, a, "", "v2", testDigest(2)),
		)
	})
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		if got, err := image.FindTag(ctx, tx, a, "", "v1"); got != testDigest(2) || err != nil {
			t.Errorf("v1: got %s, %v", got, err)
		}
		return image.DeleteTag(ctx, tx, a, "", "v2")
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error { return image.DeleteTag(ctx, tx, a, "", "v2") })
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return image.DeleteManifest(ctx, tx, a, "", testDigest(2))
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		return image.DeleteManifest(ctx, tx, a, "", testDigest(2))
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		_, err := image.FindTag(ctx, tx, a, "", "v1")
		return err
	})
}

func TestRegistryTagsAreOrderedWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		err := image.PutManifest(ctx, tx, image.Manifest{ProjectID: a, Digest: testDigest(1), Body: []byte("1")}, nil)
		for _, tag := range []string{"b", "A", "a", "B", "1"} {
			err = errors.Join(err, image.SetTag(ctx, tx, a, "", tag, testDigest(1)))
		}
		return err
	})
	for last, want := range map[string]string{"": "1 A a B", "A": "a B b", "a": "B b", "aa": "B b", "b": "", "zzz": ""} {
		storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := image.Tags(ctx, tx, a, "", last, 4)
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
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return image.PutBlob(ctx, tx, a, testDigest(1), 42)
	})
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		if got, err := image.BlobSize(ctx, tx, a, testDigest(1)); got != 42 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		return nil
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		_, err := image.BlobSize(ctx, tx, b, testDigest(1))
		return err
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		return image.DeleteBlob(ctx, tx, b, testDigest(1))
	})
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return image.DeleteBlob(ctx, tx, a, testDigest(1))
	})
}

func TestForgetUnusedRegistryBlobsSparesTheYoungAndTheNamed(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		var err error
		for n := range 5 {
			err = errors.Join(err, image.PutBlob(ctx, tx, a, testDigest(n), 1), image.PutBlob(ctx, tx, b, testDigest(n), 1))
		}
		return errors.Join(err, image.PutManifest(ctx, tx, image.Manifest{ProjectID: a, Digest: testDigest(9), Body: []byte("9")},
			[]string{testDigest(0)}))
	})
	clock.Advance(time.Hour)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return image.PutBlob(ctx, tx, a, testDigest(1), 1)
	}) // again
	type outcome struct {
		More bool
		Left int
	}
	forget := func(limit int) (o outcome) {
		storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			if o.More, err = image.ForgetUnusedBlobs(ctx, tx, clock.Now().Add(-time.Minute), limit); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `select count(*) from registry_blob`).Scan(&o.Left)
		})
		return o
	}
	got := []outcome{forget(4), forget(4), forget(4), forget(4)}
	if diff := cmp.Diff([]outcome{{true, 7}, {true, 3}, {true, 2}, {false, 2}}, got); diff != "" {
		t.Errorf("forgotten by project in batches of 4 (-want +got):\n%s", diff)
	}
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		got, err := image.BlobRoots(ctx, tx, "", 10)
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
	err := s.Tx(t.Context(), func(tx *store.Tx) error {
		for _, query := range []string{
			map[testdb.Kind]string{testdb.SQLite: `pragma defer_foreign_keys = 1`,
				testdb.Postgres: `set local session_replication_role = replica`}[testdb.Wanted(t)],
			`insert into job_output (job_id, epoch, iteration, kind, digest, size, created) values ('j', 1, 0, 'stdout', '` + testDigest(2) +
				`', 1, 0)`,
			`insert into report_input (report_id, iteration, digest, size) values ('r', 0, '` + testDigest(4) + `', 1), ('r', 1, '` +
				testDigest(3) + `', 1)`,
		} {
			if _, err := tx.Exec(t.Context(), query); err != nil {
				return err
			}
		}
		for _, p := range []string{a, b} {
			for _, n := range []int{1, 3} {
				if err := image.PutBlob(t.Context(), tx, p, testDigest(n), 1); err != nil {
					return err
				}
			}
		}
		for last, want := range map[string][]string{
			"":            {testDigest(1), testDigest(2), testDigest(3)},
			testDigest(2): {testDigest(3), testDigest(4)},
			testDigest(4): {},
		} {
			got, err := image.BlobRoots(t.Context(), tx, last, 3)
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
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(image.InsertUpload(ctx, tx, "u1", a, "app"), image.InsertUpload(ctx, tx, "u2", a, ""))
	})
	clock.Advance(time.Hour)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := errors.Join(image.InsertUpload(ctx, tx, "u3", a, ""), image.CheckUpload(ctx, tx, "u1", a, "app")); err != nil {
			return err
		}
		for last, want := range map[string][]string{"": {"u1", "u2"}, "u1": {"u2"}} {
			got, err := image.UploadsBefore(ctx, tx, clock.Now(), last, 9)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("begun before, after %q (-want +got), %v:\n%s", last, err, diff)
			}
		}
		if n, err := image.CountUploads(ctx, tx, a); n != 3 || err != nil {
			t.Errorf("count: want 3, got %d, %v", n, err)
		}
		return errors.Join(image.DeleteUpload(ctx, tx, "u2"), image.DeleteUpload(ctx, tx, "u2"))
	})
	for _, c := range [][3]string{{"u1", a, ""}, {"u1", b, "app"}, {"u2", a, ""}, {"u9", a, ""}} {
		storetest.WantFault(t, s, fault.Missing, func(ctx context.Context,
			tx *store.Tx) error {
			return image.CheckUpload(ctx, tx, c[0], c[1], c[2])
		})
	}
}

func TestRegistryScopesAreThoseThatHold(t *testing.T) {
	t.Parallel()
	s, clock, a, b := registryStore(t)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		soon, late := tx.Now().Add(time.Minute), tx.Now().Add(time.Hour)
		return errors.Join(
			image.InsertToken(ctx, tx, image.Token{Hash: "two", ProjectID: a, Repository: "app", Actions: "pull", Expires: late}),
			image.InsertToken(ctx, tx, image.Token{Hash: "two", ProjectID: b, Repository: "*", Actions: "pull,push", Expires: soon}),
			image.InsertToken(ctx, tx, image.Token{Hash: "login", KeyHash: "key", Expires: late}),
		)
	})
	scopes := func(hash string) (got []string) {
		storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
			rows, err := image.Scopes(ctx, tx, hash)
			got = nil
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
	clock.Advance(time.Minute)
	if diff := cmp.Diff([]string{"a/app pull"}, scopes("two")); diff != "" {
		t.Errorf("a minute later (-want +got):\n%s", diff)
	}
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error { return project.Delete(ctx, tx, a) })
	if got := scopes("two"); got != nil {
		t.Errorf("after the project's deletion: %v", got)
	}
	clock.Advance(time.Hour)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := image.DeleteExpiredTokens(ctx, tx); err != nil {
			return err
		}
		var left int
		err := tx.QueryRow(ctx, `select count(*) from registry_token`).Scan(&left)
		if left != 0 {
			t.Errorf("%d expired rows are left", left)
		}
		return err
	})
	storetest.WantFault(t, s, fault.Missing, func(ctx context.Context, tx *store.Tx) error {
		return image.InsertToken(ctx, tx, image.Token{Hash: "x", ProjectID: "nothing", Expires: tx.Now()})
	})
}

func TestRegistryReferrersAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s, _, a, _ := registryStore(t)
	storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
		var err error
		for n := range 6 {
			m := image.Manifest{ProjectID: a, Digest: testDigest(n), ArtifactType: []string{"even", "odd"}[n%2], Subject: testDigest(9),
				Body: []byte("x")}
			err = errors.Join(err, image.PutManifest(ctx, tx, m, nil))
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
		storetest.Commit(t, s, func(ctx context.Context, tx *store.Tx) error {
			rows, err := image.Referrers(ctx, tx, image.ReferrersParams{ProjectID: a, Subject: testDigest(9), ArtifactType: c.artifactType,
				Last: c.last, Limit: c.limit})
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
