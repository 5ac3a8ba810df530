package run

import (
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/value"
)

// newJob builds the job of a remote run. args are words of the image's command.
func (f *runFlags) newJob(env *cli.Env, args []string) (*api.NewJob, error) {
	job := &api.NewJob{Image: f.image, Spec: f.spec, Entrypoint: f.entrypoint, Cmd: append(append([]string(nil), f.cmd...), args...)}
	vars, err := f.jobEnv(env)
	if err != nil {
		return nil, err
	}
	job.Env, job.SecretEnv = vars, f.secretEnv
	if f.timeout > 0 {
		seconds := int64((time.Duration(f.timeout) + time.Second - 1) / time.Second)
		job.Timeout = &seconds
	}
	if job.FilePaths = f.files; len(f.fileSizes) > 0 {
		yes := true
		job.FilePaths, job.FileSize = f.fileSizes, &yes
	}
	if f.buildTime {
		job.BuildTime = &f.buildTime
	}
	if f.iter > 1 {
		job.Iter = &f.iter
	}
	if f.jobs > 1 {
		job.Jobs = &f.jobs
	}
	if f.baseImage != "" {
		job.Base = &api.BaseImage{Image: f.baseImage, Branch: f.baseBranch}
		if f.baseHash != "" {
			job.Base.Hash = &f.baseHash
		}
	}
	if f.allowFailure {
		job.AllowFailure = &f.allowFailure
	}
	if f.backdate != "" {
		at, err := value.ParseTime(f.backdate)
		if err != nil {
			return nil, cli.Usage("--backdate %q: %v", f.backdate, err)
		}
		job.Backdate = &at
	}
	return job, nil
}

// jobEnv reads --env-file, then --env, which wins. A name without a value is passed on from our environment.
func (f *runFlags) jobEnv(env *cli.Env) (map[string]string, error) {
	vars := value.Environment{Getenv: env.Getenv}
	for _, file := range f.envs {
		text, err := cli.ReadSmall(env, file)
		if err != nil {
			return nil, cli.Usage("--env-file %s: %v", file, err)
		}
		for i, line := range strings.Split(text, "\n") {
			line = strings.TrimSuffix(line, "\r")
			if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
				continue
			}
			if err := vars.Set(fmt.Sprintf("--env-file %s, line %d", file, i+1), line); err != nil {
				return nil, err
			}
		}
	}
	err := vars.Pass(f.variables, f.secretEnv)
	return vars.Vars, err
}
