package runner

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
)

func openSpool(t *testing.T, dir string) *diskResults {
	t.Helper()
	r, err := openResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func store(t *testing.T, e entry, o output, text string) {
	t.Helper()
	w, err := e.create(o.Kind, o.Iteration, o.Path)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFinishedEntryIsFoundByTheNextProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := openSpool(t, dir).begin("j1", 7)
	if err != nil {
		t.Fatal(err)
	}
	out := output{Iteration: 1, Kind: api.ArtifactFile, Path: "../../etc/passwd", Size: 5}
	store(t, e, out, "bytes")
	want := record{Terminal: api.Message{Event: api.MsgCompleted, Job: "j1", Epoch: 7}, Outputs: []output{out}}
	if err := e.finish(want); err != nil {
		t.Fatal(err)
	}
	left, err := openSpool(t, dir).leftovers()
	if err != nil || len(left) != 1 || left[0].record == nil {
		t.Fatalf("leftovers: %+v, %v", left, err)
	}
	if diff := cmp.Diff(want, *left[0].record, cmp.AllowUnexported(api.Message{})); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	f, err := left[0].entry.open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "bytes" {
		t.Errorf("output is %q", text)
	}
	if err := left[0].entry.remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := openSpool(t, dir).leftovers(); err != nil || len(left) != 0 {
		t.Errorf("after remove: %+v, %v", left, err)
	}
}

func TestHalfWrittenEntryCountsAsUnfinished(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"no record":      "",
		"cut record":     `{"terminal":{"event":"comp`,
		"foreign record": `{"terminal":{"event":"completed","job":"j2","epoch":7}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if _, err := openSpool(t, dir).begin("j1", 7); err != nil {
				t.Fatal(err)
			}
			if damage != "" {
				if err := os.WriteFile(filepath.Join(dir, "spool", "j1.7", recordName), []byte(damage), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			left, err := openSpool(t, dir).leftovers()
			if err != nil || len(left) != 1 || left[0].record != nil || left[0].job != "j1" || left[0].epoch != 7 {
				t.Errorf("leftovers: %+v, %v", left, err)
			}
		})
	}
}

func TestRemovalThatWasCutIsFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gone := filepath.Join(dir, "spool", gonePrefix+"j1.7")
	if err := os.MkdirAll(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	if left, err := openSpool(t, dir).leftovers(); err != nil || len(left) != 0 {
		t.Errorf("leftovers: %+v, %v", left, err)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestJobIDCannotLeaveTheSpool(t *testing.T) {
	t.Parallel()
	r := openSpool(t, t.TempDir())
	for _, id := range []string{"", "..", "../x", "a/b", "a.1", "a\x00"} {
		if _, err := r.begin(id, 1); err == nil {
			t.Errorf("%q was taken", id)
		}
	}
}

func TestDaemonDeliversFromTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hub := newFakeHub(t, aJob("j1"))
	if err := start(t, hub, aMachine(prints("42 ns")), openSpool(t, dir), oneJob).wait(t); err != nil {
		t.Fatal(err)
	}
	if end := hub.awaitEnd("j1", 1); end.Event != api.MsgCompleted || hub.outputs["j1 0 stdout"] != "42 ns" {
		t.Errorf("end %+v, outputs %v", end, hub.outputs)
	}
	if left, err := openSpool(t, dir).leftovers(); err != nil || len(left) != 0 {
		t.Errorf("leftovers: %+v, %v", left, err)
	}
}
