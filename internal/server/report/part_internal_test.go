package report

import (
	"slices"
	"testing"
)

// TestManyReportsAreReadTogether: however series are spread over them, few queries read all, each pair of a report and its series is
// looked for once, and no query looks for more pairs than it may, but for a report that alone has more.
func TestManyReportsAreReadTogether(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reports, each int
		first         func(report int) int64
		most          int
	}{
		"one value each, of 60 types":       {20_000, 1, func(r int) int64 { return int64(r % 60) }, 30},
		"240 values each, of 60 types":      {720, 240, func(r int) int64 { return int64(r % 60 * 240) }, 20},
		"one value each, of its own series": {20_000, 1, func(r int) int64 { return int64(r) }, 100},
		"more than a query looks for":       {3, probesPerQuery + 1, func(int) int64 { return 0 }, 3},
		"none":                              {},
	} {
		var in []linesOf
		for r := range tc.reports {
			one := linesOf{reportSeq: int64(r + 1)}
			for i := range tc.each {
				one.series = append(one.series, tc.first(r)+int64(i))
			}
			in = append(in, one)
		}
		groups, read := together(slices.Clone(in)), map[int64]map[int64]bool{}
		if len(groups) > tc.most {
			t.Errorf("%s: %d queries", name, len(groups))
		}
		for _, g := range groups {
			series := map[int64]bool{}
			for _, id := range g.series {
				series[id] = true
			}
			if len(g.series) != len(series) || len(g.series)*len(g.reportSeqs) > probesPerQuery && len(g.reportSeqs) > 1 {
				t.Errorf("%s: a group of %d reports and %d series, %d of them different", name, len(g.reportSeqs), len(g.series), len(series))
			}
			for _, seq := range g.reportSeqs {
				if read[seq] != nil {
					t.Errorf("%s: report %d is read twice", name, seq)
				}
				read[seq] = series
			}
		}
		for _, r := range in {
			for _, id := range r.series {
				if !read[r.reportSeq][id] {
					t.Fatalf("%s: series %d of report %d is not read", name, id, r.reportSeq)
				}
			}
		}
	}
}
