package api

import "time"

// SeriesNoise is how much a series varies while its code stays the same, as runs of identical code have shown (tacho calibrate).
type SeriesNoise struct {
	Testbed    EventThing `json:"testbed"`
	Benchmark  EventThing `json:"benchmark"`
	Measure    EventThing `json:"measure"`
	Units      string     `json:"units" doc:"of the measure"`
	Report     string     `json:"report" format:"uuid" doc:"the runs: the newest that nobody has marked as bad"`
	Measured   time.Time  `json:"measured" doc:"when they began"`
	N          int        `json:"n" doc:"runs"`
	Samples    int        `json:"samples"`
	Typical    *float64   `json:"typical" nullable:"true"`
	SD         *float64   `json:"sd" nullable:"true" doc:"standard deviation between runs, relative; null: of one run"`
	Usual      int        `json:"usual" doc:"runs a side that the grade is for"`
	Detectable *float64   `json:"detectable" nullable:"true" doc:"relative change that so many runs a side find in 80 % of cases"`
	Grade      string     `json:"grade" enum:"A,B,C,D,E,F,learning" doc:"by what is detectable: A up to 1 %, B 2 %, C 5 %, D 10 %, E 25 %, F more or two modes; learning: fewer than 10 runs, or none that varies"`
	Exact      bool       `json:"exact" doc:"it never varies"`
	Remarks    []string   `json:"remarks" doc:"what people should know of it, as sentences"`
}
