package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
	"github.com/tachograph/tacho/internal/server/throttle"
)

// yard is a fixture whose queue works, with one runner, which the tests play.
type yard struct {
	*fixture
	runner string // its id
}

func newYard(t testing.TB, change ...func(*Config)) *yard {
	t.Helper()
	y := &yard{fixture: newFixture(t, change...)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- y.queue.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := y.fleet.EnsureDefaultSpec(t.Context(), 1, limits.GiB, limits.GiB, "x86_64"); err != nil {
		t.Fatal(err)
	}
	var made api.RunnerKey
	if status, _, message := y.call(http.MethodPost, "/v0/runners", api.NewRunner{Name: "box", Specs: []string{"default"}},
		&made); status != http.StatusCreated {
		t.Fatalf("make a runner: %d %s", status, message)
	}
	y.runner = made.UUID
	return y
}

func (y *yard) submit() (jobID string) {
	y.t.Helper()
	var report api.Report
	body := map[string]any{"project": "shop", "branch": "main", "settings": map[string]any{"adapter": "json"},
		"job": map[string]any{"image": "app:v1", "env": map[string]string{"TOKEN": "s3cret"}}}
	if status, _, message := y.call(http.MethodPost, "/v0/run", body, &report); status != http.StatusCreated || report.Job == nil {
		y.t.Fatalf("submit: %d %s", status, message)
	}
	return *report.Job
}

func (y *yard) claim() *api.ClaimedJob {
	y.t.Helper()
	job, err := y.queue.Claim(y.t.Context(), y.runner, nil, 0)
	if err != nil || job == nil {
		y.t.Fatal("no job", err)
	}
	return job
}

func (y *yard) says(job *api.ClaimedJob, msg api.Message) {
	y.t.Helper()
	msg.Job, msg.Epoch = job.UUID, job.Epoch
	if reply, err := y.queue.Handle(y.t.Context(), y.runner, msg); err != nil || reply.Event == api.MsgAbandon {
		y.t.Fatalf("%s: %+v, %v", msg.Event, reply, err)
	}
}

const jobs = "/v0/projects/shop/jobs"

// sse is one server-sent event.
type sse struct{ id, event, data string }

// follow reads the events of a job; the channel is closed at the stream's end.
func (y *yard) follow(jobID, lastEvent string) <-chan sse { return y.followAs("", jobID, lastEvent) }

func (y *yard) followAs(key, jobID, lastEvent string) <-chan sse {
	y.t.Helper()
	req, err := http.NewRequestWithContext(y.t.Context(), http.MethodGet, y.url+jobs+"/"+jobID+"/events", nil)
	if err != nil {
		y.t.Fatal(err)
	}
	if lastEvent != "" {
		req.Header.Set("Last-Event-ID", lastEvent)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		y.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" ||
		res.Header.Get("Cache-Control") != "no-store" {
		y.t.Fatalf("follow: %d %v", res.StatusCode, res.Header)
	}
	out := make(chan sse, 1_000)
	go func() {
		defer res.Body.Close()
		defer close(out)
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4*limits.MiB)
		var e sse
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.event = value
			case "data":
				e.data = value
			case "":
				if e.event != "" {
					out <- e
				}
				e = sse{}
			}
		}
	}()
	return out
}

// next returns the next event, which must be of that kind, with its data in v.
func (y *yard) next(events <-chan sse, want string, v any) sse {
	y.t.Helper()
	select {
	case e, open := <-events:
		if !open || e.event != want {
			y.t.Fatalf("event %+v (stream open: %t), want %s", e, open, want)
		}
		if err := json.Unmarshal([]byte(e.data), v); err != nil {
			y.t.Fatal(err)
		}
		return e
	case <-time.After(30 * time.Second):
		y.t.Fatalf("no %s came", want)
	}
	return sse{}
}

func TestAJobIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.submit()
	events := y.follow(id, "")
	var job api.Job
	if y.next(events, api.EventStatus, &job); job.Status != api.JobPending || *job.QueuePosition != 1 {
		t.Errorf("first %+v", job)
	}
	claimed := y.claim()
	if y.next(events, api.EventStatus, &job); job.Status != api.JobClaimed || job.RunnerName != "box" {
		t.Errorf("claimed %+v", job)
	}
	y.says(claimed, api.Message{Event: api.MsgRunning, Seq: 1})
	if y.next(events, api.EventStatus, &job); job.Status != api.JobRunning {
		t.Errorf("running %+v", job)
	}
	y.says(claimed, api.Message{Event: api.MsgLog, Seq: 2, Text: "one\n"})
	var line api.JobLog
	e := y.next(events, api.EventLog, &line)
	if diff := cmp.Diff(api.JobLog{Seq: 2, Epoch: 1, Stream: api.ArtifactStdout, Text: "one\n"}, line); diff != "" || e.id != "1.2" {
		t.Errorf("id %q (-want +got):\n%s", e.id, diff)
	}
	y.says(claimed, api.Message{Event: api.MsgLog, Seq: 3, Text: "two\n"})
	y.next(events, api.EventLog, &line)
	stdout := `{"b":{"latency":{"value":10}}}`
	y.says(claimed, api.Message{Event: api.MsgCompleted, Seq: channel.TerminalSeq, Results: []api.IterationOutput{{Stdout: &stdout}}})
	for job.Status != api.JobProcessed { // completed may be skipped: a follower sees the newest state
		e, open := <-events
		if !open {
			t.Fatal("the stream ended early")
		}
		if err := json.Unmarshal([]byte(e.data), &job); err != nil {
			t.Fatal(err)
		}
		if (e.event == api.EventEnd) != (job.Status == api.JobProcessed) {
			t.Errorf("%s with status %s", e.event, job.Status)
		}
	}
	if e, open := <-events; open {
		t.Errorf("after the end: %+v", e)
	}

	again := y.follow(id, "1.2") // goes on behind it
	if y.next(again, api.EventLog, &line); line.Seq != 3 {
		t.Errorf("it goes on with %+v", line)
	}
	y.next(again, api.EventEnd, &job)
	for _, nonsense := range []string{"x", "1", "1.x", "9.9", "-1.-1"} {
		all := y.follow(id, nonsense)
		if y.next(all, api.EventLog, &line); line.Seq != 2 {
			t.Errorf("Last-Event-ID %q goes on with %+v", nonsense, line)
		}
	}
}

