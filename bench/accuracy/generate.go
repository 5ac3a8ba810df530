package main

import (
	"math"
	"math/rand/v2"
)

// labelled is a series whose changes are known.
type labelled struct {
	Set    string    `json:"set"`
	Source string    `json:"source,omitempty"`
	Labels []int     `json:"labels"`
	Maybe  []int     `json:"maybe,omitempty"` // places where reasonable people differ: they count neither way
	Values []float64 `json:"values"`
	Number int       `json:"-"` // among the series of its noise and size
}

// noises are the kinds of noise, each a source of errors on the logarithmic scale with a standard deviation of about 1.
var noises = []struct {
	name string
	make func(r *rand.Rand) func(i int) float64
}{
	{"normal", func(r *rand.Rand) func(int) float64 { return func(int) float64 { return r.NormFloat64() } }},
	{"skewed", func(r *rand.Rand) func(int) float64 {
		return func(int) float64 { return r.ExpFloat64() - 1 }
	}},
	{"heavy tails", func(r *rand.Rand) func(int) float64 { // Student's t with 3 degrees
		return func(int) float64 {
			a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
			return r.NormFloat64() / math.Sqrt((a*a+b*b+c*c)/3) / math.Sqrt(3)
		}
	}},
	{"outliers", func(r *rand.Rand) func(int) float64 {
		return func(int) float64 {
			if r.Float64() < 0.03 {
				return 8 * r.ExpFloat64()
			}
			return r.NormFloat64()
		}
	}},
	{"uneven", func(r *rand.Rand) func(int) float64 { // its size changes every 50 values
		size := 1.0
		return func(i int) float64 {
			if i%50 == 0 {
				size = math.Exp(0.5 * r.NormFloat64())
			}
			return size * r.NormFloat64()
		}
	}},
	{"autocorrelated", func(r *rand.Rand) func(int) float64 { // AR(1), φ = 0.6
		last := 0.0
		return func(int) float64 {
			last = 0.6*last + 0.8*r.NormFloat64()
			return last
		}
	}},
	{"two modes", func(r *rand.Rand) func(int) float64 {
		return func(int) float64 {
			if r.Float64() < 0.3 {
				return 4 + 0.5*r.NormFloat64()
			}
			return 0.5 * r.NormFloat64()
		}
	}},
	{"drift", func(r *rand.Rand) func(int) float64 {
		slope := 0.02 * r.NormFloat64()
		return func(i int) float64 { return slope*float64(i) + r.NormFloat64() }
	}},
}

// sizes are steps as shares; 0 is a stable series.
var sizes = []float64{0, 0.01, 0.02, 0.05, 0.1}

// generated are each series of each noise and each size, of 150 to 350 values, with one to three steps at least 25 values apart.
func generated(seed uint64, each int) (all []labelled) {
	r := rand.New(rand.NewPCG(seed, 0))
	for _, noise := range noises {
		for _, size := range sizes {
			for number := range each {
				n := 150 + r.IntN(200)
				sd := 0.003 * math.Exp(2*r.Float64()) // 0.3 to 2.2 %
				s := labelled{Set: set(size), Source: noise.name, Number: number, Values: make([]float64, n)}
				steps := map[int]float64{}
				for at := 25 + r.IntN(50); size > 0 && at < n-25 && len(steps) < 3; at += 25 + r.IntN(100) {
					steps[at] = math.Log1p(size) * float64(1-2*r.IntN(2))
					s.Labels = append(s.Labels, at)
				}
				next, level := noise.make(r), math.Log(100)
				for i := range s.Values {
					level += steps[i]
					s.Values[i] = math.Exp(level + sd*next(i))
				}
				all = append(all, s)
			}
		}
	}
	return all
}
