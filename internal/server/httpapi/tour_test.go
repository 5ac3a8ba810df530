package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// step is one request of the tour.
type step struct {
	op           *huma.Operation
	path         string // with names and query
	body         any
	accomplished int // the status that an administrator gets
}

// tour performs every operation of the document at least once, as the administrator, on a project of the given visibility. before, if not
// nil, is called with each request before it is made. An operation that is not on the tour is an error.
func (s *fixture) tour(visibility api.Visibility, before func(step)) {
	s.t.Helper()
	operations := map[string]step{}
	for path, item := range s.api.OpenAPI().Paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if op := route(item, method); op != nil {
				operations[op.OperationID] = step{op: op, path: path}
			}
		}
	}
	left := maps.Clone(operations)
	place := map[string]string{"project": "shop", "organization": "admin", "user": "admin"}
	do := func(id string, query string, body any) map[string]any {
		s.t.Helper()
		st, known := operations[id]
		if !known {
			s.t.Fatalf("the document has no operation %s", id)
		}
		delete(left, id)
		for name, value := range place {
			st.path = strings.ReplaceAll(st.path, "{"+name+"}", value)
		}
		st.path += query
		st.body = body
		if before != nil {
			before(st)
		}
		return s.perform(st)
	}
	do("server-version", "", nil)
	do("server-spec", "", nil)
	do("server-console", "", nil)
	do("create-project", "", map[string]any{"name": "Shop", "visibility": visibility, "url": "https://example.com"})
	do("list-projects", "?search=shop", nil)
	do("get-project", "", nil)
	do("update-project", "", map[string]any{"name": "The shop", "url": nil})
	do("list-organizations", "", nil)
	do("get-organization", "", nil)
	do("update-organization", "", map[string]any{"plan": "team"})
	do("create-organization-project", "", map[string]any{"name": "Other"})
	do("list-organization-projects", "", nil)
	do("get-user", "", nil)
	place["key"] = text(do("create-user-key", "", map[string]any{"name": "laptop", "ttl": 3600}), "uuid")
	do("list-user-keys", "", nil)
	do("revoke-user-key", "", nil)
	place["key"] = text(do("create-project-key", "", map[string]any{"name": "ci"}), "uuid")
	do("list-project-keys", "", nil)
	do("revoke-project-key", "", nil)

	for _, one := range []string{"testbed", "benchmark", "measure"} {
		body := map[string]any{"name": "Spare", "units": "widgets"} // a testbed takes a field that it does not know
		place["ref"] = text(do("create-"+one, "", body), "slug")
		do("list-"+one+"s", "?name=Spare", nil)
		do("get-"+one, "", nil)
		do("update-"+one, "", map[string]any{"name": "Spare part", "archived": true})
		do("delete-"+one, "", nil)
	}

	do("check-run", "", s.newRun(map[string]any{"thresholds": guard("percentage", 0.1)}))
	do("run", "", s.newRun(map[string]any{"results": latency(100), "thresholds": guard("percentage", 0.1),
		"idempotency_key": ident.NewUUID()}))
	report := do("run", "", s.newRun(map[string]any{"results": latency(200)}))
	alerts := list(report, "alerts")
	if len(alerts) != 1 {
		s.t.Fatalf("the tour's second run raised %d alerts", len(alerts))
	}
	place["alert"] = text(alerts[0], "uuid")
	place["metric"] = text(alerts[0], "metric", "uuid")
	do("list-alerts", "?status=active", nil)
	do("get-alert", "", nil)
	do("update-alert", "", map[string]any{"status": "dismissed"})
	counted := func(n int) string { return fmt.Sprintf(`{"b":{"instructions":{"value":%d}}}`, n) }
	do("run", "", s.newRun(map[string]any{"results": []string{counted(100)}}))
	shop := text(do("run", "", s.newRun(map[string]any{"results": []string{counted(200)}})), "project", "uuid")
	if _, err := s.api.cfg.Events.CatchUp(s.t.Context(), shop, 10); err != nil {
		s.t.Fatal(err)
	}
	do("list-events", "?state=open&sort=newest&branch=main&testbed=lab&benchmark=b*&since=2020-01-01T00:00:00Z", nil)
	events, _, err := s.api.cfg.Events.List(s.t.Context(), access.Actor{Kind: access.Local}, "shop", event.NamedFilter{},
		store.Page{Limit: 9})
	if err != nil || len(events) != 1 {
		s.t.Fatalf("the tour has %d events: %v", len(events), err)
	}
	place["event"] = events[0].UUID
	do("get-event", "", nil)
	operations["check-event"] = step{op: operations["check-event"].op, path: operations["check-event"].path,
		accomplished: http.StatusConflict} // no job measured it
	do("check-event", "", map[string]any{"pairs": 6})
	do("update-event", "", map[string]any{"verb": "ack", "version": events[0].Version})
	do("update-events", "", map[string]any{"verb": "ignore", "reason": "noise", "benchmark": "b*"})
	do("check-policy", "", map[string]any{"text": "rules: [{test: none}]", "branches": []string{"main"}})
	do("list-noise", "?testbed=lab", nil)
	do("get-policy", "", nil)
	do("set-policy", "", map[string]any{"text": "rules: [{branch: main, severity: fail}]", "version": 0})
	do("get-metric", "", nil)
	do("get-perf", "?branches=main&testbeds=lab&benchmarks=b&measures=latency", nil)
	do("get-perf", "?branches=main&testbeds=lab&benchmarks=b&measures=latency&shape=columns", nil)
	do("compare", "?head=main&base=@0&samples=true&measure=latency&effect=0.05", nil)
	place["report"] = text(do("create-report", "", s.newRun(map[string]any{"project": nil, "results": latency(100),
		"context": map[string]any{"ci": "yes"}})), "uuid")
	do("list-reports", "?expand=true", nil)
	do("get-report", "", nil)
	do("mark-report", "", map[string]any{"reason": "the machine was busy"})
	do("unmark-report", "", nil)
	do("reparse-report", "", nil)
	do("delete-report", "", nil)

	place["branch"] = text(do("create-branch", "", map[string]any{"name": "pr/1", "start_point": map[string]any{"branch": "main"}}), "slug")
	do("list-branches", "", nil)
	do("get-branch", "", nil)
	do("update-branch", "", map[string]any{"name": "pr/2"})
	do("delete-branch", "", nil)

	shown := map[string]any{"branches": []string{"main"}, "testbeds": []string{"lab"}, "benchmarks": []string{"b"},
		"measures": []string{"latency"}, "x_axis": "version", "window": 86400, "lower_value": false, "upper_value": false,
		"lower_boundary": true, "upper_boundary": true}
	place["plot"] = text(do("create-plot", "", shown), "uuid")
	do("list-plots", "?sort=title", nil)
	do("get-plot", "", nil)
	do("update-plot", "", map[string]any{"title": nil, "index": 3, "y_axis": "log"})
	do("delete-plot", "", nil)

	place["threshold"] = text(alerts[0], "threshold", "uuid")
	do("list-thresholds", "", nil)
	do("get-threshold", "", nil)
	do("update-threshold", "", map[string]any{"test": "t_test", "upper_boundary": 0.9})
	do("delete-threshold", "", nil)
	do("create-threshold", "", map[string]any{"branch": "main", "testbed": "lab", "measure": "latency", "test": "percentage",
		"upper_boundary": 0.5})

	place["spec"] = text(do("create-spec", "", map[string]any{"name": "Small", "architecture": "x86_64", "cpu": 1, "memory": 1 << 30,
		"disk": 1 << 30}), "slug")
	do("list-specs", "", nil)
	do("get-spec", "", nil)
	do("update-spec", "", map[string]any{"fallback": true})
	place["runner"] = text(do("create-runner", "", map[string]any{"name": "Rack 1"}), "slug")
	do("add-runner-spec", "", map[string]any{"spec": "small"})
	do("list-runner-specs", "", nil)
	do("list-runners", "", nil)
	do("get-runner", "", nil)
	do("update-runner", "", map[string]any{"name": "Rack 2"})
	do("rotate-runner-key", "", nil)

	place["job"] = text(do("run", "", s.newRun(map[string]any{"job": map[string]any{"image": "registry.example/bench:v1",
		"cmd": []string{"bench"}}})), "job")
	do("list-jobs", "?status=pending", nil)
	do("get-job", "", nil)
	do("update-job", "", map[string]any{"status": "canceled"})
	do("follow-job", "", nil)
	place["iteration"], place["kind"] = "0", "stdout"
	// it never ran
	operations["get-job-output"] = step{op: operations["get-job-output"].op, path: operations["get-job-output"].path,
		accomplished: http.StatusNotFound}
	do("get-job-output", "", nil)

	place["sweep"] = "1764360000"
	do("create-sweep", "", map[string]any{"id": "1764360000", "repeats": 1, "ttl": 3600, "budget": 1_000_000,
		"config":    map[string]any{"hosts": 1},
		"workloads": []any{map[string]any{"name": "startup", "image": "registry.example/bench:v1", "adapter": "json", "timeout": 60}},
		"pools": []any{map[string]any{"provider": "aws", "regions": []any{"us-east-1"}, "type": "c8g.medium", "arch": "arm64", "vcpus": 1,
			"hosts": 1,
			"price": map[string]any{"per_hour": 39_880, "known": true, "source": "test"}}}})
	do("list-sweeps", "?state=active&search=1764", nil)
	do("get-sweep", "", nil)
	do("list-sweep-pools", "", nil)
	do("list-sweep-tasks", "?status=pending&workload=startup", nil)
	do("get-sweep-ledger", "", nil)
	do("get-sweep-archive", "", nil)
	do("get-sweep-report", "", nil)
	do("get-sweep-measurements", "", nil)
	pools, err := s.api.cfg.Sweeps.Pools(s.t.Context(), access.Actor{Kind: access.Local}, "shop", "1764360000")
	if err != nil || len(pools) != 1 || len(pools[0].Slots) != 1 {
		s.t.Fatalf("the tour's sweep has the pools %+v: %v", pools, err)
	}
	epoch := do("take-sweep", "", map[string]any{"holder": "laptop"})["epoch"]
	place["pool"], place["slot"], place["machine"] = pools[0].UUID, pools[0].Slots[0].UUID, "m1"
	do("move-sweep", "", map[string]any{"epoch": epoch, "do": "renew"})
	do("intend-machine", "", map[string]any{"epoch": epoch, "id": "m1", "slot": place["slot"], "region": "us-east-1"})
	do("record-machine", "", map[string]any{"epoch": epoch, "do": "launch", "native_id": "i-1"})
	do("list-sweep-machines", "?state=up", nil)
	do("get-sweep-machine", "", nil)
	for _, id := range []string{"enroll-machine", "beat-machine"} { // with a token that nobody gave: a good one is a credential
		operations[id] = step{op: operations[id].op, path: operations[id].path, accomplished: http.StatusUnauthorized}
		do(id, "", map[string]any{"token": "guess", "phase": "boot"})
	}
	do("move-slot", "", map[string]any{"epoch": epoch, "do": "release"})
	do("skip-pool", "", map[string]any{"epoch": epoch, "skip": map[string]any{"reason": "capacity"}})
	do("update-sweep", "", map[string]any{"do": "stop_now"})
	do("record-machine", "", map[string]any{"epoch": epoch, "do": "delete", "reason": "stopped"})
	do("record-machine", "", map[string]any{"epoch": epoch, "do": "vanish"})

	do("remove-runner-spec", "", nil)
	place["spec"] = text(do("create-spec", "", map[string]any{"name": "Unused", "architecture": "aarch64", "cpu": 1, "memory": 1 << 30,
		"disk": 1 << 30}), "slug")
	do("delete-spec", "", nil)
	do("delete-project", "", nil)
	if len(left) > 0 {
		s.t.Errorf("operations that are not on the tour: %s", slices.Sorted(maps.Keys(left)))
	}
}

