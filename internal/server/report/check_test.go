package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/report"
)

// early is what a run is before it has been measured.
func early(branch string, change func(*api.NewRun)) api.NewRun {
	r := run(branch, 0)
	r.Results = nil
	if change != nil {
		change(&r)
	}
	return r
}

func TestACheckedRunIsToldWhereItWouldGoAndLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	from := func(branch string) func(*api.NewRun) {
		return func(r *api.NewRun) { r.StartPoint = &api.StartPoint{Branch: branch} }
	}
	check := func(claim string, r api.NewRun, want api.RunCheck) {
		t.Helper()
		before := h.rows()
		got, err := h.check(r)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", claim, err, diff)
		}
		if diff := cmp.Diff(before, h.rows()); diff != "" {
			t.Errorf("%s: rows (-before +after):\n%s", claim, diff)
		}
	}
	linux := func(r *api.NewRun) { r.Context = map[string]string{"bencher.dev/v0/testbed/os": "Linux"} }
	check("everything is new", early("main", linux), api.RunCheck{Project: "shop", NewProject: true, Visibility: api.Public, Branch: "main",
		Testbed: "Linux"})
	h.must(withModel(run("main", 5), "percentage", 0.1))
	check("everything is there", early("main", nil), api.RunCheck{Project: "shop", Visibility: api.Public, Branch: "main",
		Testbed: "localhost"})
	check("a branch with a history", early("topic", from("main")),
		api.RunCheck{Project: "shop", Visibility: api.Public, Branch: "topic", Testbed: "localhost"})
	check("a job", early("main", func(r *api.NewRun) { r.Job = &api.NewJob{Image: "bench:v1"} }),
		api.RunCheck{Project: "shop", Visibility: api.Public, Branch: "main", Testbed: "metal-8"})
	if len(h.queue.inserted) > 0 || h.queue.woken > 0 {
		t.Errorf("a checked job was queued: %v", h.queue.inserted)
	}
}

func TestWhatIsWrongBeforeThereAreResultsIsSaidThen(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	used := run("main", 1)
	used.IdempotencyKey = ident.NewUUID()
	h.must(used)
	before := h.rows()
	for name, tc := range map[string]struct {
		run  api.NewRun
		says string
	}{
		"an unknown adapter":      {early("main", func(r *api.NewRun) { r.Settings.Adapter = "cobol" }), "go_bench"},
		"a mapping without names": {early("main", func(r *api.NewRun) { r.Settings.Adapter, r.Settings.Mapping = "csv", "nome=a" }), "name"},
		"an unknown test":         {withModel(early("main", nil), "magic", 0.9), "latency"},
		"a boundary out of range": {withModel(early("main", nil), "t_test", 1.5), "0.5"},
		"an unknown start branch": {early("topic", func(r *api.NewRun) { r.StartPoint = &api.StartPoint{Branch: "nowhere"} }), `"nowhere"`},
		"a commit without a version": {early("topic", func(r *api.NewRun) { r.StartPoint = &api.StartPoint{Branch: "main", Hash: hash("f")} }),
			"no version with hash"},
		"no branch":       {early("", nil), "--branch"},
		"a short hash":    {early("main", func(r *api.NewRun) { r.Hash = "abc1234" }), "40 or 64"},
		"a key in use":    {early("main", func(r *api.NewRun) { r.IdempotencyKey = used.IdempotencyKey }), "was used for another request"},
		"a testbed by id": {early("main", func(r *api.NewRun) { r.Testbed = ident.NewUUID() }), "testbed"},
		"a visibility that is none": {early("main", func(r *api.NewRun) { r.Visibility = "secret" }),
			"want public or private"},
	} {
		_, err := h.check(tc.run)
		if err == nil || !strings.Contains(fault.Message(err), tc.says) {
			t.Errorf("%s: want a refusal that says %q, got %v", name, tc.says, err)
		}
		tc.run.Results = []string{bmf(2)}
		if _, _, refused := h.submit(tc.run); fault.Message(refused) != fault.Message(err) {
			t.Errorf("%s: the check says %v, the run %v", name, err, refused)
		}
	}
	if diff := cmp.Diff(before, h.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

func TestANewProjectIsAsVisibleAsTheRunOrTheServerSays(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	closed := report.NewService(report.Config{Store: h.store, Blobs: h.kept, Queue: h.queue, Visibility: api.Private, Now: h.clock})
	open := h.reports
	for _, tc := range []struct {
		name    string
		service *report.Service
		asked   api.Visibility
		want    api.Visibility
	}{
		{"nothing said", open, "", api.Public},
		{"private asked for", open, api.Private, api.Private},
		{"a server whose default is private", closed, "", api.Private},
		{"public asked for there", closed, api.Public, api.Public},
	} {
		r := run("main", 1)
		r.Project, r.Visibility = ident.Slugify(tc.name), tc.asked
		request := report.Request{Actor: h.leader, New: r}
		checked, err := tc.service.Check(t.Context(), request)
		if err != nil || checked.Visibility != tc.want || !checked.NewProject {
			t.Errorf("%s: checked %+v (%v)", tc.name, checked, err)
		}
		taken, err := tc.service.Submit(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		report, err := h.explore.Report(t.Context(), local, taken.Project.ID, taken.Report)
		if err != nil || report.Project.Visibility != tc.want {
			t.Errorf("%s: want %s, got %s (%v)", tc.name, tc.want, report.Project.Visibility, err)
		}
		if !report.Project.Created.Equal(report.Created) {
			t.Errorf("%s: the project is of %s and its first report of %s; clients see by these that the run made it", tc.name,
				report.Project.Created, report.Created)
		}
	}
}

// Who asks for a private project must not publish into a public one that has the name already.
func TestARunThatAsksForAnotherVisibilityIsRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.must(run("main", 1))
	before := h.rows()
	r := run("main", 2)
	r.Visibility = api.Private
	if _, _, err := h.submit(r); !fault.Is(err, fault.Conflict) ||
		!strings.Contains(fault.Message(err), "'tacho project update shop --visibility private'") {
		t.Errorf("error = %v", err)
	}
	if diff := cmp.Diff(before, h.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	r.Visibility = api.Public
	h.must(r)
}
