package gitctx

import (
	"encoding/json"
	"strings"

	"github.com/tachograph/tacho/internal/core/ident"
)

// build is what a CI system says of what it builds.
type build struct {
	branch, branchFrom string
	hash, hashFrom     string
	tag                string
	pull               string
	fork               bool
	base, baseHash     string
	mainBranch         string // the repository's default branch
	repository         string
	link               string
}

// context checks what was said: a commit must be a full object name, and a fork's branch gets a name of its own.
func (b build) context(ci string) Context {
	c := Context{
		CI: ci, Branch: trimRef(b.branch), BranchFrom: b.branchFrom, Pull: b.pull, Fork: b.fork, Base: trimRef(b.base), Link: b.link, Tag: b.tag,
		Repository: repositoryName(b.repository), Default: trimRef(b.mainBranch),
	}
	if hash := strings.ToLower(b.baseHash); ident.IsGitHash(hash) {
		c.BaseHash = hash
	}
	if hash := strings.ToLower(b.hash); ident.IsGitHash(hash) {
		c.Hash, c.HashFrom = hash, b.hashFrom
	}
	if c.Tag != "" {
		c.Branch, c.BranchFrom = "", ""
	}
	if c.Pull != "" && c.Fork {
		own := "pull/" + c.Pull
		if c.Branch != "" && c.Branch != own {
			own += "/" + c.Branch
		}
		c.Branch = own
	}
	if c.Branch == "" {
		c.BranchFrom = ""
	}
	return c
}

