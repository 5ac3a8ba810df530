package api

import "time"

// NewRun is the body of POST /v0/run: results that are there already, or a job that will make them.
type NewRun struct {
	Project        string            `json:"project,omitempty" doc:"slug or UUID; made when it is new. Absent: from the image's repository or the context"`
	IdempotencyKey string            `json:"idempotency_key,omitempty" format:"uuid" doc:"a second request with the same key in the project gets the first one's report"`
	Visibility     Visibility        `json:"visibility,omitempty" enum:"public,private" doc:"of a project that this run makes; absent: the server's default. A run that asks for another one than its project has is refused"`
	Branch         string            `json:"branch,omitempty" doc:"name or UUID (a slug is read as a name: git's a-b is not a/b); absent: from the context"`
	Hash           string            `json:"hash,omitempty" doc:"full git object name"`
	Commits        []Commit          `json:"commits,omitempty" doc:"what git says of the commit and of those before it: 50 at most, so that people read who wrote what, also of commits that were not measured"`
	StartPoint     *StartPoint       `json:"start_point,omitempty"`
	Testbed        string            `json:"testbed,omitempty" doc:"name, slug or UUID; absent: the spec's name, or the context's operating system"`
	SpecReset      *bool             `json:"spec_reset,omitempty"`
	Thresholds     *ReportThresholds `json:"thresholds,omitempty"`
	StartTime      *time.Time        `json:"start_time,omitempty"`
	EndTime        *time.Time        `json:"end_time,omitempty"`
	Results        []string          `json:"results,omitempty" doc:"raw tool output, one string for each iteration or file"`
	Settings       *ReportSettings   `json:"settings,omitempty"`
	Context        map[string]string `json:"context,omitempty" doc:"where this comes from: repository, commit, CI, host"`
	Job            *NewJob           `json:"job,omitempty"`
	Host           *HostFacts        `json:"host,omitempty" doc:"what the measuring host was"`
	_              struct{}          `additionalProperties:"true"`
}

// RunCheck answers POST /v0/run/check: where a run would go that POST /v0/run would take. Nothing of it was written.
type RunCheck struct {
	Project    string     `json:"project" doc:"slug"`
	NewProject bool       `json:"new_project" doc:"the run would make it"`
	Visibility Visibility `json:"visibility" enum:"public,private" doc:"of the project, as it is or would be"`
	Branch     string     `json:"branch" doc:"name"`
	Testbed    string     `json:"testbed" doc:"name"`
	Warnings   []string   `json:"warnings,omitempty" doc:"what the report would be warned of"`
}

// NewReport is the body of POST /v0/projects/{project}/reports.
type NewReport struct {
	IdempotencyKey string            `json:"idempotency_key,omitempty" format:"uuid"`
	Branch         string            `json:"branch"`
	Hash           string            `json:"hash,omitempty"`
	Commits        []Commit          `json:"commits,omitempty" doc:"what git says of the commit and of those before it: 50 at most"`
	StartPoint     *StartPoint       `json:"start_point,omitempty"`
	Testbed        string            `json:"testbed"`
	Thresholds     *ReportThresholds `json:"thresholds,omitempty"`
	StartTime      time.Time         `json:"start_time"`
	EndTime        time.Time         `json:"end_time"`
	Results        []string          `json:"results"`
	Settings       *ReportSettings   `json:"settings,omitempty"`
	Context        map[string]string `json:"context,omitempty"`
	Host           *HostFacts        `json:"host,omitempty"`
	_              struct{}          `additionalProperties:"true"`
}

// ReportSettings say how results are read.
type ReportSettings struct {
	Adapter string   `json:"adapter,omitempty" doc:"absent: magic" example:"go_bench"`
	Average string   `json:"average,omitempty" enum:"mean,median"`
	Fold    string   `json:"fold,omitempty" enum:"min,max,mean,median" doc:"collapse iterations to one"`
	Mapping string   `json:"mapping,omitempty" maxLength:"4096" doc:"of the adapters csv and json_map: where names and values stand" example:"name=endpoint,value=p99:ms:lower"`
	_       struct{} `additionalProperties:"true"`
}

