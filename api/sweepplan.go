package api

// SweepPlan is what a sweep's configuration comes to before anything is made. Money is in whole micro-dollars.
type SweepPlan struct {
	Suite          string            `json:"suite,omitempty" doc:"absent: the configuration has its own workloads"`
	Params         map[string]string `json:"params,omitempty" doc:"of the suite, with defaults"`
	ConfigHash     string            `json:"config_hash" doc:"SHA-256 of the configuration's canonical JSON"`
	Seed           string            `json:"seed" doc:"of the orders of tasks; a number of 64 bits as text"`
	TTLSeconds     int64             `json:"ttl_seconds" doc:"how long a machine may live"`
	Repeats        int               `json:"repeats" doc:"of each workload on each machine"`
	BudgetMicros   *int64            `json:"budget_micros" doc:"null: none is needed, nobody bills for these machines"`
	ExpectedMicros int64             `json:"expected_micros"`
	WorstMicros    int64             `json:"worst_micros" doc:"if each machine lives until its TTL"`
	Machines       int               `json:"machines"`
	Tasks          int               `json:"tasks"`
	OverBudget     string            `json:"over_budget,omitempty" doc:"why it cannot be done within its budget; absent: it can"`
	Workloads      []PlannedWorkload `json:"workloads"`
	Pools          []SweepPlanPool   `json:"pools"`
	Warnings       []string          `json:"warnings"`
}

// PlannedWorkload is one command of an image.
type PlannedWorkload struct {
	Name           string   `json:"name"`
	Image          string   `json:"image,omitempty" doc:"absent: it is built from the suite's recipe"`
	Cmd            []string `json:"cmd,omitempty"`
	Adapter        string   `json:"adapter,omitempty"`
	TimeoutSeconds int64    `json:"timeout_seconds"`
	ExpectSeconds  int64    `json:"expect_seconds,omitempty"`
}

// SweepPlanPool is machines of a plan that are alike.
type SweepPlanPool struct {
	Name           string   `json:"name" doc:"unique in the sweep: the alias, or the type"`
	Provider       string   `json:"provider"`
	Regions        []string `json:"regions,omitempty" doc:"the first is tried first"`
	InstanceType   string   `json:"instance_type"`
	Market         string   `json:"market" enum:"on_demand,spot"`
	Architecture   string   `json:"architecture,omitempty"`
	VCPUs          int      `json:"vcpus,omitempty"`
	Cores          int      `json:"cores,omitempty"`
	Share          string   `json:"share" doc:"machine, core, vcpu or a number of CPUs"`
	Testbed        string   `json:"testbed"`
	Machines       int      `json:"machines"`
	PerHourMicros  *int64   `json:"per_hour_micros" doc:"of one machine with disk and address; null: not known"`
	PriceSource    string   `json:"price_source,omitempty"`
	PriceDate      string   `json:"price_date,omitempty"`
	BusySeconds    int64    `json:"busy_seconds" doc:"expected, of one machine"`
	ExpectedMicros int64    `json:"expected_micros"`
	WorstMicros    int64    `json:"worst_micros"`
	Skipped        string   `json:"skipped,omitempty" doc:"reason, for programs; absent: it takes part"`
	SkippedBecause string   `json:"skipped_because,omitempty"`
}

// Suite is a suite as its file says it.
type Suite struct {
	Name      string            `json:"name"`
	About     string            `json:"about,omitempty"`
	Source    string            `json:"source" doc:"built in, or the file"`
	Params    []SuiteParam      `json:"params"`
	Workloads []PlannedWorkload `json:"workloads" doc:"parameters are in them as {{name}}"`
	Expected  []string          `json:"expected" doc:"benchmarks of a complete result"`
	Missing   string            `json:"missing" enum:"require,penalise,ignore"`
}

// SuiteParam is a value that whoever runs a suite may choose.
type SuiteParam struct {
	Name     string   `json:"name"`
	About    string   `json:"about,omitempty"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

// SuiteCheck is how one iteration of a workload went on this machine.
type SuiteCheck struct {
	Workload   string   `json:"workload"`
	OK         bool     `json:"ok"`
	Because    string   `json:"because,omitempty"`
	Benchmarks []string `json:"benchmarks"`
	Missing    []string `json:"missing"`
	Seconds    float64  `json:"seconds"`
}
