package judge

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// Reported is the value of one report in a series: the median of its iterations.
type Reported struct {
	Value  float64
	Values []float64 // of the iterations, as far as they are known: whether all are equal decides if it is a count
	Day    string    // of the measurement
	Host   string
}

// Past is a row of a head's comparison with the history that it comes from: the reports of the base since its last change point, oldest
// first, and those of the head, all of one testbed and specification.
type Past struct {
	Benchmark  string
	Measure    measures.Measure
	Base, Head []Reported
}

// AgainstHistories judges all rows together as AgainstHistory does each. Exact values are compared with the newest of the base, without
// learning: the second value of a count is judged. Among the changes that are claimed of rows with reports enough of their own, a share of
// Alpha at most is false. Geomeans have no interval, because each row has a base of its own.
func AgainstHistories(rows []Past, policy Policy) Comparisons {
	policy = policy.withDefaults()
	out := Comparisons{Rows: make([]Comparison, len(rows))}
	ps := make([]float64, len(rows))
	for i, row := range rows {
		ps[i] = math.NaN()
		if c, exact := counted(row, policy); exact {
			out.Rows[i] = c
			continue
		}
		held := AgainstHistory(row.Measure, row.Base, row.Head, policy)
		out.Rows[i] = held.row(len(row.Head))
		if held.Comparison != nil && out.Rows[i].comparable {
			ps[i] = out.Rows[i].P
			out.Tests++
		}
	}
	for i, q := range stats.BenjaminiHochberg(ps) {
		if !math.IsNaN(ps[i]) {
			out.Rows[i].Q = q
			out.Rows[i].decide(rows[i].Measure, policy)
		}
	}
	out.Geomeans = geomeansOf(rows, out.Rows)
	return out
}

// counted compares a row as a count, if it is one: the reports of the head with the newest of the base, or with all of them where only
// their being equal shows that it is a count.
func counted(row Past, policy Policy) (c Comparison, exact bool) {
	base := row.Base
	if row.Measure.Exact && len(base) > 0 {
		base = base[len(base)-1:]
	}
	c = compare(Row{Measure: row.Measure, Old: iterationsOf(base), New: iterationsOf(row.Head), Reports: true}, policy)
	if !c.Exact {
		return c, false
	}
	c.Level, c.Units = ByReport, [2]int{len(base), len(row.Head)}
	c.decide(row.Measure, policy)
	return c, true
}

func iterationsOf(reports []Reported) (out Side) {
	for _, r := range reports {
		values := r.Values
		if len(values) == 0 {
			values = []float64{r.Value}
		}
		out = append(out, Process{Host: r.Host, Values: values})
	}
	return out
}

// row is the outlook as a row of a comparison, of a head with so many reports.
func (h Held) row(heads int) Comparison {
	if h.Comparison != nil {
		return *h.Comparison
	}
	c := unknown()
	c.Verdict, c.Level, c.Units, c.Values = Verdict(h.Outlook), ByReport, [2]int{h.Base, heads}, [2]int{h.Base, heads}
	c.Old, c.New, c.Ratio, c.Detectable, c.Expected = h.Old, h.New, h.Ratio, h.Detectable, [2]float64{h.Lower, h.Upper}
	c.Difference = c.New - c.Old
	c.Why = map[Outlook]Why{Learning: WhyLearning, Suspicious: WhyOutside, Unknown: WhyInside}[h.Outlook]
	if h.Base == 0 || heads == 0 {
		c.Verdict, c.Why = Undecided, WhyNoData
	}
	return c
}

// geomeansOf are the typical ratios of each measure over the rows.
func geomeansOf(rows []Past, judged []Comparison) (out []Geomean) {
	place := map[string]int{}
	var sums []float64
	for i, row := range rows {
		at, seen := place[row.Measure.Name]
		if !seen {
			at = len(out)
			place[row.Measure.Name] = at
			out = append(out, Geomean{Measure: row.Measure.Name, Ratio: math.NaN(), Lower: math.NaN(), Upper: math.NaN()})
			sums = append(sums, 0)
		}
		if r := judged[i].Ratio; r > 0 && !odd(r) {
			out[at].Benchmarks++
			sums[at] += math.Log(r)
		}
	}
	for i := range out {
		if n := out[i].Benchmarks; n > 0 {
			out[i].Ratio = math.Exp(sums[i] / float64(n))
		}
	}
	return out
}

// Outlook is how a head compares with the history that it comes from.
type Outlook string

