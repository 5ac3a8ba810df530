//go:build linux

// Command abuse measures what a real server process costs and how long its other users wait while somebody sends too much: junk bodies,
// reports of 400,000 metrics, many front pages at once. Each case has a fresh process, whose peak is VmHWM of /proc/PID/status. Meanwhile a
// neighbour submits small reports to a project of its own and asks for the health of the server.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tachograph/tacho/api"
)

func main() {
	var o options
	flag.StringVar(&o.binary, "tacho", "bin/tacho", "the binary to measure")
	flag.StringVar(&o.cases, "cases", "junk,metrics,pages", "which cases to play")
	flag.IntVar(&o.bodies, "bodies", 20, "junk bodies of 64 MiB at once")
	flag.IntVar(&o.reports, "large", 4, "reports of -metrics at once")
	flag.IntVar(&o.metrics, "metrics", 400_000, "metrics of one large report")
	flag.IntVar(&o.pages, "pages", 64, "front pages at once")
	flag.IntVar(&o.history, "history", 5_000, "reports of the project whose front page is asked for")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "how long one case may take; then its server is killed and the case has failed")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "abuse:", err)
		os.Exit(1)
	}
}

type options struct {
	binary, cases                            string
	bodies, reports, metrics, pages, history int
	limit                                    time.Duration
}

// say reports progress beside the figures.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

