// Package former speaks the protocol of the orchestrator that sweeps had before, so that its task runners work as they are: they start a
// run, claim tasks until there are none, beat, upload archives to signed addresses, and complete or fail what they had.
//
// It translates and decides nothing: runs are sweeps of guests, and the use cases of package sweep ask who may what. All paths are on one
// project, which the operator names (--compat-sweep PROJECT), because theirs name none; without the flag there are none of them. The key
// comes as theirs did, Authorization: Bearer KEY. A run key of the project is enough for what runners do; starting and stopping takes a
// member's. Who may read is as for the project.
//
// Ids are texts, also where a number is sent: 18 digits survive. Errors are {"error": SENTENCE}.
//
// Who calls it: the server root.
package former

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/object"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/sweep"
)

// Config is what the edge is made of.
type Config struct {
	Sweeps  *sweep.Service
	Signer  *object.Signer
	Project string // slug or UUID: where runs go
	URL     string // the server's public URL; "": as each request has it
	Log     *slog.Logger
	Now     func() time.Time
}

// Edge serves Patterns.
type Edge struct {
	cfg Config
	mux *http.ServeMux
}

// Patterns are the paths, for a mux.
var Patterns = []string{
	"POST /run", "POST /run/start", "POST /runs", "POST /run/stop", "POST /run/{run}/stop", "POST /runs/{run}/stop",
	"GET /run", "GET /run/{run}", "GET /runs/{run}",
	"POST /claim", "POST /tasks/claim", "POST /runs/{run}/tasks/claim",
	"POST /tasks/{task}/heartbeat", "POST /tasks/{task}/complete", "POST /tasks/{task}/fail",
}

// New makes the edge.
func New(cfg Config) *Edge {
	e := &Edge{cfg: cfg, mux: http.NewServeMux()}
	handlers := map[string]func(*call) (int, any, error){"run": e.start, "start": e.start, "runs": e.start, "stop": e.stop,
		"claim": e.claim, "heartbeat": e.heartbeat, "complete": e.complete, "fail": e.fail}
	for _, pattern := range Patterns {
		handle := e.status
		if rest, post := strings.CutPrefix(pattern, "POST "); post {
			handle = handlers[rest[strings.LastIndex(rest, "/")+1:]]
		}
		e.mux.HandleFunc(pattern, e.serve(handle))
	}
	return e
}

func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

// Refuse answers an error in the way of this protocol.
func (e *Edge) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, body := request.Answer(r.Context(), e.cfg.Log, err)
	request.SayWhen(w.Header(), err)
	request.WriteJSON(w, status, map[string]string{"error": body.Message, "request_id": body.RequestID})
}

// call is one request.
type call struct {
	r     *http.Request
	actor access.Actor
	raw   []byte
	body  struct {
		RunID        id       `json:"run_id"`
		Provider     string   `json:"provider"`
		InstanceType string   `json:"instance_type"`
		RunnerID     id       `json:"runner_id"`
		Status       string   `json:"status"`
		Benchmark    string   `json:"current_benchmark"`
		Progress     *float64 `json:"progress_pct"`
		ResultKey    string   `json:"s3_result_key"`
		ErrorKey     string   `json:"s3_error_key"`
		ErrorType    string   `json:"error_type"`
		ErrorMessage string   `json:"error_message"`
	}
}

func (c *call) ctx() context.Context { return c.r.Context() }

// run is the run that a call is about: of the path, else of the body; "": none is named.
func (c *call) run() string { return cmp.Or(c.r.PathValue("run"), string(c.body.RunID)) }

// id is an identifier, which is a text in JSON, or a number whose digits are kept as they are.
type id string

// UnmarshalJSON implements json.Unmarshaler.
func (i *id) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*i = id(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return errors.New("an id is a text or a whole number")
	}
	if _, err := strconv.ParseUint(number.String(), 10, 64); err != nil {
		return fmt.Errorf("%s is no whole number; send ids as texts", number)
	}
	*i = id(number.String())
	return nil
}

func (e *Edge) serve(handle func(*call) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{r: r}
		c.actor, _ = request.ActorOf(r.Context())
		err := c.read(w)
		if err == nil {
			var status int
			var out any
			if status, out, err = handle(c); err == nil {
				request.WriteJSON(w, status, out)
				return
			}
		}
		e.Refuse(w, r, err)
	}
}

// read reads the body. Who sends none means an empty one.
func (c *call) read(w http.ResponseWriter) (err error) {
	if c.r.Method == http.MethodGet {
		return nil
	}
	c.raw, err = io.ReadAll(http.MaxBytesReader(w, c.r.Body, limits.SweepBytes+limits.LogChunkBytes))
	if err != nil {
		if _, is := errors.AsType[*http.MaxBytesError](err); is {
			return fault.TooLargef("the body is larger than %d bytes", limits.SweepBytes+limits.LogChunkBytes)
		}
		return fault.Wrap(fault.Invalid, err, "the body broke off")
	}
	if c.starts() || len(strings.TrimSpace(string(c.raw))) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.raw, &c.body); err != nil {
		return fault.Wrap(fault.Invalid, err, "the body is not the JSON of this call: %s", err)
	}
	return nil
}

