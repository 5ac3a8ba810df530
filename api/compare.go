package api

import "time"

// ComparisonVerdict is what is known of a difference, of a row or of all rows together.
type ComparisonVerdict string

// The verdicts. Nothing judged is a verdict of its own: it never means that nothing changed.
const (
	VerdictWorse         ComparisonVerdict = "worse"
	VerdictBetter        ComparisonVerdict = "better"
	VerdictDifferent     ComparisonVerdict = "different"      // it has changed, and the measure has no better direction
	VerdictSame          ComparisonVerdict = "same"           // surely within the policy's effect
	VerdictUndecided     ComparisonVerdict = "undecided"      // neither a change nor surely the same
	VerdictSuspicious    ComparisonVerdict = "suspicious"     // of a row: not what the history let expect; measure again
	VerdictLearning      ComparisonVerdict = "learning"       // of a row: the history is too short
	VerdictNothingJudged ComparisonVerdict = "nothing_judged" // of all rows: none has data on both sides, or enough of it
)

// ComparisonMethod is how two sides are compared.
type ComparisonMethod string

// The methods.
const (
	// MethodVersions compares what was measured of one version, or in one report, with what was measured of another.
	MethodVersions ComparisonMethod = "versions"
	// MethodHistory holds the head against the reports of a branch since the last change of each line. Reports of fewer than three days or
	// hosts of the head can only be suspicious.
	MethodHistory ComparisonMethod = "history"
)

// Comparison answers GET …/compare: what is known of the difference between two sides, and how small a one could have been seen.
type Comparison struct {
	Project  Project           `json:"project"`
	Verdict  ComparisonVerdict `json:"verdict" enum:"worse,undecided,same,better,different,nothing_judged" doc:"of all rows together but those of severity info"`
	Reason   string            `json:"reason,omitempty" doc:"why nothing was judged, and what to do"`
	Method   ComparisonMethod  `json:"method" enum:"versions,history"`
	Base     ComparedSide      `json:"base"`
	Head     ComparedSide      `json:"head"`
	Testbed  *Testbed          `json:"testbed,omitempty" doc:"of all that was compared; absent if the head has no results"`
	Policy   ComparisonPolicy  `json:"policy"`
	Counts   map[string]int    `json:"counts" doc:"rows by verdict"`
	Tests    int               `json:"tests" doc:"rows that were tested, among which false claims are controlled (Benjamini and Hochberg)"`
	Rows     []ComparisonRow   `json:"rows" doc:"the surest first"`
	Geomeans []ComparisonMean  `json:"geomeans" doc:"of each measure"`
	OnlyBase []string          `json:"only_base" doc:"benchmarks without results of the head, the first 200"`
	OnlyHead []string          `json:"only_head" doc:"benchmarks without results of the base, the first 200"`
	LeftOut  []ComparisonGap   `json:"left_out" doc:"reports that were not compared, because only like is compared with like"`
	Warnings []string          `json:"warnings" doc:"what a reader should know, as sentences"`
}

// ComparedSide says what one side of a comparison was.
type ComparedSide struct {
	Asked   string           `json:"asked" doc:"as it was asked for; empty: what the head came from"`
	Name    string           `json:"name" doc:"as people read it, as in main@42 (0123456789ab)"`
	Branch  *ComparedBranch  `json:"branch,omitempty" doc:"absent for a commit without results"`
	Start   bool             `json:"start,omitempty" doc:"it is where the head's branch began"`
	Oldest  *Version         `json:"oldest,omitempty" doc:"version with results that were read"`
	Newest  *Version         `json:"newest,omitempty" doc:"version with results that were read"`
	Commit  *Commit          `json:"commit,omitempty" doc:"what is known of the newest version's commit"`
	Reports []ComparedReport `json:"reports" doc:"that were read, the newest first"`
}

// ComparedBranch is a branch of a side.
type ComparedBranch struct {
	UUID string `json:"uuid" format:"uuid"`
	Name string `json:"name"`
	Slug string `json:"slug"`
	Head string `json:"head" format:"uuid"`
}

// ComparedReport is a report of a side.
type ComparedReport struct {
	UUID      string    `json:"uuid" format:"uuid"`
	Version   Version   `json:"version"`
	StartTime time.Time `json:"start_time"`
	Host      string    `json:"host,omitempty"`
	Dirty     bool      `json:"dirty,omitempty" doc:"the work tree had uncommitted changes"`
}

// ComparisonPolicy says what matters.
type ComparisonPolicy struct {
	Effect  float64 `json:"effect" doc:"same means surely within 1/(1+effect) … 1+effect"`
	Minimum float64 `json:"minimum" doc:"of the size of a change that is claimed"`
	Alpha   float64 `json:"alpha" doc:"share of claims that may be false"`
}

