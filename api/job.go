package api

import "time"

// NewJob asks for a remote run; it is the job field of NewRun.
type NewJob struct {
	Image        string            `json:"image" minLength:"1" doc:"'app:v1' in this server's registry (project from the run), 'project/app:v1', 'host/path:tag', or with @sha256:…; a tag is pinned to its digest at submit"`
	Spec         string            `json:"spec,omitempty" doc:"hardware spec, slug or UUID; absent: the testbed's, else the fallback"`
	Entrypoint   []string          `json:"entrypoint,omitempty" doc:"replaces the image's"`
	Cmd          []string          `json:"cmd,omitempty" doc:"replaces the image's"`
	Env          map[string]string `json:"env,omitempty" doc:"never shown; dropped when the job ends, unless the server keeps it for retries"`
	SecretEnv    []string          `json:"secret_env,omitempty" doc:"names in env whose values are hidden in all outputs, as are those whose name says that they are secret (TOKEN, PASSWORD, …)"`
	Timeout      *int64            `json:"timeout,omitempty" minimum:"1" doc:"seconds for one iteration; clamped to the plan's limit"`
	FilePaths    []string          `json:"file_paths,omitempty" doc:"results are read from these files instead of stdout"`
	BuildTime    *bool             `json:"build_time,omitempty"`
	FileSize     *bool             `json:"file_size,omitempty"`
	Iter         *int              `json:"iter,omitempty" minimum:"1" maximum:"1000" doc:"iterations, each in a fresh sandbox"`
	AllowFailure *bool             `json:"allow_failure,omitempty" doc:"read results although the command failed"`
	Backdate     *time.Time        `json:"backdate,omitempty"`
	Jobs         *int              `json:"jobs,omitempty" minimum:"1" maximum:"100" doc:"how many jobs the report waits for, each claimed and prepared anew; absent: 1"`
	Base         *BaseImage        `json:"base,omitempty" doc:"an image to compare with: it is run in turns with this one, on the same machine"`
	_            struct{}          `additionalProperties:"true"`
}

// BaseImage is what a run's image is compared with. Its results make a report of their own, on the branch that they belong to.
type BaseImage struct {
	Image  string   `json:"image" minLength:"1" doc:"as the run's own image"`
	Branch string   `json:"branch,omitempty" doc:"name or UUID; absent: the branch of the run's start point"`
	Hash   *string  `json:"hash,omitempty" doc:"commit that the image was built from; absent: the start point's, where the branch is that one's"`
	_      struct{} `additionalProperties:"true"`
}

// Side says which of a measurement's images a job runs.
type Side string

// The sides.
const (
	SideHead Side = "head"
	SideBase Side = "base"
)

// Measurement is what a report waits for: one job or several, of one image, or of two that are compared.
type Measurement struct {
	UUID string           `json:"uuid"`
	Jobs []MeasurementJob `json:"jobs" doc:"in the order in which they run"`
}

// MeasurementJob is a job of a measurement.
type MeasurementJob struct {
	UUID   string    `json:"uuid"`
	Report string    `json:"report" doc:"UUID of the report that waits for it"`
	Side   Side      `json:"side"`
	Status JobStatus `json:"status"`
	Runner *string   `json:"runner,omitempty" doc:"slug of the runner that has or had it"`
}

// JobStatus is where a job stands.
type JobStatus string

// The states of a job; core/job has the one table of transitions.
const (
	JobPending   JobStatus = "pending"
	JobClaimed   JobStatus = "claimed"
	JobRunning   JobStatus = "running"
	JobCompleted JobStatus = "completed" // the runner is done, the server has not yet read the results
	JobProcessed JobStatus = "processed"
	JobFailed    JobStatus = "failed"
	JobCanceled  JobStatus = "canceled"
)

// Reason is why a job failed or was canceled: stable, for scripts.
type Reason string

