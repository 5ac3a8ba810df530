//go:build linux

package isolatetest

import (
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

func environmentAndFolderAreTheTasks(t *bench) {
	tk := t.task("where")
	tk.WorkDir, tk.Env = "/tmp", []string{"GREETING=hello world", "PATH=/here"}
	got := t.run(tk, nil)
	if want := "cwd /tmp\nenv GREETING=hello world|PATH=/here\n"; strings.ReplaceAll(got.stdout, "|HOME=/|", "|") != want {
		t.Errorf("got %q, want %q; HOME may come from the user", got.stdout, want)
	}
}

func theImagesUserIsHonoured(t *bench) {
	for _, user := range []string{"ghost", "bench:ghosts", "-1", "65536", "0:65536", "4294967295"} {
		tk := t.task("who")
		tk.User = user
		if _, err := t.driver.Prepare(t.Context(), tk); !fault.Is(err, fault.Invalid) {
			t.Errorf("user %q, who is not in the image or in no sandbox: %v", user, err)
		}
	}
	t.noTrace("")
	for user, want := range map[string]string{
		"": "uid 0 gid 0\n", "4321": "uid 4321 gid 0\n", "4321:8": "uid 4321 gid 8\n",
		"65535:65535": "uid 65535 gid 65535\n", "bench": "uid 1234 gid 77\n", "bench:crew": "uid 1234 gid 99\n",
	} {
		tk := t.task("who")
		tk.User = user
		if got := t.run(tk, nil); got.stdout != want {
			t.Errorf("user %q: got %q %q, want %q", user, got.stdout, got.stderr, want)
		}
	}
}

func aSandboxIsApart(t *bench) {
	tk := t.task("look")
	tk.User = "bench"
	got := t.run(tk, nil)
	want := `cpus 1
pid 1
interfaces up [lo]
sockets [1 2 10 16]
core 0 0
groups [/]
mount operation not permitted
unshare operation not permitted
ptrace operation not permitted
sysctl read-only file system
sys read-only file system
write ok
host file true
`
	for what, refusal := range t.options.Refusal {
		want = regexp.MustCompile(`(?m)^`+what+` .*$`).ReplaceAllString(want, what+" "+refusal)
	}
	if diff := cmp.Diff(want, got.stdout); diff != "" {
		t.Errorf("what the command saw (-want +got):\n%s\nstderr: %s", diff, got.stderr)
	}
}

// noNetwork dials a listener of this host. No driver has a network that is apart from the host's, so a task that asks for one is refused.
func noNetwork(t *bench) {
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close() })
	go func() { // ends with the listener
		for {
			c, err := here.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			_ = c.Close()
		}
	}()
	got, s := t.ran(t.task("dial", here.Addr().String()), nil)
	if got.stdout != "network refused\n" || len(slices.DeleteFunc(slices.Clone(s.Notes()), func(n string) bool { return !strings.Contains(n, "network") })) > 0 {
		t.Errorf("got %q %q, notes %q", got.stdout, got.stderr, s.Notes())
	}
	tk := t.task("dial", here.Addr().String())
	tk.Network = true
	if s, err := t.driver.Prepare(t.Context(), tk); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "network") {
		t.Errorf("a task with a network: %v", err)
		if err == nil {
			t.Error(s.Close())
		}
	}
	t.noTrace(tk.ID)
}

// sandboxesDoNotMeet has two at a time, which both leave a file and say what they find.
func sandboxesDoNotMeet(t *bench) {
	var both sync.WaitGroup
	for range 2 {
		tk := t.task("alone", "")
		s, out := t.prepare(tk), newOutput()
		if err := s.Start(t.Context(), out, io.Discard); err != nil {
			t.Fatal(err)
		}
		both.Go(func() {
			exit, err := s.Wait()
			if err != nil || exit.Code != 0 || out.String() != "files 0 processes 1\n" {
				t.Errorf("it ended %+v, %v and saw %q", exit, err, out.String())
			}
		})
	}
	both.Wait()
}
