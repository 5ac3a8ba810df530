package job

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/mask"
	"github.com/tachograph/tacho/internal/core/measurement"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Prepare checks a job before anything is written: its words are within limits, its spec exists and some runner has it, its image exists
// and was made for the spec's architecture. The tag is pinned to a digest, the priority and the timeout come from the plan.
func (s *Service) Prepare(ctx context.Context, p PrepareParams) (*Prepared, error) {
	if err := checkJob(p.Job); err != nil {
		return nil, err
	}
	spec, err := s.resolveSpec(ctx, p)
	if err != nil {
		return nil, err
	}
	image, err := s.image(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := checkPlatform(p.Job.Image, image, spec); err != nil {
		return nil, err
	}
	out := &Prepared{Spec: spec}
	timeout, note := s.timeout(p)
	if note != "" {
		out.Notes = append(out.Notes, note)
	}
	out.Rounds = 1
	if p.Job.Jobs != nil {
		out.Rounds = *p.Job.Jobs
	}
	iterations := 1
	if p.Job.Iter != nil {
		iterations = *p.Job.Iter
	}
	config := api.JobConfig{
		Registry: image.Registry, Repository: image.Repository, Project: p.Project.ID, Digest: image.Digest, Internal: image.Internal,
		Listed:     image.Listed,
		Image:      p.Job.Image,
		Entrypoint: p.Job.Entrypoint, Cmd: p.Job.Cmd, Env: p.Job.Env, SecretEnv: p.Job.SecretEnv, Timeout: int64(timeout / time.Second),
		FilePaths: p.Job.FilePaths, Iter: iterations,
		AllowFailure: p.Job.AllowFailure != nil && *p.Job.AllowFailure, BuildTime: p.Job.BuildTime != nil && *p.Job.BuildTime,
		FileSize: p.Job.FileSize != nil && *p.Job.FileSize,
	}
	out.Row = Job{
		ProjectID: p.Project.ID, OrganizationID: p.Organization.ID, SourceIP: p.SourceIP, SpecID: spec.ID, SlotID: p.SlotID,
		TimeoutSeconds: config.Timeout, Iterations: iterations, Priority: corejob.Priority(api.Plan(p.Organization.Plan)),
	}
	if out.Head, err = imageOf(config); err != nil || p.Job.Base == nil {
		return out, err
	}
	base, err := s.Images.Resolve(ctx, p.Project, p.Job.Base.Image)
	if err != nil {
		return nil, err
	}
	if err := checkPlatform(p.Job.Base.Image, base, spec); err != nil {
		return nil, err
	}
	config.Registry, config.Repository, config.Digest, config.Internal, config.Listed = base.Registry, base.Repository, base.Digest,
		base.Internal, base.Listed
	config.Image = p.Job.Base.Image
	against, err := imageOf(config)
	out.Base = &against
	return out, err
}

func imageOf(config api.JobConfig) (Runs, error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return Runs{}, fmt.Errorf("write job configuration: %w", err)
	}
	return Runs{Image: config.Image, Digest: config.Digest, Config: string(raw)}, nil
}

// Insert writes a measurement and its jobs in the transaction of the reports that wait for them: head's, and base's if it has a base. The
// history of each job begins with what there was to remark. It returns the ids of the jobs in the order in which they run.
func (s *Service) Insert(ctx context.Context, tx *store.Tx, p *Prepared, head, base string) (jobIDs []string, err error) {
	m, err := InsertMeasurement(ctx, tx, p.Row.ProjectID)
	if err != nil {
		return nil, err
	}
	for place, side := range measurement.Order(p.Rounds, p.Base != nil, s.Coin) {
		row, runs := p.Row, p.Head
		row.MeasurementID, row.Place, row.Parts, row.Side, row.InTurn, row.ReportID = m.ID, place, p.Rounds, string(side), p.Base != nil,
			head
		if side == measurement.Base {
			row.ReportID, runs = base, *p.Base
		}
		row.Image, row.Digest, row.Config = runs.Image, runs.Digest, runs.Config
		if row, err = Insert(ctx, tx, row); err != nil {
			return nil, err
		}
		if err := tell(ctx, tx, row); err != nil {
			return nil, err
		}
		if err := InsertEvent(ctx, tx, Event{JobID: row.ID, Event: "submit", To: row.State,
			Detail: orNil(strings.Join(p.Notes, "; "))}); err != nil {
			return nil, err
		}
		jobIDs = append(jobIDs, row.ID)
	}
	return jobIDs, nil
}

