package baseline

import (
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/stats"
)

// Test is a way to tell whether two versions of a benchmark differ. Each side has the values of its processes.
type Test struct {
	Name    string
	Differs func(before, after [][]float64) bool
}

// Tests are those of other tools, each row by itself, as they do it.
func Tests() []Test {
	return []Test{
		{"U test of each row, 0.05 (benchstat)", RankTest},
		{"Welch on iterations, 0.05", WelchTest},
		{"Bencher, t 0.99", LimitTest},
		{"5 % or more", func(before, after [][]float64) bool { return PercentTest(before, after, 0.05) }},
	}
}

// RankTest is Mann and Whitney's on all iterations at 5 %, without regard to the number of rows (golang.org/x/perf, benchmath).
func RankTest(before, after [][]float64) bool {
	return stats.MannWhitney(slices.Concat(before...), slices.Concat(after...)).P < 0.05
}

// WelchTest is Welch's t-test on all iterations at 5 %.
func WelchTest(before, after [][]float64) bool {
	return stats.Welch(slices.Concat(before...), slices.Concat(after...)).P < 0.05
}

// LimitTest holds the mean of the new side against Bencher's limits from the processes of the old one, on both sides
// (docs/bencher.md).
func LimitTest(before, after [][]float64) bool {
	history := make([]float64, len(before))
	for i, p := range before {
		history[i] = stats.Mean(p)
	}
	if len(history) < 2 {
		return false
	}
	n, s := float64(len(history)), stats.SampleSD(history)
	half := stats.StudentQuantile(0.99, n-1) * s * math.Sqrt(1+1/n)
	return s > 0 && math.Abs(stats.Mean(slices.Concat(after...))-stats.Mean(history)) > half
}

// PercentTest asks for a difference of the means by a share of the old one.
func PercentTest(before, after [][]float64, share float64) bool {
	a, b := stats.Mean(slices.Concat(before...)), stats.Mean(slices.Concat(after...))
	return math.Abs(b/a-1) >= share
}

// EachPair looks at a t-test after each pair from the fifth on and stops at 5 %, as a person does who waits for significance. It
// returns how many pairs that took: most of them, where nothing was found.
func EachPair(pair func() float64, most int) (differs bool, pairs int) {
	var ds []float64
	for len(ds) < most {
		if ds = append(ds, pair()); len(ds) >= 5 && stats.OneSample(ds).P < 0.05 {
			return true, len(ds)
		}
	}
	return false, most
}

// FixedPairs is a t-test at 5 % after a number of pairs.
func FixedPairs(pair func() float64, pairs int) (differs bool, used int) {
	ds := make([]float64, pairs)
	for i := range ds {
		ds[i] = pair()
	}
	return stats.OneSample(ds).P < 0.05, pairs
}