// ReportThresholds are the models to use from this report on, keyed by measure name, slug or UUID.
type ReportThresholds struct {
	Models map[string]Model `json:"models,omitempty"`
	Reset  *bool            `json:"reset,omitempty" doc:"remove the models of all other thresholds of this branch and testbed"`
	_      struct{}         `additionalProperties:"true"`
}

// ReportStatus says how far a report is.
type ReportStatus string

// The statuses of a report. One made from results is processed at once.
const (
	ReportPending   ReportStatus = "pending"
	ReportProcessed ReportStatus = "processed"
	ReportFailed    ReportStatus = "failed"
)

// ReportReceipt is the answer to a submission that prefers return=minimal.
type ReportReceipt struct {
	UUID    string   `json:"uuid" format:"uuid" doc:"of the report"`
	Project string   `json:"project" doc:"slug"`
	Job     *string  `json:"job,omitempty" format:"uuid"`
	Jobs    []string `json:"jobs,omitempty" doc:"all jobs of the measurement, in the order in which they run"`
}

// Report is one submission: what ran where on which version, its results and its alerts.
type Report struct {
	UUID        string            `json:"uuid" format:"uuid"`
	User        *PubUser          `json:"user"`
	Project     Project           `json:"project"`
	Branch      Branch            `json:"branch"`
	Testbed     Testbed           `json:"testbed"`
	StartTime   time.Time         `json:"start_time"`
	EndTime     time.Time         `json:"end_time"`
	Adapter     string            `json:"adapter"`
	Results     [][]ReportResult  `json:"results" doc:"outer: iterations"`
	Alerts      []Alert           `json:"alerts"`
	Created     time.Time         `json:"created"`
	Job         *string           `json:"job,omitempty" format:"uuid" doc:"the first one, where there are several"`
	Measurement *Measurement      `json:"measurement,omitempty" doc:"the jobs that it waits for; not in lists"`
	Counts      ReportCounts      `json:"counts"`
	Status      ReportStatus      `json:"status" enum:"pending,processed,failed"`
	Error       string            `json:"error,omitempty" doc:"why a failed report has no results"`
	Recognised  string            `json:"recognised,omitempty" doc:"what the adapter found and why"`
	Problems    []Problem         `json:"problems,omitempty" doc:"benchmarks that failed or could not be read; the others are kept"`
	Warnings    []string          `json:"warnings,omitempty"`
	Context     map[string]string `json:"context,omitempty"`
	Host        *HostFacts        `json:"host,omitempty"`
}

// Problem is one benchmark's failure inside an otherwise good report.
type Problem struct {
	Iteration int    `json:"iteration"`
	Benchmark string `json:"benchmark,omitempty"`
	Message   string `json:"message"`
	Line      int    `json:"line,omitempty"`
}

// ReportCounts are the sizes of a report, so that lists need not carry results.
type ReportCounts struct {
	Results []ResultCount `json:"results"`
	Alerts  AlertCount    `json:"alerts"`
}

// ResultCount counts one iteration.
type ResultCount struct {
	Benchmarks int    `json:"benchmarks"`
	Measures   int    `json:"measures"`
	Job        string `json:"job,omitempty" doc:"UUID of the job that measured it, where the report has several"`
}

// AlertCount counts a report's alerts.
type AlertCount struct {
	Total  int `json:"total"`
	Active int `json:"active"`
}

// ReportResult is one benchmark in one iteration.
type ReportResult struct {
	Iteration int             `json:"iteration"`
	Benchmark Benchmark       `json:"benchmark"`
	Measures  []ReportMeasure `json:"measures"`
}

