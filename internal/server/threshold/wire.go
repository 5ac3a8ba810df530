package threshold

import "github.com/tachograph/tacho/api"

// What the rows of this room are on the wire.

// Wire is a threshold without what it names: its model, branch, testbed and measure.
func (t Threshold) Wire() api.Threshold {
	return api.Threshold{UUID: t.ID, Project: t.ProjectID, Created: t.Created, Modified: t.Modified}
}

// Wire is a model's row.
func (m Model) Wire() *api.ModelRow {
	return &api.ModelRow{UUID: m.ID, Created: m.Created, Replaced: m.Replaced, Model: api.Model{
		Test: m.Test, MinSampleSize: m.MinSampleSize, MaxSampleSize: m.MaxSampleSize, Window: m.WindowSeconds,
		LowerBoundary: m.LowerBoundary, UpperBoundary: m.UpperBoundary}}
}
