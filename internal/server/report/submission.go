package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/server/report/results"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// submission is a request that was checked for itself: what can be known without the database is right.
type submission struct {
	project     string                // slug or UUID
	projectName string                // of a project that is yet to be made
	repository  coreseries.Repository // where nothing names the project
	visibility  string                // of such a project; empty: the server's default
	key         string                // idempotency key
	requestHash string
	branch      string // name or UUID
	hash        string
	commits     []series.Commit
	start       *api.StartPoint
	testbed     string // name or UUID; empty for a job that names none
	specReset   bool
	models      []namedModel
	resetModels bool
	from, to    time.Time
	settings    api.ReportSettings
	thresholds  *api.ReportThresholds
	context     map[string]string
	host        *api.HostFacts
	results     []string
	job         *api.NewJob
	base        basePlace // of a job's base
}

// basePlace is where the results of what a run is compared with belong.
type basePlace struct{ branch, hash string }

// namedModel is a model and the measure (name, slug or UUID) that it is for.
type namedModel struct {
	measure string
	model   threshold.Model
}

// clockSkew is how far in the future a report may begin: clocks differ, but a report of next year would be the newest for a year.
const clockSkew = 24 * time.Hour

// newSubmission checks a request; early is one that comes before its results. Errors are Invalid or TooLarge faults that name the field.
func newSubmission(run api.NewRun, now time.Time, early bool) (submission, error) {
	s := submission{start: run.StartPoint, specReset: isTrue(run.SpecReset), thresholds: run.Thresholds, context: run.Context, host: run.Host,
		results: run.Results, job: run.Job}
	image := ""
	if run.Job != nil {
		image = run.Job.Image
	}
	var err error
	for _, step := range []func() error{
		func() error { return s.checkKind(early) },
		func() error { return checkContext(run.Context, run.Host) },
		func() (err error) {
			if run.Project == "" && run.Job == nil {
				s.repository = coreseries.RepositoryOf(run.Context)
			}
			s.project, s.projectName, err = coreseries.Project(run.Project, image, run.Context)
			return err
		},
		func() error { return s.setVisibility(run.Visibility) },
		func() (err error) { s.branch, err = coreseries.Branch(run.Branch, run.Context); return err },
		func() (err error) { s.hash, err = coreseries.Hash(run.Hash, run.Context); return err },
		func() (err error) { s.commits, err = newCommits(run.Commits); return err },
		func() error { return series.CheckStartPoint(run.StartPoint) },
		func() error { return s.setBase(run) },
		func() (err error) {
			if s.testbed = run.Testbed; run.Job == nil || run.Testbed != "" {
				s.testbed, err = coreseries.Testbed(run.Testbed, run.Context)
			}
			return err
		},
		func() error { return s.setKey(run) },
		func() error { return s.setSettings(run.Settings) },
		func() (err error) { s.models, s.resetModels, err = newModels(run.Thresholds); return err },
		func() (err error) { s.from, s.to, err = span(run, now); return err },
	} {
		if err = step(); err != nil {
			return submission{}, err
		}
	}
	return s, nil
}

// reports is how many reports the submission makes: with a base, one for each side.
func (s *submission) reports() int {
	if s.base.branch != "" {
		return 2
	}
	return 1
}

// setBase is the branch and commit of a job's base: its own, else those of the run's start point.
func (s *submission) setBase(run api.NewRun) (err error) {
	if run.Job == nil || run.Job.Base == nil {
		return nil
	}
	at := basePlace{branch: run.Job.Base.Branch}
	if run.Job.Base.Hash != nil {
		at.hash = *run.Job.Base.Hash
	}
	if start := run.StartPoint; start != nil && (at.branch == "" || at.branch == start.Branch) {
		at.branch, at.hash = start.Branch, cmp.Or(at.hash, start.Hash)
	}
	switch {
	case at.branch == "":
		return fault.Invalidf("job: the base has no branch, to which its results belong; name it in base.branch (--base-branch) or as the " +
			"start point")
	case at.hash == "": // without one each run would be the newest version of the branch
		return fault.Invalidf("job: the base has no commit; name the one that its image was built from in base.hash (--base-hash) or with the " +
			"start point")
	}
	if s.base.branch, err = coreseries.Branch(at.branch, nil); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	if s.base.hash, err = coreseries.Hash(at.hash, nil); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func (s *submission) checkKind(early bool) error {
	switch {
	case s.job != nil && len(s.results) > 0:
		return fault.Invalidf("run: it has results and a job; send one of them")
	case s.job == nil && len(s.results) == 0 && !early:
		return fault.Invalidf("run: it has neither results nor a job; send the tool's output in \"results\", or a \"job\" that makes it")
	case len(s.results) > limits.ResultsPerReport:
		return fault.TooLargef("results: %d iterations, the limit is %d", len(s.results), limits.ResultsPerReport)
	}
	return nil
}

func (s *submission) setVisibility(v api.Visibility) error {
	switch v {
	case "", api.Public, api.Private:
		s.visibility = string(v)
		return nil
	}
	return fault.Invalidf("visibility %.40q: want public or private", v)
}

func checkContext(context map[string]string, host *api.HostFacts) error {
	if len(context) > limits.ContextEntries {
		return fault.Invalidf("context: %d entries, the limit is %d", len(context), limits.ContextEntries)
	}
	for k, v := range context {
		if len(k) > limits.ContextKeyBytes || len(v) > limits.ContextValueBytes {
			return fault.Invalidf("context %.40q: the key has %d bytes and the value %d, the limits are %d and %d",
				k, len(k), len(v), limits.ContextKeyBytes, limits.ContextValueBytes)
		}
	}
	if host == nil {
		return nil
	}
	b, err := json.Marshal(host)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "host: the facts hold a number that cannot be kept")
	}
	if len(b) > limits.HostFactsBytes {
		return fault.Invalidf("host: the facts have %d bytes, the limit is %d", len(b), limits.HostFactsBytes)
	}
	return nil
}

