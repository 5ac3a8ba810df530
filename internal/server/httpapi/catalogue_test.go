package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
)

// create is POST that must succeed.
func create[T any](s *fixture, path string, body any) (out T) {
	s.t.Helper()
	if status, _, message := s.call(http.MethodPost, path, body, &out); status != http.StatusCreated {
		s.t.Fatalf("POST %s: %d %s", path, status, message)
	}
	return out
}

// patch is PATCH that must succeed.
func patch[T any](s *fixture, path string, body any) (out T) {
	s.t.Helper()
	if status, _, message := s.call(http.MethodPatch, path, body, &out); status != http.StatusOK {
		s.t.Fatalf("PATCH %s: %d %s", path, status, message)
	}
	return out
}

func TestPatchOfAProjectTellsAbsentFromNull(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	made := create[api.Project](s, "/v0/projects", map[string]any{"name": "Shop", "url": "https://example.com/a?b=c"})
	if made.Slug != "shop" || made.Visibility != api.Public || made.Claimed == nil || *made.URL != "https://example.com/a?b=c" {
		t.Errorf("made: %+v", made)
	}
	want := made
	check := func(claim, path, body string) {
		t.Helper()
		got := patch[api.Project](s, path, body)
		want.Modified = got.Modified
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claim, diff)
		}
	}
	check("nothing", "/v0/projects/shop", `{}`)
	want.Name = "Laden"
	check("a field", "/v0/projects/"+made.UUID, `{"name":"Laden"}`)
	want.URL = nil
	check("null clears", "/v0/projects/shop", `{"url":null}`)
	want.Visibility, want.Slug = api.Private, "laden"
	check("others", "/v0/projects/shop", `{"visibility":"private","slug":"laden"}`)
	if status, _, _ := s.call(http.MethodGet, "/v0/projects/shop", nil, nil); status != http.StatusNotFound {
		t.Errorf("the old slug: %d", status)
	}
	if empty := create[api.Project](s, "/v0/projects", map[string]any{"name": "e", "url": ""}); empty.URL != nil {
		t.Errorf("an empty address is %q", *empty.URL)
	}
}

