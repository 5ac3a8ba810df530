package api

import "time"

// Standings are the report of a sweep: which kinds of machine are how fast, how evenly and for how much, and which the data cannot put in
// order. The machine is the unit. What is absent is not known.
type Standings struct {
	Title      string             `json:"title"`
	Suite      string             `json:"suite,omitempty"`
	Measure    string             `json:"measure"`
	Measures   []string           `json:"measures,omitempty" doc:"names of all measures of the sweep, if there are several"`
	Unit       string             `json:"unit"`
	Higher     bool               `json:"higher_is_better"`
	Started    *time.Time         `json:"started,omitempty"`
	Ended      *time.Time         `json:"ended,omitempty"`
	Rows       []Standing         `json:"types"`
	Skipped    []StandingsSkipped `json:"skipped,omitempty"`
	Benchmarks []string           `json:"benchmarks"`         // that every machine has: what the geometric means are over
	LeftOut    []StandingsMissing `json:"left_out,omitempty"` // the others
	Ties       []StandingsTie     `json:"not_separable,omitempty"`
	Suspects   []StandingsSuspect `json:"suspects,omitempty"`
	Separable  *float64           `json:"separable_ratio,omitempty"` // between two types: separated in 80 % of cases
	Incomplete []StandingsSuspect `json:"incomplete,omitempty" doc:"machines that lack an expected benchmark and are not compared"`
	Notes      []string           `json:"notes,omitempty"`
	Facts      []StandingsFact    `json:"provenance,omitempty"`
}

// Standing is one type.
type Standing struct {
	Name        string          `json:"name"`
	CPU         string          `json:"cpu,omitempty"`
	Best        int             `json:"best_rank"`
	Worst       int             `json:"worst_rank"`
	BestAll     int             `json:"best_rank_with_suspects,omitempty"` // 0: no machine is suspect
	WorstAll    int             `json:"worst_rank_with_suspects,omitempty"`
	Mean        float64         `json:"geomean"`
	Interval    *[2]float64     `json:"interval,omitempty"`           // of the mean, 95 % by machines
	Relative    float64         `json:"speed"`                        // against the fastest one's mean, which is 1
	Spread      *float64        `json:"spread,omitempty"`             // between machines, relative standard deviation
	SpreadRange *[2]float64     `json:"spread_interval,omitempty"`    // 95 %
	Price       *StandingsPrice `json:"price,omitempty"`              // of an hour
	Work        *float64        `json:"work_per_dollar,omitempty"`    // against the best one, which is 1
	WorkRange   *[2]float64     `json:"work_interval,omitempty"`      // 95 % by machines
	Domination  string          `json:"domination,omitempty"`         // probably or dominated
	By          string          `json:"dominated_by,omitempty"`       // whom
	Chance      *float64        `json:"domination_chance,omitempty"`  // that this one is the better buy
	Machines    int             `json:"machines"`                     // that count
	Wanted      int             `json:"machines_wanted"`              // that were asked for
	Missing     int             `json:"benchmarks_missing,omitempty"` // that others have and a machine of this type lacks
	Processes   int             `json:"processes"`                    // on all of its machines
}

// StandingsPrice is what a type costs.
type StandingsPrice struct {
	PerHour float64 `json:"per_hour"` // dollars
	Date    string  `json:"date,omitempty"`
	Source  string  `json:"source,omitempty"`
}

// StandingsSkipped is a type that took no part.
type StandingsSkipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// StandingsMissing is a benchmark that is not counted because some machine lacks it.
type StandingsMissing struct {
	Benchmark string   `json:"benchmark"`
	Types     []string `json:"missing_on"`
}

// StandingsTie is two types that the data cannot put in order.
type StandingsTie struct {
	A        string   `json:"a"`
	B        string   `json:"b"`
	Ratio    float64  `json:"ratio"`              // B over A
	P        *float64 `json:"p,omitempty"`        // after Holm
	Machines int      `json:"machines,omitempty"` // of each that would separate such a ratio in 80 % of cases; 0: not known
}

// StandingsSuspect is a machine that is not counted.
type StandingsSuspect struct {
	Type    string `json:"type"`
	Machine string `json:"machine"`
	Reason  string `json:"reason"`
}

// StandingsFact is a line of provenance.
type StandingsFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SweepMeasurements are what the processes of a sweep measured, and what else its standings are made of. Late results are not among them.
type SweepMeasurements struct {
	Title     string          `json:"title"`
	Suite     string          `json:"suite,omitempty"`
	Measure   string          `json:"measure"`
	Measures  []string        `json:"measures" doc:"names of all"`
	Unit      string          `json:"unit"`
	Higher    bool            `json:"higher_is_better"`
	Started   time.Time       `json:"started"`
	Ended     *time.Time      `json:"ended,omitempty"`
	Expected  *SweepExpected  `json:"expected,omitempty"`
	Types     []MeasuredType  `json:"types" doc:"in the order of the plan"`
	Processes []SweepProcess  `json:"processes" doc:"by type, machine and place"`
	Notes     []string        `json:"notes,omitempty" doc:"what was left out, and why"`
	Facts     []StandingsFact `json:"provenance,omitempty"`
}

// MeasuredType is a kind of machine of a sweep.
type MeasuredType struct {
	Name     string            `json:"name"`
	Provider string            `json:"provider"`
	Region   string            `json:"region,omitempty" doc:"the first"`
	Type     string            `json:"type" doc:"as the provider calls it"`
	CPU      string            `json:"cpu,omitempty" doc:"really found"`
	Price    *StandingsPrice   `json:"price,omitempty"`
	Wanted   int               `json:"wanted" doc:"machines"`
	Skipped  string            `json:"skipped,omitempty" doc:"why it took no part"`
	Suspect  map[string]string `json:"suspect,omitempty" doc:"machines that do not count, and why"`
}

// SweepProcess is what one process of a workload measured.
type SweepProcess struct {
	Type     string             `json:"type" doc:"name"`
	Machine  string             `json:"machine"`
	Workload string             `json:"workload"`
	Repeat   int                `json:"repeat"`
	Place    int                `json:"place" doc:"in the order of its machine"`
	Values   map[string]float64 `json:"values" doc:"by benchmark, the mean over iterations"`
}

// StandingsChange is a type in two sweeps. The machines of each are the sample.
type StandingsChange struct {
	Name       string      `json:"name"`
	Before     float64     `json:"before" doc:"geometric mean over the benchmarks that all of its machines have in both sweeps"`
	After      float64     `json:"after"`
	Ratio      float64     `json:"ratio" doc:"after ÷ before"`
	Interval   *[2]float64 `json:"interval,omitempty" doc:"of the ratio, 95 % by machines (Welch); absent: one machine is no sample"`
	P          *float64    `json:"p,omitempty" doc:"Welch, after Holm over all types"`
	Verdict    string      `json:"verdict" enum:"better,worse,not_separable"`
	Benchmarks int         `json:"benchmarks"`
	Machines   [2]int      `json:"machines" doc:"before and after"`
}

// StandingsComparison is two sweeps, type by type.
type StandingsComparison struct {
	Before  string             `json:"before" doc:"title"`
	After   string             `json:"after"`
	Measure string             `json:"measure"`
	Unit    string             `json:"unit"`
	Higher  bool               `json:"higher_is_better"`
	Types   []StandingsChange  `json:"types"`
	Left    []StandingsSkipped `json:"left_out,omitempty" doc:"types that cannot be compared and machines that do not count, and why"`
}
