package explore

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
)

// What tests outside of this package look at.
var (
	LineReportsQuery  = lineReportsQuery
	SeriesPointsQuery = seriesPointsQuery
	LinePlacesQuery   = linePlacesQuery
	SeriesSpotsQuery  = seriesSpotsQuery

	NewestReportsQuery    = newestReportsQuery
	MeasuredVersionsQuery = measuredVersionsQuery
	VersionReportsQuery   = versionReportsQuery
	SparkReportsQuery     = sparkReportsQuery
	SparkValuesQuery      = sparkValuesQuery
)

// Perf is WritePerfColumns for tests: what a client makes of the columns.
func (s *Service) Perf(ctx context.Context, actor access.Actor, ref string, q PerfQuery) (out api.Perf, err error) {
	var text bytes.Buffer
	if err := s.WritePerfColumns(ctx, &text, actor, ref, q); err != nil {
		return out, err
	}
	var columns api.PerfColumns
	if err := json.Unmarshal(text.Bytes(), &columns); err != nil {
		return out, err
	}
	return columns.Perf()
}
