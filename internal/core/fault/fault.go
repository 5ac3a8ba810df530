// Package fault gives every error that a person may see a kind, a sentence and, from one table, an HTTP status and an exit code.
//
// Core and services return faults (or wrap them with %w); the edges (HTTP, CLI) ask Of and Message. An error without a kind is
// Internal: its text is logged and never shown, the reader gets the request id instead.
//
// A fault's sentence names the thing, the reason and, where there is one, the way out: "spec \"intel-v1\": no runner has it; add it
// to a runner with 'tacho runner spec add'".
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says whose mistake an error is and what the caller may do about it.
type Kind int

// The kinds. Internal is the zero value: what nobody classified is our own mistake.
const (
	Internal     Kind = iota
	Invalid           // the input is malformed or out of its limits; the same request will fail again
	Unauthorized      // no credentials, or unknown, expired or revoked ones
	Forbidden         // the credentials are known and do not suffice
	Missing           // the thing does not exist, or the caller may not know that it does
	Conflict          // the thing is in a state that refuses the change
	TooLarge          // the body or one of its parts is over its limit
	TooMany           // the caller must slow down or wait for its other work
	Unavailable       // try again later: shutting down, storage full, dependency away
	Canceled          // the caller went away or the user said stop
)

// Exit codes of the CLI. They are part of the interface: scripts tell an alert from a broken network by them.
const (
	ExitOK              = 0
	ExitInternal        = 1   // a defect in tacho itself
	ExitUsage           = 2   // wrong flags or arguments, or input refused before anything was sent
	ExitAlert           = 3   // at least one alert, and --error-on-alert (or the gate) asked for it; a comparison: something is worse
	ExitBenchmarkFailed = 4   // the benchmark command failed, or left nothing that could be read
	ExitCanceled        = 5   // the job was canceled
	ExitTimedOut        = 6   // the job or the command ran out of time
	ExitNetwork         = 7   // the server could not be reached
	ExitServer          = 8   // the server answered with an error of its own (5xx)
	ExitRefused         = 9   // the server refused the request (4xx): credentials, missing thing, conflict, limit
	ExitInfrastructure  = 10  // the job failed for a reason that is not the benchmark's: image, isolation, lost runner
	ExitNothingJudged   = 11  // nothing was judged: no threshold (--error-on-alert), nothing to compare with, or too little history
	ExitUndecided       = 12  // a comparison: nothing is worse, and nothing could be decided
	ExitNotBuilt        = 13  // a comparison: a version could not be checked out or built
	ExitPolicyInvalid   = 14  // a policy file that cannot be read; its mistakes were printed
	ExitPolicyDiffers   = 15  // 'tacho policy check': events would appear, vanish or be told otherwise
	ExitInterrupted     = 130 // Ctrl-C; a remote job goes on, and the last line says how to re-attach
)

// kinds is the one table of kind → name, HTTP status, exit code.
var kinds = map[Kind]struct {
	code   string // stable, machine-readable; Bencher's error_code field
	status int
	exit   int
}{
	Internal:     {"internal", 500, ExitServer},
	Invalid:      {"invalid", 400, ExitRefused},
	Unauthorized: {"unauthorized", 401, ExitRefused},
	Forbidden:    {"forbidden", 403, ExitRefused},
	Missing:      {"not_found", 404, ExitRefused},
	Conflict:     {"conflict", 409, ExitRefused},
	TooLarge:     {"too_large", 413, ExitRefused},
	TooMany:      {"too_many", 429, ExitRefused},
	Unavailable:  {"unavailable", 503, ExitServer},
	Canceled:     {"canceled", 499, ExitInterrupted},
}

// Code returns the stable machine-readable name of the kind, as it stands in error bodies.
func (k Kind) Code() string { return kinds[k].code }

// Status returns the HTTP status of the kind.
func (k Kind) Status() int { return kinds[k].status }

// Exit returns the CLI's exit code for an answer of this kind from a server.
func (k Kind) Exit() int { return kinds[k].exit }

func (k Kind) String() string { return kinds[k].code }

// FromStatus returns the kind that a server's HTTP status stands for. Unknown 4xx are Invalid, everything else is Internal.
func FromStatus(status int) Kind {
	for k, row := range kinds {
		if row.status == status {
			return k
		}
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return Internal
}

// FromCode returns the kind with the name, Internal for one that is not known.
func FromCode(code string) Kind {
	for k, row := range kinds {
		if row.code == code {
			return k
		}
	}
	return Internal
}

// Error is a classified error whose sentence may be shown to the person who asked.
type Error struct {
	Kind    Kind
	Message string // for the reader; no internals
	Cause   error  // for the log; may be nil

	// After is how long the caller should wait before it tries again, for TooMany and Unavailable; 0: not known.
	After time.Duration

	// Detail is finer than Kind, where a program has to choose; "": there is none.
	Detail string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes a fault of the given kind.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault that keeps cause for the log and shows only the sentence.
func Wrap(k Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// WithDetail is err, which is a fault, with a word for programs that is finer than its kind.
func WithDetail(err error, detail string) error {
	return &Error{Kind: Of(err), Message: Message(err), Cause: err, After: RetryAfter(err), Detail: detail}
}

// Detail returns the word of WithDetail, "" if err has none.
func Detail(err error) string {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Detail
	}
	return ""
}

// Busyf says that the server has too much to do just now, and after how long the same request may be sent again.
func Busyf(after time.Duration, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Message: fmt.Sprintf(format, args...), After: after}
}

// TooManyf says that the caller must slow down, and after how long the same request may be sent again.
func TooManyf(after time.Duration, format string, args ...any) *Error {
	return &Error{Kind: TooMany, Message: fmt.Sprintf(format, args...), After: after}
}

// Invalidf, Missingf and the others below are New with the kind in the name, because they are written most.
func Invalidf(format string, args ...any) *Error { return New(Invalid, format, args...) }

// Missingf says that a thing does not exist.
func Missingf(format string, args ...any) *Error { return New(Missing, format, args...) }

// Conflictf says that the thing's state refuses the change.
func Conflictf(format string, args ...any) *Error { return New(Conflict, format, args...) }

// Forbiddenf says that known credentials do not suffice.
func Forbiddenf(format string, args ...any) *Error { return New(Forbidden, format, args...) }

// Unauthorizedf says that credentials are absent or unknown.
func Unauthorizedf(format string, args ...any) *Error { return New(Unauthorized, format, args...) }

// TooLargef says which limit was passed.
func TooLargef(format string, args ...any) *Error { return New(TooLarge, format, args...) }

// Of returns the kind of the first fault in err's chain, Internal if there is none.
func Of(err error) Kind {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Kind
	}
	return Internal
}

// Is reports whether err's chain holds a fault of kind k.
func Is(err error, k Kind) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && f.Kind == k
}

// RetryAfter returns how long to wait before the same request is sent again, 0 where the error does not say.
func RetryAfter(err error) time.Duration {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.After
	}
	return 0
}

// Message returns the sentence that may be shown: the fault's own, or a neutral one for Internal.
func Message(err error) string {
	if f, ok := errors.AsType[*Error](err); ok && f.Kind != Internal {
		return f.Message
	}
	return "internal error; the server's log has the details under this request id"
}
