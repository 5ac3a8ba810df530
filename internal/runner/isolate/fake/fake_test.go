//go:build linux

package fake_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/runner/isolate"
	"github.com/tachograph/tacho/internal/runner/isolate/fake"
	"github.com/tachograph/tacho/internal/runner/isolate/isolatetest"
)

// probe does what the suite's program does, as far as that has a meaning in memory.
func probe(p *fake.Process) isolate.Exit {
	word, rest := p.Args[1], append(p.Args[2:], "")
	switch word {
	case "exit":
		code, _ := strconv.Atoi(rest[0]) // the suite gives numbers
		return isolate.Exit{Code: code}
	case "crash":
		return isolate.Exit{Code: 139, Signal: "SIGSEGV"}
	case "say":
		for name, w := range map[string]io.Writer{"out": p.Stdout, "err": p.Stderr} {
			begin, end := name+" begins\n", name+" ends\n"
			io.WriteString(w, begin)
			io.WriteString(w, strings.Repeat(".", 3<<20-len(begin)-len(end)))
			io.WriteString(w, end)
		}
		return isolate.Exit{Code: 7}
	case "stubborn", "family":
		fmt.Fprintln(p.Stdout, "ready")
		<-p.Killed
	case "polite":
		fmt.Fprintln(p.Stdout, "ready")
		select {
		case <-p.Killed:
		case <-p.Terminated:
			fmt.Fprintln(p.Stdout, "bye")
			return isolate.Exit{Code: 3}
		}
	case "where":
		slices.Sort(p.Env)
		fmt.Fprintf(p.Stdout, "cwd %s\nenv %s\n", p.WorkDir, strings.Join(p.Env, "|"))
	case "fill":
		n, err := 0, error(nil)
		for ; n < 256 && err == nil; n++ {
			err = p.WriteFile("/work.bin", make([]byte, (n+1)<<20))
		}
		fmt.Fprintf(p.Stdout, "write %v\nbelow the limit: %t\n", err, n < 40)
	case "alone":
		fmt.Fprintln(p.Stdout, "files", len(p.Files()), "processes", 1)
		p.WriteFile("/tmp/file", nil)
	case "leave":
		p.WriteFile("/tmp/file", []byte("kept"))
		fmt.Fprintln(p.Stdout, "left")
	case "spoil":
		p.WriteFile("/etc/passwd", []byte("spoiled"))
		fmt.Fprintln(p.Stdout, "spoiled")
	}
	return isolate.Exit{}
}

func TestFake(t *testing.T) {
	isolatetest.Run(t, func(*testing.T) isolate.Driver {
		return &fake.Driver{
			Capabilities: isolate.Capabilities{Name: "fake", Level: host.None},
			Programs:     map[string]fake.Program{"/probe": probe},
		}
	}, isolatetest.Options{
		Level: host.None,
		Left: func(d isolate.Driver, id string) []string {
			return slices.DeleteFunc(d.(*fake.Driver).Sandboxes(), func(have string) bool { return id != "" && have != id })
		},
		Skip: map[string]string{
			"The image's user is honoured":               "a function has no user",
			"Root inside is not root outside":            "a function has no user",
			"Files of the image keep their owners":       "it reads no image",
			"Files of the host are nobody's":             "it reads no image",
			"A sandbox is apart":                         "a function can do what the test can",
			"No network even if asked":                   "a function has the test's network",
			"Memory is limited":                          "a function has the test's memory",
			"A fork bomb stops":                          "a function has no processes",
			"Kill ends the children":                     "a function has no processes",
			"Children end with the command":              "a function has no processes",
			"No link leads out":                          "its files are no tree: there are no links",
			"What cannot run is not the machine's fault": "it reads no image",
			"No image reaches the host":                  "it reads no image",
			"No working directory reaches the host":      "it reads no image",
			"A sandbox dies with its runner":             "a function is a part of its runner",
			"The time limit holds when the runner hangs": "a function is a part of its runner",
		},
	})
}

func aTask(args ...string) isolate.Task {
	return isolate.Task{ID: "t1", RootFS: "/none", Args: args, CPUs: 1, MemoryBytes: 1, DiskBytes: 1, PidsMax: 1, MaxWall: time.Hour}
}

func TestGraceIsMeasuredToTheMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &fake.Driver{Programs: map[string]fake.Program{"deaf": func(p *fake.Process) isolate.Exit {
			<-p.Killed
			_, err := io.WriteString(p.Stdout, "late")
			if !errors.Is(err, fake.ErrKilled) || !errors.Is(p.WriteFile("/late", nil), fake.ErrKilled) {
				t.Errorf("a killed process could write: %v", err)
			}
			return isolate.Exit{}
		}}}
		s, err := d.Prepare(t.Context(), aTask("deaf"))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := s.Start(t.Context(), &out, &out); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.Sleep(time.Second)
		s.Kill(5 * time.Second)
		exit, err := s.Wait()
		if diff := cmp.Diff(isolate.Exit{Code: 137, Signal: "SIGKILL", Started: begun, Wall: 6 * time.Second}, exit); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if err := s.Close(); err != nil || out.String() != "" || len(d.Sandboxes()) != 0 {
			t.Errorf("Close: %v, output %q, left %v", err, &out, d.Sandboxes())
		}
	})
}

func TestEachMethodCanFail(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, method := range []fake.Method{fake.Prepare, fake.Start, fake.Wait, fake.Close} {
		d := &fake.Driver{
			Programs: map[string]fake.Program{"true": func(*fake.Process) isolate.Exit { return isolate.Exit{} }},
			Fail: func(m fake.Method, tk isolate.Task) error {
				if m == method && tk.ID == "t1" {
					return broken
				}
				return nil
			},
		}
		got := map[fake.Method]error{}
		s, err := d.Prepare(t.Context(), aTask("true"))
		got[fake.Prepare] = err
		if err == nil {
			got[fake.Start] = s.Start(t.Context(), io.Discard, io.Discard)
			if got[fake.Start] == nil {
				_, got[fake.Wait] = s.Wait()
			}
			got[fake.Close] = s.Close()
			if err := s.Close(); err != nil {
				t.Errorf("%s: a second Close: %v", method, err)
			}
		}
		for m, err := range got {
			if (err != nil) != (m == method) {
				t.Errorf("%s was to fail: %s said %v", method, m, err)
			}
		}
		if len(d.Sandboxes()) != 0 || len(d.Tasks()) != 1 {
			t.Errorf("%s: left %v, tasks %v", method, d.Sandboxes(), d.Tasks())
		}
	}
}
