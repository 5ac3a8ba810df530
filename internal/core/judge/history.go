package judge

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// Reported is the value of one report in a series: the median of its iterations.
type Reported struct {
	Value float64
	Day   string // of the measurement
	Host  string
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
	Ratio        float64 // head over what is typical of the history; NaN where there is none
	Lower, Upper float64 // where the next report is expected; NaN while learning
	Detectable   float64 // the relative change of one report that would have been outside in 80 % of cases
	Comparison   *Comparison
}

// AgainstHistory holds the reports of a head against those of its base since the last change point, oldest first, all of one testbed and
// specification, without the head. The unit is the report, because it carries host and day: several runs in one job are one. A head with
// reports of three different days or hosts is compared like a version of its own; fewer of them only raise a suspicion, by the prediction
// interval m ± t_{n−1,1−α/2}·s·√(1+1/n), α = 0.001, on logarithms where all values are positive.
func AgainstHistory(measure measures.Measure, base, head []Reported, policy Policy) Held {
	out := Held{Ratio: math.NaN(), Lower: math.NaN(), Upper: math.NaN(), Detectable: math.NaN(), Outlook: Learning}
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
	if logs {
		out.Ratio = math.Exp(at - center)
	} else if center != 0 {
		out.Ratio = at / center
	}
	if len(base) < historyLeast {
		return out
	}
	if apart(head) >= headLeast {
		row := Row{Measure: measure, Old: sideOf(base), New: sideOf(head)}
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