func text(thing any, path ...string) string {
	for _, key := range path {
		object, ok := thing.(map[string]any)
		if !ok {
			return ""
		}
		thing = object[key]
	}
	out, _ := thing.(string)
	return out
}

func list(thing map[string]any, key string) []any {
	out, _ := thing[key].([]any)
	return out
}

// perform makes a request as the administrator and holds the answer against the document. It returns the answer if that is an object.
func (s *fixture) perform(st step) map[string]any {
	s.t.Helper()
	name := st.op.OperationID + ": " + st.op.Method + " " + st.path
	res, answer := s.send(s.key, st)
	documented, ok := st.op.Responses[strconv.Itoa(res.StatusCode)]
	if !ok {
		s.t.Fatalf("%s: the document has no answer %d: %s", name, res.StatusCode, answer)
	}
	if good := res.StatusCode < 300; !good && res.StatusCode != st.accomplished {
		s.t.Fatalf("%s: %d %s", name, res.StatusCode, answer)
	}
	if res.StatusCode == http.StatusNoContent {
		if len(answer) > 0 || len(documented.Content) > 0 {
			s.t.Errorf("%s: 204 with %d bytes, documented as %v", name, len(answer), documented.Content)
		}
		return nil
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	media, ok := documented.Content[kind]
	if !ok {
		s.t.Fatalf("%s: the document does not know an answer of type %q", name, kind)
	}
	for header := range documented.Headers {
		rare := header == "Preference-Applied" || header == api.NoticeHeader // for who prefers something, and where something is wrong
		if res.Header.Get(header) == "" && !rare {
			s.t.Errorf("%s: the documented header %s is absent", name, header)
		}
	}
	if kind != "application/json" {
		return nil
	}
	var decoded any
	if err := json.Unmarshal(answer, &decoded); err != nil {
		s.t.Fatalf("%s: %v in %.300s", name, err, answer)
	}
	var found huma.ValidateResult
	huma.Validate(s.api.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, decoded, &found)
	for _, err := range found.Errors {
		s.t.Errorf("%s: %d: not as documented: %v", name, res.StatusCode, err)
	}
	object, _ := decoded.(map[string]any)
	return object
}

func (s *fixture) send(key string, st step) (*http.Response, []byte) {
	s.t.Helper()
	var body io.Reader
	if st.body != nil {
		raw, err := json.Marshal(st.body)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), st.op.Method, s.url+st.path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, answer
}

func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	newFixture(t).tour(api.Private, nil)
}

