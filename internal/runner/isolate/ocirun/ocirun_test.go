//go:build linux

package ocirun

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/isolatetest"
)

func subject(runtime string, level isolate.Level) isolatetest.Subject {
	return isolatetest.Subject{
		New:   func(dir string) (isolate.Driver, error) { return New(Config{Runtime: runtime, Dir: dir}) },
		Level: level, Left: left,
	}
}

// left looks for control groups and folders of a sandbox.
func left(dir, id string) (found []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/*/*/tacho-" + id, "/sys/fs/cgroup/*/tacho-" + id, "/sys/fs/cgroup/tacho-" + id, dir + "/sandboxes/*", dir + "/state/*"} {
		more, _ := filepath.Glob(pattern) // the pattern is good
		found = append(found, more...)
	}
	return found
}

// TestRunc also plays the runtime that TACHO_TEST_RUNTIME names instead.
func TestRunc(t *testing.T) {
	isolatetest.Run(t, subject(os.Getenv("TACHO_TEST_RUNTIME"), isolate.Container))
}

// TestGVisor needs runsc on the search path, or where TACHO_TEST_RUNSC says.
func TestGVisor(t *testing.T) {
	runtime := os.Getenv("TACHO_TEST_RUNSC")
	if runtime == "" {
		runtime = gvisorName
	}
	s := subject(runtime, isolate.GVisor)
	s.Refusal = map[string]string{"unshare": "invalid argument", "sysctl": "permission denied", "sys": "no such file or directory"}
	isolatetest.Run(t, s)
}

func TestParseCPUs(t *testing.T) {
	t.Parallel()
	got, err := parseCPUs("0-2,5,7-8")
	if diff := cmp.Diff([]int{0, 1, 2, 5, 7, 8}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "a", "3-1", "1-", "0-99999999"} {
		if got, err := parseCPUs(bad); err == nil {
			t.Errorf("parseCPUs(%q) = %v", bad, got)
		}
	}
}
