package report_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// known is what is kept of a project's commits.
func (h *fixture) known(ref string, hashes ...string) (out map[string]series.Commit) {
	h.t.Helper()
	p := h.project(ref)
	h.tx(func(tx *store.Tx) (err error) {
		out, err = series.CommitsOf(h.t.Context(), tx, p.ID, hashes)
		return err
	})
	return out
}

func TestAReportTellsOfCommitsOnce(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := run("main", 1)
	r.Hash = hash("a")
	r.Commits = []api.Commit{
		{Hash: strings.ToUpper(hash("a")), Parent: hash("b"), Author: "Ada\x1b[2J", Subject: strings.Repeat("<b>x ", 1<<18), Time: &at},
		{Hash: hash("b"), Subject: "before it"},
	}
	h.must(r)
	h.must(r)
	got := h.known("shop", hash("a"), hash("b"))
	if a := got[hash("a")]; a.Author != "Ada [2J" || len(a.Subject) > limits.CommitSubjectBytes ||
		!strings.HasPrefix(a.Subject, "<b>x <b>x") || a.Parent != hash("b") || a.Time == nil || !a.Time.Equal(at) {
		t.Errorf("the commit: %+v", a)
	}
	if len(got) != 2 || got[hash("b")].Subject != "before it" {
		t.Errorf("commits: %v", slices.Collect(maps.Keys(got)))
	}
	if check, err := h.check(r); err != nil || check.Project != "shop" {
		t.Errorf("a check: %+v, %v", check, err)
	}
}

func TestCommitsThatNothingCouldNameAreRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for name, row := range map[string]struct {
		commits []api.Commit
		says    string
	}{
		"no hash":        {[]api.Commit{{Subject: "x"}}, "commits: hash 1"},
		"a short hash":   {[]api.Commit{{Hash: hash("a")}, {Hash: "abc123"}}, "commits: hash 2"},
		"another parent": {[]api.Commit{{Hash: hash("a"), Parent: "HEAD~1"}}, "commits: parent of " + hash("a")},
		"too many":       {slices.Repeat([]api.Commit{{Hash: hash("a")}}, limits.ReportCommits+1), "51 of them, the limit is 50"},
	} {
		r := run("main", 1)
		r.Commits = row.commits
		if _, _, err := h.submit(r); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), row.says) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
	if n := h.rows()["report"]; n != 0 {
		t.Errorf("%d reports", n)
	}
}
