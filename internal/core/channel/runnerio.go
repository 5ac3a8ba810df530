package channel

import (
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// RunnerInput is something that happened to a runner.
type RunnerInput interface{ runnerInput() }

// The inputs of RunnerMachine.
type (
	// Started is the first input.
	Started struct{}
	// Connected: the dial succeeded.
	Connected struct{}
	// Disconnected: the dial failed, or the connection is gone, or a message could not be sent.
	Disconnected struct{}
	// Received is a message of the server.
	Received struct{ Message api.Message }
	// Progress is a message of the executor about the running job: running, phase or log, with job and epoch; the machine numbers it.
	Progress struct{ Message api.Message }
	// Finished: the job that Execute started is over, also after Kill. Upload says that there are outputs to bring up first.
	Finished struct {
		Terminal api.Message // completed, failed or canceled
		Upload   bool
	}
	// Uploaded: the outputs of a result are with the server.
	Uploaded struct {
		Job   string
		Epoch int64
	}
	// UploadRefused: the server will never take the outputs. Instead is what to report in place of the result; nil forgets it.
	UploadRefused struct {
		Job     string
		Epoch   int64
		Instead *api.Message
	}
	// Fired: a timer ran out.
	Fired struct{ Timer RunnerTimer }
	// Drain: finish the job, deliver, leave.
	Drain struct{}
	// Abort: kill the job, say so if the server can be reached, leave.
	Abort struct{}
)

func (Started) runnerInput()       {}
func (Connected) runnerInput()     {}
func (Disconnected) runnerInput()  {}
func (Received) runnerInput()      {}
func (Progress) runnerInput()      {}
func (Finished) runnerInput()      {}
func (Uploaded) runnerInput()      {}
func (UploadRefused) runnerInput() {}
func (Fired) runnerInput()         {}
func (Drain) runnerInput()         {}
func (Abort) runnerInput()         {}

// RunnerEffect is something that the runner must do.
type RunnerEffect interface{ runnerEffect() }

// The effects of RunnerMachine.
type (
	// Dial a connection; answer with Connected or Disconnected.
	Dial struct{}
	// HangUp closes the connection; Disconnected need not be said.
	HangUp struct{}
	// Redial asks for Fired{TimerRedial} after Backoff(Attempt, …).
	Redial struct{ Attempt int }
	// Send a message; a failure is a Disconnected.
	Send struct{ Message api.Message }
	// SetTimer starts or restarts a timer, StopTimer stops it.
	SetTimer struct {
		Timer RunnerTimer
		After time.Duration
	}
	StopTimer struct{ Timer RunnerTimer }
	// Execute starts a job; answer with Progress and, exactly once, Finished.
	Execute struct{ Job api.ClaimedJob }
	// Kill stops the running job; Finished must follow.
	Kill struct {
		Job   string
		Epoch int64
		Why   KillReason
	}
	// Keep puts a result into the spool, durably, before anything that follows.
	Keep struct{ Terminal api.Message }
	// Upload the spooled outputs of a result; answer with Uploaded or UploadRefused. Failures that may pass are tried again until Forget.
	Upload struct {
		Job   string
		Epoch int64
	}
	// Forget removes a result from the spool and ends its upload. Delivered: the server has it, or told us that it does not need it.
	Forget struct {
		Job       string
		Epoch     int64
		Delivered bool
	}
	// Exit ends the runner.
	Exit struct {
		Aborted     bool
		Undelivered int // results that stay in the spool for the next start
	}
)

func (Dial) runnerEffect()      {}
func (HangUp) runnerEffect()    {}
func (Redial) runnerEffect()    {}
func (Send) runnerEffect()      {}
func (SetTimer) runnerEffect()  {}
func (StopTimer) runnerEffect() {}
func (Execute) runnerEffect()   {}
func (Kill) runnerEffect()      {}
func (Keep) runnerEffect()      {}
func (Upload) runnerEffect()    {}
func (Forget) runnerEffect()    {}
func (Exit) runnerEffect()      {}

type effects []RunnerEffect

func (e *effects) add(more ...RunnerEffect) { *e = append(*e, more...) }

// RunnerTimer names a timer; each runs at most once at a time.
type RunnerTimer int

// The timers.
const (
	TimerRedial RunnerTimer = iota
	TimerSilence
	TimerHeartbeat
	TimerAsk
	TimerAbort
)

func (t RunnerTimer) String() string {
	return [...]string{"redial", "silence", "heartbeat", "ask", "abort"}[t]
}

// KillReason is why a running job is stopped.
type KillReason int

// The reasons. Canceled jobs are reported, aborted ones too (with api.ReasonRunnerAborted), abandoned ones are forgotten.
const (
	KillCancel KillReason = iota + 1
	KillAbandon
	KillAbort
)

func (k KillReason) String() string {
	return [...]string{"", "canceled", "abandoned", "aborted"}[k]
}

// Backoff returns the pause before dial number attempt (0 for the first repeat): it doubles from limits.RedialMin to limits.RedialMax,
// of which the upper half is spread by random ∈ [0, 1) so that a fleet does not come back in step.
func Backoff(attempt int, random float64) time.Duration {
	pause := limits.RedialMax
	if attempt < 16 {
		pause = min(limits.RedialMin<<attempt, limits.RedialMax)
	}
	return pause/2 + time.Duration(random*float64(pause/2))
}
