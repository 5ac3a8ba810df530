package runner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
)

// OneShot is a run without a server: the same road as a job's, from image to collected files, on this machine and at once.
type OneShot struct {
	Image        string // OCI layout directory, image archive, or host/path[:tag][@digest]
	Token        Secret // bearer for the registry; empty: anonymous
	CPU          int
	MemoryBytes  int64
	DiskBytes    int64
	Timeout      time.Duration // of one iteration
	Network      bool
	Env          map[string]string
	SecretEnv    []string // names in Env whose values are hidden in all outputs
	Entrypoint   []string
	Cmd          []string
	Files        []string // collected from the sandbox
	OutputDir    string   // collected files go to OutputDir/<iteration, from 1>/<path>
	Iterations   int
	Isolation    string // least level
	AllowFailure bool

	StateDir string
	Machine  MachineConfig
	Stdout   io.Writer // the command's stdout, live; nil: the texts come in the summary
	Stderr   io.Writer // the command's stderr, live; nil as well then
	Progress func(phase, detail string)
	Log      *slog.Logger
}

// Summary is how a one-shot run ended.
type Summary struct {
	Results []api.IterationOutput `json:"results"`
	Files   []string              `json:"files,omitempty"` // where collected files are
	Host    *api.HostFacts        `json:"host,omitempty"`
	Reason  api.Reason            `json:"reason,omitempty"`
	Error   string                `json:"error,omitempty"`
}

// Exit returns the CLI's exit code for the summary.
func (s Summary) Exit() int {
	switch s.Reason {
	case api.ReasonNone:
		return fault.ExitOK
	case api.ReasonBenchmarkExit, api.ReasonNoResult, api.ReasonAdapter, api.ReasonOutOfMemory, api.ReasonLimit:
		return fault.ExitBenchmarkFailed
	case api.ReasonBenchmarkTimeout, api.ReasonDeadline:
		return fault.ExitTimedOut
	case api.ReasonCanceledByUser:
		return fault.ExitInterrupted
	}
	return fault.ExitInfrastructure
}

// RunOnce runs a benchmark image on this machine. A ctx that ends kills the command. The error is a usage fault or a machine that cannot
// run anything; how the benchmark itself ended is in the summary.
func RunOnce(ctx context.Context, o OneShot) (Summary, error) {
	m, done, err := openMachine(o.StateDir, o.Machine, o.Log)
	if err != nil {
		return Summary{}, err
	}
	defer done()
	return runOnce(ctx, o, m, systemClock())
}

func runOnce(ctx context.Context, o OneShot, m machine, clk clock) (Summary, error) {
	source, err := o.source()
	if err != nil {
		return Summary{}, err
	}
	has := m.offer()
	out := &terminalResults{stdout: o.Stdout, stderr: o.Stderr, dir: o.OutputDir}
	x := &executor{
		turn:    func(context.Context) (func(), error) { return func() {}, nil },
		machine: m, results: out, after: clk.after, random: rand.Float64, log: o.Log, detail: o.Progress,
		check: bounded, source: func(*api.ClaimedJob) imageSource { return source },
	}
	// The executor wants to know why it is stopped; whoever ended ctx did not say.
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	unhook := context.AfterFunc(ctx, func() { stop(killed{channel.KillCancel}) })
	defer unhook()
	finished := x.execute(running, o.job(has, clk.now()), func(api.Message) {})
	t := finished.record.Terminal
	for i := range t.Results {
		if texts := out.kept[t.Results[i].Iteration]; texts != nil {
			stdout, stderr := texts.stdout.String(), texts.stderr.String()
			t.Results[i].Stdout, t.Results[i].Stderr = &stdout, &stderr
		}
	}
	return Summary{Results: t.Results, Files: out.written, Host: t.Host, Reason: t.Reason, Error: t.Error}, nil
}

