package report

import (
	"context"
	"errors"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store"
)

// Check says what Submit would say of a run, before there are results: a benchmark that ran for an hour must not be refused for its branch.
// It goes the same way, up to the report, and takes back what it wrote.
// Errors are those of Submit.
func (s *Service) Check(ctx context.Context, r Request) (out api.RunCheck, err error) {
	r.New.Project = projectOf(r)
	p, err := s.prepare(ctx, r, nil, true) // passes no gate
	if err != nil {
		return out, err
	}
	out = api.RunCheck{Project: p.before.project.Slug, NewProject: p.before.isNew, Visibility: api.Visibility(p.before.project.Visibility),
		Branch: p.sub.branch, Testbed: p.sub.testbed}
	if p.before.report != "" { // the same request was taken already and gets its report
		return out, nil
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		at, err := s.place(ctx, tx, p)
		if err != nil {
			return err
		}
		out.Branch, out.Testbed, out.Warnings = at.branch.Name, at.testbed.Name, at.warnings
		return errOnlyChecked
	})
	if !errors.Is(err, errOnlyChecked) {
		return out, err
	}
	return out, nil
}

// errOnlyChecked rolls a transaction back that was good.
var errOnlyChecked = errors.New("only checked")
