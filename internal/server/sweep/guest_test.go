package sweep_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
)

// invite starts a sweep of guests: one workload, once or more on machines of two types.
func (f *fixture) invite(id string, hosts, repeats int) api.Sweep {
	f.t.Helper()
	in := api.NewSweep{ID: id, Repeats: repeats, TTL: 86_400, Pools: []api.NewPool{free("a", hosts), free("b", 1)},
		Workloads: []api.SweepWorkload{{Name: "all", Image: "missing", Adapter: "json", Timeout: 7200}}}
	out, _, err := f.sweeps.Create(f.t.Context(), "shop", sweep.Request{Actor: f.member, SourceIP: "192.0.2.1", New: in, Guests: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fixture) runKey() access.Actor {
	return access.Actor{Kind: access.RunKey, ProjectID: f.project.ID}
}

func (f *fixture) comes(run, guest, typ string) sweep.GuestAnswer {
	f.t.Helper()
	out, err := f.sweeps.ClaimAsGuest(f.t.Context(), f.runKey(), "shop", sweep.GuestClaim{Run: run, Provider: "local", Type: typ,
		Guest: guest})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fixture) mustGet(run, guest, typ string) sweep.GuestTask {
	f.t.Helper()
	out := f.comes(run, guest, typ)
	if out.Task == nil {
		f.t.Fatalf("%s got no task: wait %s, %s", guest, out.Wait, out.Why)
	}
	return *out.Task
}

func (f *fixture) beats(guest string, t sweep.GuestTask) (sweep.GuestOrder, error) {
	return f.sweeps.BeatAsGuest(f.t.Context(), f.runKey(), "shop", sweep.GuestBeat{Task: t.JobID, Guest: guest, Status: "running"})
}

// bundle is an archive with an output.
func bundle(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const measured = `{"b":{"latency":{"value":1}}}`

func (f *fixture) uploads(t sweep.GuestTask) error {
	return f.sweeps.PutObject(f.t.Context(), t.ResultKey(), strings.NewReader(bundle(f.t, map[string]string{"output.json": measured})), 1<<20)
}

func (f *fixture) handsOver(guest string, t sweep.GuestTask) error {
	return f.sweeps.CompleteAsGuest(f.t.Context(), f.runKey(), "shop", sweep.GuestResult{Task: t.JobID, Guest: guest, Key: t.ResultKey()})
}

func (f *fixture) mustDeliver(guest string, t sweep.GuestTask) {
	f.t.Helper()
	if err := f.uploads(t); err != nil {
		f.t.Fatal(err)
	}
	if err := f.handsOver(guest, t); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) counts(run string) sweep.GuestCounts {
	f.t.Helper()
	_, n, _, err := f.sweeps.GuestRun(f.t.Context(), f.runKey(), "shop", run)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// swept lets the queue look for leases that are over, and the room at what ended.
func (f *fixture) swept() {
	f.t.Helper()
	if err := f.queue.Sweep(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.told()
}

func TestAGuestStaysOnItsSlot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 2, 2)
	first, second := f.mustGet("1", "g1", "a"), f.mustGet("1", "g2", "a")
	if first.SlotID == second.SlotID {
		t.Fatal("two guests on one slot")
	}
	if again := f.mustGet("1", "g1", "a"); again.JobID != first.JobID || again.Epoch != 1 {
		t.Errorf("a claim whose answer was lost got %s in claim %d, want %s again", again.JobID, again.Epoch, first.JobID)
	}
	if other := f.comes("1", "g3", "a"); other.Task != nil || other.Wait != limits.GuestRetry {
		t.Errorf("a third guest for two machines: %+v, want to wait: their tasks may come back", other)
	}
	if other := f.comes("1", "g3", "c"); other.Task != nil || other.Wait != 0 {
		t.Errorf("a guest of a type that is not wanted: %+v", other)
	}
	f.mustDeliver("g1", first)
	next := f.mustGet("1", "g1", "a")
	if next.SlotID != first.SlotID || next.JobID == first.JobID {
		t.Errorf("the next task is %+v, want another one of slot %s", next, first.SlotID)
	}
	f.mustDeliver("g1", next)
	if end := f.comes("1", "g1", "a"); end.Task != nil || end.Wait != 0 {
		t.Errorf("nothing is left in its slot: %+v", end)
	}
	if end := f.comes("1", "g1", "a"); end.Task != nil || end.Wait != 0 {
		t.Errorf("asked once more it got %+v", end)
	}
	var numbers []int
	_, tasks, err := f.sweeps.GuestTasks(t.Context(), f.runKey(), "shop", "1")
	for _, one := range tasks {
		if one.Type == "a" {
			numbers = append(numbers, one.Number)
		}
	}
	slices.Sort(numbers)
	if err != nil || !slices.Equal(numbers, []int{1, 2, 3, 4}) {
		t.Errorf("tasks of a type are numbered %v, %v", numbers, err)
	}
}

func TestAGuestThatIsNotHeardOfLosesTaskAndSlot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	task := f.mustGet("1", "g1", "a")
	for range 6 { // each 30 s, for longer than any lease
		f.clock.advance(30 * time.Second)
		if _, err := f.beats("g1", task); err != nil {
			t.Fatal(err)
		}
		f.swept()
	}
	f.clock.advance(limits.GuestLease - time.Second)
	f.swept()
	if n := f.counts("1"); n.Running != 1 {
		t.Errorf("counts %+v within the lease of a guest, want its task to run", n)
	}
	if got := f.comes("1", "g2", "a"); got.Task != nil || got.Wait == 0 {
		t.Errorf("while the first may come back: %+v", got)
	}
	f.clock.advance(2 * time.Second)
	f.swept()
	taken := f.mustGet("1", "g2", "a")
	if taken.JobID != task.JobID || taken.Epoch != 2 || taken.ResultKey() == task.ResultKey() {
		t.Errorf("the second has %s in claim %d at %s", taken.JobID, taken.Epoch, taken.ResultKey())
	}
	if _, err := f.beats("g1", task); !fault.Is(err, fault.Conflict) {
		t.Errorf("the first beats on: %v", err)
	}
	if err := f.uploads(task); err != nil {
		t.Errorf("its address is good still: %v", err)
	}
	if err := f.handsOver("g1", task); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "kept as late") {
		t.Errorf("the first brings its result: %v", err)
	}
	if n := f.counts("1"); n.Late != 1 || n.Completed != 0 || n.Claimed != 1 {
		t.Errorf("counts %+v, want one that is late and none completed", n)
	}
	f.mustDeliver("g2", taken)
	if n := f.counts("1"); n.Late != 1 || n.Completed != 1 {
		t.Errorf("counts %+v, want both results, one of them late", n)
	}
	var late bytes.Buffer
	if err := f.sweeps.SendObject(t.Context(), task.ResultKey(), &late); err != nil || late.Len() == 0 {
		t.Errorf("the late archive: %d bytes, %v", late.Len(), err)
	}
	if got := f.comes("1", "g1", "a"); got.Task != nil {
		t.Errorf("the first got a task of a slot that is another's: %+v", got)
	}
}

func TestAGuestThatWasOnlySlowDelivers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	task := f.mustGet("1", "g1", "a")
	f.clock.advance(limits.GuestLease + time.Second)
	f.swept()
	if err := f.uploads(task); err != nil {
		t.Fatal(err)
	}
	if err := f.handsOver("g1", task); err != nil {
		t.Errorf("nobody else has the task: %v", err)
	}
	if n := f.counts("1"); n.Completed != 1 || n.Late != 0 {
		t.Errorf("counts %+v", n)
	}
}

func TestResultsOfGuestsAreTakenOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	f.invite("2", 1, 1)
	task, other := f.mustGet("1", "g1", "a"), f.mustGet("2", "g1", "a")
	if err := f.handsOver("g1", task); !fault.Is(err, fault.Invalid) {
		t.Errorf("before anything is there: %v", err)
	}
	if err := f.uploads(task); err != nil {
		t.Fatal(err)
	}
	complete := func(guest, id, key string) error {
		return f.sweeps.CompleteAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestResult{Task: id, Guest: guest, Key: key})
	}
	for name, row := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"another's name":              {complete("g2", task.JobID, task.ResultKey()), fault.Conflict},
		"no name":                     {complete("", task.JobID, task.ResultKey()), fault.Invalid},
		"no key":                      {complete("g1", task.JobID, ""), fault.Invalid},
		"the key of another run":      {complete("g1", task.JobID, other.ResultKey()), fault.Invalid},
		"the key of a failure":        {complete("g1", task.JobID, task.ErrorKey()), fault.Invalid},
		"a claim that never was":      {complete("g1", task.JobID, strings.Replace(task.ResultKey(), "_result", ".7_result", 1)), fault.Invalid},
		"a path":                      {complete("g1", task.JobID, "results/../etc/passwd"), fault.Invalid},
		"a task that does not exist":  {complete("g1", "01890000-0000-7000-8000-000000000000", task.ResultKey()), fault.Missing},
		"the task of another project": {f.elsewhere(task), fault.Missing},
	} {
		if !fault.Is(row.err, row.want) {
			t.Errorf("%s: %v, want %v", name, row.err, row.want)
		}
	}
	var both sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		both.Go(func() { errs[i] = f.handsOver("g1", task) })
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			t.Errorf("one of four at once: %v", err)
		}
	}
	if n := f.count(`select count(*) from job_event where job_id = $1 and event = 'complete'`, task.JobID); n != 1 {
		t.Errorf("completed %d times", n)
	}
	if err := f.uploads(task); !fault.Is(err, fault.Conflict) {
		t.Errorf("what was acknowledged was replaced: %v", err)
	}
	f.read(task.JobID)
	if err := f.handsOver("g1", task); err != nil {
		t.Errorf("said again after it was read: %v", err)
	}
}

