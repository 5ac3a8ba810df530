package explore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/revision"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// sides are the two sides of a comparison, found, with the reports that are like each other.
type sides struct {
	project    project.Project
	base, head *side
	testbed    *series.Testbed // nil: the head has no results
	gaps       []api.ComparisonGap
	warnings   []string
	reason     string // why there is nothing to judge; empty: there is
}

// side is what one side of a comparison names, and its reports.
type side struct {
	api.ComparedSide
	what    string         // branch, version, commit or report, for people: "branch main"
	branch  *series.Branch // nil: any
	headID  string         // whose history reports are looked for in; empty: of any head
	history bool           // the branch as a whole, up to version upTo
	upTo    int64
	back    int               // of a branch at its newest version with results, so many before it; −1: versions are named
	version map[string]number // named, by id
	one     *report.Report    // a single report is named
	reports []compared        // the newest first
}

type number struct {
	number int64
	hash   *string
}

// compared is a report of a side.
type compared struct {
	report.Report
	number
}

// host names the machine; empty if that is not known.
func (c compared) host() string {
	if c.Host == nil {
		return ""
	}
	return c.Host.Hostname
}

// class is what kind of host a report was measured on; empty if that is not known. Results of different kinds are not compared.
func (c compared) class() string {
	if c.Host == nil || c.SpecID != nil {
		return ""
	}
	return strings.Join(strings.Fields(c.Host.OS+" "+c.Host.Architecture+" "+c.Host.CPUModel), " ")
}

func (s *side) seqs() []int64 {
	out := make([]int64, len(s.reports))
	for i, r := range s.reports {
		out[i] = r.Seq
	}
	return out
}

// find finds both sides and their reports.
func (c comparing) find(ctx context.Context, tx *store.Tx, p project.Project) (*sides, error) {
	f := &sides{project: p}
	var err error
	if f.head, err = findSide(ctx, tx, p, c.head, c.Head, false); err != nil {
		return nil, err
	}
	if c.Testbed != "" {
		t, err := series.TestbedByPath(ctx, tx, p.ID, c.Testbed)
		if err != nil {
			return nil, err
		}
		f.testbed = &t
	}
	if err := f.readHead(ctx, tx); err != nil {
		return nil, err
	}
	if c.base.Kind != "" {
		f.base, err = findSide(ctx, tx, p, c.base, c.Base, true)
	} else {
		f.base, err = f.origin(ctx, tx)
	}
	if err != nil {
		return nil, err
	}
	if f.reason != "" {
		return f, nil
	}
	return f, f.readBase(ctx, tx)
}

// findSide finds what a revision names. A branch without a place is a history where that may be one, else its newest version.
func findSide(ctx context.Context, tx *store.Tx, p project.Project, r revision.Revision, asked string, history bool) (*side, error) {
	s := &side{ComparedSide: api.ComparedSide{Asked: asked, Reports: []api.ComparedReport{}}, back: -1}
	switch r.Kind {
	case revision.Report:
		row, err := projectReport(ctx, tx, p, r.Name)
		switch {
		case err != nil:
			return nil, err
		case row.Status != api.ReportProcessed:
			return nil, fault.Invalidf("compare: report %s is %s and has no results", row.ID, row.Status)
		}
		s.one, s.what, s.headID = &row, "report "+row.ID, row.HeadID
		return s, s.name(ctx, tx)
	case revision.Commit:
		return s, s.commit(ctx, tx, p, r.Name)
	case revision.Word:
		b, found, err := series.BranchByName(ctx, tx, p.ID, r.Name)
		if err != nil {
			return nil, err
		}
		commits, err := series.Commits(ctx, tx, p.ID, r.Name, 1)
		switch {
		case err != nil:
			return nil, err
		case found && len(commits) > 0:
			return nil, fault.Invalidf("compare: %q is a branch and a commit; write branch:%s or commit:%s", asked, r.Name, r.Name)
		case !found && len(commits) == 0:
			return nil, fault.Missingf("%q is no branch and no commit of project %q", asked, p.Slug)
		case !found:
			return s, s.commit(ctx, tx, p, r.Name)
		}
		return s, s.on(ctx, tx, b, r, history)
	}
	b, err := series.DefaultBranch(ctx, tx, p.ID)
	if r.Name != "" {
		b, err = series.BranchByRef(ctx, tx, p.ID, r.Name)
	}
	if err != nil {
		return nil, err
	}
	return s, s.on(ctx, tx, b, r, history)
}

