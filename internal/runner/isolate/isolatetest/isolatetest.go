//go:build linux

// Package isolatetest is what every isolation driver must do, as tests: a driver's own tests call Run.
//
// The claims are played with a real program in a real sandbox, so they need what the driver needs. No claim can hurt the host, even where a
// limit under test does not hold: the probe stops by itself at 512 MiB of memory, 256 MiB of disk and 1,000 processes.
package isolatetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// Options is what differs between drivers.
type Options struct {
	// Level is what the driver must reach.
	Level host.Isolation
	// Skip are claims, by name, that the driver cannot fulfil, each with its reason in one line.
	Skip map[string]string
	// Refusal is how what the sandbox forbids fails in it, by the probe's word, where it is not as on Linux.
	Refusal map[string]string
	// Left lists what of a sandbox is still there after Close, beside the mounts and processes that carry its id: folders, control groups.
	// An empty id asks for any sandbox of this driver. nil: there is nothing else.
	Left func(d isolate.Driver, id string) []string
	// Runner is a process of its own that will run a task with a driver like d, in the same place: it calls RunTask and ends. Not needed
	// where the claims about runners are skipped.
	Runner func(d isolate.Driver, tk isolate.Task) *exec.Cmd
}

type claim struct {
	name string
	test func(*bench)
}

var claims = []claim{
	{"Exit codes are the command's", exitCodesAreTheCommands},
	{"A signal counts 128 and its number", aSignalCounts128AndItsNumber},
	{"A code above 128 is no signal", aCodeAbove128IsNoSignal},
	{"Streams are apart and complete", streamsAreApartAndComplete},
	{"A writer that fails ends nothing", aWriterThatFailsEndsNothing},
	{"Environment and folder are the task's", environmentAndFolderAreTheTasks},
	{"The image's user is honoured", theImagesUserIsHonoured},
	{"Root inside is not root outside", rootIsNotTheHostsRoot},
	{"Files of the image keep their owners", filesKeepTheirOwners},
	{"Files of the host are nobody's", filesOfTheHostAreNobodys},
	{"A sandbox is apart", aSandboxIsApart},
	{"No network even if asked", noNetwork},
	{"Sandboxes do not meet", sandboxesDoNotMeet},
	{"Memory is limited", memoryIsLimited},
	{"Disk is limited", diskIsLimited},
	{"A fork bomb stops", aForkBombStops},
	{"Kill asks and then forces", killAsksAndThenForces},
	{"Kill ends the children", killEndsTheChildren},
	{"Kill may come late and again", killMayComeLateAndAgain},
	{"Children end with the command", childrenEndWithTheCommand},
	{"Files of a command can be collected", filesOfACommandCanBeCollected},
	{"No link leads out", noLinkLeadsOut},
	{"The image stays as it is", theImageStaysAsItIs},
	{"No image reaches the host", noImageReachesTheHost},
	{"No working directory reaches the host", noWorkDirReachesTheHost},
	{"A failed start leaves nothing", aFailedStartLeavesNothing},
	{"What cannot run is not the machine's fault", whatCannotRunIsNotTheMachinesFault},
	{"Close ends a command", closeEndsACommand},
	{"Close without a start leaves nothing", closeWithoutAStartLeavesNothing},
	{"Incomplete tasks are refused", incompleteTasksAreRefused},
	{"Sweep removes what was left", sweepRemovesWhatWasLeft},
	{"The time limit holds by itself", theTimeLimitHoldsByItself},
	{"A sandbox dies with its runner", aSandboxDiesWithItsRunner},
	{"The time limit holds when the runner hangs", theTimeLimitHoldsWhenTheRunnerHangs},
}