// The reasons. Those marked "infra" are not the benchmark's fault; such a job is queued again, at most
// limits.InfraRetries times; after sandbox and host_unfit as long as another machine may come, for limits.MachineWait.
const (
	ReasonNone             Reason = ""
	ReasonBenchmarkExit    Reason = "benchmark_exit"    // the command ended with a code other than 0
	ReasonBenchmarkTimeout Reason = "benchmark_timeout" // an iteration ran longer than the job's timeout
	ReasonNoResult         Reason = "no_result"         // exit 0, but nothing that the adapter could read
	ReasonAdapter          Reason = "adapter"           // output is there, but it is malformed
	ReasonVariant          Reason = "variant"           // the output says that something else was measured than was asked for
	ReasonOutOfMemory      Reason = "out_of_memory"     // over the job's memory
	ReasonLimit            Reason = "limit"             // output, disk or process limit
	ReasonImagePull        Reason = "image_pull"        // infra: image could not be fetched
	ReasonImageInvalid     Reason = "image_invalid"     // refused: digest, platform, layer, size
	ReasonSandbox          Reason = "sandbox"           // infra: isolation could not be set up
	ReasonHostUnfit        Reason = "host_unfit"        // infra: the machine is not what the spec asks for
	ReasonRunnerLost       Reason = "runner_lost"       // infra: the lease ran out
	ReasonRunnerAborted    Reason = "runner_aborted"    // infra: the operator stopped the runner
	ReasonDeadline         Reason = "deadline"          // over all its time, including preparation
	ReasonCanceledByUser   Reason = "canceled_by_user"  // somebody said cancel
	ReasonServer           Reason = "server"            // reading or judging the results failed on our side
	ReasonMeasurement      Reason = "measurement"       // another job of the same report failed or was canceled
)

// Job is a remote run as its project's members see it. Env values are never shown.
type Job struct {
	UUID          string        `json:"uuid" format:"uuid"`
	Project       string        `json:"project" format:"uuid"`
	Report        string        `json:"report" format:"uuid"`
	Measurement   string        `json:"measurement" format:"uuid" doc:"what the report waits for; its jobs are in the report"`
	Side          Side          `json:"side" enum:"head,base" doc:"which image of the measurement it runs"`
	Part          int           `json:"part" doc:"its place among the jobs of its report, from 1"`
	Parts         int           `json:"parts" doc:"how many jobs its report waits for"`
	Status        JobStatus     `json:"status" enum:"pending,claimed,running,completed,processed,failed,canceled"`
	Phase         string        `json:"phase,omitempty" doc:"what a claimed or running job is doing" example:"pull"`
	Reason        Reason        `json:"reason,omitempty"`
	Error         string        `json:"error,omitempty" doc:"one sentence for people"`
	Blocked       string        `json:"blocked,omitempty" doc:"why no runner takes a pending job at the moment, and the way out: one sentence for people"`
	Image         string        `json:"image" doc:"as submitted"`
	Digest        string        `json:"digest" doc:"what it was pinned to"`
	Spec          Spec          `json:"spec"`
	Priority      int           `json:"priority"`
	Attempt       int           `json:"attempt" doc:"1 for the first claim"`
	Epoch         int64         `json:"epoch" doc:"rises with each claim; fences stale runners"`
	QueuePosition *int          `json:"queue_position,omitempty" doc:"1 is next; pending jobs only"`
	Timeout       int64         `json:"timeout" doc:"seconds for one iteration"`
	Iter          int           `json:"iter"`
	Runner        *string       `json:"runner,omitempty" format:"uuid" doc:"who holds it, or held it last"`
	RunnerName    string        `json:"runner_name,omitempty"`
	RunnerSlug    string        `json:"runner_slug,omitempty"`
	CancelAsked   *time.Time    `json:"cancel_asked,omitempty"`
	Claimed       *time.Time    `json:"claimed,omitempty"`
	Started       *time.Time    `json:"started,omitempty"`
	Completed     *time.Time    `json:"completed,omitempty"`
	Created       time.Time     `json:"created"`
	Modified      time.Time     `json:"modified"`
	Host          *HostFacts    `json:"host,omitempty"`
	Output        *JobOutput    `json:"output,omitempty" doc:"single GET of an ended job only"`
	Outputs       []JobArtifact `json:"outputs,omitempty" doc:"stored streams and files; single GET only"`
	Events        []JobEvent    `json:"events,omitempty" doc:"history; single GET only"`
}

