package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// fixture is a data folder with a project, in which reports keep their raw input as a blob.
type fixture struct {
	t       *testing.T
	data    string
	store   *store.Store
	blobs   *blob.Dir
	now     time.Time
	home    account.Organization
	project project.Project
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, data: filepath.Join(t.TempDir(), "data"), now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	f.open()
	t.Cleanup(func() { f.store.Close() })
	f.tx(func(tx *store.Tx) (err error) {
		if f.home, err = account.InsertOrganization(t.Context(), tx, "Acme", "free"); err != nil {
			return err
		}
		f.project, err = project.Insert(t.Context(), tx, project.Project{OrganizationID: f.home.ID, Name: "shop", Visibility: "public"})
		return err
	})
	return f
}

// newWholeFixture is one whose database is a file of its folder, for what is about that file: a PostgreSQL database is checked, backed up
// and restored by its own means.
func newWholeFixture(t *testing.T) *fixture {
	t.Helper()
	if testdb.Wanted(t) == testdb.Postgres {
		t.Skip("a PostgreSQL database has no file in the data folder")
	}
	return newFixture(t)
}

func (f *fixture) open() {
	f.t.Helper()
	var err error
	clock := func() time.Time { return f.now }
	if f.store, err = testdb.Open(f.t, store.Config{Path: filepath.Join(f.data, Database), Now: clock}); err != nil {
		f.t.Fatal(err)
	}
	if f.blobs, err = blob.OpenDir(filepath.Join(f.data, Blobs), clock); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) tx(do func(*store.Tx) error) {
	f.t.Helper()
	if err := f.store.Tx(f.t.Context(), do); err != nil {
		f.t.Fatal(err)
	}
}

// report keeps a processed report with one metric and its raw input; it returns the input's digest.
func (f *fixture) report(p project.Project, input string) blob.Digest {
	f.t.Helper()
	ctx := f.t.Context()
	digest, size, err := f.blobs.Put(ctx, strings.NewReader(input), 1<<20)
	if err != nil {
		f.t.Fatal(err)
	}
	f.tx(func(tx *store.Tx) error {
		testbed, err := series.EnsureTestbed(ctx, tx, p.ID, "lab")
		if err != nil {
			return err
		}
		branch, found, err := series.BranchByName(ctx, tx, p.ID, "main")
		if err == nil && !found {
			branch, _, err = series.InsertBranch(ctx, tx, p.ID, "main", "")
		}
		if err != nil {
			return err
		}
		version, err := series.EnsureVersion(ctx, tx, p.ID, branch.HeadID, "")
		if err != nil {
			return err
		}
		r, err := report.Insert(ctx, tx, report.Report{ID: ident.NewUUID(), ProjectID: p.ID, HeadID: branch.HeadID, VersionID: version.ID,
			TestbedID: testbed.ID, Adapter: "json", Status: api.ReportProcessed, StartTime: f.now, EndTime: f.now})
		if err != nil {
			return err
		}
		benchmarks, err := series.EnsureBenchmarks(ctx, tx, p.ID, []string{"b"})
		if err != nil {
			return err
		}
		measures, err := series.EnsureMeasures(ctx, tx, p.ID, []series.Measure{{Name: "Latency", Slug: "latency", Units: "ns",
			Direction: "lower"}})
		if err != nil {
			return err
		}
		key := series.Key{BenchmarkID: benchmarks["b"].ID, MeasureID: measures["Latency"].ID}
		series, err := series.Ensure(ctx, tx, testbed.ID, []series.Key{key})
		if err != nil {
			return err
		}
		if err := report.InsertMetrics(ctx, tx, []report.Metric{{ReportSeq: r.Seq, SeriesID: series[key], Value: 1,
			Samples: []float64{1, 2}}}); err != nil {
			return err
		}
		return report.SetInputs(ctx, tx, r.ID, []report.Input{{Digest: string(digest), Size: size}})
	})
	return digest
}

