package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tachograph/tacho/api"
)

// TestAcknowledgedReportsSurviveKills sends reports from several clients while the server is killed with kill -9 again and again. A report
// that was acknowledged must be there with all of its values, and once, however often its sender had to come again with its key.
// TACHO_E2E_KILLS sets the number of kills (default 6), TACHO_E2E_SEED the random points.
func TestAcknowledgedReportsSurviveKills(t *testing.T) {
	kills := number(t, "TACHO_E2E_KILLS", 6)
	seed := number(t, "TACHO_E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("TACHO_E2E_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 2))
	w := newWorld(t)

	const clients = 4
	stop := make(chan struct{})
	var mu sync.Mutex
	acknowledged := map[string]int{} // report → its number
	sent, again := 0, 0
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for {
				mu.Lock()
				n := sent
				sent++
				mu.Unlock()
				select {
				case <-stop:
					return
				default:
				}
				id, tries := w.sendUntilTaken(t, n, stop)
				mu.Lock()
				acknowledged[id] = n
				again += tries - 1
				mu.Unlock()
			}
		})
	}
	for range kills {
		time.Sleep(time.Duration(50+random.IntN(1500)) * time.Millisecond) // the random points in the life of another process
		w.server.kill()
		w.startServer()
	}
	close(stop)
	work.Wait()

	numbers := map[int]bool{}
	for id, n := range acknowledged {
		numbers[n] = true
		var report api.Report
		if !w.get("/v0/projects/killed/reports/"+id, &report) {
			t.Errorf("report %d was acknowledged and is gone", n)
			continue
		}
		if report.Status != api.ReportProcessed || len(report.Results) != 1 || len(report.Results[0]) != benchmarksOf(n) {
			t.Errorf("report %d is %s with %d lists of results, want %d benchmarks", n, report.Status, len(report.Results), benchmarksOf(n))
			continue
		}
		for _, r := range report.Results[0] {
			if got := r.Measures[0].Metric.Value; got != float64(n) {
				t.Errorf("report %d: %s is %v", n, r.Benchmark.Name, got)
				break
			}
		}
	}
	var page []api.Report
	total := w.total(t, "/v0/projects/killed/reports?per_page=1", &page)
	if len(numbers) != len(acknowledged) || total != len(acknowledged) {
		t.Errorf("%d numbers in %d acknowledged reports, the project has %d", len(numbers), len(acknowledged), total)
	}
	t.Logf("%d kills, %d reports acknowledged, %d requests came again with their key", kills, len(acknowledged), again)
	if code := w.server.stop(t); code != 0 {
		t.Errorf("the server ended with %d after SIGTERM, want 0", code)
	}
}

// benchmarksOf is how many benchmarks report n has: every tenth is written in slices, between which a kill may come.
func benchmarksOf(n int) int {
	if n%10 == 0 {
		return 5_000
	}
	return 3
}

// sendUntilTaken sends report n until the server acknowledges it, with the same key each time. A large one may well be killed each time
// until the kills stop; from then on it has patience.
func (w *world) sendUntilTaken(t *testing.T, n int, stopped <-chan struct{}) (id string, tries int) {
	var results strings.Builder
	results.WriteByte('{')
	for i := range benchmarksOf(n) {
		if i > 0 {
			results.WriteByte(',')
		}
		fmt.Fprintf(&results, `"b%d":{"latency":{"value":%d}}`, i, n)
	}
	results.WriteByte('}')
	raw, err := json.Marshal(api.NewRun{
		Project: "killed", Branch: "main", Testbed: "lab", IdempotencyKey: uuid.NewString(), Results: []string{results.String()},
		Settings: &api.ReportSettings{Adapter: "json"},
	})
	if err != nil {
		t.Error(err)
	}
	var report api.Report
	end := time.Now().Add(patience)
	for ; time.Now().Before(end); tries++ {
		select {
		case <-stopped:
		default:
			end = time.Now().Add(patience)
		}
		req, err := http.NewRequest(http.MethodPost, w.url+"/v0/run", bytes.NewReader(raw))
		if err != nil {
			t.Error(err)
			return "", tries
		}
		req.Header.Set("Content-Type", "application/json")
		switch status := w.do(req, &report); status {
		case http.StatusCreated, http.StatusOK:
			return report.UUID, tries + 1
		case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests:
			time.Sleep(20 * time.Millisecond) // another process: it comes back when it does
		default:
			t.Errorf("report %d: status %d", n, status)
			return "", tries
		}
	}
	t.Errorf("report %d was not taken in %s", n, patience)
	return "", tries
}

// total is the number of a list's rows, of all its pages.
func (w *world) total(t *testing.T, path string, out any) (n int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(res.Header.Get(api.TotalCountHeader), &n); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}