// source reads the image's name. What is on disk is taken from there.
func (o OneShot) source() (imageSource, error) {
	if _, err := os.Stat(o.Image); err == nil {
		return imageSource{local: o.Image}, nil
	}
	if strings.HasPrefix(o.Image, "/") || strings.HasPrefix(o.Image, ".") {
		return imageSource{}, fault.Missingf("image %q: there is no such file or directory", o.Image)
	}
	ref, err := imageref.Parse(o.Image)
	if err != nil {
		return imageSource{}, err
	}
	if ref.Registry == "" {
		return imageSource{}, fault.Invalidf("image %q: it is not on this disk, and without a server an image needs its registry: registry.example.org/%s", o.Image, o.Image)
	}
	s := imageSource{registry: ref.Registry, repository: ref.Path, version: ref.Version(), trusted: true}
	if o.Token != "" {
		s.token = func(context.Context) (Secret, error) { return o.Token, nil }
	}
	return s, nil
}

// job writes the run as a job for this very machine.
func (o OneShot) job(has offer, now time.Time) *api.ClaimedJob {
	seconds := int64((o.Timeout + time.Second - 1) / time.Second)
	return &api.ClaimedJob{
		UUID: "run-" + strconv.FormatInt(now.UnixNano(), 36) + "-" + strconv.Itoa(os.Getpid()), Epoch: 1, Attempt: 1, Timeout: seconds,
		Spec: api.Spec{
			Slug: "this machine", OS: has.facts.OS, Architecture: has.facts.Architecture, Isolation: o.Isolation,
			CPU: o.CPU, Memory: o.MemoryBytes, Disk: o.DiskBytes, Network: o.Network,
		},
		Config: api.JobConfig{
			Image: o.Image, Entrypoint: o.Entrypoint, Cmd: o.Cmd, Env: o.Env, SecretEnv: o.SecretEnv, Timeout: seconds, FilePaths: o.Files, Iter: o.Iterations,
			AllowFailure: o.AllowFailure,
		},
	}
}

// terminalResults shows streams at once, or keeps them for the summary, and puts files into a directory.
type terminalResults struct {
	stdout, stderr io.Writer
	dir            string
	written        []string
	kept           map[int]*keptTexts
}

type keptTexts struct{ stdout, stderr bytes.Buffer }

func (t *terminalResults) begin(string, int64) (entry, error) { return t, nil }

func (t *terminalResults) leftovers() ([]leftover, error) { return nil, nil }

func (t *terminalResults) create(kind api.ArtifactKind, iteration int, name string) (io.WriteCloser, error) {
	switch kind {
	case api.ArtifactStdout:
		return keepOpen{t.stream(t.stdout, iteration, func(k *keptTexts) io.Writer { return &k.stdout })}, nil
	case api.ArtifactStderr:
		return keepOpen{t.stream(t.stderr, iteration, func(k *keptTexts) io.Writer { return &k.stderr })}, nil
	}
	inside := filepath.Join(strconv.Itoa(iteration+1), filepath.FromSlash(strings.TrimPrefix(path.Clean("/"+name), "/")))
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.dir) // the name comes from flags, yet a link in the directory must not lead out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(inside), 0o755); err != nil {
		return nil, err
	}
	f, err := root.Create(inside)
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", name, err)
	}
	t.written = append(t.written, filepath.Join(t.dir, inside))
	return f, nil
}

// stream returns the live writer, or the buffer of an iteration where nobody watches.
func (t *terminalResults) stream(live io.Writer, iteration int, kept func(*keptTexts) io.Writer) io.Writer {
	if live != nil {
		return live
	}
	if t.kept == nil {
		t.kept = map[int]*keptTexts{}
	}
	if t.kept[iteration] == nil {
		t.kept[iteration] = &keptTexts{}
	}
	return kept(t.kept[iteration])
}

func (t *terminalResults) finish(record) error { return nil }

func (t *terminalResults) open(o output) (io.ReadCloser, error) {
	return nil, fmt.Errorf("output %s was shown and not kept", o.Kind)
}

func (t *terminalResults) remove() error { return nil }

// keepOpen is a writer that the run does not own.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }
