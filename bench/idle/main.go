//go:build unix

// Command idle measures how long a submitted job waits for its claim with 1 and with 1,000 idle runners, and what the idle ones cost: real
// HTTP on loopback, real database. Runners are long-polls of this process, so their CPU time is counted apart from nothing; it is an upper
// bound.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/imagepack"
	"github.com/tachograph/tacho/internal/server"
)

const submits = 50

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

func run() error {
	var medians []time.Duration
	for _, runners := range []int{1, 1000} {
		median, late, cpu, err := measure(runners)
		if err != nil {
			return err
		}
		medians = append(medians, median)
		fmt.Printf("  %-52s %12.3f ms\n", fmt.Sprintf("submit → claim, %d idle, median of %d", runners, submits),
			float64(median.Microseconds())/1000)
		fmt.Printf("  %-52s %12.3f ms\n", "the slowest of them", float64(late.Microseconds())/1000)
		fmt.Printf("  %-52s %12.2f %%\n", fmt.Sprintf("CPU of %d idle runners and the server over 10 s", runners), cpu)
	}
	fmt.Printf("  %-52s %12.2f\n", "ratio of the latencies, 1,000 to 1", float64(medians[1])/float64(medians[0]))
	return nil
}

// world is a server with the key of its admin.
type world struct {
	url, key string
	client   *http.Client
}

func measure(runners int) (median, slowest time.Duration, cpu float64, err error) {
	dir, err := os.MkdirTemp("", "tacho-idle-")
	if err != nil {
		return 0, 0, 0, err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, 0, err
	}
	var cfg server.Config
	if _, err := config.Load(&cfg, config.Sources{}); err != nil {
		return 0, 0, 0, err
	}
	cfg.Data, cfg.URL = filepath.Join(dir, "data"), server.URLOf(l)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := server.New(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return 0, 0, 0, err
	}
	key, err := s.FirstKey(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	w := &world{cfg.URL, key, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: runners + 10}}}
	if err := w.image(dir); err != nil {
		return 0, 0, 0, err
	}
	claimed := make(chan claim, runners)
	for i := range runners {
		var made api.RunnerKey
		if err := w.call(ctx, w.key, "/v0/runners", api.NewRunner{Name: fmt.Sprintf("r%d", i), Specs: []string{"default"}}, &made); err != nil {
			return 0, 0, 0, err
		}
		go w.poll(ctx, made, claimed)
	}
	time.Sleep(2 * time.Second) // all of them wait by now
	cpu = cpuOver(10 * time.Second)
	var waits []time.Duration
	for range submits {
		var report api.Report
		if err := w.call(ctx, w.key, "/v0/run", api.NewRun{Project: "idle", Branch: "main", Job: &api.NewJob{Image: "bench:v1"}},
			&report); err != nil {
			return 0, 0, 0, err
		}
		sent := time.Now() // the answer is there: the insert is committed
		c := <-claimed
		waits = append(waits, max(0, c.at.Sub(sent)))
	}
	slices.Sort(waits)
	cancel()
	<-served
	return waits[len(waits)/2], waits[len(waits)-1], cpu, s.Close()
}

type claim struct{ at time.Time }

// poll claims for ever; a claimed job is failed at once, so that the next one can come.
func (w *world) poll(ctx context.Context, r api.RunnerKey, out chan<- claim) {
	wait := int64(300)
	for ctx.Err() == nil {
		var job api.ClaimedJob
		if err := w.call(ctx, r.Key, "/v0/runners/"+r.Slug+"/jobs", api.ClaimJob{PollTimeout: &wait}, &job); err != nil || job.UUID == "" {
			continue
		}
		out <- claim{time.Now()}
		var reply api.Message
		_ = w.call(ctx, r.Key, "/v0/runners/"+r.Slug+"/jobs/"+job.UUID+"/events",
			api.Message{Event: api.MsgFailed, Epoch: job.Epoch, Seq: 1, Reason: api.ReasonBenchmarkExit}, &reply)
	}
}

func (w *world) call(ctx context.Context, key, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode == http.StatusNoContent {
		return err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: %d %s", path, res.StatusCode, body)
	}
	return json.Unmarshal(body, out)
}

func (w *world) image(dir string) error {
	file := filepath.Join(dir, "bench")
	if err := os.WriteFile(file, []byte("#!"), 0o755); err != nil { //nolint:gosec // it is a program
		return err
	}
	img, err := imagepack.Build(imagepack.Spec{Files: []imagepack.File{{Source: file, Target: "/bench"}}, Entrypoint: []string{"/bench"},
		Architecture: runtime.GOARCH})
	if err != nil {
		return err
	}
	_, err = imagepack.Push(context.Background(), img, imagepack.Target{Registry: strings.TrimPrefix(w.url, "http://"),
		Repository: "idle/bench", Tag: "v1", PlainHTTP: true, Key: w.key})
	return err
}

// cpuOver is how much of one processor this process used in d, in percent.
func cpuOver(d time.Duration) float64 {
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	time.Sleep(d)
	return float64(used()-before) / float64(d) * 100
}
