package compare

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/judge/wire"
)

// document is the comparison as JSON. Verdict, ratio and interval at the top are those of the row, or of all rows together with the
// geomean of the first measure.
type document struct {
	Verdict  judge.Verdict         `json:"verdict"`
	Ratio    *float64              `json:"ratio"`
	Interval *[2]float64           `json:"interval"`
	Old      []string              `json:"old"`
	New      []string              `json:"new"`
	Adapter  string                `json:"adapter"`
	Counts   map[judge.Verdict]int `json:"counts"`
	Tests    int                   `json:"tests"`
	Rows     []api.ComparisonRow   `json:"rows"`
	Geomeans []api.ComparisonMean  `json:"geomeans,omitempty"`
	OnlyOld  []string              `json:"only_old,omitempty"`
	OnlyNew  []string              `json:"only_new,omitempty"`
	Notes    []string              `json:"notes,omitempty"`
}

func (v *view) document() document {
	d := document{Verdict: v.verdict, Old: v.before, New: v.after, Adapter: v.tool, Counts: v.counts(), Tests: v.cs.Tests,
		Rows: []api.ComparisonRow{}, OnlyOld: v.onlyOld, OnlyNew: v.onlyNew, Notes: v.footnotes()}
	for _, i := range v.order {
		d.Rows = append(d.Rows, wire.Row(v.rows[i].Benchmark, v.rows[i].Measure, v.cs.Rows[i], v.policy))
	}
	for _, c := range v.columns {
		if c.geomean.Benchmarks > 0 {
			d.Geomeans = append(d.Geomeans, wire.Mean(c.geomean))
		}
	}
	switch {
	case len(d.Rows) == 1:
		d.Ratio, d.Interval = d.Rows[0].Ratio, d.Rows[0].Interval
	case len(d.Geomeans) > 0:
		d.Ratio, d.Interval = d.Geomeans[0].Ratio, d.Geomeans[0].Interval
	}
	return d
}

// writeCSV writes one line for each row, the surest first.
func (v *view) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"benchmark", "measure", "units", "verdict", "reason", "old", "new", "ratio", "lower", "upper", "p", "q", "exact",
		"detectable", "unit", "n_old", "n_new"}) // Flush has the error
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, r := range v.document().Rows {
		lower, upper := "", ""
		if r.Interval != nil {
			lower, upper = number(&r.Interval[0]), number(&r.Interval[1])
		}
		_ = out.Write([]string{r.Benchmark, r.Measure, r.Units, string(r.Verdict), r.Reason, number(r.Old), number(r.New), number(r.Ratio), lower,
			upper, number(r.P), number(r.Q), strconv.FormatBool(r.Exact), number(r.Detectable), r.Unit, strconv.Itoa(r.N[0]),
			strconv.Itoa(r.N[1])})
	}
	out.Flush()
	return out.Error()
}
