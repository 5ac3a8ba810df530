package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
)

// exitCodes is the one table of what the process ends with; help texts are made from it.
var exitCodes = []struct {
	code  int
	means string
}{
	{fault.ExitOK, "fine"},
	{fault.ExitInternal, "a defect in tacho"},
	{fault.ExitUsage, "wrong flags or arguments, or input refused before anything was sent"},
	{fault.ExitAlert, "an alert, and --error-on-alert or the policy (severity: fail) asked for it; in a comparison, something is worse"},
	{fault.ExitBenchmarkFailed, "the benchmark failed, or left nothing that could be read"},
	{fault.ExitCanceled, "the job was canceled; of 'tacho sweep nuke': nobody agreed"},
	{fault.ExitTimedOut, "the benchmark or its job ran out of time; of 'tacho sweep plan': it is over its budget"},
	{fault.ExitNetwork, "the server could not be reached; of 'tacho sweep run' and 'resume', too: tasks failed or were not done"},
	{fault.ExitServer, "the server failed; of 'tacho sweep run', 'resume' and 'nuke', too: something may still run"},
	{fault.ExitRefused, "the server refused: credentials, a missing thing, a conflict, a limit"},
	{fault.ExitInfrastructure, "the job failed and it was not the benchmark's fault: image, isolation, lost runner; of 'tacho sweep " +
		"doctor': a check failed"},
	{fault.ExitNothingJudged, "nothing was judged: no threshold (--error-on-alert), nothing to compare with, or too few earlier values"},
	{fault.ExitUndecided, "a comparison: nothing is worse, and nothing could be decided"},
	{fault.ExitNotBuilt, "a comparison: a version could not be checked out or built"},
	{fault.ExitPolicyInvalid, "a policy file cannot be read"},
	{fault.ExitPolicyDiffers, "'tacho policy check': with the file, events would appear, vanish or be told otherwise"},
	{fault.ExitInterrupted, "interrupted; a remote job goes on"},
}

// Exit codes by group, for the help of commands.
var (
	ExitsLocal = []int{fault.ExitOK, fault.ExitUsage}
	ExitsCall  = []int{fault.ExitOK, fault.ExitUsage, fault.ExitNetwork, fault.ExitServer, fault.ExitRefused}
	exitsJob   = []int{fault.ExitOK, fault.ExitUsage, fault.ExitBenchmarkFailed, fault.ExitCanceled, fault.ExitTimedOut, fault.ExitNetwork,
		fault.ExitServer,
		fault.ExitRefused, fault.ExitInfrastructure, fault.ExitInterrupted}
	ExitsRun = append([]int{fault.ExitAlert, fault.ExitNothingJudged}, exitsJob...)
)

// exitHelp is the section of a help text that lists codes.
func exitHelp(codes []int) string {
	var b strings.Builder
	for _, row := range exitCodes {
		if slices.Contains(codes, row.code) {
			fmt.Fprintf(&b, "  %3d  %s\n", row.code, row.means)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// ReasonExits is what a failed job's reason means for the caller.
var ReasonExits = map[api.Reason]int{
	api.ReasonNone:             fault.ExitServer,
	api.ReasonBenchmarkExit:    fault.ExitBenchmarkFailed,
	api.ReasonBenchmarkTimeout: fault.ExitTimedOut,
	api.ReasonNoResult:         fault.ExitBenchmarkFailed,
	api.ReasonAdapter:          fault.ExitBenchmarkFailed,
	api.ReasonVariant:          fault.ExitBenchmarkFailed,
	api.ReasonOutOfMemory:      fault.ExitBenchmarkFailed,
	api.ReasonLimit:            fault.ExitBenchmarkFailed,
	api.ReasonImagePull:        fault.ExitInfrastructure,
	api.ReasonImageInvalid:     fault.ExitInfrastructure,
	api.ReasonSandbox:          fault.ExitInfrastructure,
	api.ReasonHostUnfit:        fault.ExitInfrastructure,
	api.ReasonRunnerLost:       fault.ExitInfrastructure,
	api.ReasonRunnerAborted:    fault.ExitInfrastructure,
	api.ReasonDeadline:         fault.ExitTimedOut,
	api.ReasonCanceledByUser:   fault.ExitCanceled,
	api.ReasonServer:           fault.ExitServer,
	api.ReasonMeasurement:      fault.ExitBenchmarkFailed, // of which another job was the first
}

// JobExit is the exit code of a job that has ended.
func JobExit(job api.Job) int {
	switch job.Status {
	case api.JobProcessed:
		return fault.ExitOK
	case api.JobCanceled:
		return fault.ExitCanceled
	}
	if code, known := ReasonExits[job.Reason]; known {
		return code
	}
	return fault.ExitServer // a newer server's reason
}

// exitError ends the process with a code of its own. Without err everything has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// ExitWith is err with an exit code. Without err everything has been said.
func ExitWith(code int, err error) error { return &exitError{code, err} }

// Fail is an error with an exit code and a sentence.
func Fail(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// Usage is an error with the exit code for wrong flags and arguments.
func Usage(format string, args ...any) error {
	return &exitError{fault.ExitUsage, fault.Invalidf(format, args...)}
}

// ExitCode is what the process ends with after err.
func ExitCode(err error) int {
	if err == nil {
		return fault.ExitOK
	}
	if own, ok := errors.AsType[*exitError](err); ok {
		return own.code
	}
	if _, ok := errors.AsType[*client.NetworkError](err); ok {
		return fault.ExitNetwork
	}
	if refused, ok := errors.AsType[*client.APIError](err); ok {
		return fault.Of(refused).Exit()
	}
	if errors.Is(err, context.Canceled) {
		return fault.ExitInterrupted
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		switch f.Kind {
		case fault.Internal:
			return fault.ExitInternal
		case fault.Invalid, fault.TooLarge:
			return fault.ExitUsage // nothing was sent
		}
		return f.Kind.Exit()
	}
	return fault.ExitInternal
}

// Sentence is what is said about err, on one line, and a hint, which may be empty.
func Sentence(err error) (text, hint string) {
	text = err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		text = f.Message
	}
	if refused, ok := errors.AsType[*client.APIError](err); ok {
		text = refused.Sentence
		switch fault.Of(refused) {
		case fault.Unauthorized:
			hint = "log in with 'tacho login', set TACHO_KEY, or give --key-file"
		case fault.Internal, fault.Unavailable:
			if refused.RequestID != "" {
				hint = "the server's log has more under request " + refused.RequestID
			}
		}
	}
	if _, ok := errors.AsType[*client.NetworkError](err); ok {
		hint = "is the address right (--host, TACHO_HOST, or that of 'tacho login'), and does the server run?"
	}
	return term.Clean(text), term.Clean(hint)
}
