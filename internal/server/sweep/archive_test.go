package sweep_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
)

var (
	noTaskFilter sweep.TaskFilter
	firstPage    = store.Page{Limit: 100}
)

func (f *fixture) archive(id string) []byte {
	f.t.Helper()
	a, err := f.sweeps.Archive(f.t.Context(), access.Actor{Kind: access.Anonymous}, "shop", id)
	if err != nil {
		f.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.Write(f.t.Context(), &b); err != nil {
		f.t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked are the files of an archive that may be unpacked, each as its manifest says, and their names in order.
func unpacked(t testing.TB, archive []byte) (files map[string]string, names []string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	var may core.Unpacking
	var got []core.ManifestFile
	for in := tar.NewReader(compressed); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.Typeflag != tar.TypeReg || h.ModTime.UTC().Format(time.DateOnly) != "2026-07-22" { // the fixture's clock
			t.Fatalf("%+v, %v", h, err)
		}
		name, err := may.Take(h.Name, core.EntryFile, h.Size)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[name], names = string(text), append(names, name)
		if sum := sha256.Sum256(text); name != core.ManifestName {
			got = append(got, core.ManifestFile{Path: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
		}
	}
	var m core.Manifest
	if err := json.Unmarshal([]byte(files[core.ManifestName]), &m); err != nil {
		t.Fatal(err)
	}
	if err := m.Compare(got); err != nil {
		t.Error(err)
	}
	return files, names
}

// ran is a sweep on one machine: a task that left files of all kinds, one that failed after it had printed something, and one that was
// lost after its live output.
func ran(t *testing.T) (f *fixture, tasks []string) {
	f = newFixture(t)
	in := ask("1764360000", free("process", 1))
	in.Config = json.RawMessage(`{"suite":"x","workloads":[{"env":{"TOKEN":"secret"}}]}`)
	in.Repeats = 2
	for i := range in.Workloads {
		in.Workloads[i].Env = map[string]string{"TOKEN": "secret"}
	}
	f.mustCreate(in)
	f.up("1764360000", f.taken("1764360000"), "m1", f.slots("1764360000")[0])
	runner := f.mustEnroll("m1")
	for i := range 3 {
		got, _, err := f.claim(t.Context(), runner)
		if err != nil || got == nil {
			t.Fatalf("claimed %+v, %v", got, err)
		}
		tasks = append(tasks, got.UUID)
		if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgRunning, Seq: 1}); err != nil {
			t.Fatal(err)
		}
		put := func(kind api.ArtifactKind, path, text string) {
			if err := f.puts(t.Context(), runner, got, kind, path, text); err != nil {
				t.Fatal(err)
			}
		}
		var last api.Message
		switch i {
		case 0:
			put(api.ArtifactStdout, "", "told\n")
			put(api.ArtifactFile, "/deep/output.json", `{"b":{"latency":{"value":1}}}`)
			put(api.ArtifactFile, "../../etc/output.json", `{"c":{"latency":{"value":1}}}`)
			put(api.ArtifactFile, "output.txt", `{"d":{"latency":{"value":1}}}`)
			put(api.ArtifactFile, "..", `{"e":{"latency":{"value":1}}}`)
			last = api.Message{Event: api.MsgCompleted, Results: []api.IterationOutput{{}}}
		case 1:
			put(api.ArtifactStderr, "", "half of it, and\n")
			last = api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkExit, Error: "iteration 1 ended with exit code 3",
				Results: []api.IterationOutput{{ExitCode: 3}}}
		case 2:
			if err := f.says(t.Context(), runner, got, api.Message{Event: api.MsgLog, Seq: 2, Stream: api.ArtifactStdout,
				Text: "alive\n"}); err != nil {
				t.Fatal(err)
			}
			last = api.Message{Event: api.MsgFailed, Reason: api.ReasonBenchmarkTimeout, Error: "it hung"}
		}
		if err := f.says(t.Context(), runner, got, last); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := f.queue.Process(t.Context(), got.UUID); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f, tasks
}

// TestAnArchiveHoldsWhatTasksLeft: layout, names that come from machines, errors with what was printed until then, and no secrets.
func TestAnArchiveHoldsWhatTasksLeft(t *testing.T) {
	t.Parallel()
	f, tasks := ran(t)
	first := f.archive("1764360000")
	files, names := unpacked(t, first)
	at := func(i int, name string) string { return "i-m1-" + tasks[i] + "/" + name }
	want := []string{"sweep.json", at(0, "output.json"), at(0, "output~2.json"), at(0, "output.txt"), at(0, "~2f"), at(0, "output~2.txt"),
		at(0, "metadata.json"), at(1, "stderr.txt"), at(1, "error.txt"), at(1, "metadata.json"), at(2, "output.txt"), at(2, "error.txt"),
		at(2, "metadata.json"), core.ManifestName}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, text := range map[string]string{at(0, "output~2.txt"): "told\n", at(1, "stderr.txt"): "half of it, and\n",
		at(1, "error.txt"): "benchmark_exit: iteration 1 ended with exit code 3\n", at(2, "output.txt"): "alive\n"} {
		if files[name] != text {
			t.Errorf("%s is %q", name, files[name])
		}
	}
	var about struct {
		Task, Workload, Digest, Status string
		Machine                        struct {
			Facts api.MachineFacts
			Price api.SweepPrice
		}
		Files []struct{ Name, Path, Kind string }
	}
	if err := json.Unmarshal([]byte(files[at(0, "metadata.json")]), &about); err != nil {
		t.Fatal(err)
	}
	if about.Task != tasks[0] || about.Workload == "" || about.Digest == "" || about.Status != "completed" ||
		about.Machine.Facts.CPUs != 2 || about.Machine.Price.Source != "free" || len(about.Files) != 5 {
		t.Errorf("%+v", about)
	}
	if all := strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, text := range files {
			if !yield(text) {
				return
			}
		}
	}), "\n"); strings.Contains(all, "secret") {
		t.Error("it holds a value of an environment")
	}
	f.clock.advance(1)
	f.record("1764360000", 1, "m1", ledger.Change{Verb: core.Delete, Reason: core.BecauseDone})
	if again := f.archive("1764360000"); !bytes.Equal(first, again) {
		t.Error("the same archive has other bytes")
	}
}