func TestDeletedProjectIsNowhere(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	report := s.run(results(1))
	key := create[api.KeyCreated](s, "/v0/projects/shop/keys", map[string]any{"name": "ci"})
	create[api.Spec](s, "/v0/specs", map[string]any{"name": "small", "architecture": "x86_64", "cpu": 1, "memory": 1 << 30, "disk": 1 << 30})
	create[api.RunnerKey](s, "/v0/runners", map[string]any{"name": "rack", "specs": []string{"small"}})
	s.run(map[string]any{"job": map[string]any{"image": "registry.example/bench:v1", "spec": "small"}})
	if status, _, _ := s.callAs(key.Secret, http.MethodGet, "/v0/projects/shop", nil, nil); status != 200 {
		t.Errorf("the project's key before: %d", status)
	}
	if status, _, message := s.call(http.MethodDelete, "/v0/projects/shop", nil, nil); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, message)
	}
	for _, path := range []string{"", "/reports", "/reports/" + report.UUID, "/branches", "/testbeds/lab", "/jobs", "/alerts",
		"/perf?branches=main", "/keys"} {
		for _, ref := range []string{"shop", report.Project.UUID} {
			if status, _, _ := s.call(http.MethodGet, "/v0/projects/"+ref+path, nil, nil); status != http.StatusNotFound {
				t.Errorf("GET %s%s: %d", ref, path, status)
			}
		}
	}
	if err := s.db.View(t.Context(), func(tx *store.Tx) error {
		jobs, _, err := job.List(t.Context(), tx, report.Project.UUID, "", store.Page{Limit: 9})
		if len(jobs) != 1 || jobs[0].State != string(api.JobCanceled) {
			t.Errorf("its jobs: %+v", jobs)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if all := get[[]api.Project](s, "/v0/projects"); len(all) != 0 {
		t.Errorf("the list has %v", all)
	}
	if status, _, _ := s.callAs(key.Secret, http.MethodGet, "/v0/server/version", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("the project's key after: %d", status)
	}
	if again := s.run(results(1)); again.Project.UUID == report.Project.UUID || again.Project.Slug != "shop" ||
		again.Branch.Head.Version.Number != 0 {
		t.Errorf("a new project of the same name: %+v", again.Project)
	}
}

func TestListsArePagedAndCounted(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	create[api.Project](s, "/v0/projects", map[string]any{"name": "shop"})
	for i := range 11 {
		create[api.Testbed](s, "/v0/projects/shop/testbeds", map[string]any{"name": fmt.Sprintf("Lab %02d", i)})
	}
	for query, want := range map[string]string{
		"":                           "Lab 00,Lab 01,Lab 02,Lab 03,Lab 04,Lab 05,Lab 06,Lab 07 of 11",
		"?page=0":                    "Lab 00,Lab 01,Lab 02,Lab 03,Lab 04,Lab 05,Lab 06,Lab 07 of 11",
		"?page=2":                    "Lab 08,Lab 09,Lab 10 of 11",
		"?page=3":                    " of 11",
		"?page=1000000&per_page=255": " of 11",
		"?per_page=2&direction=desc": "Lab 10,Lab 09 of 11",
		"?per_page=2&sort=name":      "Lab 00,Lab 01 of 11",
		"?search=LAB+1":              "Lab 10 of 1",
		"?search=lab-1":              "Lab 10 of 1",
		"?name=Lab+07":               "Lab 07 of 1",
		"?name=lab-07":               " of 0",
		"?archived=true":             " of 0",
		"?unknown=parameter":         "Lab 00,Lab 01,Lab 02,Lab 03,Lab 04,Lab 05,Lab 06,Lab 07 of 11",
	} {
		var rows []api.Testbed
		status, header, message := s.call(http.MethodGet, "/v0/projects/shop/testbeds"+query, nil, &rows)
		var names []string
		for _, r := range rows {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, ",") + " of " + header.Get(api.TotalCountHeader); got != want || status != 200 || rows == nil {
			t.Errorf("%q: %d %s: want %q, got %q", query, status, message, want, got)
		}
	}
}

func TestDimensionsLiveAndDie(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	create[api.Project](s, "/v0/projects", map[string]any{"name": "shop"})
	const base = "/v0/projects/shop/"
	slash := create[api.Benchmark](s, base+"benchmarks", map[string]any{"name": "a/b"})
	hyphen := create[api.Benchmark](s, base+"benchmarks", map[string]any{"name": "a-b"})
	if got := get[api.Benchmark](s, base+"benchmarks/"+slash.Slug); got.UUID != slash.UUID {
		t.Errorf("the path made from %q's slug leads to %q", slash.Name, got.Name)
	}
	if got := get[api.Benchmark](s, base+"benchmarks/"+hyphen.Slug); got.UUID != hyphen.UUID {
		t.Errorf("the path made from %q's slug leads to %q", hyphen.Name, got.Name)
	}
	feature := create[api.Branch](s, base+"branches", map[string]any{"name": "feature/x"})
	create[api.Branch](s, base+"branches", map[string]any{"name": "feature-x"})
	if got := get[api.Branch](s, base+"branches/"+feature.Slug); got.UUID != feature.UUID {
		t.Errorf("the path made from %q's slug leads to %q", feature.Name, got.Name)
	}
	m := create[api.Measure](s, base+"measures", map[string]any{"name": "Speed", "units": "m/s"})
	if m.Direction != api.DirectionUnknown || m.Slug != "speed" {
		t.Errorf("made: %+v", m)
	}
	got := patch[api.Measure](s, base+"measures/speed", map[string]any{"direction": "higher", "units": "km/h", "archived": true})
	want := m
	want.Direction, want.Units, want.Archived, want.Modified = api.HigherIsBetter, "km/h", got.Archived, got.Modified
	if diff := cmp.Diff(want, got); diff != "" || got.Archived == nil {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if all := get[[]api.Measure](s, base+"measures?archived=true"); len(all) != 1 || all[0].UUID != m.UUID {
		t.Errorf("archived: %v", all)
	}
	if all := get[[]api.Measure](s, base+"measures"); len(all) != 0 {
		t.Errorf("not archived: %v", all)
	}
	if back := patch[api.Measure](s, base+"measures/"+m.UUID, map[string]any{"archived": false}); back.Archived != nil {
		t.Error("still archived")
	}
	if status, _, message := s.call(http.MethodDelete, base+"measures/speed", nil, nil); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, message)
	}
	if status, _, _ := s.call(http.MethodGet, base+"measures/speed", nil, nil); status != http.StatusNotFound {
		t.Errorf("after it: %d", status)
	}
}

func TestKeysOfAPersonAndOfAProject(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	create[api.Project](s, "/v0/projects", map[string]any{"name": "shop", "visibility": "private"})
	mine := create[api.KeyCreated](s, "/v0/users/admin/keys", map[string]any{"name": "laptop", "ttl": 60})
	run := create[api.KeyCreated](s, "/v0/projects/shop/keys", map[string]any{"name": "ci"})
	if !strings.HasPrefix(mine.Secret, "tacho_user_") || !strings.HasPrefix(run.Secret, "tacho_run_") || mine.Expires == nil ||
		run.Expires != nil {
		t.Errorf("made %+v and %+v", mine, run)
	}
	var raw []map[string]any
	status, header, _ := s.call(http.MethodGet, "/v0/users/admin/keys", nil, &raw)
	if status != 200 || header.Get(api.TotalCountHeader) != "2" || raw[0]["uuid"] != mine.UUID || raw[0]["key"] != nil {
		t.Errorf("the list, newest first, without secrets: %d %v", status, raw)
	}
	for _, tc := range []struct {
		claim, key, method, path string
		body                     any
		status                   int
	}{
		{"a person's key does what the person may", mine.Secret, "GET", "/v0/projects/shop/keys", nil, 200},
		{"a run key reads its project", run.Secret, "GET", "/v0/projects/shop", nil, 200},
		{"submits to it", run.Secret, "POST", "/v0/run", s.newRun(results(1)), 201},
		{"changes its catalogue by submitting only", run.Secret, "POST", "/v0/projects/shop/testbeds", map[string]any{"name": "t"}, 403},
		{"does not rename it", run.Secret, "PATCH", "/v0/projects/shop", map[string]any{"name": "t"}, 403},
		{"does not delete it", run.Secret, "DELETE", "/v0/projects/shop", nil, 403},
		{"makes no keys", run.Secret, "POST", "/v0/projects/shop/keys", map[string]any{"name": "t"}, 403},
		{"makes no projects", run.Secret, "POST", "/v0/projects", map[string]any{"name": "t"}, 403},
		{"nor by submitting", run.Secret, "POST", "/v0/run", s.newRun(map[string]any{"results": latency(1), "project": "another"}), 404},
		{"nor reads people", run.Secret, "GET", "/v0/users/admin", nil, 403},
		{"a key of the project is not one of the person", s.key, "DELETE", "/v0/users/admin/keys/" + run.UUID, nil, 404},
		{"nor the other way round", s.key, "DELETE", "/v0/projects/shop/keys/" + mine.UUID, nil, 404},
		{"it is revoked", s.key, "DELETE", "/v0/projects/shop/keys/" + run.UUID, nil, 204},
		{"and opens nothing", run.Secret, "GET", "/v0/projects/shop", nil, 401},
		{"again is no error", s.key, "DELETE", "/v0/projects/shop/keys/" + run.UUID, nil, 204},
	} {
		if status, _, message := s.callAs(tc.key, tc.method, tc.path, tc.body, nil); status != tc.status {
			t.Errorf("%s: want %d, got %d %s", tc.claim, tc.status, status, message)
		}
	}
}

func TestOrganizationsOfThePerson(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	eve := s.strangers()[1]
	if mine := get[[]api.Organization](s, "/v0/organizations"); len(mine) != 2 {
		t.Errorf("an admin sees %d organizations of 2", len(mine))
	}
	var hers []api.Organization
	if status, header, _ := s.callAs(eve.key, http.MethodGet, "/v0/organizations", nil, &hers); status != 200 || len(hers) != 1 ||
		hers[0].Slug != "eve" || header.Get(api.TotalCountHeader) != "1" {
		t.Errorf("eve sees %v", hers)
	}
	var none []api.Organization
	if status, _, _ := s.callAs("", http.MethodGet, "/v0/organizations", nil, &none); status != 200 || none == nil || len(none) != 0 {
		t.Errorf("nobody sees %v", none)
	}
	if o := patch[api.Organization](s, "/v0/organizations/eve", map[string]any{"plan": "team"}); o.Plan != api.PlanTeam ||
		o.UUID != hers[0].UUID {
		t.Errorf("%+v", o)
	}
	if status, _, _ := s.callAs(eve.key, http.MethodPatch, "/v0/organizations/eve", map[string]any{"plan": "enterprise"},
		nil); status != http.StatusForbidden {
		t.Errorf("eve sets her own plan: %d", status)
	}
	// Who may not see an organization does not learn whether there is one.
	var messages []string
	for _, ref := range []string{"admin", "nobody-has-this", ident.NewUUID()} {
		for _, r := range []struct {
			method, path string
			body         any
		}{{"GET", "", nil}, {"POST", "/projects", map[string]any{"name": "x"}}} {
			status, _, message := s.callAs(eve.key, r.method, "/v0/organizations/"+ref+r.path, r.body, nil)
			messages = append(messages, fmt.Sprint(status, strings.ReplaceAll(message, ref, "…")))
		}
	}
	for _, m := range messages {
		if m != messages[0] {
			t.Errorf("%q and %q tell an organization that exists from one that does not", messages[0], m)
		}
	}
}