func (o options) run() error {
	for _, c := range []struct {
		name string
		play func(*server) (string, error)
		seed func(*server) error
	}{
		{"junk", o.junk, nil},
		{"metrics", o.large, nil},
		{"pages", o.frontPages, o.seed},
	} {
		if !slices.Contains(strings.Split(o.cases, ","), c.name) {
			continue
		}
		say("%s begins", c.name)
		if err := o.measure(c.play, c.seed); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// measure plays one case against a fresh process and prints its figures.
func (o options) measure(play func(*server) (string, error), seed func(*server) error) error {
	dir, err := os.MkdirTemp("", "tacho-abuse-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := start(o.binary, dir, "")
	if err != nil {
		return err
	}
	var late atomic.Bool
	var running atomic.Pointer[os.Process]
	running.Store(s.command.Process)
	defer time.AfterFunc(o.limit, func() {
		late.Store(true)
		_ = running.Load().Kill() // it may have ended by itself
	}).Stop()
	if seed != nil {
		say("seeding %d reports", o.history)
		if err := seed(s); err != nil {
			return errors.Join(err, s.stop())
		}
		if err := s.stop(); err != nil { // the peak of the seeding is not the case's
			return err
		}
		if s, err = start(o.binary, dir, s.key); err != nil {
			return err
		}
		running.Store(s.command.Process)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &neighbour{server: s, waits: map[string][]time.Duration{}}
	var watching sync.WaitGroup
	watching.Go(func() { n.live(ctx) })
	begun := time.Now()
	say("playing")
	title, err := play(s)
	if late.Load() {
		err = fmt.Errorf("not done after %s: %s", o.limit, title)
	}
	took := time.Since(begun)
	cancel()
	watching.Wait()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	peak, err := s.peak()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	fmt.Printf("%s, %.1f s\n", title, took.Seconds())
	fmt.Printf("  %-52s %12.1f MB\n", "peak resident memory (VmHWM)", peak)
	n.print()
	return s.stop()
}

// server is a running process.
type server struct {
	command  *exec.Cmd
	url, key string
}

// start runs the binary over a folder; key is that of an earlier run, empty at the first, which prints one.
func start(binary, dir, key string) (*server, error) {
	file := filepath.Join(dir, "runtime.json")
	_ = os.Remove(file) // of the run before
	s := &server{command: exec.Command(binary, "server", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--runtime-file",
		file), key: key}
	s.command.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var said bytes.Buffer
	s.command.Stdout, s.command.Stderr = &said, &said
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		raw, err := os.ReadFile(file)
		var runtime struct {
			URL string `json:"url"`
		}
		if err == nil && json.Unmarshal(raw, &runtime) == nil && runtime.URL != "" {
			s.url = runtime.URL
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if s.url == "" {
		return nil, errors.Join(fmt.Errorf("the server did not start: %s", said.String()), s.command.Process.Kill())
	}
	for word := range strings.FieldsSeq(said.String()) {
		if s.key == "" && strings.HasPrefix(word, "tacho_user_") {
			s.key = word
		}
	}
	if s.key == "" {
		return nil, errors.Join(fmt.Errorf("the server printed no key: %s", said.String()), s.command.Process.Kill())
	}
	return s, nil
}

func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.command.Wait()
}

// peak is the process's largest resident memory so far, in MB.
func (s *server) peak() (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, errors.New("the status has no VmHWM")
}

// call sends a request, reads the answer to its end, and returns the status.
func (s *server) call(ctx context.Context, method, path, key string, body io.Reader, size int64) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return 0, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = size
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, bufio.NewReader(res.Body))
	return res.StatusCode, err
}

// together calls f n times at once and counts what came of it. A refusal with 503 is tried again, as our client does, until patience ends.
func together(n int, f func(i int) (int, error)) (counts map[string]int) {
	counts = map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	begun := time.Now()
	for i := range n {
		all.Go(func() {
			for range 60 {
				status, err := f(i)
				word := strconv.Itoa(status)
				if err != nil {
					word = "broken"
				}
				mu.Lock()
				counts[word]++
				mu.Unlock()
				if status != http.StatusServiceUnavailable {
					say("%d of %d: %s after %.1f s", i+1, n, word, time.Since(begun).Seconds())
					return
				}
				time.Sleep(2 * time.Second)
			}
		})
	}
	all.Wait()
	return counts
}

// junk sends bodies that are nearly as large as a report may be and hold what is dear to decode.
func (o options) junk(s *server) (string, error) {
	const size = 64<<20 - 1<<10 // what is exactly at the limit is refused unread
	bodies := [][]byte{
		fill(`{"project":"junk","results":[`, `"",`, size),
		fill(`{"project":"junk","context":{`, `"a":"b",`, size),
		fill(`[`, `1,`, size),
		fill(`{"project":"junk","results":["`, `x`, size),
		fill(`{"junk":[`, `{},`, size),
	}
	counts := together(o.bodies, func(i int) (int, error) {
		return s.call(context.Background(), http.MethodPost, "/v0/run", s.key, bytes.NewReader(bodies[i%len(bodies)]), size)
	})
	return fmt.Sprintf("%d junk bodies of 64 MiB at once: %v", o.bodies, counts), nil
}

func fill(head, with string, size int) []byte {
	b := append(make([]byte, 0, size), head...)
	for len(b) < size {
		b = append(b, with...)
	}
	return b[:size]
}

// large sends reports with as many metrics as one may have.
func (o options) large(s *server) (string, error) {
	body := metrics(o.metrics)
	counts := together(o.reports, func(i int) (int, error) {
		sent := bytes.Replace(body, []byte("PROJECT"), []byte("large"+strconv.Itoa(i)), 1)
		return s.call(context.Background(), http.MethodPost, "/v0/run", s.key, bytes.NewReader(sent), int64(len(sent)))
	})
	return fmt.Sprintf("%d × %d metrics at once (%.1f MB each): %v", o.reports, o.metrics, float64(len(body))/1e6, counts), nil
}

// metrics is a submission of n metrics: 4 of each of n/4 benchmarks.
func metrics(n int) []byte {
	var bmf strings.Builder
	bmf.WriteByte('{')
	for i := range n / 4 {
		if i > 0 {
			bmf.WriteByte(',')
		}
		fmt.Fprintf(&bmf, `"bench/%d":{"latency":{"value":%d},"throughput":{"value":%d},"memory":{"value":%d},"loops":{"value":%d}}`, i, i+1, i+
			2, i+3, i+4)
	}
	bmf.WriteByte('}')
	body, err := json.Marshal(api.NewRun{Project: "PROJECT", Branch: "main", Testbed: "box", Results: []string{bmf.String()},
		Settings: &api.ReportSettings{Adapter: "json"}})
	if err != nil {
		panic(err) // texts and numbers of ours
	}
	return body
}

// seed makes a public project with many reports of ten benchmarks.
func (o options) seed(s *server) error {
	next := make(chan int)
	var failed error
	var once sync.Once
	var all sync.WaitGroup
	for range 16 { // they share flushes of the disk
		all.Go(func() {
			for i := range next {
				err := s.submit(context.Background(), "history", 10, i)
				for ; errors.Is(err, errTooMany); err = s.submit(context.Background(), "history", 10, i) {
					time.Sleep(time.Second) // a project's changes have their rate, which seeding is faster than
				}
				if err != nil {
					once.Do(func() { failed = err })
				}
			}
		})
	}
	for i := range o.history {
		if i > 0 && i%1000 == 0 {
			say("%d of %d", i, o.history)
		}
		next <- i
	}
	close(next)
	all.Wait()
	return failed
}

var errTooMany = errors.New("a small report was answered with 429")

// submit sends a small report.
func (s *server) submit(ctx context.Context, project string, benchmarks, i int) error {
	results := map[string]map[string]map[string]float64{}
	for b := range benchmarks {
		results[fmt.Sprintf("parse/%d", b)] = map[string]map[string]float64{"latency": {"value": 1000 + float64((i*7919+b*104729)%97)}}
	}
	text, err := json.Marshal(results)
	if err != nil {
		return err
	}
	body, err := json.Marshal(api.NewRun{Project: project, Branch: "main", Testbed: "box", Hash: fmt.Sprintf("%040x", i),
		Results: []string{string(text)}})
	if err != nil {
		return err
	}
	status, err := s.call(ctx, http.MethodPost, "/v0/run", s.key, bytes.NewReader(body), int64(len(body)))
	if err == nil && status == http.StatusTooManyRequests {
		return errTooMany
	}
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("a small report was answered with %d", status)
	}
	return err
}

func (o options) frontPages(s *server) (string, error) {
	counts := together(o.pages, func(int) (int, error) {
		return s.call(context.Background(), http.MethodGet, "/projects/history", "", nil, 0)
	})
	return fmt.Sprintf("%d front pages at once of a project with %d reports: %v", o.pages, o.history, counts), nil
}

// neighbour is somebody else on the same server.
type neighbour struct {
	server *server

	mu     sync.Mutex
	waits  map[string][]time.Duration
	failed []error
}

// live does small things until ctx ends.
func (n *neighbour) live(ctx context.Context) {
	var all sync.WaitGroup
	for name, act := range map[string]func(int) error{
		"GET /healthz":             func(int) error { return n.get("/healthz") },
		"GET /v0/server/version":   func(int) error { return n.get("/v0/server/version") },
		"POST /v0/run, 10 metrics": func(i int) error { return n.server.submit(context.Background(), "neighbour", 10, i) },
	} {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				begun := time.Now()
				err := act(i)
				n.mu.Lock()
				n.waits[name] = append(n.waits[name], time.Since(begun))
				if err != nil {
					n.failed = append(n.failed, fmt.Errorf("%s: %w", name, err))
				}
				n.mu.Unlock()
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

func (n *neighbour) get(path string) error {
	status, err := n.server.call(context.Background(), http.MethodGet, path, "", nil, 0)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered with %d", status)
	}
	return err
}

func (n *neighbour) print() {
	names := make([]string, 0, len(n.waits))
	for name := range n.waits {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w := n.waits[name]
		slices.Sort(w)
		at := func(q float64) float64 { return float64(w[int(q*float64(len(w)-1))].Microseconds()) / 1000 }
		fmt.Printf("  %-52s %12.1f ms p50 %10.1f p99 %10.1f max, of %d\n", "neighbour: "+name, at(0.5), at(0.99), at(1), len(w))
	}
	fmt.Printf("  %-52s %12d\n", "neighbour: requests that failed", len(n.failed))
	for _, err := range n.failed[:min(3, len(n.failed))] {
		fmt.Printf("    %v\n", err)
	}
}