// JobEvent is one line of a job's history.
type JobEvent struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	From   JobStatus `json:"from"`
	To     JobStatus `json:"to"`
	Epoch  int64     `json:"epoch"`
	Reason Reason    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// JobOutput is what the iterations left, in Bencher's shape. Texts over limits.LogTailBytes are cut here, with a marker; the whole is
// in the artifacts.
type JobOutput struct {
	Results []IterationOutput `json:"results"`
	Error   *string           `json:"error,omitempty"`
}

// IterationOutput is one iteration. On the channel it may carry the texts (a Bencher runner does that); ours uploads them before and
// sends only exit code and durations.
type IterationOutput struct {
	Iteration int               `json:"iteration,omitempty"`
	ExitCode  int               `json:"exit_code"`
	Signal    string            `json:"signal,omitempty"`
	Stdout    *string           `json:"stdout,omitempty"`
	Stderr    *string           `json:"stderr,omitempty"`
	Output    map[string]string `json:"output,omitempty" doc:"collected files: path → content"`
	OOMKilled bool              `json:"oom_killed,omitempty"`
	TimedOut  bool              `json:"timed_out,omitempty"`
	Started   *time.Time        `json:"started,omitempty"`
	WallNS    int64             `json:"wall_ns,omitempty" doc:"duration of the command alone, nanoseconds"`
	Host      *HostFacts        `json:"host,omitempty" doc:"host facts of this iteration"`
	_         struct{}          `additionalProperties:"true"`
}

// ArtifactKind says what a stored output is.
type ArtifactKind string

// The kinds of artifacts.
const (
	ArtifactStdout ArtifactKind = "stdout"
	ArtifactStderr ArtifactKind = "stderr"
	ArtifactFile   ArtifactKind = "file"
	ArtifactBundle ArtifactKind = "bundle" // an archive that a guest of a sweep has uploaded, whole
)

// JobArtifact names one stored output of a job.
type JobArtifact struct {
	Iteration int          `json:"iteration"`
	Kind      ArtifactKind `json:"kind" enum:"stdout,stderr,file,bundle"`
	Path      string       `json:"path,omitempty"`
	SizeBytes int64        `json:"size"`
	Digest    string       `json:"digest"`
	Truncated bool         `json:"truncated,omitempty"`
}

// UpdateJob is the body of PATCH …/jobs/{job}: cancel a job that has not ended, or put one that failed or was canceled back in the queue.
type UpdateJob struct {
	Status JobStatus `json:"status" enum:"canceled,pending"`
	_      struct{}  `additionalProperties:"true"`
}

// JobLog is one chunk of a job's live output.
type JobLog struct {
	Seq       int64        `json:"seq"`
	Epoch     int64        `json:"epoch"`
	Iteration int          `json:"iteration"`
	Stream    ArtifactKind `json:"stream" enum:"stdout,stderr"`
	Text      string       `json:"text"`
}

// Server-sent events of GET …/jobs/{job}/events. The data of EventStatus is a Job, of EventLog a JobLog; EventEnd has the final Job and
// is the last. EventRefused, with an Error, is the last for a follower who may not follow any more. The id of a log event is "epoch.seq"; a
// client that sends it back as Last-Event-ID goes on behind it.
const (
	EventStatus = "status"
	EventLog    = "log"
	EventEnd    = "end"

	EventRefused = "refused" // not "error", which a browser raises by itself when a connection is lost
)

// Spec is a hardware description that jobs ask for and runners offer. Its resources never change.
type Spec struct {
	UUID         string     `json:"uuid" format:"uuid"`
	Name         string     `json:"name"`
	Slug         string     `json:"slug"`
	OS           string     `json:"os" enum:"linux,macos,windows"`
	Architecture string     `json:"architecture" enum:"x86_64,aarch64"`
	Isolation    string     `json:"isolation" doc:"least level: container, gvisor or microvm" example:"container"`
	CPU          int        `json:"cpu" minimum:"1" doc:"virtual CPUs"`
	Memory       int64      `json:"memory" minimum:"1" doc:"bytes"`
	Disk         int64      `json:"disk" minimum:"1" doc:"bytes"`
	Network      bool       `json:"network"`
	Fallback     *time.Time `json:"fallback,omitempty" doc:"since when this is the server's default spec"`
	Created      time.Time  `json:"created"`
	Modified     time.Time  `json:"modified"`
	Archived     *time.Time `json:"archived,omitempty"`
}

