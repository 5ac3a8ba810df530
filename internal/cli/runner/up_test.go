package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner"
)

func runnerEnv(vars map[string]string) (*cli.Env, *bytes.Buffer, *bytes.Buffer) {
	var stdout, stderr bytes.Buffer
	return &cli.Env{Stdout: &stdout, Stderr: &stderr, Getenv: func(k string) string { return vars[k] }, Version: "test"}, &stdout, &stderr
}

func TestRunnerUpSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	key := map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_x"}
	for name, row := range map[string]struct {
		vars map[string]string
		args []string
		want string
	}{
		"no key":       {nil, []string{"--host", "http://127.0.0.1:1", "--runner", "r"}, "TACHO_RUNNER_KEY"},
		"no host":      {key, []string{"--runner", "r"}, "--host is missing"},
		"no runner":    {key, []string{"--host", "http://127.0.0.1:1"}, "--runner is missing"},
		"slots":        {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--slots", "2"}, "one job at a time"},
		"transport":    {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--transport", "pigeon"}, "pigeon"},
		"poll timeout": {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--poll-timeout", "901"}, "1 to 900"},
		"log format":   {key, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--log-format", "xml"}, "xml"},
		"no such file": {nil, []string{"--host", "http://127.0.0.1:1", "--runner", "r", "--key-file", "/does/not/exist"}, "cannot be read"},
		"two-line key": {map[string]string{"TACHO_RUNNER_KEY": "a b"}, []string{"--host", "http://127.0.0.1:1", "--runner", "r"}, "white space"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, _, _ := runnerEnv(row.vars)
			cmd := Command(env)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(append([]string{"up"}, row.args...))
			err := cmd.ExecuteContext(t.Context())
			if cli.ExitCode(err) != fault.ExitUsage || !strings.Contains(err.Error(), row.want) {
				t.Errorf("want exit 2 saying %q, got %v", row.want, err)
			}
		})
	}
}

func TestRunnerKeyComesFromFileThenEnvironment(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("tacho_runner_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		vars map[string]string
		file string
		want runner.Secret
	}{
		"file":        {map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_env"}, file, "tacho_runner_file"},
		"environment": {map[string]string{"TACHO_RUNNER_KEY": "tacho_runner_env", "BENCHER_RUNNER_KEY": "old"}, "", "tacho_runner_env"},
		"alias":       {map[string]string{"BENCHER_RUNNER_KEY": "old"}, "", "old"},
	} {
		env, _, _ := runnerEnv(row.vars)
		if got, err := runnerKey(env, row.file); err != nil || got != row.want {
			t.Errorf("%s: want %q, got %q, %v", name, string(row.want), string(got), err)
		}
	}
}

func TestRunnerUpTakesBenchersEnvironment(t *testing.T) {
	t.Parallel()
	env, _, _ := runnerEnv(map[string]string{"BENCHER_HOST": "https://b.example.org", "BENCHER_RUNNER": "box",
		"TACHO_HOST": "https://t.example.org"})
	up := newRunnerUp(env)
	if host, box := up.Flag("host").DefValue, up.Flag("runner").DefValue; host != "https://t.example.org" || box != "box" {
		t.Errorf("host %s, runner %s", host, box)
	}
}