// ComparisonGap are reports that were left out, and why.
type ComparisonGap struct {
	Side    string `json:"side" enum:"base,head"`
	Reason  string `json:"reason" enum:"testbed,spec,host,dirty,marked,limit"`
	Name    string `json:"name,omitempty" doc:"of the testbed, the spec or the kind of host"`
	Reports int    `json:"reports"`
}

// ComparisonRow is a benchmark and a measure. A number that is not known is null.
type ComparisonRow struct {
	Benchmark     string             `json:"benchmark"`
	Measure       string             `json:"measure"`
	BenchmarkUUID string             `json:"benchmark_uuid,omitempty"`
	MeasureUUID   string             `json:"measure_uuid,omitempty"`
	Units         string             `json:"units"`
	Direction     string             `json:"direction"`
	Verdict       ComparisonVerdict  `json:"verdict" enum:"worse,better,different,same,undecided,suspicious,learning"`
	Why           string             `json:"why,omitempty" doc:"kind of the reason"`
	Reason        string             `json:"reason,omitempty" doc:"why the verdict is not plain, in words"`
	Severity      string             `json:"severity,omitempty" enum:"info,warn,fail" doc:"what the project's policy says of the line; info: the row does not count in the verdict of all"`
	Old           *float64           `json:"old" nullable:"true"`
	New           *float64           `json:"new" nullable:"true"`
	Ratio         *float64           `json:"ratio" nullable:"true" doc:"new over old"`
	Interval      *[2]float64        `json:"interval" nullable:"true" doc:"of the ratio, 95 %"`
	Difference    *float64           `json:"difference" nullable:"true"`
	P             *float64           `json:"p" nullable:"true"`
	Q             *float64           `json:"q" nullable:"true" doc:"p, adjusted for all rows"`
	Exact         bool               `json:"exact" doc:"equality was looked at, no test was needed"`
	Detectable    *float64           `json:"detectable" nullable:"true" doc:"relative change that would have been found in 80 % of cases"`
	AtLeast       bool               `json:"detectable_is_lower_bound,omitempty" doc:"fewer than five units a side"`
	Needed        int                `json:"units_needed,omitempty" doc:"a side, to see the policy's effect"`
	Grade         string             `json:"grade,omitempty" doc:"how small a change can be seen: A up to 1 %, B 2 %, C 5 %, D 10 %, E 25 %, F; absent: not known"`
	Identical     int                `json:"identical_units,omitempty" doc:"runs of identical code (tacho calibrate) that the grade is from, none below 10; absent: there were none"`
	Unit          string             `json:"unit" enum:"iteration,process,report,host" doc:"what counts as one independent measurement"`
	N             [2]int             `json:"n" doc:"units of the old and the new side"`
	Values        [2]int             `json:"values"`
	Between       *float64           `json:"between,omitempty" doc:"one process a side: sd of their difference, as a share, beyond what iterations explain"`
	RankP         *float64           `json:"rank_p" nullable:"true"`
	Shift         *[2]float64        `json:"shift_interval" nullable:"true"`
	Modes         *ComparisonModes   `json:"modes,omitempty"`
	Expected      *[2]float64        `json:"expected,omitempty" doc:"where the next report of the history was expected"`
	Since         *Version           `json:"since,omitempty" doc:"version that the row's history begins with, after its last change"`
	Notes         []string           `json:"notes,omitempty" doc:"kinds of what a reader should know of the samples"`
	Samples       *ComparisonSamples `json:"samples,omitempty" doc:"if they were asked for"`
}

// ComparisonSamples are values of a row, up to 64 of each side: of units where there are several, else what they were measured from.
type ComparisonSamples struct {
	Old []float64 `json:"old"`
	New []float64 `json:"new"`
}

// ComparisonModes are two modes of a side and how the share of the slow one moved.
type ComparisonModes struct {
	Cut      float64    `json:"cut"`
	Slow     [2]int     `json:"slow_units"`
	Share    [2]float64 `json:"slow_share"`
	P        float64    `json:"p"`
	Outliers bool       `json:"outliers"`
}

// ComparisonMean is the typical ratio of a measure over its benchmarks.
type ComparisonMean struct {
	Measure    string      `json:"measure"`
	Benchmarks int         `json:"benchmarks" doc:"that count"`
	Ratio      *float64    `json:"ratio" nullable:"true"`
	Interval   *[2]float64 `json:"interval" nullable:"true" doc:"null where there is none: of a history, or of one unit a side"`
	N          [2]int      `json:"n"`
}