// TestAFollowersRightsAreAskedAgain: who lost them hears so, and sees no output of later.
func TestAFollowersRightsAreAskedAgain(t *testing.T) {
	t.Parallel()
	member := func(y *yard) (user account.Account, key string) {
		err := y.db.Tx(t.Context(), func(tx *store.Tx) (err error) {
			if user, err = account.Insert(t.Context(), tx, "ann", false); err != nil {
				return err
			}
			home, err := account.OrganizationByRef(t.Context(), tx, "admin")
			if err != nil {
				return err
			}
			return account.AddMember(t.Context(), tx, user.ID, home.ID, "member")
		})
		if err != nil {
			t.Fatal(err)
		}
		key, _, err = y.accounts.NewKey(t.Context(), account.KeyParams{Kind: ident.KeyUser, Owner: user.ID, Name: "laptop"})
		if err != nil {
			t.Fatal(err)
		}
		return user, key
	}
	setVisibility := func(y *yard, v api.Visibility) {
		if status, _, message := y.call(http.MethodPatch, "/v0/projects/shop", map[string]any{"visibility": v}, nil); status != http.StatusOK {
			t.Fatalf("make the project %s: %d %s", v, status, message)
		}
	}
	for _, tc := range []struct {
		name string
		key  func(*yard) (key string, lose func()) // the follower's, and what takes its rights away
		code string
	}{
		{"the project is made private", func(y *yard) (string, func()) { return "", func() { setVisibility(y, api.Private) } }, "not_found"},
		{"the key is revoked", func(y *yard) (string, func()) {
			user, key := member(y)
			return key, func() {
				if err := y.db.Tx(t.Context(), func(tx *store.Tx) error {
					_, err := account.RevokeKeys(t.Context(), tx, user.ID)
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
		}, "unauthorized"},
		{"the member leaves", func(y *yard) (string, func()) {
			setVisibility(y, api.Private)
			user, key := member(y)
			return key, func() { y.exec(`delete from organization_role where account_id = $1`, user.ID) }
		}, "not_found"},
		{"the run key is revoked", func(y *yard) (string, func()) {
			setVisibility(y, api.Private)
			key := y.runKey("shop")
			return key, func() { y.exec(`update api_key set revoked = 1 where hash = $1`, ident.HashKey(key)) }
		}, "unauthorized"},
	} {
		for _, silent := range []bool{true, false} {
			name, keepAlive := tc.name+", silent", time.Millisecond
			if !silent {
				name, keepAlive = tc.name+", with output", time.Hour
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				y := newYard(t, func(c *Config) { c.KeepAlive = keepAlive })
				id := y.submit()
				key, lose := tc.key(y)
				claimed := y.claim()
				y.says(claimed, api.Message{Event: api.MsgRunning, Seq: 1})
				events := y.followAs(key, id, "")
				var job api.Job
				y.next(events, api.EventStatus, &job)
				lose()
				if !silent {
					y.says(claimed, api.Message{Event: api.MsgLog, Seq: 2, Text: "secret\n"})
				}
				var why api.Error
				if y.next(events, api.EventRefused, &why); why.ErrorCode != tc.code || why.Message == "" {
					t.Errorf("refused with %+v, want %s", why, tc.code)
				}
				if e, open := <-events; open {
					t.Errorf("after the refusal: %+v", e)
				}
			})
		}
	}
}

// exec changes the database behind the store's back, for what no operation does yet.
func (y *yard) exec(query string, args ...any) {
	y.t.Helper()
	db := testdb.Raw(y.t, y.path)
	defer db.Close()
	if _, err := db.ExecContext(y.t.Context(), query, args...); err != nil {
		y.t.Fatal(err)
	}
}

func TestASecondTryIsFollowedFromItsStart(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.submit()
	first := y.claim()
	y.says(first, api.Message{Event: api.MsgLog, Seq: 5, Text: "first"})
	y.says(first, api.Message{Event: api.MsgFailed, Seq: channel.TerminalSeq, Reason: api.ReasonRunnerAborted}) // which is tried again at once
	second := y.claim()
	y.says(second, api.Message{Event: api.MsgLog, Seq: 1, Text: "second"})
	var line api.JobLog
	if e := y.next(y.follow(id, "1.5"), api.EventLog, &line); e.id != "2.1" || line.Text != "second" {
		t.Errorf("%s: %+v", e.id, line)
	}
}

func TestJobsAreListedShownCanceledAndRetried(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	first, second := y.submit(), y.submit()
	if list := get[[]api.Job](y.fixture, jobs); len(list) != 2 || list[0].UUID != second {
		t.Errorf("list %+v", list)
	}
	patch := func(id string, to api.JobStatus) (job api.Job, status int) {
		status, _, _ = y.call(http.MethodPatch, jobs+"/"+id, map[string]any{"status": to}, &job)
		return job, status
	}
	if job, status := patch(first, api.JobCanceled); status != http.StatusOK || job.Status != api.JobCanceled ||
		job.Reason != api.ReasonCanceledByUser {
		t.Errorf("cancel: %d, %+v", status, job)
	}
	if list := get[[]api.Job](y.fixture, jobs+"?status=canceled"); len(list) != 1 || list[0].UUID != first {
		t.Errorf("canceled ones %+v", list)
	}
	if job, status := patch(first, api.JobPending); status != http.StatusOK || job.Status != api.JobPending || *job.QueuePosition != 2 {
		t.Errorf("retry: %d, %+v", status, job)
	}
	for name, row := range map[string]struct {
		path   string
		body   any
		status int
	}{
		"retry of one that waits":  {jobs + "/" + first, map[string]any{"status": "pending"}, http.StatusConflict},
		"a status of the server's": {jobs + "/" + first, map[string]any{"status": "processed"}, http.StatusBadRequest},
		"no status":                {jobs + "/" + first, map[string]any{}, http.StatusBadRequest},
		"no such job":              {jobs + "/00000000-0000-0000-0000-000000000000", map[string]any{"status": "canceled"}, http.StatusNotFound},
	} {
		if status, _, message := y.call(http.MethodPatch, row.path, row.body, nil); status != row.status {
			t.Errorf("%s: %d %s, want %d", name, status, message, row.status)
		}
	}
	if status, _, _ := y.callAs("", http.MethodPatch, jobs+"/"+first, map[string]any{"status": "canceled"},
		nil); status != http.StatusUnauthorized {
		t.Errorf("a stranger cancels: %d", status)
	}
	if status, _, _ := y.call(http.MethodGet, jobs+"?status=lost", nil, nil); status != http.StatusBadRequest {
		t.Errorf("an unknown status: %d", status)
	}
}

func TestOutputsAreServedWholeAndHarmless(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.submit()
	claimed := y.claim()
	page := "<script>alert(1)</script>"
	put := func(kind api.ArtifactKind, path, body string) {
		t.Helper()
		if err := y.queue.PutOutput(t.Context(), y.runner, id, job.OutputParams{Epoch: 1, Kind: kind, Path: path},
			strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	put(api.ArtifactStdout, "", strings.Repeat("x", limits.LogTailBytes+5))
	put(api.ArtifactFile, "/out/report.html", page)
	y.says(claimed, api.Message{Event: api.MsgFailed, Seq: channel.TerminalSeq, Reason: api.ReasonBenchmarkExit,
		Results: []api.IterationOutput{{ExitCode: 1}}})
	got := get[api.Job](y.fixture, jobs+"/"+id)
	if len(got.Outputs) != 2 || got.Output.Results[0].Output["/out/report.html"] != page || len(got.Events) != 3 {
		t.Errorf("job %+v", got)
	}
	if raw, err := json.Marshal(got); err != nil || strings.Contains(string(raw), "s3cret") {
		t.Errorf("the environment is shown, or %v", err)
	}
	download := func(path string) (int, http.Header, int) {
		t.Helper()
		res, err := http.Get(y.url + jobs + "/" + id + "/outputs/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		n := 0
		for buf := make([]byte, 64*limits.KiB); ; {
			m, err := res.Body.Read(buf)
			if n += m; err != nil {
				return res.StatusCode, res.Header, n
			}
		}
	}
	status, _, n := download("0/stdout")
	if status != http.StatusOK || n != limits.LogTailBytes+5 {
		t.Errorf("stdout: %d, %d bytes", status, n)
	}
	status, header, n := download("0/file?path=%2Fout%2Freport.html")
	if status != http.StatusOK || n != len(page) || header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
		header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("file: %d, %d bytes, %v", status, n, header)
	}
	for path, want := range map[string]int{"1/stdout": http.StatusNotFound, "x/stdout": http.StatusBadRequest,
		"0/file?path=%2Fetc%2Fshadow": http.StatusNotFound, "0/nothing": http.StatusNotFound} {
		if status, _, _ := download(path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}

func TestJobsOfAPrivateProjectAreNotThereForStrangers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.submit()
	if status, _, message := y.call(http.MethodPatch, "/v0/projects/shop", map[string]any{"visibility": "private"},
		nil); status != http.StatusOK {
		t.Fatalf("make it private: %d %s", status, message)
	}
	for _, path := range []string{"", "/" + id, "/" + id + "/events", "/" + id + "/outputs/0/stdout"} {
		if status, _, _ := y.callAs("", http.MethodGet, jobs+path, nil, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
	if got := get[api.Job](y.fixture, jobs+"/"+id); got.UUID != id {
		t.Errorf("for its owner: %+v", got)
	}
}

func TestTheFleetIsManagedByAdminsAndSeenByAll(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	list := func(key, path string) (int, string) {
		status, header, _ := y.callAs(key, http.MethodGet, path, nil, nil)
		return status, header.Get(api.TotalCountHeader)
	}
	for _, path := range []string{"/v0/runners", "/v0/specs", "/v0/runners/box/specs"} {
		if status, total := list("", path); status != http.StatusOK || total != "1" {
			t.Errorf("%s: %d, %s in all", path, status, total)
		}
	}
	runner := get[api.Runner](y.fixture, "/v0/runners/box")
	if runner.State != api.RunnerNever || runner.Specs[0].Slug != "default" {
		t.Errorf("runner %+v", runner)
	}
	spec := api.NewSpec{Name: "large", Architecture: "x86_64", CPU: 8, Memory: limits.GiB, Disk: limits.GiB}
	for _, row := range []struct {
		method, path string
		body         any
		status       int
	}{
		{http.MethodPost, "/v0/specs", spec, http.StatusCreated},
		{http.MethodPost, "/v0/specs", spec, http.StatusConflict},
		{http.MethodPost, "/v0/specs", map[string]any{"name": "half"}, http.StatusBadRequest},
		{http.MethodPost, "/v0/runners/box/specs", map[string]any{"spec": "large"}, http.StatusCreated},
		{http.MethodDelete, "/v0/specs/large", nil, http.StatusConflict},
		{http.MethodDelete, "/v0/runners/box/specs/large", nil, http.StatusNoContent},
		{http.MethodDelete, "/v0/specs/large", nil, http.StatusNoContent},
		{http.MethodGet, "/v0/specs/large", nil, http.StatusNotFound},
		{http.MethodPost, "/v0/runners/box/key", nil, http.StatusCreated},
		{http.MethodPatch, "/v0/runners/box", map[string]any{"archived": true}, http.StatusOK},
	} {
		if row.method != http.MethodGet {
			if status, _, _ := y.callAs("", row.method, row.path, row.body, nil); status != http.StatusUnauthorized &&
				status != http.StatusBadRequest {
				t.Errorf("%s %s by a stranger: %d", row.method, row.path, status)
			}
		}
		if status, _, message := y.call(row.method, row.path, row.body, nil); status != row.status {
			t.Errorf("%s %s: %d %s, want %d", row.method, row.path, status, message, row.status)
		}
	}
	if status, total := list("", "/v0/runners"); status != http.StatusOK || total != "0" {
		t.Errorf("an archived runner is listed: %d, %s", status, total)
	}
}

// TestADrainedRunnerGetsJobsAgainWhenItIsRepaired is the way out that a blocked job's line names.
func TestADrainedRunnerGetsJobsAgainWhenItIsRepaired(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ids := []string{y.submit(), y.submit()}
	for range ids {
		y.says(y.claim(), api.Message{Event: api.MsgFailed, Seq: channel.TerminalSeq, Reason: api.ReasonSandbox, Error: "no loop device is left"})
	}
	for _, id := range ids { // their pause is over
		if err := y.db.Tx(t.Context(), func(tx *store.Tx) error { return job.EndPause(t.Context(), tx, id) }); err != nil {
			t.Fatal(err)
		}
	}
	if job, err := y.queue.Claim(t.Context(), y.runner, nil, 0); err != nil || job != nil {
		t.Fatalf("claimed %+v, %v", job, err)
	}
	got := get[api.Runner](y.fixture, "/v0/runners/box")
	if got.State != api.RunnerDrained || got.Drained == nil || !strings.Contains(got.DrainedWhy, "no loop device is left") {
		t.Errorf("runner %+v", got)
	}
	const why = "no runner may take it: box is drained; when a machine is repaired: tacho runner undrain box"
	if job := get[api.Job](y.fixture, jobs+"/"+ids[0]); job.Status != api.JobPending || job.Blocked != why {
		t.Errorf("job %s: %s", job.Status, job.Blocked)
	}
	if status, _, message := y.call(http.MethodPatch, "/v0/runners/box", map[string]any{"drained": true},
		nil); status != http.StatusBadRequest {
		t.Errorf("draining it by hand: %d %s", status, message)
	}
	claims := make(chan *api.ClaimedJob, 1)
	go func() { // it waits all the while
		job, err := y.queue.Claim(t.Context(), y.runner, nil, time.Hour)
		if err != nil {
			t.Error(err)
		}
		claims <- job
	}()
	for !y.queue.Waiting(y.runner) {
		runtime.Gosched() // another goroutine's step, which has no event
	}
	var repaired api.Runner
	if status, _, message := y.call(http.MethodPatch, "/v0/runners/box", map[string]any{"drained": false},
		&repaired); status != http.StatusOK {
		t.Fatalf("%d %s", status, message)
	}
	if repaired.Drained != nil || repaired.DrainedWhy != "" {
		t.Errorf("repaired %+v", repaired)
	}
	if job := <-claims; job == nil || job.UUID != ids[0] {
		t.Fatalf("claimed %+v, want %s", job, ids[0])
	}
	y.says(&api.ClaimedJob{UUID: ids[0], Epoch: 2}, api.Message{Event: api.MsgFailed, Seq: channel.TerminalSeq, Reason: api.ReasonSandbox})
	if again := get[api.Runner](y.fixture, "/v0/runners/box"); again.Drained != nil {
		t.Error("failures from before the repair count")
	}
}

func TestStreamsWithoutAKeyAreBounded(t *testing.T) {
	t.Parallel()
	bounds := throttle.Defaults()
	bounds.StreamsOfAddress = 1
	y := newYard(t, func(c *Config) { c.Guard = throttle.New(bounds) })
	id := y.submit()
	var job api.Job
	y.next(y.follow(id, ""), api.EventStatus, &job)
	if status, header, message := y.callAs("", http.MethodGet, jobs+"/"+id+"/events", nil, nil); status != http.StatusTooManyRequests ||
		header.Get("Retry-After") == "" {
		t.Errorf("the second stream of the address: %d %s", status, message)
	}
	y.next(y.followAs(y.key, id, ""), api.EventStatus, &job) // with a key
}

func TestAJobThatPrefersAMinimalAnswerIsNamed(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	res, text := y.prefers("return=minimal", "/v0/run", map[string]any{"project": "shop", "branch": "main",
		"job": map[string]any{"image": "app:v1"}})
	var receipt api.ReportReceipt
	if err := json.Unmarshal([]byte(text), &receipt); err != nil || res.StatusCode != http.StatusCreated || receipt.Job == nil {
		t.Fatalf("%d %s, %v", res.StatusCode, text, err)
	}
	var job api.Job
	if status, _, message := y.call(http.MethodGet, "/v0/projects/shop/jobs/"+*receipt.Job, nil, &job); status != 200 ||
		job.Report != receipt.UUID {
		t.Errorf("the job: %d %s", status, message)
	}
}
