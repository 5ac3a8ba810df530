package throttle

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
)

// ErrorLog is for http.Server.ErrorLog: what it says goes to to as warnings, and as errors where somebody must act. Strangers cause most of
// it, so it is bounded; the next line after a flood says how many were dropped.
func ErrorLog(to *slog.Logger, now func() time.Time) *log.Logger {
	return log.New(&errorLog{log: to, lines: newBuckets(Rate{limits.ErrorLogRate, limits.ErrorLogBurst}, now)}, "", 0)
}

type errorLog struct {
	log   *slog.Logger
	lines *buckets

	mu      sync.Mutex // guards what follows
	dropped int
}

func (e *errorLog) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lines.take("").Wait > 0 {
		e.dropped++
		return len(p), nil
	}
	text := strings.TrimSpace(string(p))
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: panic") || strings.HasPrefix(text, "http: Accept error") {
		level = slog.LevelError
	}
	args := []any{"said", text}
	if e.dropped > 0 {
		args = append(args, "dropped", e.dropped)
		e.dropped = 0
	}
	e.log.Log(context.Background(), level, "http server", args...)
	return len(p), nil
}