// starts reports whether the body is a configuration, which has a reader of its own.
func (c *call) starts() bool {
	return c.r.URL.Path == "/run" || c.r.URL.Path == "/run/start" || c.r.URL.Path == "/runs"
}

// task is a task on the wire.
type task struct {
	ID          string            `json:"id"`
	RunID       string            `json:"run_id"`
	Provider    string            `json:"provider"`
	Type        string            `json:"instance_type"`
	Alias       string            `json:"instance_type_alias"`
	Number      int               `json:"run_number"`
	Status      string            `json:"status,omitempty"`
	Workload    string            `json:"workload"`
	RubyVersion string            `json:"ruby_version,omitempty"`
	Params      map[string]string `json:"params,omitempty"`
}

func wireTask(t sweep.GuestTask) task {
	return task{ID: t.JobID, RunID: t.Run, Provider: t.Provider, Type: t.Type, Alias: t.Alias, Number: t.Number, Status: taskStatus(t.State),
		Workload: t.Workload, RubyVersion: t.Params["ruby"], Params: t.Params}
}

func taskStatus(state string) string {
	switch api.JobStatus(state) {
	case api.JobProcessed:
		return "completed"
	case api.JobCanceled:
		return "cancelled"
	}
	return state
}

// start starts a run, or answers with the one that the same request has started.
func (e *Edge) start(c *call) (int, any, error) {
	ask, err := newSweep(c.raw, e.newRunID)
	if err != nil {
		return 0, nil, err
	}
	made, _, err := e.cfg.Sweeps.Create(c.ctx(), e.cfg.Project, sweep.Request{Actor: c.actor, SourceIP: c.actor.SourceIP, New: ask,
		Guests: true})
	if err != nil {
		return 0, nil, err
	}
	_, tasks, err := e.cfg.Sweeps.GuestTasks(c.ctx(), c.actor, e.cfg.Project, made.UUID)
	if err != nil {
		return 0, nil, err
	}
	out := struct {
		RunID   string `json:"run_id"`
		Created int    `json:"tasks_created"`
		Tasks   []task `json:"tasks"`
	}{made.ID, len(tasks), make([]task, len(tasks))}
	for i, t := range tasks {
		out.Tasks[i] = wireTask(t)
		out.Tasks[i].Status = "pending" // as they were made: the same request has the same answer
	}
	return http.StatusCreated, out, nil
}

// newRunID is unix seconds and eight digits by chance.
func (e *Edge) newRunID() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", fmt.Errorf("make a run id: %w", err)
	}
	return fmt.Sprintf("%d%08d", e.cfg.Now().Unix(), n.Int64()), nil
}

// uploads are the addresses of a task, under both of their names.
type uploads struct {
	ResultURL string `json:"result_upload_url"`
	ErrorURL  string `json:"error_upload_url"`
	ResultKey string `json:"result_key"`
	ErrorKey  string `json:"error_key"`
	Result    string `json:"result"`
	Error     string `json:"error"`
}

// archiveType is the only media type of archives.
const archiveType = "application/gzip"

func (e *Edge) uploads(c *call, t sweep.GuestTask) (u uploads, err error) {
	until := t.Until
	if least := e.cfg.Now().Add(limits.UploadTimeout); until.Before(least) {
		until = least
	}
	sign := func(key string) (string, error) {
		return e.cfg.Signer.URL(c.ctx(), request.Base(c.r, e.cfg.URL), object.Grant{Method: http.MethodPut, Key: key, Type: archiveType,
			MaxBytes: limits.BundleBytes, Expires: until})
	}
	u.ResultKey, u.ErrorKey = t.ResultKey(), t.ErrorKey()
	if u.ResultURL, err = sign(u.ResultKey); err != nil {
		return u, err
	}
	u.ErrorURL, err = sign(u.ErrorKey)
	u.Result, u.Error = u.ResultURL, u.ErrorURL
	return u, err
}

func (e *Edge) claim(c *call) (int, any, error) {
	got, err := e.cfg.Sweeps.ClaimAsGuest(c.ctx(), c.actor, e.cfg.Project, sweep.GuestClaim{Run: c.run(), Provider: c.body.Provider,
		Type: c.body.InstanceType, Guest: string(c.body.RunnerID)})
	switch {
	case err != nil:
		return 0, nil, err
	case got.Task != nil:
		to, err := e.uploads(c, *got.Task)
		return http.StatusOK, struct {
			Status string  `json:"status"`
			Task   task    `json:"task"`
			URLs   uploads `json:"presigned_urls"`
		}{"assigned", wireTask(*got.Task), to}, err
	case got.Wait > 0:
		return http.StatusOK, waits{Status: "wait", Seconds: int(got.Wait / time.Second)}, nil
	}
	return http.StatusOK, waits{Status: "done", Message: got.Why}, nil
}

