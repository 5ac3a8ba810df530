package change

import (
	"fmt"
	"slices"
	"testing"
)

// everyNth are the places of a change every step of n values.
func everyNth(n, step int) (at []int) {
	for i := step; i < n; i += step {
		at = append(at, i)
	}
	return at
}

// BenchmarkDetect is a series from scratch: stable, with a change in 100 values, and with one in eight, which is worse than any real one.
func BenchmarkDetect(b *testing.B) {
	for _, n := range []int{300, 1_000, 10_000} {
		for _, apart := range []int{n, 100, 8} {
			values := steps(1, n, 0.01, 0.05, everyNth(n, apart)...)
			b.Run(fmt.Sprintf("%d/%d", n, apart), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					find(b, values)
				}
			})
		}
	}
}

// BenchmarkAppend is one more value with what is known then, at the longest that a window becomes.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{300, 1_240, 101_240} {
		for _, apart := range []int{n, 100, 8} {
			values := steps(1, n, 0.01, 0.05, everyNth(n, apart)...)
			b.Run(fmt.Sprintf("%d/%d", n, apart), func(b *testing.B) {
				s, err := New(Params{})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Append(values...); err != nil {
					b.Fatal(err)
				}
				s.Result()
				kept, recent := slices.Clone(s.values), s.recent
				b.ReportAllocs()
				for b.Loop() {
					s.values, s.recent = append(s.values[:0], kept...), recent
					if err := s.Append(100.5); err != nil {
						b.Fatal(err)
					}
					s.Result()
				}
			})
		}
	}
}

// BenchmarkManySeries is a pass over a project: 1,000 series of 1,000 values.
func BenchmarkManySeries(b *testing.B) {
	var all [][]float64
	for seed := range uint64(1_000) {
		all = append(all, steps(seed, 1_000, 0.02, 0.05, 300, 800))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, values := range all {
			find(b, values)
		}
	}
}