// elsewhere completes a task in another project.
func (f *fixture) elsewhere(t sweep.GuestTask) error {
	f.tx(func(tx *store.Tx) error {
		_, err := project.Insert(f.t.Context(), tx, project.Project{OrganizationID: f.org.ID, Name: "other", Visibility: "public"})
		return err
	})
	return f.sweeps.CompleteAsGuest(f.t.Context(), f.member, "other", sweep.GuestResult{Task: t.JobID, Guest: "g1", Key: t.ResultKey()})
}

func TestArchivesOfGuestsHaveLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	task := f.mustGet("1", "g1", "a")
	put := func(body string, most int64) error {
		return f.sweeps.PutObject(t.Context(), task.ResultKey(), strings.NewReader(body), most)
	}
	if err := put("0123456789", 9); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over its size: %v", err)
	}
	many := map[string]string{}
	for i := range limits.BundleFiles + 1 {
		many[fmt.Sprint(i)] = ""
	}
	for name, body := range map[string]string{
		"no archive":     "text",
		"a torn archive": bundle(t, map[string]string{"output.json": strings.Repeat(measured, 100)})[:60],
		"a way out":      bundle(t, map[string]string{"../output.json": measured}),
		"a rooted path":  bundle(t, map[string]string{"/output.json": measured}),
		"many files":     bundle(t, many),
		"nothing at all": "",
	} {
		if err := put(body, 1<<20); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := f.handsOver("g1", task); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	f.mustDeliver("g1", task)
}

func TestGuestsFail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 2, 1)
	fail := func(guest string, task sweep.GuestTask, typ, key string) error {
		return f.sweeps.FailAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestFailure{Task: task.JobID, Guest: guest, Type: typ,
			Message: "it broke", Key: key})
	}
	task := f.mustGet("1", "g1", "a")
	if err := fail("g2", task, "benchmark_failed", ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("another's: %v", err)
	}
	for range 2 { // its archive never came, which hides no failure
		if err := fail("g1", task, "benchmark_failed", task.ErrorKey()); err != nil {
			t.Error(err)
		}
	}
	if n := f.counts("1"); n.Failed != 1 {
		t.Errorf("counts %+v", n)
	}
	lost := f.mustGet("1", "g2", "a")
	if err := fail("g2", lost, "upload_failed", ""); err != nil {
		t.Error(err)
	}
	if n := f.counts("1"); n.Failed != 1 || n.Pending != 2 {
		t.Errorf("an upload that failed is no failure of the benchmark: %+v", n)
	}
	if err := f.handsOver("g2", lost); err == nil {
		t.Error("a task that it gave back was completed")
	}
}

