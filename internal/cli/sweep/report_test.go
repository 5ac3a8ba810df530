package sweep_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
	"github.com/tachograph/tacho/internal/core/sweep"
)

var update = flag.Bool("update", false, "rewrite golden files")

// measurements are what two types with three machines each measured, slow as many times slower as is said.
func measurements(title string, slow float64) api.SweepMeasurements {
	m := api.SweepMeasurements{Title: title, Measure: "Latency", Unit: "ns", Started: time.Unix(1764360000, 0),
		Notes: []string{"Without a result: 2 tasks (variant)."}}
	for i, name := range []string{"fast", "slow"} {
		m.Types = append(m.Types, api.MeasuredType{Name: name, Provider: "aws", Region: "us-east-1", Type: name + ".medium", Wanted: 4 - i,
			Price: &api.StandingsPrice{PerHour: 0.04, Date: "2026-07-22", Source: "cloudspecs"}})
		for machine := range 3 {
			v := 10 + float64(machine)/20
			if i == 1 {
				v *= slow
			}
			m.Processes = append(m.Processes, api.SweepProcess{Type: name, Machine: fmt.Sprint(name, machine), Workload: "w", Repeat: 1,
				Place: 1, Values: map[string]float64{"a": v, "b": 4 * v}})
		}
	}
	return m
}

// serve answers like a server with two sweeps.
func serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	give := func(path string, v any) {
		mux.HandleFunc("GET /v0/projects/shop/sweeps"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(api.TotalCountHeader, "1")
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	last := api.Sweep{ID: "2", State: "active", Tasks: api.SweepCounts{Total: 6, Done: 5, Running: 1}}
	give("", []api.Sweep{last})
	give("/2", last)
	give("/2/measurements", measurements("second", 2))
	give("/1/measurements", measurements("first", 3))
	text := "told\n"
	sum := sha256.Sum256([]byte(text))
	manifest, _ := json.Marshal(sweep.Manifest{Sweep: "2", Files: []sweep.ManifestFile{{Path: "i-1-j/output.txt", Size: int64(len(text)),
		SHA256: hex.EncodeToString(sum[:])}}})
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	out := tar.NewWriter(compressed)
	for _, f := range []struct{ name, text string }{{"i-1-j/output.txt", text}, {sweep.ManifestName, string(manifest)}} {
		_ = out.WriteHeader(&tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.text))})
		_, _ = out.Write([]byte(f.text))
	}
	_ = out.Close()
	_ = compressed.Close()
	mux.HandleFunc("GET /v0/projects/shop/sweeps/2/archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.Bytes()) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// TestReportsOfASweep: the table, a sheet of one's own, rows, another sweep; the last sweep where none is named.
func TestReportsOfASweep(t *testing.T) {
	t.Parallel()
	host := serve(t)
	dir := t.TempDir()
	prices := filepath.Join(dir, "mine.csv")
	if err := os.WriteFile(prices, []byte("provider,type,per_hour,extras\naws,slow.medium,0.01,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"table": nil, "prices": {"2", "--prices", prices}, "against": {"--against", "1"},
		"csv": {"--csv"}, "json": {"--json"}} {
		p := clitest.New(verbs.All)
		if code := p.Tacho(t, append([]string{"sweep", "report", "--host", host, "--project", "shop"}, args...)...); code != 0 {
			t.Errorf("%s: %d %s", name, code, p.ErrText.String())
			continue
		}
		file := filepath.Join("testdata", "report_"+name+".golden")
		if *update {
			if err := os.WriteFile(file, p.OutText.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.OutText.String(); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	page := filepath.Join(dir, "report.html")
	p := clitest.New(verbs.All)
	if code := p.Tacho(t, "sweep", "report", "--host", host, "--project", "shop", "--html", page); code != 0 {
		t.Errorf("%d %s", code, p.ErrText.String())
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<h1>second</h1>") {
		t.Errorf("%.100s, %v", text, err)
	}
}

// TestASweepIsFetchedOnce into a folder that was not there, and says what is still to come.
func TestASweepIsFetchedOnce(t *testing.T) {
	t.Parallel()
	host, target := serve(t), filepath.Join(t.TempDir(), "results", "2")
	fetch := func(args ...string) (*clitest.Process, int) {
		p := clitest.New(verbs.All)
		return p, p.Tacho(t, append([]string{"sweep", "fetch", "--host", host, "--project", "shop", "-o"}, args...)...)
	}
	p, code := fetch(target)
	if code != 0 || !strings.Contains(p.ErrText.String(), "sweep 2 is not over: 1 task has not ended") {
		t.Errorf("%d %s", code, p.ErrText.String())
	}
	if text, err := os.ReadFile(filepath.Join(target, "i-1-j", "output.txt")); err != nil || string(text) != "told\n" {
		t.Errorf("%q, %v", text, err)
	}
	if p, code = fetch(target); code != 2 || !strings.Contains(p.ErrText.String(), "is there already") {
		t.Errorf("again: %d %s", code, p.ErrText.String())
	}
	if p, code = fetch(target+".tar.gz", "--raw"); code != 0 {
		t.Errorf("raw: %d %s", code, p.ErrText.String())
	}
	if left, _ := os.ReadDir(filepath.Dir(target)); len(left) != 2 {
		t.Errorf("left %v", left)
	}
}
