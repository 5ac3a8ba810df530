package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// serve starts a server and returns a client of it that does not really wait; its pauses are recorded.
func serve(t *testing.T, handler http.HandlerFunc) (*Client, *[]time.Duration) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return over(server.URL, nil)
}

func over(base string, transport http.RoundTripper) (*Client, *[]time.Duration) {
	var pauses []time.Duration
	return New(Config{
		Base: base, Key: "tacho_user_secret", Transport: transport, UserAgent: "tacho/test", Random: func() float64 { return 0 },
		Wait: func(ctx context.Context, d time.Duration) error { pauses = append(pauses, d); return ctx.Err() },
	}), &pauses
}

func answer(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// TestEveryMethodAsksItsRoute is the table of the routes that the client knows.
func TestEveryMethodAsksItsRoute(t *testing.T) {
	t.Parallel()
	type row struct {
		want string
		call func(context.Context, *Client) error
	}
	one := func(_ any, err error) error { return err }
	many := func(_ any, _ int, err error) error { return err }
	at := time.UnixMilli(1_700_000_000_123)
	name := "new"
	rows := []row{
		{"GET /v0/server/version", func(ctx context.Context, c *Client) error { return one(c.Version(ctx)) }},
		{"GET /v0/projects?page=2&per_page=9&search=a+b", func(ctx context.Context, c *Client) error {
			return many(c.Projects(ctx, Page{Number: 2, PerPage: 9, Search: "a b"}))
		}},
		{`POST /v0/projects {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateProject(ctx, "", api.NewProject{Name: name}))
		}},
		{`POST /v0/organizations/o/projects {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateProject(ctx, "o", api.NewProject{Name: name}))
		}},
		{"GET /v0/projects/a%2Fb", func(ctx context.Context, c *Client) error { return one(c.Project(ctx, "a/b")) }},
		{`PATCH /v0/projects/p {"name":"new","url":null}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateProject(ctx, "p", ProjectPatch{Name: &name, ClearURL: true}))
		}},
		{"DELETE /v0/projects/p", func(ctx context.Context, c *Client) error { return c.DeleteProject(ctx, "p") }},
		{"GET /v0/organizations", func(ctx context.Context, c *Client) error { return many(c.Organizations(ctx, Page{})) }},
		{"GET /v0/organizations/o", func(ctx context.Context, c *Client) error { return one(c.Organization(ctx, "o")) }},
		{`PATCH /v0/organizations/o {"plan":"team"}`, func(ctx context.Context,
			c *Client) error {
			return one(c.SetPlan(ctx, "o", api.PlanTeam))
		}},
		{"GET /v0/organizations/o/projects", func(ctx context.Context,
			c *Client) error {
			return many(c.OrganizationProjects(ctx, "o", Page{}))
		}},
		{"GET /v0/users/u", func(ctx context.Context, c *Client) error { return one(c.User(ctx, "u")) }},
		{"GET /v0/users/u/keys", func(ctx context.Context, c *Client) error { return many(c.Keys(ctx, OfUser("u"), Page{})) }},
		{`POST /v0/projects/p/keys {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateKey(ctx, OfProject("p"), api.NewKey{Name: name}))
		}},
		{"DELETE /v0/users/u/keys/k", func(ctx context.Context, c *Client) error { return c.RevokeKey(ctx, OfUser("u"), "k") }},
		{"GET /v0/projects/p/branches?name=a%2Fb", func(ctx context.Context,
			c *Client) error {
			return many(c.Branches(ctx, "p", Page{Name: "a/b"}))
		}},
		{`POST /v0/projects/p/branches {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateBranch(ctx, "p", api.NewBranch{Name: name}))
		}},
		{"GET /v0/projects/p/branches/b?head=h", func(ctx context.Context, c *Client) error { return one(c.Branch(ctx, "p", "b", "h")) }},
		{`PATCH /v0/projects/p/branches/b {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateBranch(ctx, "p", "b", api.UpdateDimension{Name: &name}))
		}},
		{"DELETE /v0/projects/p/branches/b", func(ctx context.Context, c *Client) error { return c.DeleteBranch(ctx, "p", "b") }},
		{"GET /v0/projects/p/testbeds?archived=true", func(ctx context.Context,
			c *Client) error {
			return many(c.Testbeds(ctx, "p", Page{Archived: true}))
		}},
		{`POST /v0/projects/p/testbeds {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateTestbed(ctx, "p", api.NewDimension{Name: name}))
		}},
		{"GET /v0/projects/p/testbeds/t", func(ctx context.Context, c *Client) error { return one(c.Testbed(ctx, "p", "t")) }},
		{`PATCH /v0/projects/p/testbeds/t {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateTestbed(ctx, "p", "t", api.UpdateDimension{Name: &name}))
		}},
		{"DELETE /v0/projects/p/testbeds/t", func(ctx context.Context, c *Client) error { return c.DeleteTestbed(ctx, "p", "t") }},
		{"GET /v0/projects/p/benchmarks", func(ctx context.Context, c *Client) error { return many(c.Benchmarks(ctx, "p", Page{})) }},
		{`POST /v0/projects/p/benchmarks {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateBenchmark(ctx, "p", api.NewDimension{Name: name}))
		}},
		{"GET /v0/projects/p/benchmarks/b", func(ctx context.Context, c *Client) error { return one(c.Benchmark(ctx, "p", "b")) }},
		{`PATCH /v0/projects/p/benchmarks/b {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateBenchmark(ctx, "p", "b", api.UpdateDimension{Name: &name}))
		}},
		{"DELETE /v0/projects/p/benchmarks/b", func(ctx context.Context, c *Client) error { return c.DeleteBenchmark(ctx, "p", "b") }},
		{"GET /v0/projects/p/measures", func(ctx context.Context, c *Client) error { return many(c.Measures(ctx, "p", Page{})) }},
		{`POST /v0/projects/p/measures {"name":"new","units":"s"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateMeasure(ctx, "p", api.NewMeasure{Name: name, Units: "s"}))
		}},
		{"GET /v0/projects/p/measures/m", func(ctx context.Context, c *Client) error { return one(c.Measure(ctx, "p", "m")) }},
		{`PATCH /v0/projects/p/measures/m {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateMeasure(ctx, "p", "m", api.UpdateDimension{Name: &name}))
		}},
		{"DELETE /v0/projects/p/measures/m", func(ctx context.Context, c *Client) error { return c.DeleteMeasure(ctx, "p", "m") }},
		{`POST /v0/run {"branch":"main","results":["{}"]}`, func(ctx context.Context, c *Client) error {
			return one(c.Run(ctx, api.NewRun{Branch: "main", Results: []string{"{}"}}))
		}},
		{`POST /v0/run/check {"branch":"main"}`, func(ctx context.Context, c *Client) error {
			_, _, err := c.CheckRun(ctx, api.NewRun{Branch: "main"})
			return err
		}},
		{`POST /v0/projects/p/reports ` +
			`{"branch":"b","testbed":"t","start_time":"0001-01-01T00:00:00Z","end_time":"0001-01-01T00:00:00Z","results":["{}"]}`,
			func(ctx context.Context, c *Client) error {
				return one(c.CreateReport(ctx, "p", api.NewReport{Branch: "b", Testbed: "t", Results: []string{"{}"}}))
			}},
		{"GET /v0/projects/p/reports?branch=b&direction=asc&expand=true&start_time=1700000000123", func(ctx context.Context, c *Client) error {
			return many(c.Reports(ctx, "p", ReportQuery{Branch: "b", StartTime: &at, Expand: true}, Page{Direction: "asc"}))
		}},
		{"GET /v0/projects/p/reports/r", func(ctx context.Context, c *Client) error { return one(c.Report(ctx, "p", "r")) }},
		{"DELETE /v0/projects/p/reports/r", func(ctx context.Context, c *Client) error { return c.DeleteReport(ctx, "p", "r") }},
		{"GET /v0/projects/p/thresholds?measure=m", func(ctx context.Context, c *Client) error {
			return many(c.Thresholds(ctx, "p", ThresholdQuery{Measure: "m"}, Page{}))
		}},
		{`POST /v0/projects/p/thresholds {"branch":"b","testbed":"t","measure":"m","test":"t_test"}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateThreshold(ctx, "p", api.NewThreshold{Branch: "b", Testbed: "t", Measure: "m", Model: api.Model{Test: "t_test"}}))
		}},
		{"GET /v0/projects/p/thresholds/x", func(ctx context.Context, c *Client) error { return one(c.Threshold(ctx, "p", "x")) }},
		{`PUT /v0/projects/p/thresholds/x {"test":null}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateThreshold(ctx, "p", "x", api.UpdateThreshold{}))
		}},
		{"DELETE /v0/projects/p/thresholds/x", func(ctx context.Context, c *Client) error { return c.DeleteThreshold(ctx, "p", "x") }},
		{"GET /v0/projects/p/alerts?status=active", func(ctx context.Context,
			c *Client) error {
			return many(c.Alerts(ctx, "p", api.AlertActive, Page{}))
		}},
		{"GET /v0/projects/p/alerts/a", func(ctx context.Context, c *Client) error { return one(c.Alert(ctx, "p", "a")) }},
		{`PATCH /v0/projects/p/alerts/a {"status":"dismissed"}`, func(ctx context.Context, c *Client) error {
			return one(c.SetAlertStatus(ctx, "p", "a", api.AlertDismissed))
		}},
		{"GET /v0/projects/p/events?benchmark=S%2A&branch=b&gone=true&kind=machine&since=2023-11-14T22%3A13%3A20.123Z&" +
			"sort=newest&state=open&testbed=t",
			func(ctx context.Context, c *Client) error {
				return many(c.Events(ctx, "p", EventQuery{Branch: "b", Testbed: "t", Benchmark: "S*", Kind: api.MachineEvent, State: "open",
					Gone: true, Since: &at, Newest: true}, Page{}))
			}},
		{`PATCH /v0/projects/p/events/e {"verb":"ack"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateEvent(ctx, "p", "e", api.UpdateEvent{Verb: api.AckEvent}))
		}},
		{`POST /v0/projects/p/events/e/check {"pairs":20,"head_image":"app:v2"}`, func(ctx context.Context, c *Client) error {
			return one(c.CheckEvent(ctx, "p", "e", api.NewEventCheck{Pairs: 20, HeadImage: "app:v2"}))
		}},
		{`PATCH /v0/projects/p/events {"verb":"fix","commits":"a..b"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateEvents(ctx, "p", api.UpdateEvents{UpdateEvent: api.UpdateEvent{Verb: api.FixEvent}, Commits: "a..b"}))
		}},
		{`PUT /v0/projects/p/reports/r/mark {"reason":"busy"}`, func(ctx context.Context, c *Client) error {
			return one(c.MarkReport(ctx, "p", "r", "busy"))
		}},
		{"DELETE /v0/projects/p/reports/r/mark", func(ctx context.Context, c *Client) error { return c.UnmarkReport(ctx, "p", "r") }},
		{"GET /v0/projects/p/policy", func(ctx context.Context, c *Client) error { return one(c.Policy(ctx, "p")) }},
		{`PUT /v0/projects/p/policy {"text":"rules: []","version":3}`, func(ctx context.Context, c *Client) error {
			return one(c.SetPolicy(ctx, "p", api.SetPolicy{Text: "rules: []", Version: 3}))
		}},
		{"GET /v0/projects/p/noise?testbed=lab", func(ctx context.Context, c *Client) error {
			return many(c.Noise(ctx, "p", "lab", Page{}))
		}},
		{`POST /v0/projects/p/policy/check {"text":"rules: []","branches":["main"]}`, func(ctx context.Context, c *Client) error {
			return one(c.CheckPolicy(ctx, "p", api.CheckPolicy{Text: "rules: []", Branches: []string{"main"}}))
		}},
		{"GET /v0/projects/p/events/e", func(ctx context.Context, c *Client) error { return one(c.Event(ctx, "p", "e")) }},
		{"GET /v0/projects/p/perf?benchmarks=x&branches=a%2Cb&end_time=1700000000123&heads=%2Ch&measures=m&shape=columns&testbeds=t",
			func(ctx context.Context, c *Client) error {
				return one(c.Perf(ctx, "p", PerfQuery{Branches: []string{"a", "b"}, Heads: []string{"", "h"}, Testbeds: []string{"t"},
					Benchmarks: []string{"x"}, Measures: []string{"m"}, EndTime: &at}))
			}},
		{"GET /v0/projects/p/perf?branches=a&shape=columns", func(ctx context.Context, c *Client) error {
			return one(c.PerfColumns(ctx, "p", PerfQuery{Branches: []string{"a"}}))
		}},
		{"GET /v0/projects/p/compare?base=main%4042&effect=0.05&head=pr%2F1&measure=latency%2Csize&samples=true&testbed=t",
			func(ctx context.Context, c *Client) error {
				_, _, err := c.Compare(ctx, "p", CompareQuery{Base: "main@42", Head: "pr/1", Testbed: "t", Measures: []string{"latency", "size"},
					Effect: .05, Samples: true})
				return err
			}},
		{"GET /v0/projects/p/metrics/m", func(ctx context.Context, c *Client) error { return one(c.Metric(ctx, "p", "m")) }},
		{"GET /v0/projects/p/jobs?status=pending", func(ctx context.Context,
			c *Client) error {
			return many(c.Jobs(ctx, "p", api.JobPending, Page{}))
		}},
		{"GET /v0/projects/p/jobs/j", func(ctx context.Context, c *Client) error { return one(c.Job(ctx, "p", "j")) }},
		{`PATCH /v0/projects/p/jobs/j {"status":"canceled"}`, func(ctx context.Context,
			c *Client) error {
			return one(c.CancelJob(ctx, "p", "j"))
		}},
		{`PATCH /v0/projects/p/jobs/j {"status":"pending"}`, func(ctx context.Context,
			c *Client) error {
			return one(c.RetryJob(ctx, "p", "j"))
		}},
		{"GET /v0/projects/p/jobs/j/outputs/2/file?path=%2Fa+b", func(ctx context.Context, c *Client) error {
			body, err := c.JobOutput(ctx, "p", "j", 2, api.ArtifactFile, "/a b")
			if err == nil {
				body.Close()
			}
			return err
		}},
		{"GET /v0/runners", func(ctx context.Context, c *Client) error { return many(c.Runners(ctx, Page{})) }},
		{`POST /v0/runners {"name":"new"}`, func(ctx context.Context,
			c *Client) error {
			return one(c.CreateRunner(ctx, api.NewRunner{Name: name}))
		}},
		{"GET /v0/runners/r", func(ctx context.Context, c *Client) error { return one(c.Runner(ctx, "r")) }},
		{`PATCH /v0/runners/r {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateRunner(ctx, "r", api.UpdateRunner{Name: &name}))
		}},
		{"POST /v0/runners/r/key", func(ctx context.Context, c *Client) error { return one(c.NewRunnerKey(ctx, "r", "")) }},
		{"POST /v0/runners/r/key?form=bencher", func(ctx context.Context, c *Client) error { return one(c.NewRunnerKey(ctx, "r", "bencher")) }},
		{"GET /v0/runners/r/specs", func(ctx context.Context, c *Client) error { return many(c.RunnerSpecs(ctx, "r", Page{})) }},
		{`POST /v0/runners/r/specs {"spec":"s"}`, func(ctx context.Context, c *Client) error { return c.AddRunnerSpec(ctx, "r", "s") }},
		{"DELETE /v0/runners/r/specs/s", func(ctx context.Context, c *Client) error { return c.RemoveRunnerSpec(ctx, "r", "s") }},
		{"GET /v0/specs", func(ctx context.Context, c *Client) error { return many(c.Specs(ctx, Page{})) }},
		{`POST /v0/specs {"name":"new","architecture":"x86_64","cpu":1,"memory":2,"disk":3}`, func(ctx context.Context, c *Client) error {
			return one(c.CreateSpec(ctx, api.NewSpec{Name: name, Architecture: "x86_64", CPU: 1, Memory: 2, Disk: 3}))
		}},
		{"GET /v0/specs/s", func(ctx context.Context, c *Client) error { return one(c.Spec(ctx, "s")) }},
		{`PATCH /v0/specs/s {"name":"new"}`, func(ctx context.Context, c *Client) error {
			return one(c.UpdateSpec(ctx, "s", api.UpdateSpec{Name: &name}))
		}},
		{"DELETE /v0/specs/s", func(ctx context.Context, c *Client) error { return c.DeleteSpec(ctx, "s") }},
	}
	var got string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body))
		if key := r.Header.Get("Authorization"); key != "Bearer tacho_user_secret" {
			t.Errorf("%s: Authorization is %q", got, key)
		}
		w.Header().Set(api.TotalCountHeader, "0")
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case !strings.Contains(r.URL.Path, "/v0/"):
		default:
			_, _ = io.WriteString(w, "null")
		}
	})
	for _, row := range rows {
		c, _ := over("http://tacho.invalid", InProcess(handler, nil))
		got = ""
		if err := row.call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", row.want, err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
}

func TestRetriesOnlyWhatIsSafeToRepeat(t *testing.T) {
	t.Parallel()
	read := func(ctx context.Context, c *Client) error { _, err := c.Project(ctx, "p"); return err }
	submit := func(ctx context.Context, c *Client) error { _, err := c.Run(ctx, api.NewRun{}); return err }
	submitOnce := func(ctx context.Context, c *Client) error {
		_, err := c.Run(ctx, api.NewRun{IdempotencyKey: "01960000-0000-7000-8000-000000000000"})
		return err
	}
	for name, row := range map[string]struct {
		status     int
		retryAfter string
		call       func(context.Context, *Client) error
		want       []time.Duration
	}{
		"a read, server away":           {503, "", read, []time.Duration{250e6, 500e6, 1e9, 2e9}},
		"a read, bad gateway":           {502, "", read, []time.Duration{250e6, 500e6, 1e9, 2e9}},
		"a read, gateway timeout":       {504, "", read, []time.Duration{250e6, 500e6, 1e9, 2e9}},
		"a read, told when":             {503, "7", read, []time.Duration{7e9, 7e9, 7e9, 7e9}},
		"a read, told tomorrow":         {503, "86400", read, nil},
		"a read, internal error":        {500, "", read, nil},
		"a read, missing":               {404, "", read, nil},
		"a submission without a key":    {503, "", submit, nil},
		"a submission, told to be slow": {429, "1", submit, []time.Duration{1e9, 1e9, 1e9, 2e9}},
		"a submission with a key":       {503, "", submitOnce, []time.Duration{250e6, 500e6, 1e9, 2e9}},
		"a refused submission":          {400, "", submitOnce, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, pauses := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if row.retryAfter != "" {
					w.Header().Set("Retry-After", row.retryAfter)
				}
				answer(w, row.status, api.Error{Message: "no"})
			})
			if err := row.call(t.Context(), c); err == nil {
				t.Error("no error")
			}
			if diff := cmp.Diff(row.want, *pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALostAnswerIsAskedForAgainWithTheSameBody(t *testing.T) {
	t.Parallel()
	received := make(chan string, 2)
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		received <- string(raw)
		if len(received) == 1 {
			panic(http.ErrAbortHandler)
		}
		answer(w, http.StatusCreated, api.Report{UUID: "r"})
	})
	report, err := c.Run(t.Context(), api.NewRun{IdempotencyKey: "k", Results: []string{"x"}})
	if err != nil || report.UUID != "r" {
		t.Fatalf("Run = %v, %v", report.UUID, err)
	}
	if first, second := <-received, <-received; first != second || first == "" {
		t.Errorf("bodies %q and %q", first, second)
	}
}

func TestRefusalsAreFaultsWithTheServersSentence(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]fault.Kind{
		400: fault.Invalid, 401: fault.Unauthorized, 403: fault.Forbidden, 404: fault.Missing, 409: fault.Conflict, 413: fault.TooLarge,
		418: fault.Invalid, 500: fault.Internal, 503: fault.Unavailable,
	} {
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, status, api.Error{RequestID: "id-1", Message: "project \"x\" is not there"})
		})
		_, err := c.Project(t.Context(), "x")
		refused, ok := errors.AsType[*APIError](err)
		if !ok || refused.RequestID != "id-1" || err.Error() != `project "x" is not there` || fault.Of(err) != kind || !fault.Is(err, kind) {
			t.Errorf("%d: %#v of kind %v, want %v", status, err, fault.Of(err), kind)
		}
	}
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(api.RequestIDHeader, "id-2")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<html>a proxy's page</html>")
	})
	_, err := c.Project(t.Context(), "x")
	if refused, ok := errors.AsType[*APIError](err); !ok || refused.RequestID != "id-2" ||
		err.Error() != "GET /v0/projects/x: the server answered 403 Forbidden" {
		t.Errorf("a proxy's page: %v", err)
	}
}

func TestNetworkErrorsAreTold(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, pauses := over("http://"+addr, nil)
	_, err = c.Project(t.Context(), "p")
	if lost, ok := errors.AsType[*NetworkError](err); !ok || lost.Host != addr ||
		!strings.HasPrefix(err.Error(), addr+" cannot be reached: ") {
		t.Errorf("err = %v", err)
	}
	if len(*pauses) != limits.ClientTries-1 {
		t.Errorf("%d pauses", len(*pauses))
	}
	dns := &NetworkError{Host: "nowhere", Err: &net.DNSError{IsNotFound: true}}
	if got, want := dns.Error(), "nowhere: there is no such host"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnEndedContextStopsAtOnce(t *testing.T) {
	t.Parallel()
	because := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	c, pauses := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel(because)
		answer(w, http.StatusServiceUnavailable, api.Error{Message: "no"})
	})
	if _, err := c.Project(ctx, "p"); err == nil {
		t.Error("no error")
	}
	if _, err := c.Project(ctx, "p"); !errors.Is(err, because) {
		t.Errorf("err = %v, want the cause", err)
	}
	if len(*pauses) != 0 {
		t.Errorf("waited %v", *pauses)
	}
}

func TestAnswersThatAreNotOursSayCheckTheAddress(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	if _, err := c.Project(t.Context(), "p"); fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), "check the address") {
		t.Errorf("a page: %v", err)
	}
	c, _ = serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") })
	if _, _, err := c.Projects(t.Context(), Page{}); fault.Of(err) != fault.Unavailable ||
		!strings.Contains(err.Error(), api.TotalCountHeader) {
		t.Errorf("a list without its count: %v", err)
	}
}

func TestMalformedBaseIsInvalid(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "bench.example.org", "bench:6610", "ftp://x", "http://", "http://x/?q=1", "http://user:pw@x",
		"http://x/#f", ":"} {
		if _, err := New(Config{Base: base}).Version(t.Context()); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", base, err)
		}
		if err := New(Config{Base: base}).Follow(t.Context(), "p", "j", nil); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: follow: %v", base, err)
		}
	}
	if got := New(Config{Base: "https://x/behind/"}).Base(); got != "https://x/behind" {
		t.Errorf("Base = %q", got)
	}
}

func TestAKeyDoesNotFollowARedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	plain, secure := url.URL{Scheme: "http", Host: "x"}, url.URL{Scheme: "https", Host: "x"}
	if err := checkRedirect(&http.Request{URL: &plain}, []*http.Request{{URL: &secure}}); err == nil {
		t.Error("https → http was followed")
	}
	if err := checkRedirect(&http.Request{URL: &secure}, []*http.Request{{URL: &plain}}); err != nil {
		t.Errorf("http → https: %v", err)
	}
}

func TestAllReadsEveryPage(t *testing.T) {
	t.Parallel()
	const total = 2*limits.PageMax + 3
	var asked atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var page, per int
		_, _ = fmt.Sscanf(r.FormValue("page")+" "+r.FormValue("per_page"), "%d %d", &page, &per)
		rows := []api.Project{}
		for i := (page - 1) * per; i < min(page*per, total); i++ {
			rows = append(rows, api.Project{Name: fmt.Sprint(i)})
		}
		w.Header().Set(api.TotalCountHeader, fmt.Sprint(total))
		answer(w, http.StatusOK, rows)
	})
	rows, err := All(t.Context(), Page{}, c.Projects)
	if err != nil || len(rows) != total || rows[total-1].Name != fmt.Sprint(total-1) || asked.Load() != 3 {
		t.Errorf("%d rows in %d pages, %v", len(rows), asked.Load(), err)
	}
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	t.Parallel()
	const date = "Wed, 21 Oct 2015 07:28:00 GMT"
	for value, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, " 3 ": 3 * time.Second, "-3": 0, "soon": 0,
		"Wed, 21 Oct 2015 07:28:10 GMT": 10 * time.Second, "Wed, 21 Oct 2015 07:27:00 GMT": 0,
	} {
		if got := retryAfter(value, date); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for n := 1; n <= 9; n++ {
		got = append(got, backoff(n, 0.999999))
	}
	if !slices.IsSorted(got) || got[8] > limits.ClientRetryMax || got[8] < limits.ClientRetryMax-time.Second ||
		backoff(100, 0) != limits.ClientRetryMax/2 {
		t.Errorf("backoff = %v", got)
	}
}

func TestACheckIsUnknownOnlyWhereNoOperationAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status    int
		operation string
		known     bool
		kind      fault.Kind
	}{
		"an older server":                {status: http.StatusNotFound},
		"one that reads check as a name": {status: http.StatusMethodNotAllowed},
		"a project that is not there":    {status: http.StatusNotFound, operation: "check-run", known: true, kind: fault.Missing},
		"a key that is not known":        {status: http.StatusUnauthorized, known: true, kind: fault.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.operation != "" {
					w.Header().Set(api.OperationHeader, tc.operation)
				}
				answer(w, tc.status, api.Error{Message: "no"})
			})
			_, known, err := c.CheckRun(t.Context(), api.NewRun{})
			if known != tc.known || (err != nil) != tc.known || err != nil && !fault.Is(err, tc.kind) {
				t.Errorf("known %t, %v", known, err)
			}
		})
	}
}