// The outlooks. None of them is a claim: a report that lies outside asks for reruns or an interleaved comparison.
const (
	Learning   Outlook = "learning"   // fewer than five reports since the last change
	Suspicious Outlook = "suspicious" // outside of what the next report would be in 999 of 1,000 cases
	Unknown    Outlook = "undecided"  // inside
	Confirmed  Outlook = "compared"   // the head has enough reports of its own: see Comparison
)

// The size of a history: the newest thirty reports, five at least.
const (
	historyMost  = 30
	historyLeast = 5
	headLeast    = 3
	historyAlpha = 0.001
)

// Held is a head held against the reports since the last change point of its base.
type Held struct {
	Outlook      Outlook
	Base         int     // reports of the history that count
	Old, New     float64 // what is typical of the history, and of the head; NaN where there is none
	Ratio        float64 // head over what is typical of the history; NaN where there is none
	Lower, Upper float64 // where the next report is expected; NaN while learning
	Detectable   float64 // the relative change of one report that would have been outside in 80 % of cases
	Comparison   *Comparison
}

// AgainstHistory holds the reports of a head against those of its base since the last change point, oldest first, all of one testbed and
// specification, without the head. The unit is the report, because it carries host and day: several runs in one job are one. Where both
// have reports of three different days or hosts they are compared like two versions; fewer only raise a suspicion, by the prediction
// interval m ± t_{n−1,1−α/2}·s·√(1+1/n), α = 0.001, on logarithms where all values are positive.
func AgainstHistory(measure measures.Measure, base, head []Reported, policy Policy) Held {
	out := Held{Old: math.NaN(), New: math.NaN(), Ratio: math.NaN(), Lower: math.NaN(), Upper: math.NaN(), Detectable: math.NaN(),
		Outlook: Learning}
	base, head = slices.DeleteFunc(slices.Clone(base), notFinite), slices.DeleteFunc(slices.Clone(head), notFinite)
	base = base[max(0, len(base)-historyMost):]
	out.Base = len(base)
	if len(base) == 0 || len(head) == 0 {
		return out
	}
	now, positive := stats.Logs(reportedValues(head))
	past, alsoPositive := stats.Logs(reportedValues(base))
	logs := positive && alsoPositive
	if !logs {
		now, past = reportedValues(head), reportedValues(base)
	}
	center := stats.Mean(past)
	at := stats.Median(now)
	back := func(x float64) float64 {
		if logs {
			return math.Exp(x)
		}
		return x
	}
	out.Old, out.New = back(center), back(at)
	if logs {
		out.Ratio = math.Exp(at - center)
	} else if center != 0 {
		out.Ratio = at / center
	}
	if len(base) < historyLeast {
		return out
	}
	if min(apart(head), apart(base)) >= headLeast { // else one side has no spread of days and hosts to test by
		row := Row{Measure: measure, Old: sideOf(base), New: sideOf(head), Reports: true}
		c := Compare([]Row{row}, policy).Rows[0]
		out.Outlook, out.Comparison, out.Detectable = Confirmed, &c, c.Detectable
		return out
	}
	n := float64(len(base))
	sd := stats.SampleSD(past) * math.Sqrt(1+1/n)
	edge := stats.StudentQuantile(1-historyAlpha/2, n-1)
	out.Lower, out.Upper = back(center-edge*sd), back(center+edge*sd)
	if seen := (edge + stats.StudentQuantile(0.8, n-1)) * sd; logs {
		out.Detectable = math.Expm1(seen)
	} else if center != 0 {
		out.Detectable = seen / math.Abs(center)
	}
	out.Outlook = Unknown
	if value := back(at); value < out.Lower-rounding*math.Abs(value) || value > out.Upper+rounding*math.Abs(value) {
		out.Outlook = Suspicious
	}
	return out
}

// rounding is what logarithms and back may take off a value that has not changed.
const rounding = 1e-12

func notFinite(r Reported) bool { return odd(r.Value) }

func reportedValues(reports []Reported) []float64 {
	out := make([]float64, len(reports))
	for i, r := range reports {
		out[i] = r.Value
	}
	return out
}

// apart counts the reports of different days or hosts.
func apart(reports []Reported) int {
	seen := map[[2]string]bool{}
	for _, r := range reports {
		seen[[2]string{r.Day, r.Host}] = true
	}
	return len(seen)
}

// sideOf takes each day on a host for a process, with its reports as iterations.
func sideOf(reports []Reported) (out Side) {
	place := map[[2]string]int{}
	for _, r := range reports {
		key := [2]string{r.Day, r.Host}
		at, seen := place[key]
		if !seen {
			at = len(out)
			place[key] = at
			out = append(out, Process{Name: r.Day + " " + r.Host})
		}
		out[at].Values = append(out[at].Values, r.Value)
	}
	return out
}