// ReportMeasure is one metric with the threshold and boundary that judged it.
type ReportMeasure struct {
	Measure   Measure    `json:"measure"`
	Metric    Metric     `json:"metric"`
	Threshold *Threshold `json:"threshold,omitempty"`
	Boundary  *Boundary  `json:"boundary,omitempty"`
	Severity  string     `json:"severity,omitempty" enum:"info,fail" doc:"what the project's policy says of the line; absent: warn"`
	Grade     string     `json:"grade,omitempty" doc:"how small a change of the series can be seen, from A to F; absent: not known"`
	Identical int        `json:"identical_units,omitempty" doc:"runs of identical code that it is from, none below 10; absent: no runs"`
}

// Metric is one value, with its spread and, where the tool gave them, its samples.
type Metric struct {
	UUID       string    `json:"uuid" format:"uuid"`
	Value      float64   `json:"value"`
	LowerValue *float64  `json:"lower_value,omitempty"`
	UpperValue *float64  `json:"upper_value,omitempty"`
	Samples    []float64 `json:"samples,omitempty" doc:"every sample, on request"`
}

// Boundary is what a metric was held against.
type Boundary struct {
	Baseline   *float64 `json:"baseline,omitempty"`
	LowerLimit *float64 `json:"lower_limit,omitempty"`
	UpperLimit *float64 `json:"upper_limit,omitempty"`
}

