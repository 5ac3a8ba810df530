package gitctx

import (
	"path"
	"strings"
)

// gitlab: in a pipeline of merged results CI_COMMIT_SHA is a merge, and the source branch's commit has a variable of its own.
func gitlab(s Source) build {
	b := build{repository: s.Getenv("CI_PROJECT_PATH"), link: s.Getenv("CI_JOB_URL"), pull: s.Getenv("CI_MERGE_REQUEST_IID"),
		tag: s.Getenv("CI_COMMIT_TAG")}
	s.setHash(&b, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA")
	s.setBranch(&b, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME")
	b.base, b.baseHash = s.Getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), s.Getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA")
	b.mainBranch = s.Getenv("CI_DEFAULT_BRANCH")
	b.fork = differ(s.Getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), s.Getenv("CI_MERGE_REQUEST_PROJECT_ID"))
	return b
}

func buildkite(s Source) build {
	b := build{repository: s.Getenv("BUILDKITE_REPO"), link: s.Getenv("BUILDKITE_BUILD_URL"), tag: s.Getenv("BUILDKITE_TAG"),
		pull:       number(s.Getenv("BUILDKITE_PULL_REQUEST")),
		mainBranch: s.Getenv("BUILDKITE_PIPELINE_DEFAULT_BRANCH")}
	s.setHash(&b, "BUILDKITE_COMMIT") // "HEAD" for a build started by hand; that is no object name and is left to git
	s.setBranch(&b, "BUILDKITE_BRANCH")
	if b.pull != "" {
		b.base = s.Getenv("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
		b.fork = differ(bareAddress(s.Getenv("BUILDKITE_PULL_REQUEST_REPO")), bareAddress(b.repository))
		if owner, branch, ok := strings.Cut(b.branch, ":"); ok && owner != "" { // the setting "prefix branch names of forks"
			b.branch, b.fork = branch, true
		}
	}
	return b
}

// bareAddress makes the addresses of one repository comparable: git@host:org/repo.git, git://host/org/repo, https://host/org/repo.
func bareAddress(address string) string {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if _, rest, ok := strings.Cut(address, "@"); ok {
		address = rest
	}
	return strings.TrimSuffix(strings.TrimRight(strings.Replace(address, ":", "/", 1), "/"), ".git")
}

// number is a pull request's number, empty for "false" and the like.
func number(s string) string {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

func circle(s Source) build {
	b := build{repository: s.Getenv("CIRCLE_PROJECT_REPONAME"), link: s.Getenv("CIRCLE_BUILD_URL"), tag: s.Getenv("CIRCLE_TAG")}
	s.setHash(&b, "CIRCLE_SHA1")
	s.setBranch(&b, "CIRCLE_BRANCH")
	b.pull = number(path.Base(s.Getenv("CIRCLE_PULL_REQUEST"))) // an address that ends with the number
	if pull, ok := strings.CutPrefix(b.branch, "pull/"); ok {   // how forks are built
		if first, _, _ := strings.Cut(pull, "/"); number(first) != "" {
			b.pull, b.fork, b.branch = first, true, ""
		}
	}
	return b
}

// jenkins: a multibranch job has CHANGE_*, the older pull request builder ghprb*.
func jenkins(s Source) build {
	b := build{repository: s.Getenv("GIT_URL"), link: s.Getenv("BUILD_URL"), tag: s.Getenv("TAG_NAME")}
	if b.pull = s.Getenv("ghprbPullId"); b.pull != "" {
		s.setBranch(&b, "ghprbSourceBranch")
		s.setHash(&b, "ghprbActualCommit")
		b.base = s.Getenv("ghprbTargetBranch")
		b.fork = differ(bareAddress(s.Getenv("ghprbAuthorRepoGitUrl")), bareAddress(b.repository))
		return b
	}
	if b.pull = s.Getenv("CHANGE_ID"); b.pull != "" {
		s.setBranch(&b, "CHANGE_BRANCH")
		b.base, b.fork = s.Getenv("CHANGE_TARGET"), s.Getenv("CHANGE_FORK") != ""
		return b // GIT_COMMIT may be a merge here; git knows
	}
	s.setHash(&b, "GIT_COMMIT")
	s.setBranch(&b, "BRANCH_NAME", "GIT_LOCAL_BRANCH", "GIT_BRANCH")
	b.branch = strings.TrimPrefix(b.branch, "origin/")
	return b
}

func azure(s Source) build {
	b := build{repository: s.Getenv("BUILD_REPOSITORY_NAME")}
	if id := s.Getenv("BUILD_BUILDID"); id != "" {
		collection, _ := s.variable("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
		b.link = strings.TrimRight(collection, "/") + "/" + s.Getenv("SYSTEM_TEAMPROJECT") + "/_build/results?buildId=" + id
	}
	if b.pull, _ = s.variable("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"); b.pull != "" {
		s.setHash(&b, "SYSTEM_PULLREQUEST_SOURCECOMMITID") // BUILD_SOURCEVERSION is the merge
		s.setBranch(&b, "SYSTEM_PULLREQUEST_SOURCEBRANCH")
		b.base = s.Getenv("SYSTEM_PULLREQUEST_TARGETBRANCH")
		b.fork = strings.EqualFold(s.Getenv("SYSTEM_PULLREQUEST_ISFORK"), "true")
		return b
	}
	s.setHash(&b, "BUILD_SOURCEVERSION")
	s.setBranch(&b, "BUILD_SOURCEBRANCH")
	if tag, ok := strings.CutPrefix(b.branch, "refs/tags/"); ok {
		b.tag = tag
	}
	return b
}

func bitbucket(s Source) build {
	b := build{repository: s.Getenv("BITBUCKET_REPO_SLUG"), pull: s.Getenv("BITBUCKET_PR_ID"), tag: s.Getenv("BITBUCKET_TAG"),
		base: s.Getenv("BITBUCKET_PR_DESTINATION_BRANCH")}
	s.setHash(&b, "BITBUCKET_COMMIT")
	s.setBranch(&b, "BITBUCKET_BRANCH")
	if n := s.Getenv("BITBUCKET_BUILD_NUMBER"); n != "" {
		b.link = "https://bitbucket.org/" + s.Getenv("BITBUCKET_REPO_FULL_NAME") + "/pipelines/results/" + n
	}
	return b
}

// woodpecker: CI_COMMIT_BRANCH is the target of a pull request.
func woodpecker(s Source) build {
	b := build{repository: s.Getenv("CI_REPO"), pull: s.Getenv("CI_COMMIT_PULL_REQUEST"), tag: s.Getenv("CI_COMMIT_TAG")}
	b.link, _ = s.variable("CI_PIPELINE_URL", "CI_BUILD_LINK")
	s.setHash(&b, "CI_COMMIT_SHA")
	if b.pull != "" {
		s.setBranch(&b, "CI_COMMIT_SOURCE_BRANCH")
		b.base, _ = s.variable("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_BRANCH")
		b.fork = b.branch == "" || b.branch == b.base // it does not say; a branch that wants to go to itself is another repository's
		return b
	}
	s.setBranch(&b, "CI_COMMIT_BRANCH")
	return b
}

// drone: DRONE_COMMIT_BRANCH is the target of a pull request.
func drone(s Source) build {
	b := build{repository: s.Getenv("DRONE_REPO"), pull: s.Getenv("DRONE_PULL_REQUEST"), tag: s.Getenv("DRONE_TAG"),
		link: s.Getenv("DRONE_BUILD_LINK")}
	s.setHash(&b, "DRONE_COMMIT_SHA")
	if b.pull != "" {
		s.setBranch(&b, "DRONE_SOURCE_BRANCH")
		b.base, _ = s.variable("DRONE_TARGET_BRANCH", "DRONE_COMMIT_BRANCH")
		b.fork = b.branch == "" || b.branch == b.base
		return b
	}
	s.setBranch(&b, "DRONE_COMMIT_BRANCH", "DRONE_BRANCH")
	return b
}

// travis: TRAVIS_BRANCH is the target of a pull request, and TRAVIS_COMMIT its merge.
func travis(s Source) build {
	b := build{repository: s.Getenv("TRAVIS_REPO_SLUG"), tag: s.Getenv("TRAVIS_TAG"), link: s.Getenv("TRAVIS_JOB_WEB_URL"),
		pull: number(s.Getenv("TRAVIS_PULL_REQUEST"))}
	if b.pull != "" {
		s.setBranch(&b, "TRAVIS_PULL_REQUEST_BRANCH")
		s.setHash(&b, "TRAVIS_PULL_REQUEST_SHA")
		b.base = s.Getenv("TRAVIS_BRANCH")
		b.fork = differ(s.Getenv("TRAVIS_PULL_REQUEST_SLUG"), b.repository)
		return b
	}
	s.setBranch(&b, "TRAVIS_BRANCH")
	s.setHash(&b, "TRAVIS_COMMIT")
	return b
}

// teamcity keeps what it knows in a file of properties, which names a second one.
func teamcity(s Source) build {
	properties := s.properties(s.Getenv("TEAMCITY_BUILD_PROPERTIES_FILE"))
	for key, value := range s.properties(properties["teamcity.configuration.properties.file"]) {
		properties[key] = value
	}
	var b build
	s.setHash(&b, "BUILD_VCS_NUMBER")
	if b.hash == "" {
		b.hash, b.hashFrom = properties["build.vcs.number"], "build.vcs.number"
	}
	if server, id := properties["teamcity.serverUrl"], properties["teamcity.build.id"]; server != "" && id != "" {
		b.link = server + "/viewLog.html?buildId=" + id
	}
	if b.pull = properties["teamcity.pullRequest.number"]; b.pull != "" {
		b.branch, b.branchFrom = properties["teamcity.pullRequest.source.branch"], "teamcity.pullRequest.source.branch"
		b.base = properties["teamcity.pullRequest.target.branch"]
		b.fork = b.branch == b.base
		return b
	}
	b.branch, b.branchFrom = properties["teamcity.build.branch"], "teamcity.build.branch"
	if b.branch == "" || b.branch == "<default>" {
		b.branch, b.branchFrom = properties["vcsroot.branch"], "vcsroot.branch"
	}
	return b
}

// properties reads a Java properties file, as far as TeamCity writes them: key=value, with a backslash before special characters.
func (s Source) properties(file string) map[string]string {
	out := map[string]string{}
	if file == "" {
		return out
	}
	text, err := s.read(file)
	if err != nil {
		return out
	}
	unescape := strings.NewReplacer(`\:`, ":", `\=`, "=", `\\`, `\`, `\ `, " ", `\#`, "#", `\!`, "!")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			out[unescape.Replace(key)] = unescape.Replace(value)
		}
	}
	return out
}

func cirrus(s Source) build {
	b := build{repository: s.Getenv("CIRRUS_REPO_NAME"), pull: s.Getenv("CIRRUS_PR"), tag: s.Getenv("CIRRUS_TAG")}
	s.setHash(&b, "CIRRUS_CHANGE_IN_REPO")
	s.setBranch(&b, "CIRRUS_BRANCH") // "pull/12" for a pull request, which is a good name
	b.base = s.Getenv("CIRRUS_BASE_BRANCH")
	if id := s.Getenv("CIRRUS_TASK_ID"); id != "" {
		b.link = "https://cirrus-ci.com/task/" + id
	}
	return b
}

// appveyor: APPVEYOR_REPO_BRANCH is the target of a pull request.
func appveyor(s Source) build {
	b := build{repository: s.Getenv("APPVEYOR_REPO_NAME"), pull: s.Getenv("APPVEYOR_PULL_REQUEST_NUMBER")}
	if id := s.Getenv("APPVEYOR_BUILD_ID"); id != "" {
		b.link = s.Getenv("APPVEYOR_URL") + "/project/" + s.Getenv("APPVEYOR_ACCOUNT_NAME") + "/" + s.Getenv("APPVEYOR_PROJECT_SLUG") +
			"/builds/" + id
	}
	if b.pull != "" {
		s.setBranch(&b, "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH")
		s.setHash(&b, "APPVEYOR_PULL_REQUEST_HEAD_COMMIT")
		b.base = s.Getenv("APPVEYOR_REPO_BRANCH")
		b.fork = differ(s.Getenv("APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME"), b.repository)
		return b
	}
	s.setBranch(&b, "APPVEYOR_REPO_BRANCH")
	s.setHash(&b, "APPVEYOR_REPO_COMMIT")
	if strings.EqualFold(s.Getenv("APPVEYOR_REPO_TAG"), "true") {
		b.tag = s.Getenv("APPVEYOR_REPO_TAG_NAME")
	}
	return b
}

func codebuild(s Source) build {
	b := build{repository: s.Getenv("CODEBUILD_SOURCE_REPO_URL"), link: s.Getenv("CODEBUILD_BUILD_URL")}
	s.setHash(&b, "CODEBUILD_RESOLVED_SOURCE_VERSION")
	kind, name, _ := strings.Cut(s.Getenv("CODEBUILD_WEBHOOK_TRIGGER"), "/")
	switch kind {
	case "pr":
		b.pull = name
		s.setBranch(&b, "CODEBUILD_WEBHOOK_HEAD_REF")
		b.base = s.Getenv("CODEBUILD_WEBHOOK_BASE_REF")
		b.fork = b.branch == b.base // it does not say
	case "branch":
		b.branch, b.branchFrom = name, "CODEBUILD_WEBHOOK_TRIGGER"
	case "tag":
		b.tag = name
	}
	return b
}

// semaphore: SEMAPHORE_GIT_BRANCH is the target of a pull request.
func semaphore(s Source) build {
	b := build{repository: s.Getenv("SEMAPHORE_GIT_REPO_SLUG"), pull: s.Getenv("SEMAPHORE_GIT_PR_NUMBER"),
		tag: s.Getenv("SEMAPHORE_GIT_TAG_NAME")}
	if id := s.Getenv("SEMAPHORE_WORKFLOW_ID"); id != "" {
		b.link = s.Getenv("SEMAPHORE_ORGANIZATION_URL") + "/workflows/" + id
	}
	if b.pull != "" {
		s.setBranch(&b, "SEMAPHORE_GIT_PR_BRANCH")
		s.setHash(&b, "SEMAPHORE_GIT_PR_SHA")
		b.base = s.Getenv("SEMAPHORE_GIT_BRANCH")
		b.fork = differ(s.Getenv("SEMAPHORE_GIT_PR_SLUG"), b.repository)
		return b
	}
	s.setBranch(&b, "SEMAPHORE_GIT_BRANCH")
	s.setHash(&b, "SEMAPHORE_GIT_SHA")
	return b
}

// taskcluster has no variables for commits; git says what is checked out.
func taskcluster(s Source) build {
	var b build
	if root := s.Getenv("TASKCLUSTER_ROOT_URL"); root != "" {
		b.link = strings.TrimRight(root, "/") + "/tasks/" + s.Getenv("TASK_ID") + "/runs/" + s.Getenv("RUN_ID")
	}
	return b
}