func trimRef(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// variable is a value with where it came from.
func (s Source) variable(names ...string) (value, from string) {
	for _, name := range names {
		if v := s.Getenv(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

func (s Source) setBranch(b *build, names ...string) { b.branch, b.branchFrom = s.variable(names...) }
func (s Source) setHash(b *build, names ...string)   { b.hash, b.hashFrom = s.variable(names...) }

// differ reports whether both are known and not the same.
func differ(a, b string) bool { return a != "" && b != "" && !strings.EqualFold(a, b) }

// system is one row of the table of CI systems.
type system struct {
	name    string
	present func(Source) bool
	read    func(Source) build
}

func has(names ...string) func(Source) bool {
	return func(s Source) bool {
		for _, name := range names {
			if s.Getenv(name) == "" {
				return false
			}
		}
		return true
	}
}

// systems is the table, the more special ones first: Forgejo and Gitea set GitHub's variables too.
var systems = []system{
	{"Forgejo Actions", has("FORGEJO_ACTIONS"), github},
	{"Gitea Actions", has("GITEA_ACTIONS"), github},
	{"GitHub Actions", has("GITHUB_ACTIONS"), github},
	{"GitLab CI", has("GITLAB_CI"), gitlab},
	{"Buildkite", has("BUILDKITE"), buildkite},
	{"CircleCI", has("CIRCLECI"), circle},
	{"Jenkins", has("JENKINS_URL", "BUILD_ID"), jenkins},
	{"Azure Pipelines", func(s Source) bool { return has("TF_BUILD")(s) || has("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")(s) }, azure},
	{"Bitbucket Pipelines", has("BITBUCKET_COMMIT"), bitbucket},
	{"Woodpecker", func(s Source) bool { return s.Getenv("CI") == "woodpecker" }, woodpecker},
	{"Drone", has("DRONE"), drone},
	{"Travis CI", has("TRAVIS"), travis},
	{"TeamCity", has("TEAMCITY_VERSION"), teamcity},
	{"Cirrus CI", has("CIRRUS_CI"), cirrus},
	{"AppVeyor", has("APPVEYOR"), appveyor},
	{"AWS CodeBuild", has("CODEBUILD_BUILD_ARN"), codebuild},
	{"Semaphore", has("SEMAPHORE"), semaphore},
	{"Taskcluster", has("TASK_ID", "RUN_ID"), taskcluster},
}

// detectCI returns what the first system that is there says.
func detectCI(s Source) (string, build, bool) {
	for _, sys := range systems {
		if sys.present(s) {
			return sys.name, sys.read(s), true
		}
	}
	return "", build{}, false
}

// githubEvent is the part of GITHUB_EVENT_PATH that says what a pull request is.
type githubEvent struct {
	PullRequest *struct {
		Number json.Number `json:"number"`
		Head   githubRef   `json:"head"`
		Base   githubRef   `json:"base"`
	} `json:"pull_request"`
	Repository struct {
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
	WorkflowRun *struct {
		HeadBranch     string     `json:"head_branch"`
		HeadSHA        string     `json:"head_sha"`
		HeadRepository githubRepo `json:"head_repository"`
		Repository     githubRepo `json:"repository"`
		PullRequests   []struct {
			Number json.Number `json:"number"`
		} `json:"pull_requests"`
	} `json:"workflow_run"`
}

type githubRef struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo *githubRepo `json:"repo"` // null when the fork was deleted
}

type githubRepo struct {
	FullName string `json:"full_name"`
}

// github reads GitHub's variables. In a pull request GITHUB_SHA is a merge that exists nowhere else; the event file has the real head.
func github(s Source) build {
	b := build{repository: s.Getenv("GITHUB_REPOSITORY")}
	if run := s.Getenv("GITHUB_RUN_ID"); run != "" && b.repository != "" {
		b.link = s.Getenv("GITHUB_SERVER_URL") + "/" + b.repository + "/actions/runs/" + run
		if attempt := s.Getenv("GITHUB_RUN_ATTEMPT"); attempt != "" && attempt != "1" {
			b.link += "/attempts/" + attempt
		}
	}
	var event githubEvent
	if file := s.Getenv("GITHUB_EVENT_PATH"); file != "" {
		if text, err := s.read(file); err == nil {
			_ = json.Unmarshal([]byte(text), &event) // what is not there is not there
		}
	}
	b.mainBranch = event.Repository.DefaultBranch
	switch name := s.Getenv("GITHUB_EVENT_NAME"); {
	case strings.HasPrefix(name, "pull_request") || s.Getenv("GITHUB_HEAD_REF") != "":
		s.githubPull(&b, event)
	case name == "workflow_run" && event.WorkflowRun != nil:
		run := event.WorkflowRun
		b.branch, b.branchFrom, b.hash, b.hashFrom = run.HeadBranch, "workflow_run", run.HeadSHA, "workflow_run"
		b.fork = differ(run.HeadRepository.FullName, run.Repository.FullName)
		if len(run.PullRequests) > 0 {
			b.pull = run.PullRequests[0].Number.String()
		}
		if b.fork && b.pull == "" { // GitHub does not list a fork's pull requests here
			b.pull = strings.ReplaceAll(run.HeadRepository.FullName, "/", "-")
		}
	default:
		s.setHash(&b, "GITHUB_SHA")
		if s.Getenv("GITHUB_REF_TYPE") == "tag" {
			b.tag = s.Getenv("GITHUB_REF_NAME")
		} else {
			s.setBranch(&b, "GITHUB_REF_NAME")
		}
	}
	return b
}

func (s Source) githubPull(b *build, event githubEvent) {
	s.setBranch(b, "GITHUB_HEAD_REF")
	b.base = s.Getenv("GITHUB_BASE_REF")
	if pull := event.PullRequest; pull != nil {
		b.pull, b.hash, b.hashFrom = pull.Number.String(), pull.Head.SHA, "pull_request.head.sha"
		b.fork = pull.Head.Repo == nil || pull.Base.Repo != nil && differ(pull.Head.Repo.FullName, pull.Base.Repo.FullName)
		if b.branch == "" {
			b.branch, b.branchFrom = pull.Head.Ref, "pull_request.head.ref"
		}
		if b.base == "" {
			b.base = pull.Base.Ref
		}
		b.baseHash = pull.Base.SHA
		return
	}
	// Without the event file only the reference "refs/pull/12/merge" has the number. Whether it is a fork is not known, so it is treated as
	// one.
	number, _, _ := strings.Cut(strings.TrimPrefix(s.Getenv("GITHUB_REF"), "refs/pull/"), "/")
	b.pull, b.fork = number, true
	if b.pull == "" {
		b.pull = "unknown"
	}
}