// Threshold is a rule for a branch, a testbed and a measure.
type Threshold struct {
	UUID     string    `json:"uuid" format:"uuid"`
	Project  string    `json:"project" format:"uuid"`
	Branch   *Branch   `json:"branch,omitempty"`
	Testbed  *Testbed  `json:"testbed,omitempty"`
	Measure  *Measure  `json:"measure,omitempty"`
	Model    *ModelRow `json:"model,omitempty"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// Model is a statistical test and its parameters.
type Model struct {
	Test          string   `json:"test" doc:"percentage or t_test" example:"t_test"`
	MinSampleSize *int     `json:"min_sample_size,omitempty" minimum:"1"`
	MaxSampleSize *int     `json:"max_sample_size,omitempty" minimum:"1"`
	Window        *int64   `json:"window,omitempty" minimum:"1" doc:"seconds"`
	LowerBoundary *float64 `json:"lower_boundary,omitempty"`
	UpperBoundary *float64 `json:"upper_boundary,omitempty"`
	_             struct{} `additionalProperties:"true"`
}

// ModelRow is a stored model; models are never changed, only replaced.
type ModelRow struct {
	UUID string `json:"uuid" format:"uuid"`
	Model
	Created  time.Time  `json:"created"`
	Replaced *time.Time `json:"replaced,omitempty"`
}

// NewThreshold is the body of POST …/thresholds.
type NewThreshold struct {
	Branch  string `json:"branch"`
	Testbed string `json:"testbed"`
	Measure string `json:"measure"`
	Model
}

// UpdateThreshold is the body of PUT …/thresholds/{threshold}: a whole model, or {"test": null} to take it away.
type UpdateThreshold struct {
	Test          *string  `json:"test" required:"true"`
	MinSampleSize *int     `json:"min_sample_size,omitempty"`
	MaxSampleSize *int     `json:"max_sample_size,omitempty"`
	Window        *int64   `json:"window,omitempty"`
	LowerBoundary *float64 `json:"lower_boundary,omitempty"`
	UpperBoundary *float64 `json:"upper_boundary,omitempty"`
	_             struct{} `additionalProperties:"true"`
}

// AlertStatus is where an alert stands.
type AlertStatus string

// The statuses of an alert.
const (
	AlertActive    AlertStatus = "active"
	AlertDismissed AlertStatus = "dismissed"
	AlertSilenced  AlertStatus = "silenced"
)

// Alert is a metric outside its boundary.
type Alert struct {
	UUID      string      `json:"uuid" format:"uuid"`
	Report    string      `json:"report" format:"uuid"`
	Iteration int         `json:"iteration"`
	Benchmark Benchmark   `json:"benchmark"`
	Metric    Metric      `json:"metric"`
	Threshold Threshold   `json:"threshold"`
	Boundary  Boundary    `json:"boundary"`
	Limit     string      `json:"limit" enum:"lower,upper"`
	Status    AlertStatus `json:"status" enum:"active,dismissed,silenced"`
	Created   time.Time   `json:"created"`
	Modified  time.Time   `json:"modified"`
}

// UpdateAlert is the body of PATCH …/alerts/{alert}.
type UpdateAlert struct {
	Status *AlertStatus `json:"status,omitempty" enum:"active,dismissed"`
	_      struct{}     `additionalProperties:"true"`
}

// Perf answers a perf query: one entry for each permutation that has metrics.
type Perf struct {
	Project   Project      `json:"project"`
	StartTime *time.Time   `json:"start_time,omitempty"`
	EndTime   *time.Time   `json:"end_time,omitempty"`
	Results   []PerfSeries `json:"results"`
}

// PerfSeries is one line of a plot.
type PerfSeries struct {
	Branch    Branch       `json:"branch"`
	Testbed   Testbed      `json:"testbed"`
	Benchmark Benchmark    `json:"benchmark"`
	Measure   Measure      `json:"measure"`
	Metrics   []PerfMetric `json:"metrics"`
}

// PerfMetric is one point, in the order version number, start time, iteration.
type PerfMetric struct {
	Report    string     `json:"report" format:"uuid"`
	Iteration int        `json:"iteration"`
	StartTime time.Time  `json:"start_time"`
	EndTime   time.Time  `json:"end_time"`
	Version   Version    `json:"version"`
	Metric    Metric     `json:"metric"`
	Threshold *Threshold `json:"threshold,omitempty"`
	Boundary  *Boundary  `json:"boundary,omitempty"`
	Alert     *PerfAlert `json:"alert,omitempty"`
}

// PerfAlert is an alert as a point carries it.
type PerfAlert struct {
	UUID     string      `json:"uuid" format:"uuid"`
	Limit    string      `json:"limit" enum:"lower,upper"`
	Status   AlertStatus `json:"status"`
	Modified time.Time   `json:"modified"`
}

// HostFacts are what the measuring host was. A value that could not be read is absent, never zero.
type HostFacts struct {
	Hostname       string   `json:"hostname,omitempty"`
	OS             string   `json:"os,omitempty" example:"linux"`
	Architecture   string   `json:"architecture,omitempty" example:"x86_64"`
	Kernel         string   `json:"kernel,omitempty"`
	CPUModel       string   `json:"cpu_model,omitempty"`
	CPUs           *int     `json:"cpus,omitempty" doc:"logical processors online"`
	Cores          *int     `json:"cores,omitempty" doc:"physical cores"`
	SMT            *bool    `json:"smt,omitempty"`
	Microcode      string   `json:"microcode,omitempty"`
	Governor       string   `json:"governor,omitempty"`
	Turbo          *bool    `json:"turbo,omitempty"`
	ClockSource    string   `json:"clock_source,omitempty"`
	Virtualization string   `json:"virtualization,omitempty"`
	MemoryBytes    *int64   `json:"memory_bytes,omitempty"`
	CgroupVersion  string   `json:"cgroup_version,omitempty"`
	Load1          *float64 `json:"load1,omitempty"`
	StealRatio     *float64 `json:"steal_ratio,omitempty" doc:"share of CPU time stolen by the hypervisor during the run"`
	PressureCPU    *float64 `json:"pressure_cpu,omitempty" doc:"PSI some avg10, percent"`
	Isolation      string   `json:"isolation,omitempty" doc:"level really reached" example:"container"`
	IsolationNotes []string `json:"isolation_notes,omitempty"`
	Tacho          string   `json:"tacho,omitempty" doc:"version of the measuring program"`
}