// commit is a side of all versions with a commit.
func (s *side) commit(ctx context.Context, tx *store.Tx, p project.Project, prefix string) error {
	commits, err := series.Commits(ctx, tx, p.ID, prefix, limits.CommitsShown+1)
	if err != nil {
		return err
	}
	switch n := len(commits); {
	case n == 0:
		return fault.Missingf("commit %q has no version in project %q", prefix, p.Slug)
	case n > limits.CommitsShown:
		return fault.Invalidf("compare: commit %q is ambiguous: %s and more; give more digits", prefix, strings.Join(commits[:n-1], ", "))
	case n > 1:
		return fault.Invalidf("compare: commit %q is ambiguous: %s; give more digits", prefix, strings.Join(commits, ", "))
	}
	versions, err := series.VersionsOfCommit(ctx, tx, p.ID, commits[0], limits.ReadChunk)
	if err != nil {
		return err
	}
	s.version = map[string]number{}
	for _, v := range versions {
		s.version[v.ID] = number{v.Number, v.Hash}
	}
	s.what = "commit " + commits[0][:min(12, len(commits[0]))]
	s.Name = s.what
	return nil
}

// on is a side of a branch, or of a place on it.
func (s *side) on(ctx context.Context, tx *store.Tx, b series.Branch, r revision.Revision, history bool) error {
	s.branch, s.headID, s.what = &b, b.HeadID, "branch "+b.Name
	s.Branch = &api.ComparedBranch{UUID: b.ID, Name: b.Name, Slug: b.Slug, Head: b.HeadID}
	s.Name = b.Name
	switch {
	case !r.Pinned && history:
		s.history, s.upTo = true, math.MaxInt64
	case !r.Pinned || r.Latest:
		s.back = r.Back
	default:
		found, err := series.VersionsAt(ctx, tx, b.HeadID, []int64{r.Number})
		if err != nil {
			return err
		}
		v, there := found[r.Number]
		if !there {
			return fault.Missingf("branch %q has no version %d", b.Name, r.Number)
		}
		s.version, s.what = map[string]number{v.ID: {v.Number, v.Hash}}, fmt.Sprintf("version %d of branch %s", v.Number, b.Name)
		s.Name = b.Name + "@" + at(v.Number, v.Hash)
	}
	return nil
}

// name fills in the branch of the report or reports of a side that names none.
func (s *side) name(ctx context.Context, tx *store.Tx) error {
	if s.branch != nil || s.headID == "" {
		return nil
	}
	head, err := series.HeadByID(ctx, tx, s.headID)
	if err != nil {
		return err
	}
	found, err := series.BranchesByID(ctx, tx, []string{head.BranchID})
	if err != nil {
		return err
	}
	b := found[head.BranchID]
	s.branch, s.Branch = &b, &api.ComparedBranch{UUID: b.ID, Name: b.Name, Slug: b.Slug, Head: s.headID}
	return nil
}

// readHead reads the reports of the head. Where no testbed was asked for, it is that of the newest of them.
func (f *sides) readHead(ctx context.Context, tx *store.Tx) error {
	if err := f.versions(ctx, tx, f.head); err != nil {
		return err
	}
	if f.testbed == nil {
		seqs := []int64{}
		var err error
		if one := f.head.one; one != nil {
			seqs = append(seqs, one.Seq)
		} else if seqs, err = versionReports(ctx, tx, f.head.versionIDs(), f.head.headID, "", 1); err != nil {
			return err
		}
		if len(seqs) == 0 {
			f.reason = f.head.what + " has no results yet"
			return nil
		}
		newest, err := report.BySeq(ctx, tx, seqs)
		if err != nil {
			return err
		}
		found, err := series.TestbedsByID(ctx, tx, []string{newest[seqs[0]].TestbedID})
		if err != nil {
			return err
		}
		t := found[newest[seqs[0]].TestbedID]
		f.testbed = &t
	}
	if err := f.pinned(ctx, tx, f.head, "head"); err != nil {
		return err
	}
	if len(f.head.reports) == 0 {
		f.reason = fmt.Sprintf("%s has no results on testbed %s", f.head.what, f.testbed.Name)
		return nil
	}
	newest := f.head.reports[0]
	if err := f.head.settle(ctx, tx); err != nil {
		return err
	}
	return f.like(ctx, tx, f.head, "head", newest)
}

// settle takes the branch of a commit from its newest report, and says what was read of a side.
func (s *side) settle(ctx context.Context, tx *store.Tx) error {
	if s.headID == "" && len(s.reports) > 0 {
		s.headID = s.reports[0].HeadID
	}
	return s.name(ctx, tx)
}