// stranger is somebody with nothing to say about the tour's project.
type stranger struct {
	name, key string
	anonymous bool
}

func (s *fixture) strangers() []stranger {
	s.t.Helper()
	ctx := s.t.Context()
	var eve account.Account
	var hers project.Project
	runner, err := ident.NewKey(ident.KeyRunner, ident.TachoForm, strings.NewReader(strings.Repeat("runner", 10)))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error {
		if eve, err = account.Insert(ctx, tx, "eve", false); err != nil {
			return err
		}
		home, err := account.InsertOrganization(ctx, tx, "eve", "enterprise")
		if err != nil {
			return err
		}
		if err := account.AddMember(ctx, tx, eve.ID, home.ID, "leader"); err != nil {
			return err
		}
		if hers, err = project.Insert(ctx, tx, project.Project{OrganizationID: home.ID, Name: "hers", Visibility: "private"}); err != nil {
			return err
		}
		_, err = fleet.InsertRunner(ctx, tx, "machine", "", ident.HashKey(runner))
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	user, _, err := s.accounts.NewKey(ctx, account.KeyParams{Kind: ident.KeyUser, Owner: eve.ID, Name: "eve's"})
	if err != nil {
		s.t.Fatal(err)
	}
	run, _, err := s.accounts.NewKey(ctx, account.KeyParams{Kind: ident.KeyRun, Owner: hers.ID, Name: "her project's"})
	if err != nil {
		s.t.Fatal(err)
	}
	return []stranger{{name: "anonymous", anonymous: true}, {name: "another organization's leader", key: user},
		{name: "another project's key", key: run}, {name: "a runner", key: runner}}
}

// wanted says what a stranger gets for an operation: 0 means that it is not refused. It goes by method and path, and so checks also that
// each operation names the right action.
func wanted(method, path string, visibility api.Visibility, anonymous bool) int {
	refused := http.StatusForbidden
	if anonymous {
		refused = http.StatusUnauthorized
	}
	reads := method == http.MethodGet
	switch {
	case strings.HasPrefix(path, "/v0/machines/"): // the token is the credential, whoever sends it
		return http.StatusUnauthorized
	case path == "/v0/run" || path == "/v0/run/check" || strings.HasPrefix(path, "/v0/projects/{project}"):
		if visibility == api.Private {
			return http.StatusNotFound
		}
		if reads && !strings.HasSuffix(path, "/keys") {
			return 0
		}
	case reads && (path == "/v0/projects" || path == "/v0/organizations" || path == "/v0/organizations/{organization}/projects" ||
		strings.HasPrefix(path, "/v0/runners") || strings.HasPrefix(path, "/v0/specs") || strings.HasPrefix(path, "/v0/server/")):
		return 0
	}
	return refused
}

// TestStrangersAreRefusedWhatIsNotTheirs tries every request of the tour as each stranger just before the administrator makes it and gets
// through, so a refusal has no other reason than the credentials.
func TestStrangersAreRefusedWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	for _, visibility := range []api.Visibility{api.Public, api.Private} {
		t.Run(string(visibility), func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			strangers := s.strangers()
			s.tour(visibility, func(st step) {
				before := s.rows()
				for _, who := range strangers {
					if st.op.OperationID == "create-project" && who.name == "another organization's leader" {
						continue // it would be made in her own
					}
					want := wanted(st.op.Method, st.op.Path, visibility, who.anonymous)
					res, answer := s.send(who.key, st)
					switch got := res.StatusCode; {
					case want == 0 && (got == http.StatusUnauthorized || got == http.StatusForbidden || got >= 500):
						t.Errorf("%s %s as %s: want it served, got %d %s", st.op.Method, st.path, who.name, got, answer)
					case want != 0 && got != want:
						t.Errorf("%s %s as %s: want %d, got %d %s", st.op.Method, st.path, who.name, want, got, answer)
					}
				}
				if diff := cmp.Diff(before, s.rows()); diff != "" {
					t.Errorf("%s %s by strangers changed rows (-before +after):\n%s", st.op.Method, st.path, diff)
				}
			})
		})
	}
}

