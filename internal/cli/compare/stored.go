package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/judge/wire"
	"github.com/tachograph/tacho/internal/core/revision"
)

// stored are the sides of a comparison of what a server has; an empty base is what the head came from.
type stored struct{ base, head string }

// isFile reports whether an argument names files: one that exists, several of which one exists, or the standard input. The prefixes
// branch:, commit: and report: say that it does not.
func isFile(env *cli.Env, arg string) bool {
	if arg == stdinName {
		return true
	}
	if revision.Forced(arg) {
		return false
	}
	for _, name := range append(strings.Split(arg, ","), arg) {
		if _, err := os.Stat(env.Path(name)); err == nil {
			return true
		}
	}
	return false
}

// sides reads the arguments as what a server has; ok is false if they are files.
func (f *flags) sides(env *cli.Env, args []string) (s stored, ok bool, err error) {
	if len(f.old)+len(f.new) > 0 || len(args) == 0 || len(args) > 2 {
		return s, false, nil
	}
	files := 0
	for _, arg := range args {
		if isFile(env, arg) {
			files++
		}
	}
	if files > 0 { // what is missing of the other is said by who reads the files
		return s, false, nil
	}
	for _, arg := range args {
		if _, err := revision.Parse(arg); err != nil {
			return s, false, cli.Usage("%s: there is no such file, and it names nothing that a server could have: %s", arg, fault.Message(err))
		}
	}
	s.head = args[len(args)-1]
	if len(args) == 2 {
		s.base = args[0]
	}
	return s, true, nil
}

// compareStored asks the server, or the store of this machine, and shows what it says.
func (f *flags) compareStored(ctx context.Context, env *cli.Env, s stored, effect float64) error {
	srv, err := f.Open(ctx, env)
	if err != nil {
		return err
	}
	answer, err := f.ask(ctx, env, srv, s, effect)
	if err := srv.Done(err); err != nil {
		return err
	}
	if f.asJSON {
		err = cli.PrintJSON(env.Stdout, answer)
	} else {
		err = f.write(env, storedView(answer))
	}
	if err != nil {
		return err
	}
	if answer.Verdict == api.VerdictNothingJudged {
		return cli.Fail(fault.ExitNothingJudged, "nothing was judged: %s", answer.Reason)
	}
	return exitOf(judge.Verdict(answer.Verdict))
}

func (f *flags) ask(ctx context.Context, env *cli.Env, srv *cli.Session, s stored, effect float64) (api.Comparison, error) {
	project, err := here.Project(ctx, env, srv, f.project)
	if err != nil {
		return api.Comparison{}, err
	}
	answer, known, err := srv.Compare(ctx, project, client.CompareQuery{Base: s.base, Head: s.head, Testbed: env.Setting(f.testbed, "TESTBED"),
		Measures: f.measures, Effect: effect, Samples: f.asHTML})
	if refused, is := errors.AsType[*client.APIError](err); is && refused.Status == fault.Missing.Status() {
		text, _ := cli.Sentence(err)
		names := s.head
		if s.base != "" {
			names = s.base + " and " + s.head
		}
		return answer, cli.Usage("%s: no such files here, and %s knows no such branch, commit or report: %s", names, where(srv), text)
	}
	if err == nil && !known {
		err = cli.Usage("%s cannot compare what it has; a newer one can", where(srv))
	}
	return answer, err
}

func where(srv *cli.Session) string {
	if srv.IsLocal() {
		return "the store of this machine"
	}
	return "the server " + srv.Base()
}

// storedView is a comparison of a server as all forms show it.
func storedView(a api.Comparison) *view {
	v := &view{before: []string{a.Base.Name}, after: []string{a.Head.Name}, tool: "project " + a.Project.Slug,
		policy: judge.Policy(a.Policy), verdict: judge.Verdict(a.Verdict)}
	if a.Testbed != nil {
		v.tool += ", testbed " + a.Testbed.Name
	}
	v.onlyOld, v.onlyNew = a.OnlyBase, a.OnlyHead
	if n := len(a.Base.Reports); a.Method == api.MethodHistory && n > 0 {
		v.remarks = append(v.remarks, fmt.Sprintf("the old side is each line's history since its last change, from %s of %s up to version %d",
			cli.Counted(n, "report", "reports"), a.Base.Branch.Name, a.Base.Newest.Number))
	}
	v.remarks = append(v.remarks, a.Warnings...)
	for _, gap := range a.LeftOut {
		v.remarks = append(v.remarks, leftOut(gap))
	}
	var runs []int
	known := false
	for i, row := range a.Rows {
		out := judge.Row{Benchmark: row.Benchmark, Measure: wire.Measure(row)}
		if s := row.Samples; s != nil {
			out.Old, out.New = judge.Side{{Values: s.Old}}, judge.Side{{Values: s.New}}
		}
		v.rows = append(v.rows, out)
		v.cs.Rows = append(v.cs.Rows, wire.Comparison(row))
		runs = append(runs, row.Identical)
		known = known || row.Identical > 0
		v.order = append(v.order, i)
	}
	if known {
		v.runs = runs
	}
	v.cs.Tests = a.Tests
	geomeans := map[string]judge.Geomean{}
	for _, g := range a.Geomeans {
		geomeans[g.Measure] = wire.Geomean(g)
	}
	v.arrange(geomeans)
	return v
}

// leftOut says which reports were not compared, and why.
func leftOut(gap api.ComparisonGap) string {
	why := map[string]string{"testbed": "on testbed " + gap.Name, "spec": "on spec " + gap.Name, "dirty": "with uncommitted changes",
		"host": "on another kind of host, " + gap.Name, "limit": "older ones, over the limit",
		"marked": "marked as bad"}[gap.Reason]
	return fmt.Sprintf("left out of the %s side: %s %s", map[string]string{"base": "old", "head": "new"}[gap.Side],
		cli.Counted(gap.Reports, "report", "reports"), why)
}

// exitOf is what a verdict ends with.
func exitOf(verdict judge.Verdict) error {
	switch verdict {
	case judge.Worse:
		return cli.ExitWith(fault.ExitAlert, nil)
	case judge.Undecided:
		return cli.ExitWith(fault.ExitUndecided, nil)
	}
	return nil
}
