package api

import "time"

// OneMetric answers GET …/metrics/{metric}: a metric with everything that places it, and with its samples.
type OneMetric struct {
	UUID      string     `json:"uuid" format:"uuid"`
	Report    string     `json:"report" format:"uuid"`
	Iteration int        `json:"iteration"`
	StartTime time.Time  `json:"start_time"`
	EndTime   time.Time  `json:"end_time"`
	Branch    Branch     `json:"branch"`
	Testbed   Testbed    `json:"testbed"`
	Benchmark Benchmark  `json:"benchmark"`
	Measure   Measure    `json:"measure"`
	Metric    Metric     `json:"metric"`
	Threshold *Threshold `json:"threshold,omitempty"`
	Boundary  *Boundary  `json:"boundary,omitempty"`
	Alert     *PerfAlert `json:"alert,omitempty"`
}
