package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/mask"
	"github.com/tachograph/tacho/internal/core/unit"
)

// executor runs one job after the other.
type executor struct {
	turn    func(context.Context) (done func(), err error) // waits until no other runner of this machine has a job
	machine machine
	results results
	check   func(*api.ClaimedJob) *failure // whether the job says all that it must
	source  func(*api.ClaimedJob) imageSource
	detail  func(phase, detail string) // growing detail of the preparation, for a terminal; nil: nobody looks
	after   func(time.Duration, func()) (stop func() bool)
	random  func() float64
	log     *slog.Logger
}

// killed is the cause of a context that ends a job from outside.
type killed struct{ why channel.KillReason }

func (k killed) Error() string { return "the job was " + k.why.String() }

// errOverLimit is the cause of a context that ends a command because of its output.
type errOverLimit struct{ sentence string }

func (e errOverLimit) Error() string { return e.sentence }

// errSpool is the cause of a context that ends a command because its output cannot be stored.
type errSpool struct{ cause error }

func (e errSpool) Error() string { return "store output: " + e.cause.Error() }
func (e errSpool) Unwrap() error { return e.cause }

// finishedJob is what is left of a job: its record is not yet in the entry, because the machine may number it first.
type finishedJob struct {
	entry  entry // nil if it could not be made
	record record
}

// execute runs job to its end, whatever that is. say gets running, phase and log messages; it must not block. Cancelling ctx with cause
// killed ends the job early.
func (x *executor) execute(ctx context.Context, job *api.ClaimedJob, say func(api.Message)) finishedJob {
	r := &jobRun{executor: x, job: job, budget: newBudget()}
	r.say = func(msg api.Message) {
		msg.Job, msg.Epoch = job.UUID, job.Epoch
		say(msg)
	}
	r.live = newLiveLog(r.say, x.after)
	r.mask = maskOf(job.Config)
	err := r.guarded(ctx)
	r.live.end()
	r.record.Terminal = r.terminal(ctx, err)
	if len(r.record.Outputs) > 0 {
		r.say(api.Message{Event: api.MsgPhase, Phase: "upload"})
	}
	return finishedJob{r.entry, r.record}
}

// jobRun is the state of one execution.
type jobRun struct {
	*executor
	job    *api.ClaimedJob
	say    func(api.Message)
	live   *liveLog
	mask   mask.Mask
	budget *budget
	entry  entry
	record record
	ends   []api.IterationOutput
	host   *api.HostFacts
}

// guarded keeps a defect of ours from ending the daemon with a job in its hands.
func (r *jobRun) guarded(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("executor panicked", "job", r.job.UUID, "panic", p, "stack", string(debug.Stack()))
			err = failf(api.ReasonSandbox, "the runner broke down while it ran the job; its log has the details")
		}
	}()
	return r.run(ctx)
}

func (r *jobRun) run(ctx context.Context) error {
	if f := r.check(r.job); f != nil {
		return f
	}
	if f := fits(r.job, r.machine.offer()); f != nil {
		return f
	}
	var err error
	if r.entry, err = r.results.begin(r.job.UUID, r.job.Epoch); err != nil {
		return failWith(api.ReasonSandbox, err, "the runner cannot store the job's results")
	}
	done, err := r.turn(ctx) // also for pull and unpack, which would disturb what another one measures
	if err != nil {
		return err
	}
	defer done()
	image, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err := image.close(); err != nil {
			r.log.Warn("image was not removed", "job", r.job.UUID, "error", err)
		}
	}()
	for i := range r.job.Config.Iter {
		if err := r.iterate(ctx, image, i); err != nil {
			return err
		}
	}
	return nil
}

func (r *jobRun) prepare(ctx context.Context) (prepared, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limits.PrepareTimeout, errPrepareTimeout)
	defer cancel()
	c := &r.job.Config
	r.say(api.Message{Event: api.MsgPhase, Phase: "pull", Detail: textOr(c.Image, c.Repository)})
	phase := "pull"
	params := prepareParams{
		name: fmt.Sprintf("%s-%d", r.job.UUID, r.job.Epoch), source: r.source(r.job), disk: r.job.Spec.Disk,
		report: func(p, detail string) {
			if r.detail != nil {
				r.detail(p, detail)
			}
			if p != phase { // growing detail is for terminals, a phase is news
				phase = p
				r.say(api.Message{Event: api.MsgPhase, Phase: p, Detail: detail})
			}
		},
	}
	for attempt := 0; ; attempt++ {
		image, err := r.machine.prepare(ctx, params)
		if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), errPrepareTimeout) {
			return nil, failWith(api.ReasonDeadline, err, "preparing the image took longer than %s", limits.PrepareTimeout)
		}
		if err == nil || ctx.Err() != nil || !params.source.own || !away(err) {
			return image, err
		}
		// A server that is restarted is no reason to give the job back: it waits, as an upload does.
		r.log.Warn("the server's registry is away, trying again", "job", r.job.UUID, "attempt", attempt+1, "error", err)
		params.report("pull", "waiting for the server")
		if pause(ctx, attempt, r.after, r.random) != nil {
			return nil, err
		}
	}
}

