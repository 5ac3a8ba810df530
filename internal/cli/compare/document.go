package compare

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/judge"
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
	Rows     []documentRow         `json:"rows"`
	Geomeans []documentGeomean     `json:"geomeans,omitempty"`
	OnlyOld  []string              `json:"only_old,omitempty"`
	OnlyNew  []string              `json:"only_new,omitempty"`
	Notes    []string              `json:"notes,omitempty"`
}

type documentRow struct {
	Benchmark  string        `json:"benchmark"`
	Measure    string        `json:"measure"`
	Units      string        `json:"units"`
	Direction  string        `json:"direction"`
	Verdict    judge.Verdict `json:"verdict"`
	Why        judge.Why     `json:"why,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Old        *float64      `json:"old"`
	New        *float64      `json:"new"`
	Ratio      *float64      `json:"ratio"`
	Interval   *[2]float64   `json:"interval"`
	Difference *float64      `json:"difference"`
	P          *float64      `json:"p"`
	Q          *float64      `json:"q"`
	Exact      bool          `json:"exact"`
	Detectable *float64      `json:"detectable"`
	AtLeast    bool          `json:"detectable_is_lower_bound,omitempty"`
	Needed     int           `json:"units_needed,omitempty"`
	Grade      judge.Grade   `json:"grade,omitempty"`
	Unit       judge.Level   `json:"unit"`
	N          [2]int        `json:"n"`
	Values     [2]int        `json:"values"`
	RankP      *float64      `json:"rank_p"`
	Shift      *[2]float64   `json:"shift_interval"`
	Modes      *documentMode `json:"modes,omitempty"`
	Notes      []judge.Note  `json:"notes,omitempty"`
}

type documentMode struct {
	Cut      float64    `json:"cut"`
	Slow     [2]int     `json:"slow_units"`
	Share    [2]float64 `json:"slow_share"`
	P        float64    `json:"p"`
	Outliers bool       `json:"outliers"`
}

type documentGeomean struct {
	Measure    string      `json:"measure"`
	Benchmarks int         `json:"benchmarks"`
	Ratio      *float64    `json:"ratio"`
	Interval   *[2]float64 `json:"interval"`
	N          [2]int      `json:"n"`
}

func (v *view) document() document {
	d := document{Verdict: v.verdict, Old: v.before, New: v.after, Adapter: v.tool, Counts: v.counts(), Tests: v.cs.Tests,
		Rows: []documentRow{}, OnlyOld: v.onlyOld, OnlyNew: v.onlyNew, Notes: v.footnotes()}
	for _, i := range v.cs.ByCertainty() {
		c, row := v.cs.Rows[i], v.rows[i]
		out := documentRow{Benchmark: row.Benchmark, Measure: row.Measure.Name, Units: row.Measure.Units,
			Direction: string(row.Measure.Direction), Verdict: c.Verdict, Why: c.Why, Reason: c.Because(v.policy), Old: show.Number(c.Old),
			New: show.Number(c.New), Ratio: show.Number(c.Ratio), Interval: show.Numbers(c.Lower, c.Upper),
			Difference: show.Number(c.Difference), P: show.Number(c.P),
			Q: show.Number(c.Q), Exact: c.Exact, Detectable: show.Number(c.Detectable), AtLeast: c.AtLeast, Needed: c.Needed, Grade: c.Grade,
			Unit: c.Level, N: c.Units, Values: c.Values, RankP: show.Number(c.RankP), Shift: show.Numbers(c.ShiftLower, c.ShiftHigh), Notes: c.Notes}
		if m := c.Modes; m != nil {
			out.Modes = &documentMode{m.Cut, m.Slow, m.Share, m.P, m.Outliers}
		}
		d.Rows = append(d.Rows, out)
	}
	for _, g := range v.cs.Geomeans {
		if g.Benchmarks > 0 {
			d.Geomeans = append(d.Geomeans, documentGeomean{g.Measure, g.Benchmarks, show.Number(g.Ratio), show.Numbers(g.Lower, g.Upper), g.Units})
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
			upper, number(r.P), number(r.Q), strconv.FormatBool(r.Exact), number(r.Detectable), string(r.Unit), strconv.Itoa(r.N[0]),
			strconv.Itoa(r.N[1])})
	}
	out.Flush()
	return out.Error()
}