// TestAnArchiveWithoutAFileSaysSo: a blob that is gone does not keep the rest from being fetched.
func TestAnArchiveWithoutAFileSaysSo(t *testing.T) {
	t.Parallel()
	f, tasks := ran(t)
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update job_output set digest = $1 where job_id = $2 and kind = 'stderr'`,
			"sha256:"+strings.Repeat("0", 64), tasks[1])
		return err
	})
	files, _ := unpacked(t, f.archive("1764360000"))
	if about := files["i-m1-"+tasks[1]+"/metadata.json"]; !regexp.MustCompile(`"left_out": "not stored any more"`).MatchString(about) {
		t.Error(about)
	}
}

// TestWhoDoesNotSeeAProjectGetsNoArchive of it.
func TestWhoDoesNotSeeAProjectGetsNoArchive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(ask("1", free("process", 1)))
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `update project set visibility = 'private'`)
		return err
	})
	if _, err := f.sweeps.Archive(t.Context(), access.Actor{Kind: access.Anonymous}, "shop", "1"); !fault.Is(err, fault.Missing) {
		t.Error(err)
	}
}

// peak notes the largest heap while an archive is written.
type peak struct{ most, bytes, next uint64 }

func (p *peak) Write(b []byte) (int, error) {
	if p.bytes += uint64(len(b)); p.bytes >= p.next {
		p.next += 1 << 20
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		p.most = max(p.most, now.HeapAlloc)
	}
	return len(b), nil
}

// BenchmarkArchive writes archives of 1,000 and 10,000 results of 4 KiB; heap-MB is the most that was in use for it meanwhile.
func BenchmarkArchive(b *testing.B) {
	for _, repeats := range []int{5, 50} {
		b.Run(fmt.Sprint(200*repeats), func(b *testing.B) { archiveOf(b, repeats) })
	}
}

func archiveOf(b *testing.B, repeats int) {
	f := newFixture(b)
	in := ask("1", free("process", 100))
	in.Repeats = repeats
	f.mustCreate(in)
	f.up("1", f.taken("1"), "m1", f.slots("1")[0])
	runner := f.mustEnroll("m1")
	got, _, err := f.claim(b.Context(), runner)
	if err != nil {
		b.Fatal(err)
	}
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(i * 7919 >> 3)
	}
	if err := f.puts(b.Context(), runner, got, api.ArtifactStdout, "", string(noise)); err != nil {
		b.Fatal(err)
	}
	f.tx(func(tx *store.Tx) error { // all tasks have what the first one has left
		for _, q := range []string{
			`insert into job_output (job_id, epoch, iteration, kind, path, digest, size, truncated, created)
				select j.id, 1, 0, o.kind, o.path, o.digest, o.size, o.truncated, o.created from job j, job_output o where j.id <> o.job_id`,
			`update job set state = 'failed', reason = 'benchmark_exit', epoch = 1, runner_id = '` + runner + `'`} {
			if _, err := tx.Exec(b.Context(), q); err != nil {
				return err
			}
		}
		return nil
	})
	a, err := f.sweeps.Archive(b.Context(), f.member, "shop", "1")
	if err != nil {
		b.Fatal(err)
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		var p peak
		if err := a.Write(b.Context(), &p); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(p.most-min(p.most, before.HeapAlloc))/(1<<20), "heap-MB")
		b.ReportMetric(float64(p.bytes)/(1<<20), "archive-MB")
	}
}