// Inserted is called after the commit; it wakes a waiting runner for each job that may be taken.
func (s *Service) Inserted(p *Prepared) {
	n := p.Rounds
	if p.Base != nil { // the others wait for their turn
		n = 1
	}
	for range n {
		s.waiting.wake(StandOf(p.Row))
	}
}

// image is what the job's image points to.
func (s *Service) image(ctx context.Context, p PrepareParams) (Image, error) {
	if p.Image != nil {
		return *p.Image, nil
	}
	return s.ResolveImage(ctx, p.Project, p.Job.Image)
}

// ResolveImage pins an image to its digest.
func (s *Service) ResolveImage(ctx context.Context, p project.Project, image string) (Image, error) {
	return s.Images.Resolve(ctx, p, image)
}

// resolveSpec is the job's own spec, else the named testbed's, else the server's fallback.
func (s *Service) resolveSpec(ctx context.Context, p PrepareParams) (fleet.Spec, error) {
	if p.Spec != nil {
		return *p.Spec, nil
	}
	var spec fleet.Spec
	var served bool
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var err error
		switch {
		case p.Job.Spec != "":
			spec, err = fleet.SpecByRef(ctx, tx, p.Job.Spec)
		case p.TestbedSpecID != nil:
			spec, err = fleet.SpecByRef(ctx, tx, *p.TestbedSpecID)
		default:
			spec, err = fleet.FallbackSpec(ctx, tx)
		}
		if fault.Is(err, fault.Missing) {
			return missingSpec(ctx, tx, p.Job.Spec)
		}
		if err != nil {
			return err
		}
		if served = p.SlotID != nil; served { // its machine comes later
			return nil
		}
		served, err = fleet.SpecHasRunner(ctx, tx, spec.ID)
		return err
	})
	switch {
	case err != nil:
		return spec, err
	case spec.Archived != nil:
		return spec, fault.Invalidf("spec %q is archived; choose another one", spec.Name)
	case !served:
		return spec, fault.Invalidf("spec %q: no runner has it, so the job would wait for ever; add it to one with 'tacho runner spec add "+
			"RUNNER %s'", spec.Name, spec.Slug)
	}
	return spec, nil
}

// missingSpec names the specs that there are.
func missingSpec(ctx context.Context, tx *store.Tx, asked string) error {
	all, _, err := fleet.ListSpecs(ctx, tx, store.ListFilter{Page: store.Page{Limit: 20}})
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.Slug
	}
	known := "there is none yet; an admin makes one with 'tacho spec create'"
	if len(names) > 0 {
		known = "there are " + strings.Join(names, ", ")
	}
	if asked == "" {
		return fault.Invalidf("the job names no spec and the server has no fallback; %s", known)
	}
	return fault.Invalidf("spec %q does not exist; %s", asked, known)
}

func checkPlatform(name string, image Image, spec fleet.Spec) error {
	if len(image.Platforms) == 0 {
		return nil
	}
	want := Platform{spec.OS, host.OCIArchitecture(spec.Architecture)}
	var have []string
	for _, p := range image.Platforms {
		if p == want {
			return nil
		}
		have = append(have, p.OS+"/"+p.Arch)
	}
	return fault.Invalidf("image %q is made for %s, but spec %q is %s/%s; build it for that, or choose another spec", name,
		strings.Join(have, ", "), spec.Name, want.OS, want.Arch)
}

