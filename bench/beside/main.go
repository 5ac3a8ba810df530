//go:build linux

// Command beside sends the same work to two builds of tacho by turns, each a server of its own on loopback, and prints what it costs them:
// CPU time of the server's process, bytes of the answer, size of the database. It shows what a change of the whole house did.
//
//	go run ./bench/beside OLD NEW
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.reports, "reports", 5000, "reports of the project that is read")
	flag.IntVar(&o.rounds, "rounds", 7, "times that each thing is measured, by turns")
	flag.StringVar(&o.only, "only", "", "measure the rows alone whose names begin with this")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "beside: name two binaries, the old one first")
		os.Exit(2)
	}
	if err := o.run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

type options struct {
	reports, rounds int
	only            string
}

// perRound is how many reports of the project that is read come in one round, so that its rows are by turns as all others are.
func (o options) perRound() int { return (o.reports + o.rounds - 1) / o.rounds }

// build is one of the two, with its server.
type build struct {
	binary, dir, url, key string
	server                *exec.Cmd
}

func (o options) run(binaries []string) (err error) {
	dir, err := os.MkdirTemp("", "tacho-beside-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var builds []*build
	defer func() {
		for _, b := range builds {
			_ = b.server.Process.Kill()
			_ = b.server.Wait()
		}
	}()
	for i, binary := range binaries {
		b, err := start(binary, filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return fmt.Errorf("start %s: %w", binary, err)
		}
		builds = append(builds, b)
	}
	return o.measure(builds)
}

// start begins a server in a folder of its own and waits until it answers.
func start(binary, dir string) (*build, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := &build{binary: binary, dir: dir}
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		return nil, err
	}
	defer said.Close()
	runtimeFile := filepath.Join(dir, "runtime.json")
	b.server = exec.Command(binary, "server", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"),
		"--runtime-file", runtimeFile)
	b.server.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	b.server.Stdout, b.server.Stderr = said, said
	b.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.server.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		raw, err := os.ReadFile(runtimeFile)
		var at struct{ URL string }
		if err == nil && json.Unmarshal(raw, &at) == nil && at.URL != "" {
			b.url = at.URL
			break
		}
		time.Sleep(50 * time.Millisecond) // the server says where it is only by this file
	}
	text, err := os.ReadFile(filepath.Join(dir, "said"))
	for _, word := range strings.Fields(string(text)) {
		if strings.HasPrefix(word, "tacho_") {
			b.key = word
		}
	}
	if b.url == "" || b.key == "" {
		return nil, errors.Join(err, fmt.Errorf("it did not say its address and its key: %s", text))
	}
	return b, nil
}