func (f *fixture) check() Checked {
	f.t.Helper()
	quiet := func(int, int) {}
	if testdb.Wanted(f.t) == testdb.Postgres {
		out, err := CheckBlobs(f.t.Context(), f.data, f.store, quiet)
		if err != nil {
			f.t.Fatal(err)
		}
		return out
	}
	out, err := Check(f.t.Context(), f.data, quiet)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// inputs are the digests that the fixture's reports name.
func (f *fixture) inputs() []blob.Digest {
	f.t.Helper()
	out, err := image.NamedBlobs(f.t.Context(), f.store)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// copied runs f for each blob that a backup copies: of the whole folder, or of the blobs where the database is elsewhere.
func (f *fixture) copied(to string, progress func(done, total int)) (blobs int) {
	f.t.Helper()
	p := BackupParams{Data: f.data, To: to, Version: "test", Now: f.now, Progress: progress}
	if testdb.Wanted(f.t) == testdb.Postgres {
		n, _, err := CopyBlobs(f.t.Context(), p, f.store)
		if err != nil {
			f.t.Fatal(err)
		}
		return n
	}
	m, err := Backup(f.t.Context(), p)
	if err != nil {
		f.t.Fatal(err)
	}
	return m.Blobs
}

func (f *fixture) backup(to string) Manifest {
	f.t.Helper()
	m, err := Backup(f.t.Context(), BackupParams{Data: f.data, To: to, Version: "test", Now: f.now, Progress: func(int, int) {}})
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// inputs are the digests that a folder's reports name.
func inputs(t *testing.T, data string) (out []blob.Digest) {
	t.Helper()
	db, err := store.Inspect(t.Context(), filepath.Join(data, Database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if out, err = image.NamedBlobs(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBackupOfARunningServerComesBackWhole(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	var acknowledged []blob.Digest
	for i := range 5 {
		acknowledged = append(acknowledged, f.report(f.project, fmt.Sprintf("before %d", i)))
	}
	// Reports go on to arrive; each is written while the backup copies a blob.
	to := filepath.Join(t.TempDir(), "backup")
	late := 0
	m, err := Backup(t.Context(), BackupParams{Data: f.data, To: to, Version: "test", Now: f.now, Progress: func(done, total int) {
		if total != 5 || done > total {
			t.Errorf("%d of %d", done, total)
		}
		late++
		f.report(f.project, fmt.Sprintf("late %d", late))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Blobs != 5 || m.Version != "test" || m.Schema == 0 || !m.Created.Equal(f.now) || late != 5 {
		t.Errorf("manifest %+v after %d late reports", m, late)
	}
	if got, err := Check(t.Context(), to, func(int, int) {}); err != nil || len(got.Problems) > 0 || got.Blobs != 5 {
		t.Errorf("the backup: %+v, %v", got, err)
	}
	data := filepath.Join(t.TempDir(), "again")
	if _, err := Restore(t.Context(), to, data, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(acknowledged)
	if diff := cmp.Diff(acknowledged, inputs(t, data)); diff != "" {
		t.Errorf("reports of the backup (-want +got):\n%s", diff)
	}
	again := &fixture{t: t, data: data, now: f.now}
	if got := again.check(); len(got.Problems) > 0 || got.Blobs != 5 || got.Garbage != 0 {
		t.Errorf("restored folder: %+v", got)
	}
	again.open()
	defer again.store.Close()
	again.report(f.project, "it goes on")
	if got := again.check(); len(got.Problems) > 0 || got.Blobs != 6 {
		t.Errorf("after a report: %+v", got)
	}
	for _, folder := range []string{to, data} {
		if err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestSecondBackupCopiesWhatIsNewAndTidies(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	stays, goes := f.report(f.project, "stays"), f.report(f.project, "goes")
	to := filepath.Join(t.TempDir(), "backup")
	first := f.backup(to)
	path := func(d blob.Digest) string { return filepath.Join(to, Blobs, "sha256", d.Hex()[:2], d.Hex()) }
	before, err := os.Stat(path(stays))
	if err != nil {
		t.Fatal(err)
	}
	f.tx(func(tx *store.Tx) error {
		reports, _, err := report.List(t.Context(), tx, f.project.ID, report.Filter{}, store.Page{Limit: 9})
		if err != nil {
			return err
		}
		return report.Delete(t.Context(), tx, reports[1].ID)
	})
	comes := f.report(f.project, "comes")
	second := f.backup(to)
	after, err := os.Stat(path(stays))
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a blob that was there was copied again: %v", err)
	}
	if _, err := os.Stat(path(comes)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path(goes)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what only the first backup needed is still there: %v", err)
	}
	databases, _ := filepath.Glob(filepath.Join(to, "*.db"))
	if len(databases) != 1 || first.Database == second.Database || filepath.Base(databases[0]) != second.Database {
		t.Errorf("databases %v, want %s alone", databases, second.Database)
	}
}

func TestBackupThatBreaksOffLeavesTheOneBefore(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	f.report(f.project, "first")
	to := filepath.Join(t.TempDir(), "backup")
	f.backup(to)
	want := inputs(t, f.data)
	for i := range 3 {
		f.report(f.project, fmt.Sprintf("more %d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Backup(ctx, BackupParams{Data: f.data, To: to, Now: f.now, Progress: func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want it canceled, got %v", err)
	}
	data := filepath.Join(t.TempDir(), "again")
	if _, err := Restore(t.Context(), to, data, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, inputs(t, data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := f.backup(to); m.Blobs != 4 {
		t.Errorf("the next backup has %d blobs", m.Blobs)
	}
}

func TestRestoreTakesNothingThatIsDamaged(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	digest := f.report(f.project, "kept output")
	edit := func(path string, at int64) func(t *testing.T, to string) {
		return func(t *testing.T, to string) {
			file := filepath.Join(to, path)
			if err := os.Chmod(file, 0o600); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			raw[at] ^= 1
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	where := filepath.Join(Blobs, "sha256", digest.Hex()[:2], digest.Hex())
	m := f.backup(filepath.Join(t.TempDir(), "model"))
	for name, c := range map[string]struct {
		damage func(t *testing.T, to string)
		says   string
	}{
		"no manifest":     {func(t *testing.T, to string) { os.Remove(filepath.Join(to, manifestName)) }, "no backup"},
		"half a manifest": {func(t *testing.T, to string) { os.Truncate(filepath.Join(to, manifestName), 20) }, "damaged"},
		"foreign manifest": {func(t *testing.T, to string) {
			os.WriteFile(filepath.Join(to, manifestName), []byte(`{"database":"../x"}`), 0o600)
		}, "damaged"},
		"other database": {edit(m.Database, 5000), "other bytes"},
		"no database":    {func(t *testing.T, to string) { os.Remove(filepath.Join(to, m.Database)) }, m.Database},
		"other blob":     {edit(where, 3), "digest"},
		"no blob":        {func(t *testing.T, to string) { os.Remove(filepath.Join(to, where)) }, digest.Hex()},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "backup")
			f.backup(to)
			c.damage(t, to)
			if got, err := Check(t.Context(), to, func(int, int) {}); err == nil && len(got.Problems) == 0 {
				t.Errorf("a check finds it whole: %+v", got)
			}
			parent := t.TempDir()
			_, err := Restore(t.Context(), to, filepath.Join(parent, "data"), func(int, int) {})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("want an error that says %q, got %v", c.says, err)
			}
			if left, _ := os.ReadDir(parent); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	to := filepath.Join(t.TempDir(), "backup")
	f.backup(to)
	if _, err := Restore(t.Context(), to, f.data, func(int, int) {}); !fault.Is(err, fault.Conflict) {
		t.Errorf("over a folder with a server's data: %v, want a conflict", err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "holiday.jpg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), BackupParams{Data: f.data, To: full, Progress: func(int, int) {}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("backup into a folder with other files: %v", err)
	}
	if _, err := Backup(t.Context(), BackupParams{Data: full, To: to, Progress: func(int, int) {}}); !fault.Is(err, fault.Missing) {
		t.Errorf("backup of a folder without data: %v", err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	flipped, missing := f.report(f.project, "flipped digit 1"), f.report(f.project, "missing")
	f.report(f.project, "fine")
	if _, _, err := f.blobs.Put(t.Context(), strings.NewReader("nobody names it"), 100); err != nil {
		t.Fatal(err)
	}
	if got := f.check(); len(got.Problems) != 0 || got.Blobs != 3 || got.Garbage != 1 ||
		got.Bytes != int64(len("flipped digit 1missingfine")) || got.Schema == 0 {
		t.Errorf("whole folder: %+v", got)
	}
	path := filepath.Join(f.data, Blobs, "sha256", flipped.Hex()[:2], flipped.Hex())
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("flipped digit 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.blobs.Delete(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	about := map[string]bool{}
	for _, p := range f.check().Problems {
		about[p.Thing] = true
	}
	if diff := cmp.Diff(map[string]bool{string(flipped): true, string(missing): true}, about); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestCheckFindsADamagedDatabase(t *testing.T) {
	t.Parallel()
	f := newWholeFixture(t)
	f.report(f.project, "fine")
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(f.data, Database))
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096 + 20; at < len(raw); at += 4096 { // every page but the first one
		copy(raw[at:], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	}
	if err := os.WriteFile(filepath.Join(f.data, Database), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Check(t.Context(), f.data, func(int, int) {})
	if err == nil && !slices.ContainsFunc(got.Problems, func(p Problem) bool { return p.Thing == Database }) {
		t.Errorf("a damaged database was found whole: %+v", got)
	}
}

func TestDeletedProjectIsPurgedWithItsBlobsAfterItsGrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var other project.Project
	f.tx(func(tx *store.Tx) (err error) {
		other, err = project.Insert(t.Context(), tx, project.Project{OrganizationID: f.home.ID, Name: "other", Visibility: "public"})
		return err
	})
	for i := range 20 {
		f.report(f.project, fmt.Sprintf("of the shop %d", i))
	}
	kept := f.report(other, "of the other")
	shared := f.report(other, "of the shop 7")
	f.tx(func(tx *store.Tx) error { return project.Delete(t.Context(), tx, f.project.ID) })

	collect := func() Collected {
		t.Helper()
		out, err := Collect(t.Context(), f.data, f.store, f.now, Retention{Deleted: 24 * time.Hour},
			func(ctx context.Context) (n int, err error) {
				named := f.inputs()
				return n, f.blobs.List(ctx, func(info blob.Info) error {
					if slices.Contains(named, info.Digest) {
						return nil
					}
					n++
					return f.blobs.Delete(ctx, info.Digest)
				})
			})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	f.now = f.now.Add(23 * time.Hour)
	if out := collect(); out.Steps != 0 || out.Blobs != 0 {
		t.Errorf("within the grace: %+v", out)
	}
	f.now = f.now.Add(2 * time.Hour)
	if out := collect(); out.Steps == 0 || out.Blobs != 19 {
		t.Errorf("after it: %+v, want 19 blobs, because the other project has one of the 20 too", out)
	}
	want := []blob.Digest{kept, shared}
	slices.Sort(want)
	if diff := cmp.Diff(want, f.inputs()); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if got := f.check(); len(got.Problems) != 0 || got.Garbage != 0 {
		t.Errorf("%+v", got)
	}
	if out := collect(); out != (Collected{}) {
		t.Errorf("once more: %+v", out)
	}
}

func TestRawOutputsGoAfterTheirRetentionAndResultsStay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.report(f.project, "old")
	f.now = f.now.Add(48 * time.Hour)
	young := f.report(f.project, "young")
	keep := Retention{Outputs: 24 * time.Hour}
	out, err := Collect(t.Context(), f.data, f.store, f.now, keep, func(context.Context) (int, error) { return 0, nil })
	if err != nil || out.Rows != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if diff := cmp.Diff([]blob.Digest{young}, f.inputs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var metrics []int // of each report
	f.tx(func(tx *store.Tx) error {
		reports, _, err := report.List(t.Context(), tx, f.project.ID, report.Filter{}, store.Page{Limit: 9})
		metrics = nil
		for _, r := range reports {
			of, err := report.Metrics(t.Context(), tx, r.Seq, 0, limits.MetricsPerReport)
			if err != nil {
				return err
			}
			metrics = append(metrics, len(of))
		}
		return err
	})
	if diff := cmp.Diff([]int{1, 1}, metrics); diff != "" {
		t.Errorf("metrics of each report (-want +got):\n%s", diff)
	}
	if out, err = Collect(t.Context(), f.data, f.store, f.now, Retention{},
		func(context.Context) (int, error) { return 0, nil }); err != nil || out.Rows != 0 {
		t.Errorf("kept for ever: %+v, %v", out, err)
	}
}

func TestNothingIsCollectedWhileABackupReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.report(f.project, "one")
	collected := func() Collected {
		out, err := Collect(t.Context(), f.data, f.store, f.now, Retention{}, func(context.Context) (int, error) { return 1, nil })
		if err != nil {
			t.Error(err)
		}
		return out
	}
	if n := f.copied(filepath.Join(t.TempDir(), "b"), func(int, int) {
		if out := collected(); !out.Busy || out.Blobs != 0 {
			t.Errorf("during the backup: %+v", out)
		}
		f.check()
	}); n != 1 {
		t.Errorf("%d blobs were copied", n)
	}
	if out := collected(); out.Busy || out.Blobs != 1 {
		t.Errorf("after it: %+v", out)
	}
}

func TestPurgeGoesInSmallSteps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 7 {
		f.report(f.project, fmt.Sprintf("%d", i))
	}
	f.tx(func(tx *store.Tx) error {
		commits := []series.Commit{{Hash: "a"}, {Hash: "b"}, {Hash: "c"}, {Hash: "d"}}
		return series.KeepCommits(t.Context(), tx, f.project.ID, commits)
	})
	f.tx(func(tx *store.Tx) error { return project.Delete(t.Context(), tx, f.project.ID) })
	f.now = f.now.Add(time.Hour)
	steps := 0
	for more := true; more; steps++ {
		f.tx(func(tx *store.Tx) (err error) {
			more, err = tx.PurgeDeleted(t.Context(), f.now, 3)
			return err
		})
	}
	// 7 samples, metrics, parts, reports and 4 commits by threes, one series, one benchmark, the project, and a look that finds none
	if want := 3 + 3 + 3 + 3 + 2 + 1 + 1 + 1 + 1; steps != want {
		t.Errorf("%d steps, want %d", steps, want)
	}
	if limits.UpkeepBatch < 100 {
		t.Error("the real steps are smaller than a test's")
	}
}

func TestBlobsOfADatabaseElsewhereAreCopiedWhileReportsArrive(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // on either database: it is opened by who copies
	before := f.report(f.project, "before")
	to := filepath.Join(t.TempDir(), "copy")
	p := BackupParams{Data: f.data, To: to, Now: f.now, Progress: func(int, int) { f.report(f.project, "late") }}
	if n, _, err := CopyBlobs(t.Context(), p, f.store); err != nil || n != 1 {
		t.Fatalf("%d blobs (%v), want the one of the report before", n, err)
	}
	out, err := CheckBlobs(t.Context(), to, f.store, func(int, int) {})
	if err != nil || out.Blobs != 2 || len(out.Problems) != 1 || out.Problems[0].Thing == string(before) {
		t.Errorf("%+v (%v), want the late one missing alone", out, err)
	}
	p.Progress = func(int, int) {}
	if n, _, err := CopyBlobs(t.Context(), p, f.store); err != nil || n != 2 {
		t.Errorf("again: %d blobs (%v)", n, err)
	}
	if out, err := CheckBlobs(t.Context(), to, f.store, func(int, int) {}); err != nil || len(out.Problems) != 0 {
		t.Errorf("then: %+v (%v)", out, err)
	}
}
