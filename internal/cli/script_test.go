package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/server"
	"github.com/tachograph/tacho/internal/cli/verbs"
)

// TestMain lets the scripts run this test binary as tacho, wired as cmd/tacho does, with the real server in the process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tacho": func() {
			env := cli.NewEnv("v1.2.3", "0123456789abcdef")
			env.Embedded, env.Host = server.Embedded(env), server.ThisHost
			os.Exit(cli.Main(os.Args[1:], env, verbs.All))
		},
	})
}

// TestStories runs the scripts. 'exits N tacho …' runs a command that must end with exit code N.
func TestStories(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) { // under nohup, and commands would inherit that; what is caught here is theirs to handle
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "stories"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("TACHO_DATA", filepath.Join(e.WorkDir, ".data"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exitsWith},
	})
}

func exitsWith(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %q is not a number", args[0])
	}
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
