package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// machine is what the executor needs of this computer: its image store, its isolation driver and its facts, behind one seam so that the
// daemon's behaviour is tested without root.
type machine interface {
	// offer says what the machine is and which isolation levels it really has, strongest first.
	offer() offer
	// prove runs a command of ours as a job's would be run. Its error says what does not work.
	prove(ctx context.Context) error
	// prepare makes an image ready for sandboxes. Failures that the job's people should read are *failure.
	prepare(ctx context.Context, p prepareParams) (prepared, error)
}

// prepared is an unpacked image.
type prepared interface {
	// run executes one command in a fresh sandbox and takes the sandbox away again. It returns an error only where the command could not be
	// run or observed; whatever the command did is in the end. A done ctx kills the command; the end then says so.
	run(ctx context.Context, p iterationParams) (iterationEnd, error)
	close() error
}

// offer is a machine's own description.
type offer struct {
	levels  []string // isolation levels
	network bool     // the operator allows jobs with a network
	cpus    int      // that a job may use
	memory  int64    // bytes that a job may use
	disk    int64    // bytes free for sandboxes
	facts   api.HostFacts
}

// imageSource is a registry's repository and digest, or a local path.
type imageSource struct {
	local      string // OCI layout directory or image archive; excludes the rest
	registry   string // host[:port] or URL
	repository string
	version    string                                // digest, for one-shot runs also a tag
	token      func(context.Context) (Secret, error) // bearer; nil: anonymous
	own        bool                                  // the registry is the server's own
	trusted    bool                                  // the registry may have any address; its redirects may not
}

type prepareParams struct {
	name   string // of the working directory; unique
	source imageSource
	disk   int64                      // bytes that the unpacked image may have
	report func(phase, detail string) // phases pull and unpack; called often with growing detail
}

type iterationParams struct {
	name       string // of the sandbox; unique
	entrypoint []string
	cmd        []string
	env        map[string]string
	cpu        int
	memory     int64
	disk       int64
	network    bool
	timeout    time.Duration
	grace      time.Duration
	stdout     io.Writer
	stderr     io.Writer
	started    func() // just before the command's first instruction
	filePaths  []string
	file       func(path string) (io.WriteCloser, error) // where a collected file goes; a nil writer counts only
	fileLimit  int64                                     // bytes of one file
}

// iterationEnd is how one command ended.
type iterationEnd struct {
	argv     []string // what was run, the image's defaults filled in
	exitCode int
	signal   string
	oom      bool
	timedOut bool
	limit    string // which limit was passed, as a sentence; empty: none
	start    time.Time
	wall     time.Duration // the command alone
	files    []collected
	missing  []string // of filePaths
	level    string   // isolation really reached
	notes    []string // what the isolation could not do
	host     api.HostFacts
}

type collected struct {
	path      string
	size      int64
	truncated bool
}

// failure is why a job failed, as its people will read it.
type failure struct {
	reason   api.Reason
	sentence string
	cause    error // for the log
}

func (f *failure) Error() string {
	if f.cause != nil {
		return fmt.Sprintf("%s: %v", f.sentence, f.cause)
	}
	return f.sentence
}

func (f *failure) Unwrap() error { return f.cause }

func failf(reason api.Reason, format string, args ...any) *failure {
	return &failure{reason: reason, sentence: fmt.Sprintf(format, args...)}
}

func failWith(reason api.Reason, cause error, format string, args ...any) *failure {
	return &failure{reason: reason, sentence: fmt.Sprintf(format, args...), cause: cause}
}

// imageFailure tells an image that could not be had from one that was refused.
func imageFailure(err error) error {
	switch fault.Of(err) {
	case fault.Invalid, fault.TooLarge, fault.Missing: // trying again would not help
		return failWith(api.ReasonImageInvalid, err, "%s", fault.Message(err))
	case fault.Forbidden, fault.Unauthorized, fault.Unavailable, fault.TooMany:
		return failWith(api.ReasonImagePull, err, "%s", fault.Message(err))
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return failWith(api.ReasonImagePull, err, "the image could not be made ready; the runner's log has the details")
}
