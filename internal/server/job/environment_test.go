package job_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

var withSecret = order{job: api.NewJob{Env: map[string]string{"TOKEN": "s3cret-value"}, SecretEnv: []string{"TOKEN"}}}

func TestEnvironmentGoesWhenTheJobEndsHoweverItEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *fixture, r string) (jobID string){
		"failed": func(h *fixture, r string) string {
			job := h.running(r, withSecret)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
			return job.UUID
		},
		"canceled by its runner": func(h *fixture, r string) string {
			job := h.running(r, withSecret)
			h.cancel(job.UUID)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCanceled})
			return job.UUID
		},
		"canceled while it waited": func(h *fixture, _ string) string {
			id := h.submit(withSecret)
			h.cancel(id)
			return id
		},
		"processed": func(h *fixture, r string) string {
			job := h.running(r, withSecret)
			h.mustPut(r, job, api.ArtifactStdout, "", ten)
			h.says(r, job, api.MsgAck, api.Message{Event: api.MsgCompleted})
			h.process(job.UUID)
			return job.UUID
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t)
			id := end(h, h.runner("box"))
			if config := h.row(id).Config; strings.Contains(config, "s3cret-value") || !strings.Contains(config, `"env_dropped":true`) {
				t.Errorf("the ended job has %s", config)
			}
			if name == "processed" {
				return
			}
			err := h.queue.Retry(t.Context(), id)
			if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "environment was dropped") {
				t.Errorf("retry: %v, want a conflict that says why", err)
			}
		})
	}
}

func TestAJobThatWaitsForAnotherTryKeepsItsEnvironment(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	r := h.runner("box")
	first := h.running(r, withSecret)
	h.silence()
	h.expect(first.UUID, api.JobPending, api.ReasonRunnerLost)
	if again := h.mustClaim(r, first.UUID); again.Config.Env["TOKEN"] != "s3cret-value" || again.Config.SecretEnv[0] != "TOKEN" {
		t.Errorf("the second try gets %v, %v", again.Config.Env, again.Config.SecretEnv)
	}
}

func TestAnOperatorCanKeepEnvironmentsForRetries(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.queue.KeepEnv = time.Hour
	r := h.runner("box")
	job := h.running(r, withSecret)
	h.says(r, job, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	forget := func() {
		t.Helper()
		if err := h.queue.ForgetEnvironments(t.Context(), h.clock.now().Add(-h.queue.KeepEnv)); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.advance(59 * time.Minute)
	forget()
	if !strings.Contains(h.row(job.UUID).Config, "s3cret-value") {
		t.Error("dropped too early")
	}
	h.clock.advance(2 * time.Minute)
	forget()
	if strings.Contains(h.row(job.UUID).Config, "s3cret-value") {
		t.Error("kept too long")
	}
	if err := h.queue.Retry(t.Context(), job.UUID); !fault.Is(err, fault.Conflict) {
		t.Errorf("retry: %v", err)
	}
	other := h.running(r, order{})
	h.says(r, other, api.MsgAck, api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit})
	h.clock.advance(2 * time.Hour)
	forget()
	if err := h.queue.Retry(t.Context(), other.UUID); err != nil {
		t.Errorf("a job that had no environment: %v", err)
	}
}

func TestSecretsThatCannotBeHiddenAreRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for says, job := range map[string]api.NewJob{
		"not in the environment": {SecretEnv: []string{"TOKEN"}},
		"shorter than 4 bytes":   {SecretEnv: []string{"TOKEN"}, Env: map[string]string{"TOKEN": "abc"}},
	} {
		if _, err := h.prepare(order{job: job}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want it refused because it is %s", err, says)
		}
	}
}