// TestARunKeySubmitsAndReadsAndNoMore tries with a key of the tour's own project all that changes something and is no submission, just
// before the administrator does it.
func TestARunKeySubmitsAndReadsAndNoMore(t *testing.T) {
	t.Parallel()
	for _, visibility := range []api.Visibility{api.Public, api.Private} {
		t.Run(string(visibility), func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			key := ""
			s.tour(visibility, func(st step) {
				if !strings.HasPrefix(st.op.Path, "/v0/projects/{project}") && !strings.HasPrefix(st.op.Path, "/v0/run") {
					return // others are strangers' business
				}
				if key == "" {
					key = s.runKey("shop")
				}
				submits := st.op.OperationID == "run" || st.op.OperationID == "check-run" || st.op.OperationID == "create-report"
				reads := st.op.Method == http.MethodGet && !strings.HasSuffix(st.op.Path, "/keys") || st.op.OperationID == "check-policy"
				if submits {
					return // below
				}
				before := s.rows()
				res, answer := s.send(key, st)
				if reads && res.StatusCode >= 400 && res.StatusCode != st.accomplished {
					t.Errorf("%s %s: want it served, got %d %s", st.op.Method, st.path, res.StatusCode, answer)
				}
				if !reads && res.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s: want %d, got %d %s", st.op.Method, st.path, http.StatusForbidden, res.StatusCode, answer)
				}
				if diff := cmp.Diff(before, s.rows()); diff != "" {
					t.Errorf("%s %s changed rows (-before +after):\n%s", st.op.Method, st.path, diff)
				}
			})
		})
	}
}