// TestAStaleFailureFailsNoNewerClaim: a guest whose answer was lost says again that its first claim failed, while it runs its second.
func TestAStaleFailureFailsNoNewerClaim(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	fail := func(task sweep.GuestTask) error {
		return f.sweeps.FailAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestFailure{Task: task.JobID, Guest: "g1",
			Type: "benchmark_failed", Message: "it broke", Key: task.ErrorKey()})
	}
	puts := func(task sweep.GuestTask) {
		t.Helper()
		body := strings.NewReader(bundle(t, map[string]string{"output.json": measured}))
		if err := f.sweeps.PutObject(t.Context(), task.ErrorKey(), body, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	first := f.mustGet("1", "g1", "a")
	f.clock.advance(limits.GuestLease + time.Second)
	f.swept()
	second := f.mustGet("1", "g1", "a")
	if second.JobID != first.JobID || second.Epoch != 2 {
		t.Fatalf("claim %d of %s, want the second of %s", second.Epoch, second.JobID, first.JobID)
	}
	for _, there := range []bool{false, true} {
		if there {
			puts(first)
		}
		if err := fail(first); !fault.Is(err, fault.Conflict) {
			t.Errorf("the first claim, its archive there %v: %v, want Conflict", there, err)
		}
		if n := f.counts("1"); n.Failed != 0 || n.Claimed != 1 {
			t.Errorf("counts %+v, want the second claim untouched", n)
		}
	}
	puts(second)
	for range 2 {
		if err := fail(second); err != nil {
			t.Error(err)
		}
	}
	if n := f.counts("1"); n.Failed != 1 {
		t.Errorf("counts %+v", n)
	}
	if n := f.count(`select count(*) from job_output where job_id = $1 and epoch = 0`, first.JobID); n != 0 {
		t.Errorf("%d outputs are of no claim", n)
	}
}

// TestASweepOfGuestsIsCompletedWhenItsLastOutputWasRead: before, nobody knows what it came to.
func TestASweepOfGuestsIsCompletedWhenItsLastOutputWasRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.invite("1", 1, 1)
	a, b := f.mustGet("1", "g1", "a"), f.mustGet("1", "g2", "b")
	f.mustDeliver("g1", a)
	f.mustDeliver("g2", b)
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.get(run.UUID); got.State != "closing" || got.Tasks.Unread != 2 {
		t.Errorf("before it was read: %s, %s, %+v", got.State, got.Outcome, got.Tasks)
	}
	f.read(a.JobID, b.JobID)
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.get(run.UUID); got.State != "ended" || got.Outcome != "completed" || !got.Clean {
		t.Errorf("when it was read: %s, %s, clean %v", got.State, got.Outcome, got.Clean)
	}
}

// TestAnArchiveIsNotMissingBecauseTheDatabaseFails: a guest that hears so gives up, and loses what it has.
func TestAnArchiveIsNotMissingBecauseTheDatabaseFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 1, 1)
	task := f.mustGet("1", "g1", "a")
	if err := f.uploads(task); err != nil {
		t.Fatal(err)
	}
	f.tx(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `alter table project rename to project_away`)
		return err
	})
	if err := f.uploads(task); err == nil || fault.Is(err, fault.Missing) {
		t.Errorf("put: %v, want the database's error", err)
	}
	if err := f.sweeps.SendObject(t.Context(), task.ResultKey(), &bytes.Buffer{}); err == nil || fault.Is(err, fault.Missing) {
		t.Errorf("sent: %v, want the database's error", err)
	}
}

func TestStoppedGuestsHearSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.invite("1", 1, 2)
	task := f.mustGet("1", "g1", "a")
	if _, err := f.sweeps.StopGuests(t.Context(), f.runKey(), "shop", "1"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a run key stops a run: %v", err)
	}
	if _, err := f.sweeps.StopGuests(t.Context(), f.member, "shop", ""); err != nil {
		t.Fatal(err)
	}
	if order, err := f.beats("g1", task); err != nil || order.Cancel {
		t.Errorf("what runs may end: %+v, %v", order, err)
	}
	f.mustDeliver("g1", task)
	if got := f.comes("1", "g1", "a"); got.Task != nil || got.Wait != 0 {
		t.Errorf("after a stop: %+v", got)
	}
	f.read(task.JobID)
	f.told()
	if got := f.get(run.UUID); got.State != "ended" || !got.Clean || got.Outcome != "stopped" {
		t.Errorf("the sweep is %s, %s, clean %v", got.State, got.Outcome, got.Clean)
	}

	run = f.invite("2", 1, 2)
	task = f.mustGet("2", "g1", "a")
	if _, err := f.sweeps.Update(t.Context(), f.member, "shop", "2", api.UpdateSweep{Do: "stop_now"}); err != nil {
		t.Fatal(err)
	}
	if order, err := f.beats("g1", task); err != nil || !order.Cancel {
		t.Errorf("stopped at once: %+v, %v; want to be told", order, err)
	}
	f.swept()
	f.clock.advance(limits.GuestLease + time.Second)
	f.swept()
	if err := f.sweeps.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.get(run.UUID); got.State != "ended" {
		t.Errorf("the sweep is %s", got.State)
	}
	if err := f.uploads(task); err != nil {
		t.Errorf("a late archive: %v", err)
	}
	if err := f.handsOver("g1", task); !fault.Is(err, fault.Conflict) {
		t.Errorf("completed after the end: %v", err)
	}
	if n := f.counts("2"); n.Late != 1 || n.Completed != 0 {
		t.Errorf("counts %+v", n)
	}
}

func TestNoControllerTakesASweepOfGuests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.invite("1", 1, 1)
	if _, err := f.book().Take(t.Context(), run.UUID, "laptop"); !fault.Is(err, fault.Conflict) {
		t.Errorf("taken: %v", err)
	}
	own := f.mustCreate(ask("2", free("process", 1)))
	if _, err := f.sweeps.ClaimAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestClaim{Run: own.ID, Provider: "local", Type: "process",
		Guest: "g1"}); !fault.Is(err, fault.Missing) {
		t.Errorf("a guest came to a sweep that has machines of its own: %v", err)
	}
	if _, err := f.sweeps.ClaimAsGuest(t.Context(), access.Actor{Kind: access.Anonymous}, "shop", sweep.GuestClaim{Provider: "local",
		Type: "a", Guest: "g1"}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a stranger claims: %v", err)
	}
}

func TestManyGuestsGetEachTaskOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.invite("1", 4, 3)
	var mu sync.Mutex
	seen := map[string]string{}
	var all sync.WaitGroup
	for i := range 6 { // two more than there are places
		guest := fmt.Sprintf("g%d", i)
		all.Go(func() {
			for {
				got, err := f.servers[i%2].sweeps.ClaimAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestClaim{Provider: "local", Type: "a",
					Guest: guest})
				if err != nil {
					t.Error(err)
					return
				}
				if got.Task == nil {
					return // done, or to wait for what may come back
				}
				mu.Lock()
				if by := seen[got.Task.JobID]; by != "" {
					t.Errorf("task %s went to %s and %s", got.Task.JobID, by, guest)
				}
				seen[got.Task.JobID] = guest
				mu.Unlock()
				f.mustDeliver(guest, *got.Task)
			}
		})
	}
	all.Wait()
	if len(seen) != 12 {
		t.Errorf("%d of 12 tasks were done", len(seen))
	}
	if _, err := f.sweeps.ClaimAsGuest(t.Context(), f.runKey(), "shop", sweep.GuestClaim{Provider: "local", Type: "a",
		Guest: strings.Repeat("g", limits.GuestBytes+1)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name that is too long: %v", err)
	}
}