// away reports whether an error of the server's own registry, or of its pull tokens, is one that passes when the server is back.
func away(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return !refused.permanent() && refused.status != http.StatusUnauthorized
	}
	_, cut := errors.AsType[net.Error](err)
	return cut || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.TooMany)
}

var errPrepareTimeout = errors.New("preparation took too long")

// iterate runs the command once. Its outputs and its end are recorded also when it failed. Iterations count from 0 on the wire and from 1
// in sentences for people.
func (r *jobRun) iterate(ctx context.Context, image prepared, number int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stdout, err := r.stream(api.ArtifactStdout, number, stop)
	if err != nil {
		return err
	}
	defer stdout.close()
	stderr, err := r.stream(api.ArtifactStderr, number, stop)
	if err != nil {
		return err
	}
	defer stderr.close()

	c, spec := &r.job.Config, &r.job.Spec
	out := r.mask.Writer(io.MultiWriter(stdout, r.live.stream(api.ArtifactStdout)))
	errs := r.mask.Writer(io.MultiWriter(stderr, r.live.stream(api.ArtifactStderr)))
	r.live.begin(number)
	r.say(api.Message{Event: api.MsgPhase, Phase: "run", Iteration: number, Detail: fmt.Sprintf("iteration %d of %d", number+1, c.Iter)})
	end, err := image.run(ctx, iterationParams{
		name:       fmt.Sprintf("%s-%d-%d", r.job.UUID, r.job.Epoch, number),
		entrypoint: c.Entrypoint, cmd: c.Cmd, env: c.Env,
		cpu: spec.CPU, memory: spec.Memory, disk: spec.Disk, network: spec.Network,
		timeout: timeout(r.job), grace: limits.KillGrace,
		stdout: out,
		stderr: errs,
		started: func() {
			if number == 0 {
				r.say(api.Message{Event: api.MsgRunning})
			}
		},
		filePaths: c.FilePaths,
		file: func(path string) (io.WriteCloser, error) {
			if c.FileSize {
				return nil, nil // only its size is a result
			}
			w, err := r.entry.create(api.ArtifactFile, number, path)
			if err != nil {
				return nil, err
			}
			return &maskedFile{r.mask.Writer(w), w}, nil
		},
		fileLimit: limits.JobOutputBytes,
	})
	if flushed := errors.Join(out.Flush(), errs.Flush()); flushed != nil {
		r.log.Warn("output was not flushed", "job", r.job.UUID, "error", flushed)
	}
	r.live.begin(number)
	r.recordStreams(stdout, stderr)
	if err != nil {
		return err
	}
	return r.judge(ctx, number, end)
}

// maskOf knows the values that a job's outputs must not show.
func maskOf(c api.JobConfig) mask.Mask {
	var values []string
	for name, value := range c.Env {
		if slices.Contains(c.SecretEnv, name) || mask.LooksSecret(name, value) {
			values = append(values, value)
		}
	}
	return mask.New(values)
}

// maskedFile is a collected file on its way to disk.
type maskedFile struct {
	*mask.Writer
	file io.WriteCloser
}

func (f *maskedFile) Close() error { return errors.Join(f.Flush(), f.file.Close()) }

// judge records an iteration and says whether the job goes on.
func (r *jobRun) judge(ctx context.Context, number int, end iterationEnd) error {
	c := &r.job.Config
	host := end.host
	host.Isolation, host.IsolationNotes = end.level, end.notes
	r.host = &host
	start := end.start
	r.ends = append(r.ends, api.IterationOutput{
		Iteration: number, ExitCode: end.exitCode, Signal: end.signal, OOMKilled: end.oom, TimedOut: end.timedOut,
		Started: &start, WallNS: end.wall.Nanoseconds(), Host: &host,
	})
	cut, err := r.recordFiles(number, end)
	if err != nil {
		return failWith(api.ReasonSandbox, err, "the runner cannot store the job's results")
	}
	if k, ok := errors.AsType[killed](context.Cause(ctx)); ok {
		return k
	}
	if over, ok := errors.AsType[errOverLimit](context.Cause(ctx)); ok {
		return failf(api.ReasonLimit, "%s", over.sentence)
	}
	if full, ok := errors.AsType[errSpool](context.Cause(ctx)); ok {
		return failWith(api.ReasonSandbox, full, "the runner cannot store the job's output")
	}
	switch {
	case end.timedOut:
		return failf(api.ReasonBenchmarkTimeout, "iteration %d ran longer than its timeout of %s", number+1, timeout(r.job))
	case end.oom:
		return failf(api.ReasonOutOfMemory, "iteration %d used more than the job's memory of %s", number+1, unit.SizeText(r.job.Spec.Memory))
	case end.limit != "":
		return failf(api.ReasonLimit, "iteration %d: %s", number+1, end.limit)
	case cut != "":
		return failf(api.ReasonLimit, "iteration %d: %s", number+1, cut)
	case c.AllowFailure:
		return nil
	case end.signal != "":
		return failf(api.ReasonBenchmarkExit, "iteration %d was ended by the signal %s", number+1, end.signal)
	case end.exitCode != 0:
		return failf(api.ReasonBenchmarkExit, "iteration %d ended with exit code %d", number+1, end.exitCode)
	case len(end.missing) > 0:
		return failf(api.ReasonNoResult, "iteration %d ended with exit code 0 and left no file %q", number+1, end.missing[0])
	}
	return nil
}