// TestARunKeysSubmissionBringsWhatItNeeds: a CI job sets its thresholds and makes its branch, testbed, benchmarks and measures by the run's
// own body, as Bencher's clients do.
func TestARunKeysSubmissionBringsWhatItNeeds(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	if status, _, message := s.call(http.MethodPost, "/v0/projects", map[string]any{"name": "shop"}, nil); status != http.StatusCreated {
		t.Fatalf("%d %s", status, message)
	}
	var report api.Report
	run := s.newRun(map[string]any{"branch": "pr/1", "results": latency(100), "thresholds": guard("percentage", 0.1)})
	if status, _, message := s.callAs(s.runKey("shop"), http.MethodPost, "/v0/run", run, &report); status != http.StatusCreated ||
		report.Branch.Name != "pr/1" {
		t.Fatalf("%d %s %+v", status, message, report.Branch)
	}
	if got := get[[]api.Threshold](s, "/v0/projects/shop/thresholds"); len(got) != 1 {
		t.Errorf("thresholds: %+v", got)
	}
}

// runKey makes a key that submits to a project.
func (s *fixture) runKey(proj string) string {
	s.t.Helper()
	var p project.Project
	if err := s.db.View(s.t.Context(), func(tx *store.Tx) (err error) {
		p, err = project.ByRef(s.t.Context(), tx, proj)
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	key, _, err := s.accounts.NewKey(s.t.Context(), account.KeyParams{Kind: ident.KeyRun, Owner: p.ID, Name: "ci"})
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// TestDocumentIsServedAndTheSameEachTime: it must not depend on the order of a map, for there is a copy of it in docs.
func TestDocumentIsServedAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	var documents []string
	for range 2 {
		a, _ := deskAPI(t)
		for _, path := range []string{"/v0/server/spec", "/openapi.json"} {
			w, _ := serve(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openapi+json") {
				t.Errorf("GET %s: %d %v", path, w.Code, w.Header())
			}
			documents = append(documents, w.Body.String())
		}
	}
	for _, d := range documents {
		if d != documents[0] || !strings.Contains(d, `"openapi":"3.1`) {
			t.Errorf("%.80s… and %.80s… differ, or are not of OpenAPI 3.1", documents[0], d)
		}
	}
}

func TestDocumentNamesNoStatusThatIsNeverSent(t *testing.T) {
	t.Parallel()
	for path, item := range newFixture(t).api.OpenAPI().Paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			op := route(item, method)
			if op == nil {
				continue
			}
			if _, ok := op.Responses["422"]; ok || op.Summary == "" || len(op.Tags) != 1 || op.Metadata["action"] == access.Action("") {
				t.Errorf("%s %s: responses %v, summary %q, tags %v, action %v", method, path, slices.Sorted(maps.Keys(op.Responses)),
					op.Summary,
					op.Tags, op.Metadata["action"])
			}
			if fmt.Sprint(op.Tags[0]) == "{project}" {
				t.Errorf("%s %s has the tag %s", method, path, op.Tags[0])
			}
		}
	}
}

// TestOperationsThatAreRegisteredOnDemandAnswerAsTheOthers takes the same tour, and compares with the same document.
func TestOperationsThatAreRegisteredOnDemandAnswerAsTheOthers(t *testing.T) {
	t.Parallel()
	s := newFixture(t, func(cfg *Config) { cfg.OnDemand = true })
	s.tour(api.Public, nil)
	whole, err := newFixture(t).api.OpenAPI().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.api.OpenAPI().MarshalJSON(); err != nil || string(again) != string(whole) {
		t.Errorf("the document differs (%v): %d bytes, want %d", err, len(again), len(whole))
	}
}

// TestOperationsOnDemandAreNotDescribedBefore: describing all of them is most of what it costs to make an API.
func TestOperationsOnDemandAreNotDescribedBefore(t *testing.T) {
	made := func(onDemand bool) float64 {
		return testing.AllocsPerRun(1, func() { New(Config{OnDemand: onDemand}) })
	}
	if all, few := made(false), made(true); few > all/10 {
		t.Errorf("an API on demand takes %.0f allocations, a described one %.0f; want a tenth at most", few, all)
	}
}
