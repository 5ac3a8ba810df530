package show

import (
	"context"
	"fmt"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
)

// Options say how a report is shown.
type Options struct {
	JSON, Quiet  bool
	ErrorOnAlert bool // an alert, or nothing that was judged, is an error
}

// Report prints a report that is complete and returns what the exit code says of it.
func (o Options) Report(ctx context.Context, env *cli.Env, srv *cli.Session, report api.Report) error {
	var before *comparison
	var failed error
	if !o.JSON || mayFail(report) {
		var err error
		before, err = Previous(ctx, srv.Client, report)
		if err != nil {
			text, _ := cli.Sentence(err)
			if !o.Quiet {
				fmt.Fprintf(env.Stderr, "tacho: not compared with an earlier report: %s\n", text)
			}
			if mayFail(report) { // a gate that could not look is not open
				failed = cli.Fail(fault.ExitNothingJudged,
					"the project's policy says severity: fail, and the report was not compared with an earlier one: %s", text)
			}
		}
	}
	if o.JSON {
		if err := cli.PrintJSON(env.Stdout, report); err != nil {
			return err
		}
	} else {
		view := View{Report: report, Before: before, Start: Origin(ctx, srv.Client, report), Session: srv}
		if err := view.Write(env.Out(), env.Errs()); err != nil {
			return err
		}
	}
	if err := fails(report, before); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if o.ErrorOnAlert {
		return gate(report)
	}
	return nil
}
