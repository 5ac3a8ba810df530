// Package threshold is the room of thresholds, their models, and the alerts that they raise. How a model judges is in core/judge.
//
// Report and explore call it; the edges name its filters.
package threshold
