package e2e

import (
	"bufio"
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// newServers starts servers on one PostgreSQL database and one data folder. The first one's key is that of all.
func newServers(t *testing.T, n int) []*world {
	t.Helper()
	database, data := "TACHO_DATABASE="+testdb.PostgresConfig(t).URL, filepath.Join(t.TempDir(), "data")
	all := make([]*world, n)
	for i := range all {
		w := &world{t: t, data: data, listen: freePort(t)}
		w.url = "http://" + w.listen
		w.startServer(database)
		all[i] = w
	}
	until(t, "the admin key", func() bool { all[0].key = keyLine.FindString(all[0].server.out.String()); return all[0].key != "" })
	for _, w := range all[1:] {
		if key := keyLine.FindString(w.server.out.String()); key != "" {
			t.Errorf("another server shows a key of its own: %s", key)
		}
		w.key = all[0].key
	}
	return all
}

// follow reads a job's events until one holds the text, and returns what came.
func (w *world) follow(project, job, text string) (seen string, found bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v0/projects/"+project+"/jobs/"+job+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		b.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return b.String(), true
		}
	}
	return b.String(), false
}

// TestThreeServersAreOne: a job that is submitted at the first is run by a runner at the second and followed at the third, and canceled
// there. A server that is killed takes nothing with it.
func TestThreeServersAreOne(t *testing.T) {
	needContainers(t)
	all := newServers(t, 3)
	a, b, c := all[0], all[1], all[2]
	a.pushEmit("live/emit:v1")
	b.newRunner("box")()
	submit := func(w *world, words ...string) (report api.Report, job string) {
		t.Helper()
		if status := w.post("/v0/run", api.NewRun{Project: "live", Branch: "main", Settings: &api.ReportSettings{Adapter: "json"},
			Job: &api.NewJob{Image: "emit:v1", Cmd: words}}, &report); status != http.StatusCreated || report.Job == nil {
			t.Fatalf("submit: status %d", status)
		}
		return report, *report.Job
	}

	_, stubborn := submit(a, "stubborn")
	if seen, found := c.follow("live", stubborn, "I stay"); !found {
		t.Fatalf("its output is not seen at the third server: %s", seen)
	}
	c.must("job", "cancel", "live", stubborn)
	state := func(w *world, id string) (job api.Job) {
		w.get("/v0/projects/live/jobs/"+id, &job)
		return job
	}
	until(t, "the end of the canceled job", func() bool { return state(a, stubborn).Status == api.JobCanceled })

	a.server.kill()
	_, id := submit(c, "50", "1000")
	until(t, "the results of a job, at the third server", func() bool { return ended(state(c, id).Status) })
	if job := state(b, id); job.Status != api.JobProcessed {
		t.Errorf("the job is %s: %v", job.Status, job.Error)
	}
}
