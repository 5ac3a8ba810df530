package judge

import "math"

// Grade says how small a change of a benchmark can be seen.
type Grade string

// The grades, by the detectable change at the usual number of units.
const (
	GradeA        Grade = "A" // up to 1 %
	GradeB        Grade = "B" // 2 %
	GradeC        Grade = "C" // 5 %
	GradeD        Grade = "D" // 10 %
	GradeE        Grade = "E" // 25 %
	GradeF        Grade = "F" // more, or two modes
	GradeLearning Grade = ""  // too few units of one version to tell

	GradeModal = GradeF
)

// gradedUnits is from how many units of identical code, both sides together, a grade is given.
const gradedUnits = 10

// GradeOf returns the grade for a detectable change, relative, which units measurements of identical code have told.
func GradeOf(detectable float64, units int) Grade {
	if units < gradedUnits || math.IsNaN(detectable) {
		return GradeLearning
	}
	for _, g := range []struct {
		most  float64
		grade Grade
	}{{.01, GradeA}, {.02, GradeB}, {.05, GradeC}, {.10, GradeD}, {.25, GradeE}} {
		if detectable <= g.most {
			return g.grade
		}
	}
	return GradeF
}