// NewSpec is the body of POST /v0/specs.
type NewSpec struct {
	Name         string   `json:"name" minLength:"1" maxLength:"64"`
	Slug         string   `json:"slug,omitempty"`
	OS           string   `json:"os,omitempty" enum:"linux,macos,windows" doc:"default linux"`
	Architecture string   `json:"architecture" enum:"x86_64,aarch64"`
	Isolation    string   `json:"isolation,omitempty" doc:"default container"`
	CPU          int      `json:"cpu" minimum:"1" maximum:"4096"`
	Memory       int64    `json:"memory" minimum:"1" doc:"bytes"`
	Disk         int64    `json:"disk" minimum:"1" doc:"bytes"`
	Network      bool     `json:"network,omitempty"`
	Fallback     bool     `json:"fallback,omitempty"`
	_            struct{} `additionalProperties:"true"`
}

// UpdateSpec is the body of PATCH /v0/specs/{spec}. Resources cannot be changed.
type UpdateSpec struct {
	Name     *string  `json:"name,omitempty"`
	Slug     *string  `json:"slug,omitempty"`
	Fallback *bool    `json:"fallback,omitempty"`
	Archived *bool    `json:"archived,omitempty"`
	_        struct{} `additionalProperties:"true"`
}

// Runner is a machine that takes jobs.
type Runner struct {
	UUID          string      `json:"uuid" format:"uuid"`
	Name          string      `json:"name"`
	Slug          string      `json:"slug"`
	State         RunnerState `json:"state" enum:"never,offline,idle,busy,draining,drained"`
	LastHeartbeat *time.Time  `json:"last_heartbeat,omitempty"`
	Job           *string     `json:"job,omitempty" format:"uuid" doc:"what it is running"`
	Specs         []Spec      `json:"specs"`
	Host          *HostFacts  `json:"host,omitempty"`
	Version       string      `json:"version,omitempty"`
	Drained       *time.Time  `json:"drained,omitempty" doc:"since when it gets no jobs, because its machine could not run several in a row; an update with drained false ends that"`
	DrainedWhy    string      `json:"drained_why,omitempty" doc:"one sentence for people"`
	Created       time.Time   `json:"created"`
	Modified      time.Time   `json:"modified"`
	Archived      *time.Time  `json:"archived,omitempty"`
}

// RunnerState is a runner's liveness.
type RunnerState string

// The states of a runner. Offline: not heard of for longer than a lease.
const (
	RunnerNever    RunnerState = "never"
	RunnerOffline  RunnerState = "offline"
	RunnerIdle     RunnerState = "idle"
	RunnerBusy     RunnerState = "busy"
	RunnerDraining RunnerState = "draining" // its operator has stopped it: it finishes its job
	RunnerDrained  RunnerState = "drained"  // the server gives it no jobs: its machine failed
)

// NewRunner is the body of POST /v0/runners.
type NewRunner struct {
	Name  string   `json:"name" minLength:"1" maxLength:"64"`
	Slug  string   `json:"slug,omitempty"`
	Specs []string `json:"specs,omitempty" doc:"slugs or UUIDs"`
	Form  string   `json:"form,omitempty" enum:"tacho,bencher" doc:"how its key is written; bencher: as Bencher's own runner wants it; default tacho"`
	_     struct{} `additionalProperties:"true"`
}

// RunnerKey answers the making of a runner or a new key for it; the key is shown once.
type RunnerKey struct {
	UUID string `json:"uuid" format:"uuid"`
	Slug string `json:"slug"`
	Key  string `json:"key"`
}

// UpdateRunner is the body of PATCH /v0/runners/{runner}.
type UpdateRunner struct {
	Name     *string  `json:"name,omitempty"`
	Slug     *string  `json:"slug,omitempty"`
	Archived *bool    `json:"archived,omitempty"`
	Drained  *bool    `json:"drained,omitempty" doc:"false: its machine is repaired, and it gets jobs again, also those that it could not run; true is refused"`
	_        struct{} `additionalProperties:"true"`
}

