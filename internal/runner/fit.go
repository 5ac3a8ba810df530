package runner

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// complete checks that the job says everything that a runner needs. Nothing is filled in here: a default of ours would be a measurement
// condition that nobody chose.
func complete(job *api.ClaimedJob) *failure {
	var missing []string
	need := func(ok bool, what string) {
		if !ok {
			missing = append(missing, what)
		}
	}
	need(job.UUID != "" && job.Epoch > 0, "id and epoch")
	need(job.Spec.CPU > 0, "cpu")
	need(job.Spec.Memory > 0, "memory")
	need(job.Spec.Disk > 0, "disk")
	need(job.Spec.Architecture != "", "architecture")
	need(host.Isolation(job.Spec.Isolation).Known(), "isolation level")
	need(timeout(job) > 0, "timeout")
	need(job.Config.Iter > 0, "iterations")
	need(job.Config.Registry != "" && job.Config.Repository != "" && ident.IsDigest(job.Config.Digest), "image")
	if len(missing) > 0 {
		return failf(api.ReasonServer, "the server sent a job without %s", strings.Join(missing, ", "))
	}
	return bounded(job)
}

// bounded checks the job against the limits that protect this machine, whatever the server let pass.
func bounded(job *api.ClaimedJob) *failure {
	c := &job.Config
	switch {
	case len(c.Entrypoint) > limits.EntrypointWords || len(c.Cmd) > limits.CmdWords:
		return failf(api.ReasonLimit, "the command has more words than the limit of %d", limits.CmdWords)
	case len(c.Env) > limits.EnvEntries:
		return failf(api.ReasonLimit, "the job has %d environment entries, the limit is %d", len(c.Env), limits.EnvEntries)
	case len(c.FilePaths) > limits.FilePaths:
		return failf(api.ReasonLimit, "the job names %d files, the limit is %d", len(c.FilePaths), limits.FilePaths)
	case c.Iter > limits.IterationsPerJob:
		return failf(api.ReasonLimit, "the job has %d iterations, the limit is %d", c.Iter, limits.IterationsPerJob)
	case timeout(job) > limits.JobTimeoutMax:
		return failf(api.ReasonLimit, "the job's timeout is %s, the limit is %s", timeout(job), limits.JobTimeoutMax)
	}
	for _, word := range slices.Concat(c.Entrypoint, c.Cmd) {
		if len(word) > limits.ArgBytes || strings.ContainsRune(word, 0) {
			return failf(api.ReasonLimit, "a word of the command is longer than %d bytes or holds a NUL", limits.ArgBytes)
		}
	}
	for name, value := range c.Env {
		if name == "" || len(name)+len(value) > limits.ArgBytes || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return failf(api.ReasonLimit, "the environment entry %.40q has a bad name or is longer than %d bytes", name, limits.ArgBytes)
		}
	}
	for _, p := range c.FilePaths {
		if p == "" || len(p) > limits.ImagePathBytes || strings.ContainsRune(p, 0) || path.Clean(p) == MeasuresPath {
			return failf(api.ReasonLimit, "the file path %.80q cannot be collected", p)
		}
	}
	return nil
}

// fits checks that the machine is what the spec asks for.
func fits(job *api.ClaimedJob, has offer) *failure {
	s := &job.Spec
	why := host.Misfits(
		host.Spec{OS: s.OS, Architecture: s.Architecture, Isolation: host.Isolation(s.Isolation), CPUs: s.CPU, Memory: s.Memory, Disk: s.Disk,
			Network: s.Network},
		host.Machine{OS: has.facts.OS, Architecture: has.facts.Architecture, Isolations: has.levels, CPUs: has.cpus, Memory: has.memory,
			Disk: has.disk, Network: has.network, Whole: true})
	if len(why) == 0 {
		return nil
	}
	return failf(api.ReasonHostUnfit, "the runner's machine does not fit the spec %q: %s", textOr(s.Slug, s.Name), strings.Join(why, "; "))
}

// timeout is the limit of one iteration's command.
func timeout(job *api.ClaimedJob) time.Duration {
	seconds := job.Timeout
	if seconds == 0 {
		seconds = job.Config.Timeout
	}
	return time.Duration(seconds) * time.Second
}

func textOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
