package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// What a project has.
const (
	benchmarkCount = 300
	commitCount    = 200
	machineStep    = 0.06
	margin         = 15 // commits between two planted things, and from them to the ends
)

var (
	branches = []string{"main", "release", "topic"}
	testbeds = []string{"metal", "arm"}
)

// place is where a line or a planted thing is.
type place struct{ branch, testbed int }

func (p place) String() string { return branches[p.branch] + " on " + testbeds[p.testbed] }

// step is something that was planted: from a commit on, members are slower by size, a share; below 0 they are faster.
type step struct {
	name    string
	at      []place
	commit  int
	size    float64
	members []int // benchmarks; nil: all of them
	machine bool
}

// project is what was measured, and what was planted in it.
type project struct {
	seed  uint64
	steps []step
	kinds []kind // of noise, by benchmark
	// values[branch][testbed][benchmark][commit] are times in nanoseconds.
	values [][][][]float64
}

// kind is a kind of noise.
type kind int

const (
	normal kind = iota
	heavyTails
	autocorrelated
	twoModes
)

// plant makes a project: 300 benchmarks × 200 commits × 3 branches × 2 testbeds. Six slow-downs of 4 to 30 %, one gain, the revert of
// one slow-down, and a machine that becomes 6 % slower under all branches. One value deviates by 0.5 to 5 %; one benchmark of 20 follows
// itself (AR(1), φ = 0.6), one of 20 has two modes, one of ten has heavy tails.
func plant(seed uint64) *project {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &project{seed: seed}
	for i := range benchmarkCount {
		p.kinds = append(p.kinds, []kind{twoModes, autocorrelated, heavyTails, heavyTails}[min(i%20, 3)])
		if i%20 > 3 {
			p.kinds[i] = normal
		}
	}
	r.Shuffle(benchmarkCount, func(i, j int) { p.kinds[i], p.kinds[j] = p.kinds[j], p.kinds[i] })
	p.plan(r)
	levels, deviations := make([]float64, benchmarkCount), make([]float64, benchmarkCount)
	for i := range levels {
		levels[i], deviations[i] = 2+14*r.Float64(), 0.005*math.Pow(10, r.Float64()) // 7 ns to 9 ms
	}
	for b := range branches {
		p.values = append(p.values, nil)
		for t := range testbeds {
			lines := make([][]float64, benchmarkCount)
			for i := range lines {
				lines[i] = p.line(r, place{b, t}, i, levels[i]+0.4*float64(t), deviations[i])
			}
			p.values[b] = append(p.values[b], lines)
		}
	}
	return p
}

// plan says what is planted, and where.
func (p *project) plan(r *rand.Rand) {
	main, release, topic := 0, 1, 2
	both := func(branch int) []place { return []place{{branch, 0}, {branch, 1}} }
	one := func(branch int) []place { return []place{{branch, r.IntN(2)}} }
	order := r.Perm(benchmarkCount)
	some := func(n int) []int {
		taken := slices.Sorted(slices.Values(order[:n]))
		order = order[n:]
		return taken
	}
	p.steps = []step{
		{name: "slower by 4 %", at: one(main), size: 0.04, members: some(20)},
		{name: "slower by 6 %", at: one(main), size: 0.06, members: some(15)},
		{name: "slower by 9 %", at: both(main), size: 0.09, members: some(8)},
		{name: "slower by 14 %", at: one(release), size: 0.14, members: some(5)},
		{name: "slower by 20 %", at: one(topic), size: 0.2, members: some(4)},
		{name: "slower by 30 %", at: one(main), size: 0.3, members: some(3)},
		{name: "faster by 12 %", at: one(main), size: -0.12, members: some(10)},
	}
	reverted := p.steps[2]
	p.steps = append(p.steps, step{name: "the revert", at: reverted.at, size: 1/(1+reverted.size) - 1, members: reverted.members},
		step{name: "the machine", at: []place{{main, 1}, {release, 1}, {topic, 1}}, size: machineStep, machine: true})
	// Commits of one place are apart; the revert comes after what it reverts.
	for ok := false; !ok; {
		ok = true
		for i := range p.steps {
			p.steps[i].commit = margin + r.IntN(commitCount-2*margin)
			for _, other := range p.steps[:i] {
				ok = ok && max(other.commit-p.steps[i].commit, p.steps[i].commit-other.commit) >= margin
			}
		}
		ok = ok && p.steps[7].commit > p.steps[2].commit
	}
}

// line draws the values of a benchmark at a place.
func (p *project) line(r *rand.Rand, at place, benchmark int, level, deviation float64) []float64 {
	values, last := make([]float64, commitCount), 0.0
	for c := range values {
		log := level
		for _, s := range p.steps {
			if c >= s.commit && slices.Contains(s.at, at) && (s.members == nil || slices.Contains(s.members, benchmark)) {
				log += math.Log1p(s.size)
			}
		}
		off := r.NormFloat64()
		switch p.kinds[benchmark] {
		case heavyTails: // Student's t with 3 degrees, of variance 1
			a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
			off /= math.Sqrt(a*a + b*b + c*c)
		case autocorrelated:
			last = 0.6*last + 0.8*off
			off = last
		case twoModes: // of 30 %, and of variance 1
			off *= 0.5
			if r.Float64() < 0.3 {
				off += 1.9
			}
		}
		values[c] = math.Exp(log + deviation*off)
	}
	return values
}

func name(benchmark int) string { return fmt.Sprintf("BenchmarkPlanted/%03d", benchmark) }