// recordFiles adds the collected files and the runner's own measures to the record. cut names a file that was over the limit.
func (r *jobRun) recordFiles(number int, end iterationEnd) (cut string, err error) {
	c := &r.job.Config
	if len(c.FilePaths) > 0 {
		r.say(api.Message{Event: api.MsgPhase, Phase: "collect", Iteration: number})
	}
	for _, f := range end.files {
		if c.FileSize {
			continue
		}
		o := output{Iteration: number, Kind: api.ArtifactFile, Path: f.path, Size: f.size, Truncated: f.truncated}
		if granted := r.budget.take(f.size); f.truncated || granted < f.size {
			cut = fmt.Sprintf("the file %q is larger than the limit of %s, or the job's outputs than %s", f.path,
				unit.SizeText(limits.JobOutputBytes), unit.SizeText(limits.JobOutputTotal))
			o.Truncated = true
			if granted < f.size {
				continue
			}
		}
		r.record.Outputs = append(r.record.Outputs, o)
	}
	if end.exitCode != 0 && !c.AllowFailure {
		return cut, nil // no measure of a command that failed
	}
	text, err := measures(end.argv, end.wall, end.files, c.BuildTime, c.FileSize)
	if err != nil || text == nil {
		return cut, err
	}
	w, err := r.entry.create(api.ArtifactFile, number, MeasuresPath)
	if err != nil {
		return cut, err
	}
	_, err = w.Write(r.mask.Bytes(text)) // a benchmark without a name of its own is named after the command
	if err := errors.Join(err, w.Close()); err != nil {
		return cut, err
	}
	r.record.Outputs = append(r.record.Outputs, output{Iteration: number, Kind: api.ArtifactFile, Path: MeasuresPath, Size: int64(len(text))})
	return cut, nil
}

// spooledStream is a stream on its way to disk.
type spooledStream struct {
	capped
	kind      api.ArtifactKind
	iteration int
	closer    io.Closer
	closed    bool
}

func (s *spooledStream) close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.closer.Close()
}

func (r *jobRun) stream(kind api.ArtifactKind, number int, stop context.CancelCauseFunc) (*spooledStream, error) {
	w, err := r.entry.create(kind, number, "")
	if err != nil {
		return nil, failWith(api.ReasonSandbox, err, "the runner cannot store the job's output")
	}
	return &spooledStream{kind: kind, iteration: number, closer: w, capped: capped{
		w: w, name: string(kind), left: limits.JobOutputBytes, job: r.budget,
		over:   func(sentence string) { stop(errOverLimit{sentence}) },
		failed: func(err error) { stop(errSpool{err}) },
	}}, nil
}

func (r *jobRun) recordStreams(streams ...*spooledStream) {
	for _, s := range streams {
		if err := s.close(); err != nil {
			r.log.Warn("output was not closed", "job", r.job.UUID, "stream", s.kind, "error", err)
		}
		r.record.Outputs = append(r.record.Outputs, output{Iteration: s.iteration, Kind: s.kind, Size: s.size, Truncated: s.truncated})
	}
}

// terminal says how the job ended.
func (r *jobRun) terminal(ctx context.Context, err error) api.Message {
	msg := api.Message{Event: api.MsgCompleted, Job: r.job.UUID, Epoch: r.job.Epoch, Results: r.ends, Host: r.host}
	if msg.Host == nil {
		facts := r.machine.offer().facts
		msg.Host = &facts
	}
	if err == nil {
		return msg
	}
	msg.Event = api.MsgFailed
	if k, ok := errors.AsType[killed](context.Cause(ctx)); ok {
		msg.Reason, msg.Error = api.ReasonRunnerAborted, "the operator stopped the runner"
		if k.why == channel.KillCancel {
			msg.Event, msg.Reason, msg.Error = api.MsgCanceled, api.ReasonCanceledByUser, ""
		}
		return msg
	}
	if f, ok := errors.AsType[*failure](err); ok {
		r.log.Info("job failed", "job", r.job.UUID, "reason", f.reason, "error", err)
		msg.Reason, msg.Error = f.reason, f.sentence
		return msg
	}
	r.log.Error("job could not be run", "job", r.job.UUID, "error", err)
	msg.Reason, msg.Error = api.ReasonSandbox, "the sandbox could not be set up; the runner's log has the details"
	return msg
}
