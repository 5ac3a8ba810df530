package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
	measures "github.com/tachograph/tacho/internal/core/unit"
)

// UsualUnits is the number of units a side that a grade is for, unless somebody measures with another.
const UsualUnits = 5

// Noise is how much a measure of a benchmark varies while the code stays the same (an A/A run). Numbers that are not known are NaN.
type Noise struct {
	Typical float64 // the geometric mean of the units, or the mean where values are zero or below
	SD      float64 // between units: of their logarithms, or relative to the mean where values are zero or below
	Units   int     // runs of the program
	Values  int     // their samples
	Exact   bool    // all are equal, and the measure is counted or there are enough
	Modes   *NoiseModes
	Drifts  bool // neighbouring units are alike: the machine changes slowly, and versions measured one after the other differ by that
	Notes   []Note
}

// NoiseModes are two values around which the samples lie.
type NoiseModes struct {
	Cut      float64 // samples above are slow
	Share    float64 // of samples that are
	Units    int     // most samples of which are
	Outliers bool    // the share is below 15 %: more likely outliers than a mode
}

// NoiseOf looks at runs of identical code, in the order in which they ran.
func NoiseOf(m measures.Measure, runs Side) Noise {
	n := Noise{Typical: math.NaN(), SD: math.NaN()}
	side, left := runs.finite()
	if left > 0 {
		n.Notes = append(n.Notes, NoteNotFinite)
	}
	units := side.units(ByProcess)
	all := side.all()
	n.Units, n.Values = len(units), len(all)
	if n.Units == 0 {
		return n
	}
	values := means(units)
	logs, positive := stats.Logs(values)
	switch {
	case positive:
		n.Typical = math.Exp(stats.Mean(logs))
		values = logs
	default:
		n.Typical = stats.Mean(values)
	}
	if constant(side) {
		n.Typical = all[0] // a logarithm and back rounds
		n.Exact = m.Exact || perOperation(m) && n.Values > 1 || n.Values >= exactReruns
	}
	if n.Units < 2 {
		return n
	}
	switch sd := stats.SampleSD(values); {
	case constant(side):
		n.SD = 0
	case positive:
		n.SD = sd
	case n.Typical != 0:
		n.SD = sd / math.Abs(n.Typical)
	}
	rho := stats.LagOne(values)
	n.Drifts = rho > correlatedFrom && rho > 2.6/math.Sqrt(float64(n.Units)) // one benchmark in 200 by chance
	n.modes(units, all, positive)
	n.Notes = append(n.Notes, within(side)...)
	return n
}

// modesApart is from which distance on two modes matter: closer ones cannot make "same" wrong.
const modesApart = 0.02

// modes looks for two modes in all samples.
func (n *Noise) modes(units []unit, all []float64, positive bool) {
	xs := slices.Clone(all)
	if positive = positive && allPositive(xs); positive {
		xs, _ = stats.Logs(xs)
	}
	m, two := stats.TwoModes(xs)
	if !two {
		return
	}
	if apart := m.High - m.Low; positive && apart < math.Log1p(modesApart) || !positive && apart < modesApart*math.Abs(n.Typical) {
		return
	}
	if n.Modes = (&NoiseModes{Cut: m.Cut, Share: m.Share, Outliers: m.Share < .15}); positive {
		n.Modes.Cut = math.Exp(m.Cut)
	}
	for _, u := range units {
		above := 0
		for _, v := range u.values {
			if v > n.Modes.Cut {
				above++
			}
		}
		if 2*above > len(u.values) {
			n.Modes.Units++
		}
	}
}

// Processes is what the noise says of how processes of identical code deviate from each other; nothing below ten runs.
func (n Noise) Processes() ProcessNoise {
	if n.Units < gradedUnits || !(n.SD > 0) {
		return ProcessNoise{}
	}
	return ProcessNoise{n.SD, n.Units}
}

// Modal reports whether there are two modes that are no outliers.
func (n Noise) Modal() bool { return n.Modes != nil && !n.Modes.Outliers }

// Detectable is the relative change that so many units a side find in 80 % of cases, NaN where that is not known.
func (n Noise) Detectable(units int) float64 {
	if n.Exact {
		return 0
	}
	return math.Expm1(stats.PlannedDetectable(n.SD, units))
}

// Grade is the grade of a comparison with so many units a side. Two modes are the last one, and too few units, or units that do not vary
// although nothing says that they are exact, have none.
func (n Noise) Grade(units int) Grade {
	switch {
	case n.Units < gradedUnits, n.SD == 0 && !n.Exact:
		return GradeLearning
	case n.Modal():
		return GradeModal
	}
	return GradeOf(n.Detectable(units), n.Units)
}

// Remarks are what people should know of the noise beside its grade.
func (n Noise) Remarks() (out []string) {
	if n.Exact {
		return []string{"never varies"}
	}
	switch {
	case n.Units < gradedUnits:
		out = append(out, fmt.Sprintf("learning: %d of %d runs", n.Units, gradedUnits))
	case n.SD == 0:
		out = append(out, "learning: no variance seen, and it is not counted")
	case math.IsNaN(n.SD):
		out = append(out, "its mean is zero")
	}
	if m := n.Modes; m != nil && m.Outliers {
		out = append(out, fmt.Sprintf("outliers: %s of samples", Percent(m.Share)))
	} else if m != nil {
		out = append(out, fmt.Sprintf("two modes: %s of samples slow, in %d of %d runs", Percent(m.Share), m.Units, n.Units))
	}
	if n.Drifts {
		out = append(out, "drifts: neighbouring runs are alike, so measure versions in turns (--ab)")
	}
	for _, note := range n.Notes {
		out = append(out, note.Text())
	}
	return out
}

// WithNoise is a comparison that knows what identical code varies by: it has the grade for so many units a side and, where its own sides
// have too few processes to say what could have been seen, that by the noise. The verdict stays.
func (c Comparison) WithNoise(n Noise, units int) Comparison {
	c.Grade = n.Grade(units)
	if c.AtLeast && c.Level == ByProcess && min(c.Units[0], c.Units[1]) > 1 && n.Units >= gradedUnits && n.SD > 0 {
		df := float64(c.Units[0] + c.Units[1] - 2)
		sd := n.SD * math.Sqrt(1/float64(c.Units[0])+1/float64(c.Units[1]))
		c.Detectable = math.Expm1((stats.StudentQuantile(0.975, df) + stats.StudentQuantile(0.8, df)) * sd)
	}
	return c
}