// waits is the answer to a claim that got no task.
type waits struct {
	Status  string `json:"status"`
	Seconds int    `json:"retry_after_seconds,omitempty"`
	Message string `json:"message,omitempty"`
}

func (e *Edge) heartbeat(c *call) (int, any, error) {
	order, err := e.cfg.Sweeps.BeatAsGuest(c.ctx(), c.actor, e.cfg.Project, sweep.GuestBeat{Task: c.r.PathValue("task"),
		Guest: string(c.body.RunnerID), Status: c.body.Status, Benchmark: c.body.Benchmark, Percent: c.body.Progress})
	if err != nil {
		return 0, nil, err
	}
	to, err := e.uploads(c, order.Task)
	return http.StatusOK, struct {
		Message string  `json:"message"`
		Cancel  bool    `json:"cancel"`
		URLs    uploads `json:"urls"`
	}{"Heartbeat received", order.Cancel, to}, err
}

func (e *Edge) complete(c *call) (int, any, error) {
	return said("Task completed", e.cfg.Sweeps.CompleteAsGuest(c.ctx(), c.actor, e.cfg.Project, sweep.GuestResult{Task: c.r.PathValue("task"),
		Guest: string(c.body.RunnerID), Key: c.body.ResultKey}))
}

func (e *Edge) fail(c *call) (int, any, error) {
	return said("Task failed", e.cfg.Sweeps.FailAsGuest(c.ctx(), c.actor, e.cfg.Project, sweep.GuestFailure{Task: c.r.PathValue("task"),
		Guest: string(c.body.RunnerID), Type: c.body.ErrorType, Message: c.body.ErrorMessage, Key: c.body.ErrorKey}))
}

func (e *Edge) stop(c *call) (int, any, error) {
	stopped, err := e.cfg.Sweeps.StopGuests(c.ctx(), c.actor, e.cfg.Project, c.run())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]string{"message": "Run stopped", "run_id": stopped.ID, "status": runStatus(stopped)}, nil
}

func said(message string, err error) (int, any, error) {
	return http.StatusOK, map[string]string{"message": message}, err
}

// counts are the tasks of a run.
type counts struct {
	Total     int `json:"total"`
	Pending   int `json:"pending"`
	Claimed   int `json:"claimed"`
	Running   int `json:"running"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	Late      int `json:"late"`
}

func (e *Edge) status(c *call) (int, any, error) {
	run, n, late, err := e.cfg.Sweeps.GuestRun(c.ctx(), c.actor, e.cfg.Project, c.run())
	if err != nil {
		return 0, nil, err
	}
	out := struct {
		RunID       string     `json:"run_id"`
		Status      string     `json:"status"`
		RubyVersion string     `json:"ruby_version,omitempty"`
		Tasks       counts     `json:"tasks"`
		GzipURL     *string    `json:"gzip_url"`
		LateURLs    []string   `json:"late_urls,omitempty"`
		Created     time.Time  `json:"created_at"`
		Completed   *time.Time `json:"completed_at"`
	}{run.ID, runStatus(run), run.Params["ruby"], wireCounts(n), nil, nil, run.Created, run.Ended}
	for _, key := range late {
		address, err := e.link(c, key)
		if err != nil {
			return 0, nil, err
		}
		out.LateURLs = append(out.LateURLs, address)
	}
	if run.Ended != nil {
		address, err := e.link(c, sweep.CombinedKey(run.UUID))
		if err != nil {
			return 0, nil, err
		}
		out.GzipURL = &address
	}
	return http.StatusOK, out, nil
}

// link is an address by which an object is fetched, made for this answer.
func (e *Edge) link(c *call, key string) (string, error) {
	return e.cfg.Signer.URL(c.ctx(), request.Base(c.r, e.cfg.URL), object.Grant{Method: http.MethodGet, Key: key,
		Expires: e.cfg.Now().Add(linkLife)})
}

// linkLife is how long an archive may be fetched by a link; whoever asks again gets another.
const linkLife = time.Hour

func wireCounts(n sweep.GuestCounts) counts {
	return counts{Total: n.Total, Pending: n.Pending, Claimed: n.Claimed, Running: n.Running, Completed: n.Completed, Failed: n.Failed,
		Cancelled: n.Canceled, Late: n.Late}
}

// runStatus is the state of a sweep in the words of this protocol. A run with failed tasks is completed, as it was.
func runStatus(s api.Sweep) string {
	switch {
	case s.Ended == nil:
		return "running"
	case s.Outcome == "completed" || s.Outcome == "partial":
		return "completed"
	case s.Outcome == "stopped":
		return "cancelled"
	}
	return "failed"
}
