//go:build linux

package ocirun

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/runner/isolate"
)

// Variables of a test process that only starts a sandbox and is then killed.
const (
	victimRuntime = "TACHO_TEST_VICTIM_RUNTIME"
	victimDir     = "TACHO_TEST_VICTIM_DIR"
	victimID      = "TACHO_TEST_VICTIM_ID"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimDir) != "" {
		fmt.Println(victim())
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// victim starts a command that does not end by itself.
func victim() error {
	d, err := New(Config{Runtime: os.Getenv(victimRuntime), Dir: os.Getenv(victimDir)})
	if err != nil {
		return err
	}
	dir := os.Getenv(victimDir)
	s, err := d.Prepare(context.Background(), isolate.Task{
		ID: os.Getenv(victimID), RootFS: filepath.Join(dir, "image"), Args: []string{"/sleep", "1000", os.Getenv(victimID)},
		CPUs: 1, MemoryBytes: 128 << 20, DiskBytes: 32 << 20, PidsMax: 64,
	})
	if err != nil {
		return err
	}
	return s.Start(context.Background(), os.Stdout, os.Stderr)
}

// TestSweepAfterAKilledRunner sweeps with the runtime that the killed one had, and with the other one.
func TestSweepAfterAKilledRunner(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, killed, sweeper string }{
		{"runc by runc", "", ""}, {"runsc by runsc", testRunsc(), testRunsc()}, {"runsc by runc", testRunsc(), ""}, {"runc by runsc", "", testRunsc()},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			works(row.killed)(t)
			works(row.sweeper)(t)
			dir := t.TempDir()
			sleeper(t, filepath.Join(dir, "image"))
			id := "victim" + strconv.FormatInt(time.Now().UnixNano(), 36)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), victimRuntime+"="+row.killed, victimDir+"="+dir, victimID+"="+id)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said, err := bufio.NewReader(out).ReadString('\n')
			if killErr := cmd.Process.Kill(); killErr != nil || err != nil || said != "<nil>\n" {
				t.Fatalf("the process said %q, %v; kill: %v", said, err, killErr)
			}
			_, _ = cmd.Process.Wait() // not cmd.Wait: the command may hold the pipe
			d, err := New(Config{Runtime: row.sweeper, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if len(left(d, id)) == 0 {
				t.Fatal("the killed process left nothing to sweep")
			}
			for range 2 {
				if err := d.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if found := left(d, id); len(found) > 0 {
				t.Errorf("left behind: %v", found)
			}
			if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), id) {
				t.Errorf("a mount is left, %v", err)
			}
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, name := range lines {
				if line, err := os.ReadFile(name); err == nil && strings.Contains(string(line), id) {
					t.Errorf("a process is left: %q", line)
				}
			}
		})
	}
}

// sleeper makes an image that holds one program, which does nothing for an hour.
func sleeper(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "sleep.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "sleep"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}