// AddRunnerSpec is the body of POST /v0/runners/{runner}/specs.
type AddRunnerSpec struct {
	Spec string   `json:"spec" doc:"slug or UUID"`
	_    struct{} `additionalProperties:"true"`
}

// ClaimJob is the body of the long-poll POST /v0/runners/{runner}/jobs. The answer is 200 with a ClaimedJob or 204 after the window.
type ClaimJob struct {
	PollTimeout *int64      `json:"poll_timeout,omitempty" minimum:"0" maximum:"900" doc:"seconds; default 30"`
	Runner      *RunnerMeta `json:"runner,omitempty"`
	_           struct{}    `additionalProperties:"true"`
}

// RunnerMeta is what a runner says of itself when it asks for work.
type RunnerMeta struct {
	OS        string     `json:"os,omitempty"`
	Arch      string     `json:"arch,omitempty"`
	Version   string     `json:"version,omitempty"`
	Isolation []string   `json:"isolation,omitempty" doc:"levels that this host really offers"`
	Network   bool       `json:"network,omitempty" doc:"whether the operator allows jobs with a network"`
	Host      *HostFacts `json:"host,omitempty"`
	_         struct{}   `additionalProperties:"true"`
}

// ClaimedJob is everything that a runner needs; nothing in it has a default on the runner's side.
type ClaimedJob struct {
	UUID     string    `json:"uuid" format:"uuid"`
	Epoch    int64     `json:"epoch"`
	Attempt  int       `json:"attempt"`
	Spec     Spec      `json:"spec"`
	Config   JobConfig `json:"config"`
	OCIToken string    `json:"oci_token" doc:"pull token for this project's repositories; refresh at POST …/jobs/{job}/token while the lease lives"`
	TokenTTL int64     `json:"oci_token_ttl" doc:"seconds"`
	Lease    int64     `json:"lease" doc:"seconds between two heartbeats after which the job is taken away"`
	Timeout  int64     `json:"timeout" doc:"seconds for one iteration"`
	Created  time.Time `json:"created"`
}

// JobConfig is what a job runs.
type JobConfig struct {
	Registry     string            `json:"registry" doc:"host[:port] or URL of the registry to pull from"`
	Repository   string            `json:"repository" doc:"repository in that registry"`
	Project      string            `json:"project" format:"uuid"`
	Digest       string            `json:"digest"`
	Internal     bool              `json:"internal" doc:"the registry is this server's own: use oci_token"`
	Listed       bool              `json:"registry_listed,omitempty" doc:"the server's operator named the registry: it may have an address that is not public"`
	Image        string            `json:"image,omitempty" doc:"as submitted, for people"`
	Entrypoint   []string          `json:"entrypoint,omitempty"`
	Cmd          []string          `json:"cmd,omitempty"`
	Env          map[string]string `json:"env,omitempty"`
	SecretEnv    []string          `json:"secret_env,omitempty" doc:"names in env whose values the runner hides in all outputs"`
	EnvDropped   bool              `json:"env_dropped,omitempty" doc:"the job had an environment, which was dropped when it ended"`
	Timeout      int64             `json:"timeout"`
	FilePaths    []string          `json:"file_paths,omitempty"`
	Iter         int               `json:"iter"`
	AllowFailure bool              `json:"allow_failure"`
	BuildTime    bool              `json:"build_time,omitempty"`
	FileSize     bool              `json:"file_size,omitempty"`
}

// PullToken answers POST /v0/runners/{runner}/jobs/{job}/token.
type PullToken struct {
	Token string `json:"token"`
	TTL   int64  `json:"ttl" doc:"seconds"`
}