// Run plays all claims, each with a driver of its own, which newDriver has probed. It skips the test where the driver cannot work, with
// the reason.
func Run(t *testing.T, newDriver func(t *testing.T) isolate.Driver, o Options) {
	t.Helper()
	caps, err := newDriver(t).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if caps.Level != o.Level || caps.Name == "" {
		t.Fatalf("%q reaches %s, want %s", caps.Name, caps.Level, o.Level)
	}
	t.Setenv("TACHO_SECRET_OF_HOST", "leaked")
	image, err := imageFolder(t.TempDir())
	if err == nil && caps.RootID != 0 {
		err = shift(image, caps.RootID)
	}
	if err != nil {
		t.Fatal(err)
	}
	before, err := fingerprint(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after all claims
		after, err := fingerprint(image)
		if diff := cmp.Diff(before, after); err != nil || diff != "" {
			t.Errorf("the image has changed: %v (-want +got):\n%s", err, diff)
		}
	})
	known := map[string]bool{}
	for _, c := range claims {
		known[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			if why := o.Skip[c.name]; why != "" {
				t.Skip(why)
			}
			t.Parallel()
			c.test(&bench{T: t, options: o, driver: newDriver(t), caps: caps, image: image})
		})
	}
	for name := range o.Skip {
		if !known[name] {
			t.Errorf("there is no claim %q to skip", name)
		}
	}
}

// bench is one claim's driver.
type bench struct {
	*testing.T
	options Options
	driver  isolate.Driver
	caps    isolate.Capabilities
	image   string
}

// imageFolder makes an image that holds the probe.
func imageFolder(parent string) (string, error) {
	dir := filepath.Join(parent, "image")
	for _, d := range []string{"etc", "tmp", "mnt", "proc", "sys", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) { // the benchmark's user must get there
		if err := os.Chmod(p, 0o755); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0::/:/sh\nbench:x:1234:77::/:/sh\n",
		"etc/group":  "root:x:0:\ncrew:x:99:\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "github.com/tachograph/tacho/internal/runner/isolate/isolatetest/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the probe: %w: %s", err, out)
	}
	return dir, nil
}

// task is a small task that runs the probe.
func (t *bench) task(args ...string) isolate.Task {
	return isolate.Task{
		ID: "t" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36), RootFS: t.image, Args: append([]string{"/probe"}, args...),
		CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64, MaxWall: time.Hour,
	}
}

type result struct {
	exit           isolate.Exit
	stdout, stderr string
}

// prepare prepares a task, to be closed and looked after at the end of the claim.
func (t *bench) prepare(tk isolate.Task) isolate.Sandbox {
	t.Helper()
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { t.nothingIsLeft(s, tk.ID) })
	return s
}

// run runs a task to its end.
func (t *bench) run(tk isolate.Task, meanwhile func(isolate.Sandbox, *output)) result {
	t.Helper()
	got, _ := t.ran(tk, meanwhile)
	return got
}

// ran runs a task to its end and returns its sandbox too, which is still there.
func (t *bench) ran(tk isolate.Task, meanwhile func(isolate.Sandbox, *output)) (result, isolate.Sandbox) {
	t.Helper()
	s := t.prepare(tk)
	out, errs := newOutput(), newOutput()
	before := time.Now()
	if err := s.Start(t.Context(), out, errs); err != nil {
		t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile(s, out)
	}
	exit, err := s.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if after := time.Now(); exit.Wall <= 0 || exit.Started.Before(before) || exit.Started.Add(exit.Wall).After(after) {
		t.Errorf("it ran for %s from %s, between %s and %s", exit.Wall, exit.Started, before, after)
	}
	return result{exit, out.String(), errs.String()}, s
}

// nothingIsLeft closes a sandbox twice and looks for what it may have left behind.
func (t *bench) nothingIsLeft(s isolate.Sandbox, id string) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if left := processesOf(t.T, id); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	t.noTrace(id)
}

func (t *bench) noTrace(id string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if id != "" && strings.Contains(string(mounts), id) {
		t.Error("a mount is left")
	}
	if t.options.Left == nil {
		return
	}
	if left := t.options.Left(t.driver, id); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// processesOf finds the processes of this host that have a sandbox's id in their command line, by pid.
func processesOf(t *testing.T, id string) map[int]string {
	t.Helper()
	found := map[int]string{}
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, name := range all {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		if strings.Contains(string(line), id) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err != nil {
				t.Fatal(err)
			}
			found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return found
}
