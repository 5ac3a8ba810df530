package runner

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

func aShot(t *testing.T) OneShot {
	return OneShot{
		Image: t.TempDir(), CPU: 1, MemoryBytes: 64 * limits.MiB, DiskBytes: limits.GiB, Timeout: time.Minute, Iterations: 1,
		Isolation: "container", Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	}
}

func TestOneShotShowsOutputLiveAndCollectsFiles(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	shot := aShot(t)
	shot.Stdout, shot.Stderr, shot.Iterations, shot.Files, shot.OutputDir = &stdout, &stderr, 2, []string{"/out/../r.json"}, filepath.Join(t.TempDir(), "out")
	var phases []string
	shot.Progress = func(phase, _ string) { phases = append(phases, phase) }
	m := aMachine(func(_ context.Context, p iterationParams) iterationEnd {
		io.WriteString(p.stdout, "out\n")
		io.WriteString(p.stderr, "err\n")
		w, err := p.file("/out/../r.json")
		if err != nil {
			t.Error(err)
			return iterationEnd{}
		}
		io.WriteString(w, "{}")
		w.Close()
		return iterationEnd{files: []collected{{path: "/out/../r.json", size: 2}}}
	})
	got, err := runOnce(t.Context(), shot, m, systemClock())
	if err != nil || got.Exit() != fault.ExitOK || len(got.Results) != 2 || got.Host.Isolation != "container" {
		t.Fatalf("summary %+v, %v", got, err)
	}
	if stdout.String() != "out\nout\n" || stderr.String() != "err\nerr\n" || len(phases) == 0 {
		t.Errorf("stdout %q, stderr %q, phases %v", stdout.String(), stderr.String(), phases)
	}
	for _, name := range []string{"1/r.json", "2/r.json"} {
		if text, err := os.ReadFile(filepath.Join(shot.OutputDir, name)); err != nil || string(text) != "{}" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestOneShotKeepsTextsWhereNobodyWatches(t *testing.T) {
	t.Parallel()
	shot := aShot(t)
	got, err := runOnce(t.Context(), shot, aMachine(prints("42")), systemClock())
	if err != nil || len(got.Results) != 1 || got.Results[0].Stdout == nil || *got.Results[0].Stdout != "42" {
		t.Errorf("summary %+v, %v", got, err)
	}
}

func TestOneShotExitCodes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		end  iterationEnd
		want int
	}{
		"done":      {iterationEnd{}, fault.ExitOK},
		"exit code": {iterationEnd{exitCode: 1}, fault.ExitBenchmarkFailed},
		"memory":    {iterationEnd{exitCode: 137, oom: true}, fault.ExitBenchmarkFailed},
		"timeout":   {iterationEnd{exitCode: 137, timedOut: true}, fault.ExitTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := runOnce(t.Context(), aShot(t), aMachine(func(context.Context, iterationParams) iterationEnd { return row.end }), systemClock())
			if err != nil || got.Exit() != row.want {
				t.Errorf("want %d, got %d: %+v, %v", row.want, got.Exit(), got, err)
			}
		})
	}
	unfit := aShot(t)
	unfit.CPU = 1_000
	if got, err := runOnce(t.Context(), unfit, aMachine(nil), systemClock()); err != nil || got.Exit() != fault.ExitInfrastructure || got.Reason != api.ReasonHostUnfit {
		t.Errorf("unfit: %+v, %v", got, err)
	}
}

func TestOneShotStopsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	running := make(chan struct{}, 1)
	go func() { <-running; interrupt() }()
	got, err := runOnce(ctx, aShot(t), aMachine(untilKilled(running)), systemClock())
	if err != nil || got.Exit() != fault.ExitInterrupted || len(got.Results) != 1 {
		t.Errorf("summary %+v, %v", got, err)
	}
}

func TestOneShotImageNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for image, want := range map[string]string{
		dir:                               "",
		"ghcr.io/org/bench:v1":            "",
		"localhost:5000/bench":            "",
		"bench:v1":                        "needs its registry",
		filepath.Join(dir, "missing.tar"): "no such file",
		"./missing":                       "no such file",
		"ghcr.io/Org/bench":               "not a repository name",
		"ghcr.io/org/bench@sha256:beef":   "digest",
	} {
		_, err := OneShot{Image: image}.source()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", image, want, err)
		}
	}
}
