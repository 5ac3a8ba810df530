package explore

import (
	"context"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// wanted are the ids of rows that an answer names. Doubles do no harm.
type wanted struct {
	branches, heads, testbeds, specs, benchmarks, measures, thresholds, models, accounts []string
	judged                                                                               []int64 // models by number
	fullThresholds                                                                       bool    // with their branch, testbed and measure
}

// catalogue are those rows, by id.
type catalogue struct {
	branches   series.BranchView
	testbeds   map[string]series.Testbed
	specs      map[string]fleet.Spec
	benchmarks map[string]series.Benchmark
	measures   map[string]series.Measure
	thresholds map[string]threshold.Threshold
	models     map[string]threshold.Model
	numbered   map[int64]threshold.Model // those of them that were wanted by number
	accounts   map[string]account.Account
}

// load reads what is wanted, each table once. A model brings its threshold, a head its branch, a branch its head.
func load(ctx context.Context, tx *store.Tx, w wanted) (c catalogue, err error) {
	if c.models, err = threshold.ModelsByID(ctx, tx, w.models); err != nil {
		return c, err
	}
	if c.numbered, err = threshold.ModelsBySeq(ctx, tx, w.judged); err != nil {
		return c, err
	}
	for _, m := range c.numbered {
		c.models[m.ID] = m
	}
	for _, m := range c.models {
		w.thresholds = append(w.thresholds, m.ThresholdID)
	}
	if c.thresholds, err = threshold.ByID(ctx, tx, w.thresholds); err != nil {
		return c, err
	}
	if w.fullThresholds {
		for _, t := range c.thresholds {
			w.branches, w.testbeds, w.measures = append(w.branches, t.BranchID), append(w.testbeds, t.TestbedID), append(w.measures, t.MeasureID)
		}
	}
	if c.branches, err = series.ViewBranches(ctx, tx, w.branches, w.heads); err != nil {
		return c, err
	}
	if c.testbeds, err = series.TestbedsByID(ctx, tx, w.testbeds); err != nil {
		return c, err
	}
	if c.specs, err = fleet.SpecsByID(ctx, tx, w.specs); err != nil {
		return c, err
	}
	if c.benchmarks, err = series.BenchmarksByID(ctx, tx, w.benchmarks); err != nil {
		return c, err
	}
	if c.measures, err = series.MeasuresByID(ctx, tx, w.measures); err != nil {
		return c, err
	}
	c.accounts, err = account.ByID(ctx, tx, w.accounts)
	return c, err
}

// testbedOf returns the testbed of a report with the spec that the report ran on, which the testbed may have left since.
func (c catalogue) testbedOf(r report.Report) api.Testbed {
	t := c.testbeds[r.TestbedID]
	t.Spec = nil
	if r.SpecID != nil {
		if s, has := c.specs[*r.SpecID]; has {
			t.Spec = &s
		}
	}
	return t.Wire()
}

// threshold returns a threshold with the given model, or without one if modelID is nil. full adds branch, testbed and measure.
func (c catalogue) threshold(id string, modelID *string, full bool) *api.Threshold {
	t, found := c.thresholds[id]
	if !found {
		return nil
	}
	out := t.Wire()
	if modelID != nil {
		if m, has := c.models[*modelID]; has {
			out.Model = m.Wire()
		}
	}
	if full {
		b, d, e := c.branches.Branch(t.BranchID), c.testbeds[t.TestbedID].Wire(), c.measures[t.MeasureID].Wire()
		out.Branch, out.Testbed, out.Measure = &b, &d, &e
	}
	return &out
}

// modelThreshold returns the threshold that a model belongs to, with this model; nil if there is no model or the threshold was deleted.
func (c catalogue) modelThreshold(seq *int64) *api.Threshold {
	if seq == nil {
		return nil
	}
	m := c.numbered[*seq]
	return c.threshold(m.ThresholdID, &m.ID, false)
}

func metric(m report.Metric) api.Metric {
	return api.Metric{UUID: ident.MetricUUID(m.ID), Value: m.Value, LowerValue: m.Lower, UpperValue: m.Upper, Samples: m.Samples}
}

// boundary returns what a metric was held against, nil if no model judged it.
func boundary(m report.Metric) *api.Boundary {
	if m.ModelSeq == nil {
		return nil
	}
	return &api.Boundary{Baseline: m.Baseline, LowerLimit: m.LowerLimit, UpperLimit: m.UpperLimit}
}

func perfAlert(a threshold.Alert) *api.PerfAlert {
	return &api.PerfAlert{UUID: a.ID, Limit: a.Limit, Status: a.Status, Modified: a.Modified}
}

// user returns who submitted; nil for a key without a person.
func (c catalogue) user(accountID *string) *api.PubUser {
	if accountID == nil {
		return nil
	}
	a, has := c.accounts[*accountID]
	if !has {
		return nil
	}
	user := a.PubWire()
	return &user
}
