package show

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/judge"
)

// GradeCell is a grade in a table.
func GradeCell(grade string) term.Cell {
	cell := term.Text(grade)
	switch judge.Grade(grade) {
	case judge.GradeA, judge.GradeB:
		cell.Colour = term.Good
	case judge.GradeE, judge.GradeF:
		cell.Colour = term.Bad
	}
	return cell
}

// Grades counts grades: "A 3, C 1, 2 learning".
func Grades(grades []judge.Grade) string {
	counts := map[judge.Grade]int{}
	for _, g := range grades {
		counts[g]++
	}
	var parts []string
	for _, g := range []judge.Grade{judge.GradeA, judge.GradeB, judge.GradeC, judge.GradeD, judge.GradeE, judge.GradeF} {
		if counts[g] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", g, counts[g]))
		}
	}
	if n := counts[judge.GradeLearning]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d learning", n))
	}
	return strings.Join(parts, ", ")
}