// timeout is the asked time of one iteration, bounded by the plan's; the note says so when it was shortened.
func (s *Service) timeout(p PrepareParams) (time.Duration, string) {
	most := s.Tiers[api.Plan(p.Organization.Plan)].Timeout
	if most == 0 || most > limits.JobTimeoutMax {
		most = limits.JobTimeoutMax
	}
	if p.Job.Timeout == nil {
		return min(most, limits.JobTimeoutDefault), ""
	}
	if asked := time.Duration(*p.Job.Timeout) * time.Second; *p.Job.Timeout <= int64(most/time.Second) {
		return asked, ""
	}
	return most, fmt.Sprintf("the timeout of %d s was shortened to %d s, the limit of plan %s", *p.Job.Timeout, int64(most/time.Second),
		p.Organization.Plan)
}

func checkJob(j api.NewJob) error {
	count := func(what string, have, most int) error {
		if have > most {
			return fault.Invalidf("job: %d %s, the limit is %d", have, what, most)
		}
		return nil
	}
	for _, err := range []error{
		count("words of entrypoint", len(j.Entrypoint), limits.EntrypointWords), count("words of cmd", len(j.Cmd), limits.CmdWords),
		count("environment entries", len(j.Env), limits.EnvEntries), count("file paths", len(j.FilePaths), limits.FilePaths),
		count("secret environment entries", len(j.SecretEnv), limits.EnvEntries),
	} {
		if err != nil {
			return err
		}
	}
	for _, word := range append(append([]string{}, j.Entrypoint...), j.Cmd...) {
		if err := checkWord("an argument", word); err != nil {
			return err
		}
	}
	for k, v := range j.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") {
			return fault.Invalidf("job: %.60q is not the name of an environment variable", k)
		}
		if err := checkWord("the environment variable "+k, v); err != nil {
			return err
		}
	}
	for _, name := range j.SecretEnv {
		switch value, has := j.Env[name]; {
		case !has:
			return fault.Invalidf("job: secret_env names %.60q, which is not in the environment", name)
		case len(value) < mask.LeastBytes:
			return fault.Invalidf(
				"job: the value of %.60s is shorter than %d bytes and cannot be hidden in outputs: it would be found in every "+
					"second number",
				name, mask.LeastBytes)
		}
	}
	for _, p := range j.FilePaths {
		if !path.IsAbs(p) && strings.HasPrefix(path.Clean(p), "..") || p == "" || strings.ContainsRune(p, 0) ||
			len(p) > limits.ImagePathBytes {
			return fault.Invalidf("job: %.100q is not the path of a file in the image", p)
		}
	}
	switch {
	case j.Image == "":
		return fault.Invalidf("job: the image is missing")
	case j.Base != nil && j.Base.Image == "":
		return fault.Invalidf("job: the image of the base is missing")
	case j.Jobs != nil && (*j.Jobs < 1 || *j.Jobs > limits.JobsPerReport):
		return fault.Invalidf("job: a report of %d jobs, want 1 to %d", *j.Jobs, limits.JobsPerReport)
	case j.Jobs != nil && j.Iter != nil && *j.Jobs**j.Iter > limits.IterationsPerJob:
		return fault.Invalidf("job: %d jobs of %d iterations, want up to %d iterations in a report", *j.Jobs, *j.Iter,
			limits.IterationsPerJob)
	case j.Iter != nil && (*j.Iter < 1 || *j.Iter > limits.IterationsPerJob):
		return fault.Invalidf("job: %d iterations, want 1 to %d", *j.Iter, limits.IterationsPerJob)
	case j.Timeout != nil && *j.Timeout < 1:
		return fault.Invalidf("job: a timeout of %d s, want at least 1 s", *j.Timeout)
	}
	return nil
}

func checkWord(what, s string) error {
	if len(s) > limits.ArgBytes {
		return fault.Invalidf("job: %s is %d bytes long, the limit is %d", what, len(s), limits.ArgBytes)
	}
	if strings.ContainsRune(s, 0) {
		return fault.Invalidf("job: %s holds a NUL byte", what)
	}
	return nil
}
