package run

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
)

// localBranch is the branch of results in this machine's own store that come from no git repository: there is no other to confuse it with.
const localBranch = "local"

// newRun builds the request from flags, variables and what was detected, without results and job.
func (f *runFlags) newRun(env *cli.Env, found gitctx.Context) (api.NewRun, error) {
	in := api.NewRun{
		Project: env.Setting(f.project, "PROJECT"), Branch: env.Setting(f.branch, "BRANCH"), Hash: env.Setting(f.hash, "HASH"),
		Testbed: env.Setting(f.testbed, "TESTBED"), IdempotencyKey: f.idempotencyKey, Context: found.Map(),
		Visibility: api.Visibility(f.visibility),
	}
	if in.IdempotencyKey == "" {
		in.IdempotencyKey = env.NewUUID()
	}
	if in.Hash == "" {
		in.Hash = found.Hash
	}
	if in.Branch == "" {
		var err error
		if in.Branch, err = found.NeedBranch(); err != nil {
			if !f.IsEmbedded(env) || found.Root != "" || found.CI != "" || f.image != "" {
				return in, cli.Usage("%v", err)
			}
			in.Branch = localBranch
		}
	}
	maps.Copy(in.Context, f.place(env, found))
	if f.specReset {
		in.SpecReset = &f.specReset
	}
	var err error
	if in.StartPoint, err = f.newStartPoint(); err != nil {
		return in, err
	}
	if in.Thresholds, err = f.thresholds.All(); err != nil {
		return in, err
	}
	if s := (api.ReportSettings{Adapter: env.Setting(f.adapter, "ADAPTER"), Average: f.average, Fold: f.fold,
		Mapping: f.mapping}); s != (api.ReportSettings{}) {
		in.Settings = &s
	}
	if f.backdate != "" {
		at, err := value.ParseTime(f.backdate)
		if err != nil {
			return in, cli.Usage("--backdate %q: %v", f.backdate, err)
		}
		in.StartTime, in.EndTime = &at, &at
	}
	return in, nil
}

// place is the part of the context that does not come from git.
func (f *runFlags) place(env *cli.Env, found gitctx.Context) map[string]string {
	m := map[string]string{}
	if name, known := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}[env.OS]; known && f.image == "" {
		m["bencher.dev/v0/testbed/os"] = name
	}
	maps.Copy(m, here.Folder(env, found))
	return m
}

func (f *runFlags) newStartPoint() (*api.StartPoint, error) {
	if f.startPoint == "" {
		if f.startPointHash != "" || f.startPointMax != 0 || f.startPointClone.Is(true) {
			return nil, cli.Usage("--start-point-hash, --start-point-max-versions and --start-point-clone-thresholds need --start-point")
		}
		if !f.startPointReset && !f.startPointClone.Given {
			return nil, nil
		}
	}
	p := &api.StartPoint{Branch: f.startPoint, Hash: f.startPointHash}
	if f.startPointMax != 0 {
		if f.startPointMax < 1 || f.startPointMax > limits.StartPointMax {
			return nil, cli.Usage("--start-point-max-versions %d: want 1 to %d", f.startPointMax, limits.StartPointMax)
		}
		p.MaxVersions = &f.startPointMax
	}
	if f.startPointClone.Given {
		p.CloneThresholds = &f.startPointClone.Value
	}
	if f.startPointReset {
		p.Reset = &f.startPointReset
	}
	return p, nil
}

// startFromParent makes the branch start from the one that it came from, when no flag says where it starts. It is for the branch that was
// detected: of one that a flag names, git knows nothing.
func (f *runFlags) startFromParent(found gitctx.Context, source gitctx.Source, in *api.NewRun) {
	if f.noStartPoint || f.startPoint != "" || f.startPointReset || in.Branch != found.Branch {
		return
	}
	parent := found.FindParent(source)
	if parent.Branch == "" {
		return
	}
	if in.StartPoint == nil {
		in.StartPoint = &api.StartPoint{}
	}
	yes := true
	in.StartPoint.Branch, in.StartPoint.Commits, in.StartPoint.Detected = parent.Branch, parent.Commits, &yes
}

// tellCommits says who wrote the commit that was measured and those before it, and what they say of it: what flags say, else git.
func (f *runFlags) tellCommits(found gitctx.Context, source gitctx.Source, in *api.NewRun) error {
	said := coreseries.Commit{Hash: strings.ToLower(in.Hash), Author: f.commitAuthor, Subject: f.commitSubject}.Cleaned()
	flags := said.Author+said.Subject != ""
	switch {
	case f.noCommits && flags:
		return cli.Usage("--no-commits sends nothing of commits; leave out --commit-author and --commit-subject, or it")
	case flags && said.Hash == "":
		return cli.Usage("--commit-author and --commit-subject are of a commit, and none is known; give --hash")
	case f.noCommits || said.Hash == "":
		return nil
	}
	known := found.Commits(source, said.Hash)
	switch {
	case len(known) > 0:
		known[0], _ = said.Fill(known[0])
	case flags:
		known = []coreseries.Commit{said}
	}
	for _, c := range known {
		in.Commits = append(in.Commits, api.Commit{Hash: c.Hash, Parent: c.Parent, Author: c.Author, Subject: c.Subject, Time: c.Time})
	}
	return nil
}

// identify says which repository results for the store of this machine come from, where no project is named: two of one name are two
// projects.
func (f *runFlags) identify(env *cli.Env, found gitctx.Context, source gitctx.Source, in *api.NewRun) {
	if f.IsEmbedded(env) && in.Project == "" {
		maps.Copy(in.Context, found.Identity(source))
	}
}

// ownResults are what --build-time and --file-size measured in one iteration, as Bencher Metric Format.
func (f *runFlags) ownResults(env *cli.Env, command string, wall time.Duration) (string, error) {
	type value struct {
		Value float64 `json:"value"`
	}
	results := map[string]map[string]value{}
	if f.buildTime {
		results[command] = map[string]value{unit.BuildTime.Slug: {wall.Seconds()}}
	}
	for _, name := range f.fileSizes {
		info, err := os.Stat(env.Path(name))
		if err != nil {
			return "", cli.Usage("--file-size %s: %v", name, cli.BareFileError(err))
		}
		benchmark := filepath.Base(name)
		if results[benchmark] == nil {
			results[benchmark] = map[string]value{}
		}
		results[benchmark][unit.FileSize.Slug] = value{float64(info.Size())}
	}
	text, err := json.Marshal(results)
	return string(text), err
}

// ownSettings are the settings of such results.
func ownSettings(s *api.ReportSettings) *api.ReportSettings {
	out := api.ReportSettings{Adapter: string(adapter.JSON)}
	if s != nil {
		out.Average, out.Fold = s.Average, s.Fold
	}
	return &out
}