// origin is the base of a head for which none was named: the branch that the head's branch came from, up to where it left, else the
// versions of its own before it.
func (f *sides) origin(ctx context.Context, tx *store.Tx) (*side, error) {
	s := &side{ComparedSide: api.ComparedSide{Reports: []api.ComparedReport{}}, back: -1, history: true, upTo: -1}
	if f.head.headID == "" {
		return s, nil
	}
	head, err := series.HeadByID(ctx, tx, f.head.headID)
	if err != nil {
		return nil, err
	}
	if head.StartHeadID != nil && head.StartVersionID != nil && *head.StartBranchID != head.BranchID {
		versions, err := series.VersionsByID(ctx, tx, []string{*head.StartVersionID})
		if err != nil {
			return nil, err
		}
		branches, err := series.BranchesByID(ctx, tx, []string{*head.StartBranchID})
		if err != nil {
			return nil, err
		}
		if b, exists := branches[*head.StartBranchID]; exists {
			v := versions[*head.StartVersionID]
			s.branch, s.headID, s.upTo, s.Start = &b, *head.StartHeadID, v.Number, true
			s.what, s.Name = "branch "+b.Name, b.Name+"@"+at(v.Number, v.Hash)
			s.Branch = &api.ComparedBranch{UUID: b.ID, Name: b.Name, Slug: b.Slug, Head: s.headID}
			return s, nil
		}
	}
	s.headID = f.head.headID
	if err := s.name(ctx, tx); err != nil {
		return nil, err
	}
	s.what, s.Name = "branch "+s.branch.Name, s.branch.Name
	if len(f.head.reports) > 0 {
		s.upTo = f.head.reports[0].number.number - 1
		s.what += " before it"
	}
	return s, nil
}

// readBase reads the reports of the base that are like those of the head.
func (f *sides) readBase(ctx context.Context, tx *store.Tx) error {
	s := f.base
	if s.history {
		if err := f.past(ctx, tx); err != nil {
			return err
		}
	} else if err := f.versions(ctx, tx, s); err != nil {
		return err
	} else if err := f.pinned(ctx, tx, s, "base"); err != nil {
		return err
	}
	if err := s.settle(ctx, tx); err != nil {
		return err
	}
	if err := f.like(ctx, tx, s, "base", f.head.reports[0]); err != nil {
		return err
	}
	if len(s.reports) == 0 {
		f.reason = fmt.Sprintf("%s has no results like those of the head on testbed %s", s.what, f.testbed.Name)
		if s.Start {
			f.reason = fmt.Sprintf("branch %s has no results like those of the head on testbed %s up to version %s, where branch %s left it",
				s.branch.Name, f.testbed.Name, strings.TrimPrefix(s.Name, s.branch.Name+"@"), f.head.branch.Name)
		}
	}
	f.warn()
	return f.movedOn(ctx, tx)
}

// past reads the newest reports of a history, but for those of the head.
func (f *sides) past(ctx context.Context, tx *store.Tx) error {
	s := f.base
	found, err := newestReports(ctx, tx, s.headID, f.testbed.ID, s.upTo, limits.CompareHistory+len(f.head.reports))
	if err != nil {
		return err
	}
	mine := f.head.seqs()
	numbers := map[int64]int64{}
	var seqs []int64
	for _, one := range found {
		if !slices.Contains(mine, one.row) && len(seqs) < limits.CompareHistory {
			seqs = append(seqs, one.row)
			numbers[one.row] = one.number
		}
	}
	if err := s.load(ctx, tx, seqs, numbers); err != nil {
		return err
	}
	ids := []string{}
	for _, r := range s.reports {
		ids = append(ids, r.VersionID)
	}
	return f.elsewhere(ctx, tx, ids, s.headID, "base")
}

// versions finds the version of a side that is a branch at its newest version with results, or so many before that.
func (f *sides) versions(ctx context.Context, tx *store.Tx, s *side) error {
	if s.back < 0 || s.one != nil {
		return nil
	}
	testbedID, where := "", ""
	if f.testbed != nil {
		testbedID, where = f.testbed.ID, " on testbed "+f.testbed.Name
	}
	found, err := measuredVersions(ctx, tx, s.headID, testbedID, math.MaxInt64, s.back+1)
	if err != nil {
		return err
	}
	s.version = map[string]number{}
	if len(found) <= s.back {
		if len(found) > 0 || s.back > 0 {
			return fault.Invalidf("compare: branch %s has %s with results%s, so there is no @latest~%d", s.branch.Name,
				plenty(len(found), "version"), where, s.back)
		}
		return nil
	}
	at := found[s.back]
	versions, err := series.VersionsByID(ctx, tx, []string{at.row})
	s.version[at.row] = number{at.number, versions[at.row].Hash}
	return err
}