// Message is one frame of the runner channel, in either direction: JSON text, tagged by event. The same messages go over
// POST /v0/runners/{runner}/jobs/{job}/events for runners without a WebSocket; the answer's body is the server's reply.
//
// Seq rises by one with each message of a runner about one job; the reply to it is an ack with the same seq. A message that comes
// again is acked again and changes nothing. Epoch is the claim that the message speaks for; an old one gets "abandon".
// A Bencher runner sends neither: it then speaks for the job that its connection claimed.
type Message struct {
	Event       MessageEvent      `json:"event" enum:"ready,running,heartbeat,log,phase,completed,failed,canceled,hello,drain,job,no_job,ack,cancel,abandon,error"`
	Job         string            `json:"job,omitempty" doc:"UUID of the job; in event job the claimed job is in claimed"`
	Epoch       int64             `json:"epoch,omitempty"`
	Seq         int64             `json:"seq,omitempty"`
	PollTimeout *int64            `json:"poll_timeout,omitempty" doc:"ready: seconds"`
	Runner      *RunnerMeta       `json:"runner,omitempty" doc:"ready, hello"`
	Held        []HeldJob         `json:"held,omitempty" doc:"hello: jobs that the runner still runs or has results of"`
	Phase       string            `json:"phase,omitempty" doc:"phase: pull, unpack, run, collect, upload"`
	Detail      string            `json:"detail,omitempty"`
	Iteration   int               `json:"iteration,omitempty"`
	Stream      ArtifactKind      `json:"stream,omitempty" doc:"log"`
	Text        string            `json:"text,omitempty" doc:"log: at most limits.LogChunkBytes"`
	Results     []IterationOutput `json:"results,omitempty" doc:"completed, failed"`
	Reason      Reason            `json:"reason,omitempty" doc:"failed, canceled"`
	Error       string            `json:"error,omitempty" doc:"failed: a sentence; error: what was wrong with the message"`
	Host        *HostFacts        `json:"host,omitempty" doc:"completed, failed"`
	Claimed     *ClaimedJob       `json:"claimed,omitempty" doc:"job"`
	Done        bool              `json:"done,omitempty" doc:"no_job: this runner was started for a slot of a sweep in which nothing is left for it; it may leave"`
	_           struct{}          `additionalProperties:"true"`
}

// HeldJob is a job that a reconnecting runner still has.
type HeldJob struct {
	Job      string `json:"job"`
	Epoch    int64  `json:"epoch"`
	Finished bool   `json:"finished" doc:"its result is spooled and waits to be sent"`
}

// MessageEvent tags a Message.
type MessageEvent string

// From the runner.
const (
	// first on a connection: who I am, what I hold; answered with ack, abandon or cancel for each held job, then ack
	MsgHello     MessageEvent = "hello"
	MsgReady     MessageEvent = "ready"     // give me a job; answered with job or no_job
	MsgRunning   MessageEvent = "running"   // the command of the first iteration is about to start
	MsgHeartbeat MessageEvent = "heartbeat" // renews the lease
	MsgPhase     MessageEvent = "phase"     // what I am doing
	MsgLog       MessageEvent = "log"       // live output
	MsgCompleted MessageEvent = "completed" // all outputs are uploaded
	MsgFailed    MessageEvent = "failed"
	MsgCanceled  MessageEvent = "canceled" // answer to cancel; "cancelled" is understood too
	MsgDrain     MessageEvent = "drain"    // I take no more jobs
)

// From the server.
const (
	MsgJob     MessageEvent = "job"
	MsgNoJob   MessageEvent = "no_job"
	MsgAck     MessageEvent = "ack"     // durably received
	MsgCancel  MessageEvent = "cancel"  // stop this job, then send canceled
	MsgAbandon MessageEvent = "abandon" // not yours any more: stop it, forget its results
	MsgError   MessageEvent = "error"   // the message could not be understood; nothing changed
)

// ServerVersion answers GET /v0/server/version.
//
// Version is the version of Bencher's API whose shapes the server speaks: Bencher's clients compare it with their own at each call and
// warn of any other. Release is what this server is.
type ServerVersion struct {
	Version string `json:"version" doc:"version of Bencher's API that this server speaks" example:"0.6.12"`
	Release string `json:"release" doc:"version of this server" example:"v0.4.0"`
	Commit  string `json:"commit,omitempty"`
}

// BencherVersion is the version of Bencher whose command line was played against this server.
const BencherVersion = "0.6.12"

// ConsoleConfig answers GET /v0/server/config/console: where the pages are.
type ConsoleConfig struct {
	URL string `json:"url" doc:"address of the pages, without a slash at the end"`
}
