package gitctx

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/property"
)

var (
	head  = strings.Repeat("a", 40) // of the pull request or the pushed branch
	merge = strings.Repeat("b", 40) // what CI systems make of a pull request
	local = strings.Repeat("c", 40) // HEAD of the checkout
)

// source is a machine with these variables and files and a git program that gives these answers.
func source(vars, files, git map[string]string) Source {
	return Source{
		Dir:    "/src/app/sub",
		Getenv: func(name string) string { return vars[name] },
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
		Git: func(args ...string) (string, error) {
			if out, ok := git[strings.Join(args, " ")]; ok {
				return out, nil
			}
			return "", errors.New("exit status 128")
		},
	}
}

// detached is a checkout as CI systems make it.
var detached = map[string]string{"/src/app/.git/HEAD": local + "\n",
	"/src/app/.git/config": "[remote \"origin\"]\n\turl = git@example.org:org/app.git\n"}

func githubPullEvent(headRepo string) string {
	return `{"pull_request":{"number":7,"head":{"ref":"feature","sha":"` + head + `","repo":{"full_name":"` + headRepo + `"}},` +
		`"base":{"ref":"main","sha":"` + merge + `","repo":{"full_name":"org/app"}}}}`
}

func TestEveryCISystemNamesWhatPeopleMean(t *testing.T) {
	t.Parallel()
	github := map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/app", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "99",
		"GITHUB_RUN_ATTEMPT": "1", "GITHUB_SHA": merge,
	}
	githubPull := with(github, "GITHUB_EVENT_NAME", "pull_request", "GITHUB_HEAD_REF", "feature", "GITHUB_BASE_REF", "main",
		"GITHUB_REF", "refs/pull/7/merge", "GITHUB_REF_NAME", "7/merge", "GITHUB_EVENT_PATH", "/event.json")
	const run = "https://github.com/org/app/actions/runs/99"
	semaphore := map[string]string{"SEMAPHORE": "true", "SEMAPHORE_GIT_SHA": merge, "SEMAPHORE_GIT_BRANCH": "main",
		"SEMAPHORE_GIT_REPO_SLUG":    "org/app",
		"SEMAPHORE_ORGANIZATION_URL": "https://org.semaphoreci.com", "SEMAPHORE_WORKFLOW_ID": "w"}
	teamcity := map[string]string{
		"/build.properties":  "teamcity.configuration.properties.file=/config.properties\n",
		"/config.properties": "#comment=x\nteamcity.serverUrl=https\\://tc.example.org\nteamcity.build.id=5\nteamcity.build.branch=feature\n",
	}
	for name, row := range map[string]struct {
		vars, files, git map[string]string
		want             Context
	}{
		"GitHub, push": {
			vars: with(github, "GITHUB_EVENT_NAME", "push", "GITHUB_REF_TYPE", "branch", "GITHUB_REF_NAME", "topic/x", "GITHUB_SHA", head,
				"GITHUB_RUN_ATTEMPT", "2"),
			want: Context{CI: "GitHub Actions", Branch: "topic/x", BranchFrom: "GITHUB_REF_NAME", Hash: head, HashFrom: "GITHUB_SHA", Link: run +
				"/attempts/2"},
		},
		"GitHub, tag": {
			vars: with(github, "GITHUB_EVENT_NAME", "push", "GITHUB_REF_TYPE", "tag", "GITHUB_REF_NAME", "v1", "GITHUB_SHA", head),
			want: Context{CI: "GitHub Actions", Tag: "v1", Hash: head, HashFrom: "GITHUB_SHA", Link: run},
		},
		"GitHub, pull request: the head, not the merge": {
			vars: githubPull, files: map[string]string{"/event.json": githubPullEvent("org/app")},
			want: Context{CI: "GitHub Actions", Branch: "feature", BranchFrom: "GITHUB_HEAD_REF", Hash: head, HashFrom: "pull_request.head.sha",
				Pull: "7", Base: "main", BaseHash: merge, Link: run},
		},
		"GitHub, pull request of a fork: its main is not main": {
			vars:  with(githubPull, "GITHUB_HEAD_REF", "main"),
			files: map[string]string{"/event.json": githubPullEvent("stranger/app")},
			want: Context{CI: "GitHub Actions", Branch: "pull/7/main", BranchFrom: "GITHUB_HEAD_REF", Hash: head, HashFrom: "pull_request.head.sha",
				Pull: "7", Fork: true,
				Base: "main", BaseHash: merge, Link: run},
		},
		"GitHub, pull request_target": {
			vars:  with(githubPull, "GITHUB_EVENT_NAME", "pull_request_target"),
			files: map[string]string{"/event.json": githubPullEvent("org/app")},
			want: Context{CI: "GitHub Actions", Branch: "feature", BranchFrom: "GITHUB_HEAD_REF", Hash: head, HashFrom: "pull_request.head.sha",
				Pull: "7", Base: "main", BaseHash: merge, Link: run},
		},
		"GitHub, pull request without its event file: git knows the merge's second parent": {
			vars: githubPull,
			git:  map[string]string{"rev-list --parents -n 1 HEAD": merge + " " + local + " " + head},
			want: Context{CI: "GitHub Actions", Branch: "pull/7/feature", BranchFrom: "GITHUB_HEAD_REF", Hash: head,
				HashFrom: "git, second parent of the merge", Pull: "7",
				Fork: true, Base: "main", Link: run},
		},
		"GitHub, pull request without its event file in a shallow checkout: no commit rather than the merge": {
			vars: githubPull,
			want: Context{CI: "GitHub Actions", Branch: "pull/7/feature", BranchFrom: "GITHUB_HEAD_REF", Pull: "7", Fork: true, Base: "main",
				Link:  run,
				Notes: []string{"the commit of the pull request is not known (a shallow checkout of a merge); give --hash"}},
		},
		"GitHub, workflow_run of a fork": {
			vars: with(github, "GITHUB_EVENT_NAME", "workflow_run", "GITHUB_REF_NAME", "main", "GITHUB_EVENT_PATH", "/event.json"),
			files: map[string]string{"/event.json": `{"workflow_run":{"head_branch":"main","head_sha":"` + head +
				`","head_repository":{"full_name":"stranger/app"},"repository":{"full_name":"org/app"},"pull_requests":[]}}`},
			want: Context{CI: "GitHub Actions", Branch: "pull/stranger-app/main", BranchFrom: "workflow_run", Hash: head, HashFrom: "workflow_run",
				Pull: "stranger-app", Fork: true, Link: run},
		},
		"Forgejo": {
			vars:  with(githubPull, "FORGEJO_ACTIONS", "true", "GITHUB_SERVER_URL", "https://codeberg.org"),
			files: map[string]string{"/event.json": githubPullEvent("org/app")},
			want: Context{CI: "Forgejo Actions", Branch: "feature", BranchFrom: "GITHUB_HEAD_REF", Hash: head, HashFrom: "pull_request.head.sha",
				Pull: "7", Base: "main", BaseHash: merge,
				Link: "https://codeberg.org/org/app/actions/runs/99"},
		},
		"Gitea": {
			vars: with(github, "GITEA_ACTIONS", "true", "GITHUB_EVENT_NAME", "push", "GITHUB_REF_NAME", "main", "GITHUB_SHA", head),
			want: Context{CI: "Gitea Actions", Branch: "main", BranchFrom: "GITHUB_REF_NAME", Hash: head, HashFrom: "GITHUB_SHA", Link: run},
		},
		"GitLab, branch": {
			vars: map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_COMMIT_BRANCH": "topic", "CI_COMMIT_REF_NAME": "topic",
				"CI_PROJECT_PATH": "org/app", "CI_JOB_URL": "https://gl/1"},
			want: Context{CI: "GitLab CI", Branch: "topic", BranchFrom: "CI_COMMIT_BRANCH", Hash: head, HashFrom: "CI_COMMIT_SHA",
				Link: "https://gl/1"},
		},
		"GitLab, merged results: the source's commit": {
			vars: map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": merge, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head,
				"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
				"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
				"CI_MERGE_REQUEST_PROJECT_ID": "1"},
			want: Context{CI: "GitLab CI", Branch: "topic", BranchFrom: "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", Hash: head,
				HashFrom: "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", Pull: "3", Base: "main"},
		},
		"GitLab, fork": {
			vars: map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main",
				"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
				"CI_MERGE_REQUEST_IID":                "3", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1"},
			want: Context{CI: "GitLab CI", Branch: "pull/3/main", BranchFrom: "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", Hash: head,
				HashFrom: "CI_COMMIT_SHA", Pull: "3", Fork: true, Base: "main"},
		},
		"GitLab, tag": {
			vars: map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"},
			want: Context{CI: "GitLab CI", Tag: "v1", Hash: head, HashFrom: "CI_COMMIT_SHA"},
		},
		"Buildkite, branch built by hand: git knows the commit": {
			vars: map[string]string{"BUILDKITE": "true", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "topic", "BUILDKITE_PULL_REQUEST": "false",
				"BUILDKITE_BUILD_URL": "https://bk/1"},
			want: Context{CI: "Buildkite", Branch: "topic", BranchFrom: "BUILDKITE_BRANCH", Hash: local, HashFrom: "git", Link: "https://bk/1"},
		},
		"Buildkite, fork": {
			vars: map[string]string{"BUILDKITE": "true", "BUILDKITE_COMMIT": head, "BUILDKITE_BRANCH": "stranger:main",
				"BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
				"BUILDKITE_REPO": "git@github.com:org/app.git", "BUILDKITE_PULL_REQUEST_REPO": "git://github.com/stranger/app.git"},
			want: Context{CI: "Buildkite", Branch: "pull/12/main", BranchFrom: "BUILDKITE_BRANCH", Hash: head, HashFrom: "BUILDKITE_COMMIT",
				Pull: "12", Fork: true, Base: "main"},
		},
		"Buildkite, pull request of the same repository": {
			vars: map[string]string{"BUILDKITE": "true", "BUILDKITE_COMMIT": head, "BUILDKITE_BRANCH": "topic", "BUILDKITE_PULL_REQUEST": "12",
				"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
				"BUILDKITE_REPO":                     "git@github.com:org/app.git", "BUILDKITE_PULL_REQUEST_REPO": "git://github.com/org/app.git"},
			want: Context{CI: "Buildkite", Branch: "topic", BranchFrom: "BUILDKITE_BRANCH", Hash: head, HashFrom: "BUILDKITE_COMMIT", Pull: "12",
				Base: "main"},
		},
		"CircleCI, pull request": {
			vars: map[string]string{"CIRCLECI": "true", "CIRCLE_SHA1": head, "CIRCLE_BRANCH": "topic",
				"CIRCLE_PULL_REQUEST": "https://github.com/org/app/pull/4", "CIRCLE_BUILD_URL": "https://cc/1"},
			want: Context{CI: "CircleCI", Branch: "topic", BranchFrom: "CIRCLE_BRANCH", Hash: head, HashFrom: "CIRCLE_SHA1", Pull: "4",
				Link: "https://cc/1"},
		},
		"CircleCI, fork": {
			vars: map[string]string{"CIRCLECI": "true", "CIRCLE_SHA1": head, "CIRCLE_BRANCH": "pull/4"},
			want: Context{CI: "CircleCI", Branch: "pull/4", BranchFrom: "CIRCLE_BRANCH", Hash: head, HashFrom: "CIRCLE_SHA1", Pull: "4", Fork: true},
		},
		"Jenkins, branch": {
			vars: map[string]string{"JENKINS_URL": "https://j", "BUILD_ID": "1", "GIT_COMMIT": head, "GIT_BRANCH": "origin/topic",
				"BUILD_URL": "https://j/1"},
			want: Context{CI: "Jenkins", Branch: "topic", BranchFrom: "GIT_BRANCH", Hash: head, HashFrom: "GIT_COMMIT", Link: "https://j/1"},
		},
		"Jenkins, multibranch pull request: git knows the merge": {
			vars: map[string]string{"JENKINS_URL": "https://j", "BUILD_ID": "1", "GIT_COMMIT": merge, "BRANCH_NAME": "PR-5", "CHANGE_ID": "5",
				"CHANGE_BRANCH": "topic", "CHANGE_TARGET": "main"},
			git: map[string]string{"rev-list --parents -n 1 HEAD": merge + " " + local + " " + head},
			want: Context{CI: "Jenkins", Branch: "topic", BranchFrom: "CHANGE_BRANCH", Hash: head, HashFrom: "git, second parent of the merge",
				Pull: "5", Base: "main"},
		},
		"Jenkins, multibranch pull request of a fork, head checked out": {
			vars: map[string]string{"JENKINS_URL": "https://j", "BUILD_ID": "1", "GIT_COMMIT": local, "CHANGE_ID": "5", "CHANGE_BRANCH": "main",
				"CHANGE_TARGET": "main", "CHANGE_FORK": "stranger"},
			git: map[string]string{"rev-list --parents -n 1 HEAD": local + " " + head},
			want: Context{CI: "Jenkins", Branch: "pull/5/main", BranchFrom: "CHANGE_BRANCH", Hash: local, HashFrom: "git", Pull: "5", Fork: true,
				Base: "main"},
		},
		"Jenkins, pull request builder": {
			vars: map[string]string{"JENKINS_URL": "https://j", "BUILD_ID": "1", "ghprbPullId": "5", "ghprbSourceBranch": "topic",
				"ghprbActualCommit": head, "ghprbTargetBranch": "main"},
			want: Context{CI: "Jenkins", Branch: "topic", BranchFrom: "ghprbSourceBranch", Hash: head, HashFrom: "ghprbActualCommit", Pull: "5",
				Base: "main"},
		},
		"Azure, branch": {
			vars: map[string]string{"TF_BUILD": "True", "BUILD_SOURCEVERSION": head, "BUILD_SOURCEBRANCH": "refs/heads/topic", "BUILD_BUILDID": "8",
				"SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/", "SYSTEM_TEAMPROJECT": "p"},
			want: Context{CI: "Azure Pipelines", Branch: "topic", BranchFrom: "BUILD_SOURCEBRANCH", Hash: head, HashFrom: "BUILD_SOURCEVERSION",
				Link: "https://dev.azure.com/org/p/_build/results?buildId=8"},
		},
		"Azure, tag": {
			vars: map[string]string{"TF_BUILD": "True", "BUILD_SOURCEVERSION": head, "BUILD_SOURCEBRANCH": "refs/tags/v1"},
			want: Context{CI: "Azure Pipelines", Tag: "v1", Hash: head, HashFrom: "BUILD_SOURCEVERSION"},
		},
		"Azure, pull request: the source's commit, not the merge": {
			vars: map[string]string{"SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/org/", "BUILD_SOURCEVERSION": merge,
				"BUILD_SOURCEBRANCH": "refs/pull/6/merge", "SYSTEM_PULLREQUEST_PULLREQUESTID": "6",
				"SYSTEM_PULLREQUEST_SOURCECOMMITID": head, "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/main",
				"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main", "SYSTEM_PULLREQUEST_ISFORK": "True"},
			want: Context{CI: "Azure Pipelines", Branch: "pull/6/main", BranchFrom: "SYSTEM_PULLREQUEST_SOURCEBRANCH", Hash: head,
				HashFrom: "SYSTEM_PULLREQUEST_SOURCECOMMITID", Pull: "6", Fork: true, Base: "main"},
		},
		"Bitbucket": {
			vars: map[string]string{"BITBUCKET_COMMIT": head, "BITBUCKET_BRANCH": "topic", "BITBUCKET_PR_ID": "2",
				"BITBUCKET_PR_DESTINATION_BRANCH": "main", "BITBUCKET_BUILD_NUMBER": "9",
				"BITBUCKET_REPO_FULL_NAME": "org/app", "BITBUCKET_REPO_SLUG": "app"},
			want: Context{CI: "Bitbucket Pipelines", Branch: "topic", BranchFrom: "BITBUCKET_BRANCH", Hash: head, HashFrom: "BITBUCKET_COMMIT",
				Pull: "2", Base: "main",
				Link: "https://bitbucket.org/org/app/pipelines/results/9"},
		},
		"Woodpecker, pull request: the source, not the target": {
			vars: map[string]string{"CI": "woodpecker", "CI_COMMIT_SHA": head, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SOURCE_BRANCH": "topic",
				"CI_COMMIT_TARGET_BRANCH": "main", "CI_COMMIT_PULL_REQUEST": "2",
				"CI_PIPELINE_URL": "https://wp/1", "CI_REPO": "org/app"},
			want: Context{CI: "Woodpecker", Branch: "topic", BranchFrom: "CI_COMMIT_SOURCE_BRANCH", Hash: head, HashFrom: "CI_COMMIT_SHA",
				Pull: "2", Base: "main", Link: "https://wp/1"},
		},
		"Drone, pull request of a fork's main": {
			vars: map[string]string{"DRONE": "true", "DRONE_COMMIT_SHA": head, "DRONE_COMMIT_BRANCH": "main", "DRONE_SOURCE_BRANCH": "main",
				"DRONE_TARGET_BRANCH": "main", "DRONE_PULL_REQUEST": "2",
				"DRONE_BUILD_LINK": "https://dr/1", "DRONE_REPO": "org/app"},
			want: Context{CI: "Drone", Branch: "pull/2/main", BranchFrom: "DRONE_SOURCE_BRANCH", Hash: head, HashFrom: "DRONE_COMMIT_SHA",
				Pull: "2", Fork: true, Base: "main", Link: "https://dr/1"},
		},
		"Travis, push": {
			vars: map[string]string{"TRAVIS": "true", "TRAVIS_PULL_REQUEST": "false", "TRAVIS_BRANCH": "topic", "TRAVIS_COMMIT": head,
				"TRAVIS_JOB_WEB_URL": "https://tr/1", "TRAVIS_REPO_SLUG": "org/app"},
			want: Context{CI: "Travis CI", Branch: "topic", BranchFrom: "TRAVIS_BRANCH", Hash: head, HashFrom: "TRAVIS_COMMIT",
				Link: "https://tr/1"},
		},
		"Travis, pull request": {
			vars: map[string]string{"TRAVIS": "true", "TRAVIS_PULL_REQUEST": "11", "TRAVIS_BRANCH": "main", "TRAVIS_COMMIT": merge,
				"TRAVIS_PULL_REQUEST_SHA": head, "TRAVIS_PULL_REQUEST_BRANCH": "topic",
				"TRAVIS_PULL_REQUEST_SLUG": "org/app", "TRAVIS_REPO_SLUG": "org/app"},
			want: Context{CI: "Travis CI", Branch: "topic", BranchFrom: "TRAVIS_PULL_REQUEST_BRANCH", Hash: head,
				HashFrom: "TRAVIS_PULL_REQUEST_SHA", Pull: "11", Base: "main"},
		},
		"TeamCity": {
			vars:  map[string]string{"TEAMCITY_VERSION": "2026.1", "BUILD_VCS_NUMBER": head, "TEAMCITY_BUILD_PROPERTIES_FILE": "/build.properties"},
			files: teamcity,
			want: Context{CI: "TeamCity", Branch: "feature", BranchFrom: "teamcity.build.branch", Hash: head, HashFrom: "BUILD_VCS_NUMBER",
				Link: "https://tc.example.org/viewLog.html?buildId=5"},
		},
		"TeamCity, default branch": {
			vars: map[string]string{"TEAMCITY_VERSION": "2026.1", "TEAMCITY_BUILD_PROPERTIES_FILE": "/build.properties"},
			files: map[string]string{"/build.properties": "teamcity.configuration.properties.file=/c\nbuild.vcs.number=" + head + "\n",
				"/c": "teamcity.build.branch=<default>\nvcsroot.branch=refs/heads/trunk\n"},
			want: Context{CI: "TeamCity", Branch: "trunk", BranchFrom: "vcsroot.branch", Hash: head, HashFrom: "build.vcs.number"},
		},
		"Cirrus, pull request": {
			vars: map[string]string{"CIRRUS_CI": "true", "CIRRUS_PR": "21", "CIRRUS_BRANCH": "pull/21", "CIRRUS_BASE_BRANCH": "main",
				"CIRRUS_CHANGE_IN_REPO": head, "CIRRUS_TASK_ID": "t", "CIRRUS_REPO_NAME": "app"},
			want: Context{CI: "Cirrus CI", Branch: "pull/21", BranchFrom: "CIRRUS_BRANCH", Hash: head, HashFrom: "CIRRUS_CHANGE_IN_REPO",
				Pull: "21", Base: "main", Link: "https://cirrus-ci.com/task/t"},
		},
		"AppVeyor, pull request": {
			vars: map[string]string{"APPVEYOR": "True", "APPVEYOR_PULL_REQUEST_NUMBER": "5", "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH": "main",
				"APPVEYOR_PULL_REQUEST_HEAD_COMMIT":    head,
				"APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME": "stranger/app", "APPVEYOR_REPO_NAME": "org/app", "APPVEYOR_REPO_BRANCH": "main",
				"APPVEYOR_REPO_COMMIT": merge,
				"APPVEYOR_URL":         "https://ci.appveyor.com", "APPVEYOR_ACCOUNT_NAME": "org", "APPVEYOR_PROJECT_SLUG": "app",
				"APPVEYOR_BUILD_ID": "3"},
			want: Context{CI: "AppVeyor", Branch: "pull/5/main", BranchFrom: "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH", Hash: head,
				HashFrom: "APPVEYOR_PULL_REQUEST_HEAD_COMMIT", Pull: "5", Fork: true, Base: "main",
				Link: "https://ci.appveyor.com/project/org/app/builds/3"},
		},
		"AppVeyor, tag": {
			vars: map[string]string{"APPVEYOR": "True", "APPVEYOR_REPO_BRANCH": "v1", "APPVEYOR_REPO_COMMIT": head, "APPVEYOR_REPO_TAG": "true",
				"APPVEYOR_REPO_TAG_NAME": "v1"},
			want: Context{CI: "AppVeyor", Tag: "v1", Hash: head, HashFrom: "APPVEYOR_REPO_COMMIT"},
		},
		"CodeBuild, pull request": {
			vars: map[string]string{"CODEBUILD_BUILD_ARN": "arn", "CODEBUILD_WEBHOOK_TRIGGER": "pr/31",
				"CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/topic", "CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main",
				"CODEBUILD_RESOLVED_SOURCE_VERSION": head, "CODEBUILD_BUILD_URL": "https://aws/1",
				"CODEBUILD_SOURCE_REPO_URL": "https://github.com/org/app.git"},
			want: Context{CI: "AWS CodeBuild", Branch: "topic", BranchFrom: "CODEBUILD_WEBHOOK_HEAD_REF", Hash: head,
				HashFrom: "CODEBUILD_RESOLVED_SOURCE_VERSION", Pull: "31", Base: "main", Link: "https://aws/1"},
		},
		"CodeBuild, branch": {
			vars: map[string]string{"CODEBUILD_BUILD_ARN": "arn", "CODEBUILD_WEBHOOK_TRIGGER": "branch/topic/x",
				"CODEBUILD_RESOLVED_SOURCE_VERSION": head},
			want: Context{CI: "AWS CodeBuild", Branch: "topic/x", BranchFrom: "CODEBUILD_WEBHOOK_TRIGGER", Hash: head,
				HashFrom: "CODEBUILD_RESOLVED_SOURCE_VERSION"},
		},
		"Semaphore, pull request: the head, not the target": {
			vars: with(semaphore, "SEMAPHORE_GIT_PR_NUMBER", "8", "SEMAPHORE_GIT_PR_SHA", head, "SEMAPHORE_GIT_PR_BRANCH", "topic",
				"SEMAPHORE_GIT_PR_SLUG", "org/app"),
			want: Context{CI: "Semaphore", Branch: "topic", BranchFrom: "SEMAPHORE_GIT_PR_BRANCH", Hash: head, HashFrom: "SEMAPHORE_GIT_PR_SHA",
				Pull: "8", Base: "main",
				Link: "https://org.semaphoreci.com/workflows/w"},
		},
		"Semaphore, branch": {
			vars: with(semaphore, "SEMAPHORE_GIT_SHA", head, "SEMAPHORE_GIT_BRANCH", "topic"),
			want: Context{CI: "Semaphore", Branch: "topic", BranchFrom: "SEMAPHORE_GIT_BRANCH", Hash: head, HashFrom: "SEMAPHORE_GIT_SHA",
				Link: "https://org.semaphoreci.com/workflows/w"},
		},
		"Taskcluster: no branch rather than a guess": {
			vars: map[string]string{"TASK_ID": "t", "RUN_ID": "0", "TASKCLUSTER_ROOT_URL": "https://tc.org"},
			want: Context{CI: "Taskcluster", Hash: local, HashFrom: "git", Link: "https://tc.org/tasks/t/runs/0"},
		},
		"no CI, detached": {
			want: Context{Hash: local, HashFrom: "git"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(detached)
			maps.Copy(files, row.files)
			row.want.Detached, row.want.Root, row.want.Repository = true, "/src/app", "app"
			got := Detect(source(row.vars, files, row.git))
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if branch, err := got.NeedBranch(); branch != row.want.Branch || (err == nil) != (branch != "") {
				t.Errorf("NeedBranch = %q, %v", branch, err)
			} else if branch != "" && ident.CheckBranchName(branch) != nil {
				t.Errorf("%q is no branch name", branch)
			}
		})
	}
	tested := map[string]bool{}
	for _, s := range systems {
		tested[s.name] = true
	}
	if len(tested) != 18 {
		t.Errorf("%d systems: a new one needs a row above", len(tested))
	}
}

func with(base map[string]string, pairs ...string) map[string]string {
	out := maps.Clone(base)
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// TestNoVariablesMakeItFail throws arbitrary texts at every variable that is read.
func TestNoVariablesMakeItFail(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "true", "main", "pull/", "refs/heads/", "7", head, "a:b", "/f"}))
		values := map[string]string{}
		s := source(nil, map[string]string{"/f": text.Draw(t, "file")}, nil)
		s.Getenv = func(name string) string {
			if _, seen := values[name]; !seen {
				values[name] = text.Draw(t, name)
			}
			return values[name]
		}
		for _, sys := range systems {
			c := sys.read(s).context(sys.name)
			if c.Hash != "" && !ident.IsGitHash(c.Hash) {
				t.Fatalf("%s: %q is no commit", sys.name, c.Hash)
			}
			if c.Fork && c.Pull != "" && c.Tag == "" && !strings.HasPrefix(c.Branch, "pull/") {
				t.Fatalf("%s: a fork's branch is %q", sys.name, c.Branch)
			}
		}
	})
}
