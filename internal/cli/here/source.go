// Package here says where a command is: how package gitctx sees this process, and which project its folder is.
package here

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
)

// runGit runs the git program.
func runGit(ctx context.Context, dir string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout = dir, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimRight(out.String(), "\r\n"), nil
}

// Source is this process's view for gitctx.
func Source(ctx context.Context, env *cli.Env) gitctx.Source {
	dir := env.WorkDir()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return gitctx.Source{
		Getenv: env.Getenv, Dir: filepath.ToSlash(dir),
		ReadFile: func(name string) ([]byte, error) {
			text, err := cli.ReadSmall(env, filepath.FromSlash(name))
			return []byte(text), err
		},
		Open: func(name string) (gitctx.File, error) { return os.Open(filepath.FromSlash(name)) },
		List: func(name string) (names []string, err error) {
			files, err := os.ReadDir(filepath.FromSlash(name))
			for _, f := range files {
				names = append(names, f.Name())
			}
			return names, err
		},
		Git: func(args ...string) (string, error) { return runGit(ctx, dir, args) },
	}
}