// newCommits are what a run says of commits, cleaned and cut. A hash that is none is Invalid: nothing could ever name it.
func newCommits(commits []api.Commit) ([]series.Commit, error) {
	if len(commits) > limits.ReportCommits {
		return nil, fault.Invalidf("commits: %d of them, the limit is %d; send those nearest to the one that was measured", len(commits),
			limits.ReportCommits)
	}
	out := make([]series.Commit, len(commits))
	for i, c := range commits {
		c.Hash, c.Parent = strings.ToLower(c.Hash), strings.ToLower(c.Parent)
		if err := coreseries.CheckHash(fmt.Sprintf("commits: hash %d", i+1), c.Hash); err != nil {
			return nil, err
		}
		if c.Parent != "" {
			if err := coreseries.CheckHash("commits: parent of "+c.Hash, c.Parent); err != nil {
				return nil, err
			}
		}
		out[i] = series.Commit{Hash: c.Hash, Parent: c.Parent, Author: c.Author, Subject: c.Subject, Time: c.Time}.Cleaned()
	}
	return out, nil
}

func (s *submission) setKey(run api.NewRun) error {
	if run.IdempotencyKey == "" {
		return nil
	}
	s.key = strings.ToLower(run.IdempotencyKey)
	if !ident.IsUUID(s.key) {
		return fault.Invalidf("idempotency key %.50q: want a UUID", run.IdempotencyKey)
	}
	b, err := json.Marshal(run)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "run: it holds a number that cannot be kept")
	}
	sum := sha256.Sum256(b)
	s.requestHash = hex.EncodeToString(sum[:])
	return nil
}

func (s *submission) setSettings(settings *api.ReportSettings) error {
	if settings != nil {
		s.settings = *settings
	}
	name, err := results.CheckSettings(s.settings)
	s.settings.Adapter = string(name)
	return err
}

func newModels(t *api.ReportThresholds) ([]namedModel, bool, error) {
	if t == nil {
		return nil, false, nil
	}
	if len(t.Models) > limits.ModelsPerReport {
		return nil, false, fault.Invalidf("thresholds: %d models, the limit is %d", len(t.Models), limits.ModelsPerReport)
	}
	out := make([]namedModel, 0, len(t.Models))
	for measure, m := range t.Models {
		if err := ident.CheckName("measure", measure, limits.ResourceNameBytes); err != nil {
			return nil, false, err
		}
		row, err := threshold.NewModel(m)
		if err != nil {
			return nil, false, fault.Wrap(fault.Of(err), err, "threshold for %q: %s", measure, fault.Message(err))
		}
		out = append(out, namedModel{measure, row})
	}
	slices.SortFunc(out, func(a, b namedModel) int { return strings.Compare(a.measure, b.measure) })
	return out, isTrue(t.Reset), nil
}

// span returns when the report began and ended. What is absent is now, or the other one.
func span(run api.NewRun, now time.Time) (from, to time.Time, err error) {
	from, to = now, now
	switch {
	case run.Job != nil && run.Job.Backdate != nil:
		from = *run.Job.Backdate
		to = from
	case run.Job != nil: // a job's times are the server's
	default:
		if run.EndTime != nil {
			from, to = *run.EndTime, *run.EndTime
		}
		if run.StartTime != nil {
			from = *run.StartTime
		}
		if run.EndTime == nil && to.Before(from) {
			to = from
		}
	}
	if to.Before(from) {
		return from, to, fault.Invalidf("end_time %s lies before start_time %s", stamp(to), stamp(from))
	}
	if from.After(now.Add(clockSkew)) {
		return from, to, fault.Invalidf("start_time %s lies in the future (here it is %s); check the clock", stamp(from), stamp(now))
	}
	if from.Year() < 1970 {
		return from, to, fault.Invalidf("start_time %s lies before 1970", stamp(from))
	}
	if to.Sub(from) > maxSpan {
		return from, to, fault.Invalidf("end_time %s lies more than %d days after start_time %s", stamp(to), int(maxSpan.Hours()/24), stamp(from))
	}
	return from.UTC(), to.UTC(), nil
}

// maxSpan bounds how long a report may have run.
const maxSpan = 366 * 24 * time.Hour

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