func (s *side) versionIDs() []string { return slices.Sorted(maps.Keys(s.version)) }

// pinned reads the reports of a side whose versions are known, or its one report.
func (f *sides) pinned(ctx context.Context, tx *store.Tx, s *side, which string) error {
	if s.one != nil {
		versions, err := series.VersionsByID(ctx, tx, []string{s.one.VersionID})
		if err != nil {
			return err
		}
		v := versions[s.one.VersionID]
		if s.one.TestbedID != f.testbed.ID {
			return f.gap(ctx, tx, which, map[string]int{s.one.TestbedID: 1})
		}
		s.reports = []compared{{*s.one, number{v.Number, v.Hash}}}
		return nil
	}
	headID := s.headID
	ids := s.versionIDs()
	seqs, err := versionReports(ctx, tx, ids, headID, f.testbed.ID, limits.ComparedReports+1)
	if err != nil {
		return err
	}
	counts, err := reportsByTestbed(ctx, tx, ids, headID)
	if err != nil {
		return err
	}
	if over := counts[f.testbed.ID] - limits.ComparedReports; over > 0 {
		seqs = seqs[:limits.ComparedReports]
		f.gaps = append(f.gaps, api.ComparisonGap{Side: which, Reason: "limit", Reports: over})
	}
	if err := s.load(ctx, tx, seqs, nil); err != nil {
		return err
	}
	delete(counts, f.testbed.ID)
	return f.gap(ctx, tx, which, counts)
}

// load reads reports, in this order. numbers are those of their versions, where these are not the side's own.
func (s *side) load(ctx context.Context, tx *store.Tx, seqs []int64, numbers map[int64]int64) error {
	found, err := report.BySeq(ctx, tx, seqs)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range found {
		ids = append(ids, r.VersionID)
	}
	versions, err := series.VersionsByID(ctx, tx, ids)
	if err != nil {
		return err
	}
	s.reports = make([]compared, 0, len(seqs))
	for _, seq := range seqs {
		r := found[seq]
		at := number{versions[r.VersionID].Number, versions[r.VersionID].Hash}
		if n, known := numbers[seq]; known {
			at.number = n
		}
		s.reports = append(s.reports, compared{r, at})
	}
	return nil
}

// elsewhere counts the reports of versions on other testbeds.
func (f *sides) elsewhere(ctx context.Context, tx *store.Tx, versionIDs []string, headID, which string) error {
	counts, err := reportsByTestbed(ctx, tx, versionIDs, headID)
	if err != nil {
		return err
	}
	delete(counts, f.testbed.ID)
	return f.gap(ctx, tx, which, counts)
}

// gap names testbeds whose reports are left out.
func (f *sides) gap(ctx context.Context, tx *store.Tx, which string, counts map[string]int) error {
	found, err := series.TestbedsByID(ctx, tx, slices.Collect(maps.Keys(counts)))
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		f.gaps = append(f.gaps, api.ComparisonGap{Side: which, Reason: "testbed", Name: found[id].Name, Reports: counts[id]})
	}
	return nil
}

// marked are those of the reports that somebody has marked as bad.
func marked(ctx context.Context, tx *store.Tx, reports []compared) (map[string]bool, error) {
	return report.Marked(ctx, tx, store.Map(reports, func(r compared) string { return r.ID }))
}

// like leaves out what is marked as bad, and what is not like the report: another spec, another kind of host where there is no spec, and
// work trees with uncommitted changes of a version that was measured without, too.
func (f *sides) like(ctx context.Context, tx *store.Tx, s *side, which string, as compared) error {
	clean := map[string]bool{}
	for _, r := range s.reports {
		clean[r.VersionID] = clean[r.VersionID] || !r.Dirty
	}
	ids := []string{}
	for _, r := range s.reports {
		if r.SpecID != nil {
			ids = append(ids, *r.SpecID)
		}
	}
	specs, err := fleet.SpecsByID(ctx, tx, ids)
	if err != nil {
		return err
	}
	bad, err := marked(ctx, tx, s.reports)
	if err != nil {
		return err
	}
	out := map[[2]string]int{}
	s.reports = slices.DeleteFunc(s.reports, func(r compared) bool {
		why := [2]string{}
		switch mine, theirs := r.class(), as.class(); {
		case bad[r.ID] && s.one == nil: // who names a report by itself wants it
			why = [2]string{"marked", ""}
		case deref(r.SpecID) != deref(as.SpecID):
			why = [2]string{"spec", cmp.Or(specs[deref(r.SpecID)].Slug, "no spec")}
		case mine != theirs && mine != "" && theirs != "":
			why = [2]string{"host", mine}
		case r.Dirty && clean[r.VersionID]:
			why = [2]string{"dirty", ""}
		default:
			return false
		}
		out[why]++
		return true
	})
	for _, why := range slices.SortedFunc(maps.Keys(out), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		f.gaps = append(f.gaps, api.ComparisonGap{Side: which, Reason: why[0], Name: why[1], Reports: out[why]})
	}
	s.describe()
	return nil
}

