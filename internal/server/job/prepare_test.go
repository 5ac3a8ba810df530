package job_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

func TestSpecIsTheJobsOwnElseTheTestbedsElseTheFallback(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	small, large := h.spec("small"), h.spec("large")
	h.runner("box", "metal", "small", "large")
	for name, row := range map[string]struct {
		order order
		want  string
	}{
		"the job's, by slug":  {order{testbedSpec: &small.ID, job: api.NewJob{Spec: "large"}}, "large"},
		"the job's, by id":    {order{job: api.NewJob{Spec: large.ID}}, "large"},
		"the testbed's":       {order{testbedSpec: &small.ID}, "small"},
		"the server's own":    {order{}, "metal"},
		"the job's, by name":  {order{job: api.NewJob{Spec: "small"}}, "small"},
		"said twice the same": {order{testbedSpec: &small.ID, job: api.NewJob{Spec: "small"}}, "small"},
	} {
		if got, err := h.prepare(row.order); err != nil || got.Spec.Name != row.want {
			t.Errorf("%s: %+v, %v; want %s", name, got, err, row.want)
		}
	}
}

// TestWhatCannotRunIsSaidAtOnce checks each refusal and its sentence.
func TestWhatCannotRunIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	words := func(n int) []string { return make([]string, n) }
	env := func(n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[strings.Repeat("E", i+1)] = ""
		}
		return out
	}
	iter := func(n int) *int { return &n }
	seconds := func(n int64) *int64 { return &n }
	for name, row := range map[string]struct {
		job  api.NewJob
		says string
	}{
		"a spec that is not there":     {api.NewJob{Spec: "imaginary"}, "there are lonely, metal"},
		"a spec that is archived":      {api.NewJob{Spec: "old"}, `spec "old" is archived`},
		"a spec that no runner has":    {api.NewJob{Spec: "lonely"}, "tacho runner spec add RUNNER lonely"},
		"another architecture":         {api.NewJob{Spec: "arm"}, `is made for linux/amd64, but spec "arm" is linux/arm64`},
		"too many words of entrypoint": {api.NewJob{Entrypoint: words(limits.EntrypointWords + 1)}, "65 words of entrypoint, the limit is 64"},
		"too many words":               {api.NewJob{Cmd: words(limits.CmdWords + 1)}, "65 words of cmd, the limit is 64"},
		"too large an environment":     {api.NewJob{Env: env(limits.EnvEntries + 1)}, "256 environment entries, the limit is 255"},
		"too many files":               {api.NewJob{FilePaths: words(limits.FilePaths + 1)}, "256 file paths, the limit is 255"},
		"a word without end":           {api.NewJob{Cmd: []string{strings.Repeat("x", limits.ArgBytes+1)}}, "an argument is 32769 bytes long"},
		"a NUL in a word":              {api.NewJob{Cmd: []string{"a\x00b"}}, "NUL"},
		"a variable without a name":    {api.NewJob{Env: map[string]string{"": "x"}}, "not the name of an environment variable"},
		"a variable that is two":       {api.NewJob{Env: map[string]string{"A=B": "x"}}, "not the name of an environment variable"},
		"a value without end": {api.NewJob{Env: map[string]string{"A": strings.Repeat("s3cret", 10_000)}},
			"the environment variable A is 60000 bytes long"},
		"a path out of the image":       {api.NewJob{FilePaths: []string{"a/../../etc/shadow"}}, "not the path of a file"},
		"an empty path":                 {api.NewJob{FilePaths: []string{""}}, "not the path of a file"},
		"no iteration":                  {api.NewJob{Iter: iter(0)}, "0 iterations"},
		"iterations without end":        {api.NewJob{Iter: iter(limits.IterationsPerJob + 1)}, "1001 iterations"},
		"no time":                       {api.NewJob{Timeout: seconds(0)}, "timeout of 0 s"},
		"time that goes back":           {api.NewJob{Timeout: seconds(-5)}, "timeout of -5 s"},
		"an image that nobody resolves": {api.NewJob{Image: "missing"}, "image"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, func(h *fixture) { h.images.platforms = []job.Platform{{"linux", "amd64"}} })
			h.spec("arm", func(s *fleet.Spec) { s.Architecture = "aarch64" })
			h.spec("lonely")
			h.spec("old")
			h.runner("box", "metal", "old", "arm")
			h.tx(func(ctx context.Context, tx *store.Tx) error {
				for _, name := range []string{"old", "arm"} {
					if name == "arm" && row.job.Spec == "arm" {
						continue
					}
					spec, err := fleet.SpecByRef(ctx, tx, name)
					if err != nil {
						return err
					}
					now := tx.Now()
					spec.Archived = &now
					if err := fleet.UpdateSpec(ctx, tx, spec); err != nil {
						return err
					}
				}
				return nil
			})
			_, err := h.prepare(order{job: row.job})
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), row.says) {
				t.Errorf("%v; want it to say %q", err, row.says)
			}
			if strings.Contains(fault.Message(err), "s3cret") {
				t.Error("it tells the value")
			}
		})
	}
}

func TestWithoutSpecsItSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.tx(func(ctx context.Context, tx *store.Tx) error {
		spec, err := fleet.SpecByRef(ctx, tx, "metal")
		if err != nil {
			return err
		}
		return fleet.DeleteSpec(ctx, tx, spec)
	})
	if _, err := h.prepare(order{}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "tacho spec create") {
		t.Errorf("%v", err)
	}
	h.spec("other")
	if _, err := h.prepare(order{}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "there are other") {
		t.Errorf("%v", err)
	}
}

func TestTimeoutIsThePlansAndAShorterOneIsKept(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	asked := func(n int64) *int64 { return &n }
	for _, row := range []struct {
		plan  string
		asked *int64
		want  int64
		note  string
	}{
		{"unclaimed", nil, 60, ""},
		{"unclaimed", asked(30), 30, ""},
		{"unclaimed", asked(61), 60, "the timeout of 61 s was shortened to 60 s, the limit of plan unclaimed"},
		{"free", nil, 300, ""},
		{"free", asked(300), 300, ""},
		{"team", nil, 3600, ""},
		{"team", asked(7200), 3600, "the timeout of 7200 s was shortened to 3600 s, the limit of plan team"},
		{"enterprise", nil, int64(limits.JobTimeoutDefault / time.Second), ""},
		{"enterprise", asked(1 << 62), int64(limits.JobTimeoutMax / time.Second),
			"the timeout of 4611686018427387904 s was shortened to 86400 s, the limit of plan enterprise"},
	} {
		o := order{plan: row.plan, job: api.NewJob{Timeout: row.asked}}
		prepared, err := h.prepare(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(prepared.Notes, ""); got != row.note {
			t.Errorf("%s: note %q, want %q", row.plan, got, row.note)
		}
		id := h.submit(o)
		got := h.view(id)
		if got.Timeout != row.want || got.Events[0].Event != "submit" || got.Events[0].Detail != row.note {
			t.Errorf("%s: %d s, history %+v; want %d s", row.plan, got.Timeout, got.Events, row.want)
		}
		h.cancel(id)
	}
	if job := h.claim(r); job != nil {
		t.Errorf("claimed %+v", job)
	}
}

func TestListsOfJobsAreByAgeAndByStatus(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	var ids []string
	for range 5 {
		ids = append(ids, h.submit(order{}))
	}
	other := h.submit(order{org: "another"})
	h.says(r, h.mustClaim(r, ids[0]), api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	p := project.Project{ID: h.row(ids[0]).ProjectID}
	check := func(state api.JobStatus, page store.Page, total int, want ...string) {
		t.Helper()
		rows, n, err := h.queue.Jobs(t.Context(), access.Actor{Kind: access.Local}, p.ID, state, page)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range rows {
			got = append(got, row.UUID)
			if row.Spec.Slug != "metal" || row.Events != nil || row.Output != nil {
				t.Errorf("row %+v", row)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || n != total {
			t.Errorf("%d of %d (-want +got):\n%s", n, total, diff)
		}
	}
	check("", store.Page{Limit: 2, Desc: true}, 5, ids[4], ids[3])
	check("", store.Page{Limit: 2, Offset: 4, Desc: true}, 5, ids[0])
	check("", store.Page{Limit: 9}, 5, ids...)
	check(api.JobFailed, store.Page{Limit: 9, Desc: true}, 1, ids[0])
	check(api.JobRunning, store.Page{Limit: 9, Desc: true}, 0)
	if _, err := h.queue.Brief(t.Context(), access.Actor{Kind: access.Local}, h.row(other).ProjectID, ids[0]); !fault.Is(err, fault.Missing) {
		t.Errorf("a job of another project: %v", err)
	}
	pending, running, err := h.queue.Counts(t.Context())
	if err != nil || pending != 5 || running != 0 {
		t.Errorf("%d pending, %d running, %v", pending, running, err)
	}
}
