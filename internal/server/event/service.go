package event

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Config is what the service needs.
type Config struct {
	Store *store.Store
	Door  *project.Door
	// OnDemand says that nobody is told of new reports: reading events looks at them first.
	OnDemand bool
	Queue    Queue // of jobs, by which events are checked; nil: none are
}

// Service are the use cases of events. It is safe for concurrent use.
type Service struct {
	store    *store.Store
	door     *project.Door
	onDemand bool
	queue    Queue
	rows     int           // of one transaction
	alerts   int           // that one transaction makes a part of events
	checking chan struct{} // holds a token while a policy is tried
}

// NewService makes them.
func NewService(cfg Config) *Service {
	return &Service{cfg.Store, cfg.Door, cfg.OnDemand, cfg.Queue, noteRows, limits.AlertsOfAFold, make(chan struct{}, 1)}
}

// NamedFilter narrows a list of events. Empty fields do not. Branch and testbed are UUIDs, slugs or names; state is one of the states, or
// open; a benchmark is a pattern, * any text and ? one character.
type NamedFilter struct {
	Branch, Testbed string
	Benchmark       string
	Kind            Kind
	State           string
	Gone, Newest    bool
	Since           *time.Time
}

// List returns a page of the project's events, and how many there are in all.
func (s *Service) List(ctx context.Context, actor access.Actor, ref string, f NamedFilter, page store.Page) (out []api.Event, total int,
	err error) {
	if err := f.check(); err != nil {
		return nil, 0, err
	}
	if err := s.upToDate(ctx, actor, ref); err != nil {
		return nil, 0, err
	}
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		filter := Filter{Kind: f.Kind, State: f.State, Gone: f.Gone, Newest: f.Newest, Since: f.Since, Benchmark: f.Benchmark}
		var err error
		if filter.BranchID, filter.TestbedID, err = place(ctx, tx, p.ID, f.Branch, f.Testbed); err != nil {
			return err
		}
		rows, n, err := list(ctx, tx, p.ID, filter, page)
		if err != nil {
			return err
		}
		total = n
		out, err = answers(ctx, tx, rows, limits.EventListChanges)
		return err
	})
	return out, total, err
}

func (f NamedFilter) check() error {
	switch f.Kind {
	case "", Code, Machine, Threshold:
	default:
		return fault.Invalidf("kind %.40q: want code, machine or threshold", f.Kind)
	}
	if len(f.Benchmark) > limits.BenchmarkNameBytes {
		return fault.Invalidf("benchmark: a pattern of %d bytes, the limit is %d", len(f.Benchmark), limits.BenchmarkNameBytes)
	}
	if f.State == "" || f.State == "open" {
		return nil
	}
	for _, s := range coreevent.States {
		if string(s) == f.State {
			return nil
		}
	}
	return fault.Invalidf("state %.40q: want open, or one of %v", f.State, coreevent.States)
}

// place looks a branch and a testbed up; an empty name stays empty.
func place(ctx context.Context, tx *store.Tx, projectID, branch, testbed string) (branchID, testbedID string, err error) {
	if branch != "" {
		b, err := series.BranchByRef(ctx, tx, projectID, branch)
		if err != nil {
			return "", "", err
		}
		branchID = b.ID
	}
	if testbed != "" {
		t, err := series.TestbedByRef(ctx, tx, projectID, testbed)
		if err != nil {
			return "", "", err
		}
		testbedID = t.ID
	}
	return branchID, testbedID, nil
}

// Get returns one event with its changes, the versions that it may have come with, and its life so far.
func (s *Service) Get(ctx context.Context, actor access.Actor, ref, id string) (out api.Event, err error) {
	if err := s.upToDate(ctx, actor, ref); err != nil {
		return out, err
	}
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		row, err := find(ctx, tx, p.ID, id)
		if err != nil {
			return err
		}
		out, err = whole(ctx, tx, row)
		return err
	})
	return out, err
}

// upToDate looks at what is new, where nobody else does.
func (s *Service) upToDate(ctx context.Context, actor access.Actor, ref string) error {
	if !s.onDemand {
		return nil
	}
	var projectID string
	if err := s.door.View(ctx, actor, ref, func(_ *store.Tx, p project.Project) error {
		projectID = p.ID
		return nil
	}); err != nil {
		return err
	}
	_, err := s.CatchUp(ctx, projectID, limits.LooksAtOnce)
	return err
}