// describe says what was read of a side.
func (s *side) describe() {
	for i, r := range s.reports {
		v := api.Version{Number: r.number.number, Hash: r.hash}
		if i == 0 || v.Number > s.Newest.Number {
			s.Newest = &v
		}
		if i == 0 || v.Number < s.Oldest.Number {
			s.Oldest = &v
		}
		s.Reports = append(s.Reports, api.ComparedReport{UUID: r.ID, Version: v, StartTime: r.StartTime, Host: r.host(), Dirty: r.Dirty})
	}
	switch {
	case s.Newest == nil || s.Start:
	case s.one != nil:
		s.Name = fmt.Sprintf("%s@%s, report %s", s.branch.Name, at(s.Newest.Number, s.Newest.Hash), s.one.ID)
	case s.version != nil && s.branch != nil && s.Name == s.branch.Name:
		s.Name = s.branch.Name + "@" + at(s.Newest.Number, s.Newest.Hash)
	}
}

// tellCommits says what is known of the sides' newest commits.
func (f *sides) tellCommits(ctx context.Context, tx *store.Tx) error {
	var hashes []string
	for _, s := range []*side{f.base, f.head} {
		if s.Newest != nil && s.Newest.Hash != nil {
			hashes = append(hashes, *s.Newest.Hash)
		}
	}
	known, err := series.CommitsOf(ctx, tx, f.project.ID, hashes)
	for _, s := range []*side{f.base, f.head} {
		if s.Newest != nil {
			s.Commit = series.CommitWire(known, s.Newest.Hash)
		}
	}
	return err
}

// warn says what a reader of the comparison should know of the reports.
func (f *sides) warn() {
	for _, one := range []struct {
		name string
		side *side
	}{{"base", f.base}, {"head", f.head}} {
		dirty := 0
		for _, r := range one.side.reports {
			if r.Dirty {
				dirty++
			}
		}
		if dirty > 0 {
			f.warnings = append(f.warnings, fmt.Sprintf("the %s has uncommitted changes in %s of %d: it is not quite what its commit says",
				one.name, plenty(dirty, "report"), len(one.side.reports)))
		}
	}
	old, new := f.base.hosts(), f.head.hosts()
	if strange := slices.DeleteFunc(slices.Clone(new), func(h string) bool { return slices.Contains(old, h) }); len(old) > 0 &&
		len(strange) > 0 {
		f.warnings = append(f.warnings, fmt.Sprintf("the head was measured on %s, the base on %s: what differs between hosts counts as a change",
			few(strange), few(old)))
	}
	if !f.base.history && min(len(f.base.reports), len(f.head.reports)) == 1 {
		f.warnings = append(f.warnings, "one report on a side: what differs between two days or hosts counts as a change; several reports of "+
			"each side average it out")
	}
}

// hosts are the names of those that are known, in order.
func (s *side) hosts() (out []string) {
	for _, r := range s.reports {
		if h := r.host(); h != "" && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out
}

// movedOn warns if the base is a branch that the head left before the base's newest version.
func (f *sides) movedOn(ctx context.Context, tx *store.Tx) error {
	s := f.base
	if !s.history || s.Start || s.Newest == nil || f.head.headID == "" || f.head.headID == s.headID {
		return nil
	}
	head, err := series.HeadByID(ctx, tx, f.head.headID)
	if err != nil || head.StartHeadID == nil || *head.StartHeadID != s.headID {
		return err
	}
	versions, err := series.VersionsByID(ctx, tx, []string{*head.StartVersionID})
	if err != nil {
		return err
	}
	if left := versions[*head.StartVersionID]; left.Number < s.Newest.Number {
		f.warnings = append(f.warnings, fmt.Sprintf("branch %s left %s at version %s, and %s is at %d: what changed there since counts, too; "+
			"leave the base out to compare with where it left", f.head.branch.Name, s.branch.Name, at(left.Number, left.Hash), s.branch.Name,
			s.Newest.Number))
	}
	return nil
}

func deref(id *string) string {
	if id == nil {
		return ""
	}
	return *id
}
