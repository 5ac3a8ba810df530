package web

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/fleet"
	jobs "github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/policy"
	projects "github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/sweep"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Source is what pages ask and do, as their reader. Services is the one that serves; tests of pages have their own.
type Source interface {
	PlotSource
	EventSource
	CompareSource
	SweepSource
	Projects(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Project, int, error)
	Project(ctx context.Context, actor access.Actor, project string) (api.Project, error)
	Alerts(ctx context.Context, actor access.Actor, project string, f threshold.AlertFilter, page store.Page) ([]api.Alert, int, error)
	Alert(ctx context.Context, actor access.Actor, project, id string) (api.Alert, error)
	SetAlertStatus(ctx context.Context, actor access.Actor, project, id string, status api.AlertStatus) error
	Threshold(ctx context.Context, actor access.Actor, project, id string) (api.Threshold, error)
	Reports(ctx context.Context, actor access.Actor, project string, page store.Page) ([]api.Report, int, error)
	Report(ctx context.Context, actor access.Actor, project, id string, most int) (api.Report, error) // with the first results, most of them
	Picture(ctx context.Context, actor access.Actor, project string, q explore.PictureQuery) (explore.Picture, error)
	Things(ctx context.Context, actor access.Actor, project string, what Things, f store.ListFilter) ([]Thing, int, error)
	Jobs(ctx context.Context, actor access.Actor, project string, status api.JobStatus, page store.Page) ([]api.Job, int, error)
	Job(ctx context.Context, actor access.Actor, project, id string) (api.Job, error)
	ControlJob(ctx context.Context, actor access.Actor, project, id string, status api.JobStatus) (api.Job, error)
	Runners(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Runner, int, error)
	Specs(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Spec, int, error)
	SignIn(ctx context.Context, key, sourceIP string) (account.Session, error)
	SignOut(ctx context.Context, token string) error
}

// Things are the named things of a project that a plot is chosen by.
type Things string

// What a plot is chosen by.
const (
	Branches   Things = "branches"
	Testbeds   Things = "testbeds"
	Benchmarks Things = "benchmarks"
	Measures   Things = "measures"
)

// Thing is one of them.
type Thing struct{ UUID, Name string }

// Services are the use cases behind the pages.
type Services struct {
	Accounts    *account.Service
	AllProjects *projects.Service
	KeptPlots   *plot.Service
	Explore     *explore.Service
	Happened    *event.Service
	Policies    *policy.Service
	Queue       *jobs.Service
	AllSweeps   *sweep.Service
	Fleet       *fleet.Service
	Thresholds  *threshold.Service
	Branches    *series.Branches
	Testbeds    *series.Testbeds
	Benchmarks  *series.Benchmarks
	Measures    *series.Measures
}

// Projects is described in Source, like the methods below.
func (s Services) Projects(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Project, int, error) {
	return s.AllProjects.List(ctx, actor, "", f)
}

// Project is described in Source.
func (s Services) Project(ctx context.Context, actor access.Actor, project string) (api.Project, error) {
	return s.AllProjects.Get(ctx, actor, project)
}

// Alerts is described in Source.
func (s Services) Alerts(ctx context.Context, actor access.Actor, project string, f threshold.AlertFilter,
	page store.Page) ([]api.Alert, int, error) {
	return s.Explore.Alerts(ctx, actor, project, f, page)
}

// Alert is described in Source.
func (s Services) Alert(ctx context.Context, actor access.Actor, project, id string) (api.Alert, error) {
	return s.Explore.Alert(ctx, actor, project, id)
}

// SetAlertStatus is described in Source.
func (s Services) SetAlertStatus(ctx context.Context, actor access.Actor, project, id string, status api.AlertStatus) error {
	return s.Thresholds.SetAlertStatus(ctx, actor, project, id, status)
}

// Threshold is described in Source.
func (s Services) Threshold(ctx context.Context, actor access.Actor, project, id string) (api.Threshold, error) {
	return s.Thresholds.Get(ctx, actor, project, id, "")
}

// Reports is described in Source.
func (s Services) Reports(ctx context.Context, actor access.Actor, project string, page store.Page) ([]api.Report, int, error) {
	return s.Explore.Reports(ctx, actor, project, explore.ReportFilter{}, page)
}

// Report is described in Source.
func (s Services) Report(ctx context.Context, actor access.Actor, project, id string, most int) (api.Report, error) {
	return s.Explore.ReportPart(ctx, actor, project, id, most)
}

// Picture is described in Source.
func (s Services) Picture(ctx context.Context, actor access.Actor, project string, q explore.PictureQuery) (explore.Picture, error) {
	return s.Explore.Picture(ctx, actor, project, q)
}

// Things is described in Source.
func (s Services) Things(ctx context.Context, actor access.Actor, project string, what Things, f store.ListFilter) ([]Thing, int, error) {
	switch what {
	case Branches:
		rows, total, err := s.Branches.List(ctx, actor, project, f)
		return store.Map(rows, func(b api.Branch) Thing { return Thing{b.UUID, b.Name} }), total, err
	case Testbeds:
		rows, total, err := s.Testbeds.List(ctx, actor, project, f)
		return store.Map(rows, func(t api.Testbed) Thing { return Thing{t.UUID, t.Name} }), total, err
	case Benchmarks:
		rows, total, err := s.Benchmarks.List(ctx, actor, project, f)
		return store.Map(rows, func(b api.Benchmark) Thing { return Thing{b.UUID, b.Name} }), total, err
	case Measures:
		rows, total, err := s.Measures.List(ctx, actor, project, f)
		return store.Map(rows, func(m api.Measure) Thing { return Thing{m.UUID, m.Name} }), total, err
	}
	return nil, 0, fault.Invalidf("there are no %s in a project", what)
}

// Jobs is described in Source.
func (s Services) Jobs(ctx context.Context, actor access.Actor, project string, status api.JobStatus, page store.Page) ([]api.Job, int,
	error) {
	return s.Queue.Jobs(ctx, actor, project, status, page)
}

// Job is described in Source.
func (s Services) Job(ctx context.Context, actor access.Actor, project, id string) (api.Job, error) {
	return s.Queue.Job(ctx, actor, project, id)
}

// ControlJob is described in Source.
func (s Services) ControlJob(ctx context.Context, actor access.Actor, project, id string, status api.JobStatus) (api.Job, error) {
	return s.Queue.Control(ctx, actor, project, id, status)
}

// Runners is described in Source.
func (s Services) Runners(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Runner, int, error) {
	return s.Fleet.Runners(ctx, actor, f)
}

// Specs is described in Source.
func (s Services) Specs(ctx context.Context, actor access.Actor, f store.ListFilter) ([]api.Spec, int, error) {
	return s.Fleet.Specs(ctx, actor, f)
}

// SignIn is described in Source.
func (s Services) SignIn(ctx context.Context, key, sourceIP string) (account.Session, error) {
	return s.Accounts.SignIn(ctx, key, sourceIP)
}

// SignOut is described in Source.
func (s Services) SignOut(ctx context.Context, token string) error {
	return s.Accounts.SignOut(ctx, token)
}