// cpu is the CPU time that the server has used so far: of its threads, which Go does not end (proc(5), schedstat, nanoseconds).
func (b *build) cpu() (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", b.server.Process.Pid))
	if err != nil || len(threads) == 0 {
		return 0, errors.Join(err, errors.New("the server has ended"))
	}
	for _, thread := range threads {
		raw, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(raw), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// call sends a request, waits where the server says so, and returns the bytes of the answer.
func (b *build) call(method, path string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	for {
		req, err := http.NewRequest(method, b.url+path, bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+b.key)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusTooManyRequests:
			time.Sleep(time.Second)
		case res.StatusCode >= 300:
			return nil, fmt.Errorf("%s %s: %s: %.200s", method, path, res.Status, answer)
		default:
			return answer, nil
		}
	}
}

// begin is the time of the first report; each later one is a minute after it.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// submit sends a report of so many benchmarks for one commit.
func (b *build) submit(project, branch string, commit, benchmarks int, more map[string]any) error {
	draw := rand.New(rand.NewPCG(uint64(commit), uint64(benchmarks)))
	var text strings.Builder
	for i := range benchmarks {
		fmt.Fprintf(&text, "BenchmarkB%d-2 \t 1000 \t %.2f ns/op\n", i, 100*float64(i+1)*(1+0.01*draw.NormFloat64()))
	}
	at := begin.Add(time.Duration(commit) * time.Minute)
	run := map[string]any{"project": project, "branch": branch, "hash": fmt.Sprintf("%040x", commit+1), "testbed": "t",
		"start_time": at, "end_time": at, "results": []string{text.String()}}
	for name, value := range more {
		run[name] = value
	}
	_, err := b.call(http.MethodPost, "/v0/run", run)
	return err
}

// judged has a t-test for each line; size 0 says no sample size.
func judged(size int) map[string]any {
	model := map[string]any{"test": "t_test", "upper_boundary": 0.99}
	if size > 0 {
		model["max_sample_size"] = size
	}
	return map[string]any{"thresholds": map[string]any{"models": map[string]any{"latency": model}}}
}

// thing is what is measured: done times in a row for each round, after what it needs is there.
type thing struct {
	name  string
	times int
	seed  func(*build) error
	do    func(b *build, n int) (size int, err error) // n counts up, so that each report has a commit of its own
}

func (o options) things() []thing {
	get := func(path string) func(*build, int) (int, error) {
		return func(b *build, _ int) (int, error) {
			answer, err := b.call(http.MethodGet, path, nil)
			return len(answer), err
		}
	}
	reports := func(project string, count, benchmarks int, more map[string]any) func(*build) error {
		return func(b *build) error {
			for i := range count {
				if err := b.submit(project, "main", i, benchmarks, more); err != nil {
					return err
				}
			}
			return nil
		}
	}
	next := func(project string, behind, benchmarks int, more map[string]any) func(*build, int) (int, error) {
		return func(b *build, n int) (int, error) { return 0, b.submit(project, "main", behind+n, benchmarks, more) }
	}
	perf := "/v0/projects/shop/perf?branches=main&testbeds=t&measures=latency"
	for i := range 10 {
		perf += fmt.Sprintf("&benchmarks=BenchmarkB%d", i)
	}
	return []thing{
		{fmt.Sprintf("a report of 10 metrics, behind up to %d", o.reports), o.perRound(), nil, next("shop", 0, 10, nil)},
		{fmt.Sprintf("front page, 10 lines of %d reports", o.reports), 5, nil, get("/projects/shop")},
		{"the plots of the same", 5, nil, get("/projects/shop/perf")},
		{"perf query of the same, Bencher's shape", 3, nil, get(perf)},
		{"report of 1,000 metrics, each judged by 64 values", 3,
			reports("wide", 64, 1000, judged(64)), next("wide", 64, 1000, judged(64))},
		{"10 metrics whose threshold says no size, behind 1,000", 10,
			reports("long", 1000, 10, judged(0)), next("long", 1000, 10, judged(0))},
		{"a branch that starts at a version with 255 before it", 10, nil, func(b *build, n int) (int, error) {
			more := map[string]any{"start_point": map[string]any{"branch": "main"}}
			return 0, b.submit("shop", fmt.Sprintf("topic-%d", n), 200_000+n, 10, more)
		}},
		{"front page of 10,000 benchmarks", 3, reports("broad", 3, 10_000, nil), get("/projects/broad")},
	}
}

func (o options) measure(builds []*build) error {
	fmt.Printf("%-58s %12s %12s %8s %12s %12s\n", "CPU time of the server, medians by turns", "old", "new", "ratio",
		"old answers", "new answers")
	for _, t := range o.things() {
		if !strings.HasPrefix(t.name, o.only) {
			continue
		}
		var costs [2][]time.Duration
		var sizes [2]int
		for i, b := range builds {
			if t.seed == nil {
				continue
			}
			if err := t.seed(b); err != nil {
				return fmt.Errorf("%s: prepare %s: %w", t.name, builds[i].binary, err)
			}
		}
		for round := range o.rounds {
			for i, b := range builds {
				before, err := b.cpu()
				for n := 0; n < t.times && err == nil; n++ {
					sizes[i], err = t.do(b, round*t.times+n)
				}
				after, late := b.cpu()
				if err = errors.Join(err, late); err != nil {
					return fmt.Errorf("%s: %s: %w", t.name, b.binary, err)
				}
				costs[i] = append(costs[i], (after-before)/time.Duration(t.times))
			}
		}
		var median [2]float64
		for i := range costs {
			slices.Sort(costs[i])
			median[i] = float64(costs[i][len(costs[i])/2]) / 1e6
		}
		fmt.Printf("%-58s %9.2f ms %9.2f ms %8.3f %9.1f kB %9.1f kB\n", t.name, median[0], median[1], median[1]/median[0],
			float64(sizes[0])/1e3, float64(sizes[1])/1e3)
	}
	if o.only != "" {
		return nil
	}
	if err := databases(builds); err != nil {
		return err
	}
	return o.short(builds)
}

// databases prints how large the same metrics are.
func databases(builds []*build) error {
	var sizes [2]int64
	for i, b := range builds {
		err := filepath.WalkDir(filepath.Join(b.dir, "data"), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.Contains(entry.Name(), ".db") {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				sizes[i] += info.Size()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	fmt.Printf("%-58s %9.1f MB %9.1f MB %8.3f\n", "the database with its log after all this", float64(sizes[0])/1e6, float64(sizes[1])/1e6,
		float64(sizes[1])/float64(sizes[0]))
	return nil
}

// short prints the CPU time of a trivial local run, of tacho and what it starts.
func (o options) short(builds []*build) error {
	var costs [2][]time.Duration
	for range 3 * o.rounds {
		for i, b := range builds {
			cmd := exec.Command(b.binary, "run", "sh", "-c", "echo 'BenchmarkOne-2 1000 100 ns/op'")
			cmd.Dir = b.dir
			cmd.Env = append(os.Environ(), "HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir, "XDG_DATA_HOME="+filepath.Join(b.dir, "local"))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s run: %w\n%s", b.binary, err, out)
			}
			costs[i] = append(costs[i], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	var median [2]float64
	for i := range costs {
		slices.Sort(costs[i])
		median[i] = float64(costs[i][len(costs[i])/2]) / 1e6
	}
	fmt.Printf("%-58s %9.2f ms %9.2f ms %8.3f\n", "tacho run of a trivial command, with what it starts", median[0], median[1],
		median[1]/median[0])
	return nil
}
