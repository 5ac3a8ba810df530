package api

import (
	"encoding/json"
	"time"
)

// Details of the errors of a sweep's ledger.
const (
	DetailStale      = "stale_epoch" // another controller has taken the sweep
	DetailHeld       = "lease_held"  // another controller has the sweep
	DetailOverBudget = "over_budget"
)

// What each task of a sweep has in its environment, above what its workload says.
const (
	EnvWorkload     = "TACHO_WORKLOAD"
	EnvInstanceType = "TACHO_INSTANCE_TYPE"
)

// NewSweep is the body of POST …/sweeps: what was configured, and what it came to with today's prices. The server makes the slots and the
// tasks of it. The same id again with the same body is answered with the sweep that is there; with another body it is a conflict.
type NewSweep struct {
	ID        string            `json:"id" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"the client's own name for it, unique in the project: unix seconds, a UUID, …; always a string"`
	Name      string            `json:"name,omitempty" maxLength:"64" doc:"for people; absent: the id"`
	Branch    string            `json:"branch,omitempty" doc:"to which results belong; absent: 'sweep'"`
	Hash      string            `json:"hash,omitempty" doc:"commit of what is measured; absent: each sweep is a version of its own"`
	Config    json.RawMessage   `json:"config,omitempty" doc:"the configuration as it was written, as JSON; it is kept and not read"`
	Suite     string            `json:"suite,omitempty" maxLength:"64"`
	Params    map[string]string `json:"params,omitempty"`
	Seed      string            `json:"seed,omitempty" pattern:"^[0-9]{1,20}$" doc:"of the orders of tasks, a whole number; absent: made from the id"`
	Repeats   int               `json:"repeats" minimum:"1" doc:"processes of each workload on each machine"`
	TTL       int64             `json:"ttl" minimum:"1" doc:"seconds; all machines end by then"`
	Budget    int64             `json:"budget" minimum:"0" doc:"micro-dollars; 0 where all machines are free"`
	Workloads []SweepWorkload   `json:"workloads" minItems:"1"`
	Expected  *SweepExpected    `json:"expected,omitempty" doc:"of each workload; absent: whatever benchmarks there are"`
	Pools     []NewPool         `json:"pools" minItems:"1"`
	_         struct{}          `additionalProperties:"true"`
}

// SweepWorkload is one command of an image, and how its output is read.
type SweepWorkload struct {
	Name    string            `json:"name" minLength:"1" maxLength:"64"`
	Image   string            `json:"image" minLength:"1"`
	Cmd     []string          `json:"cmd,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Adapter string            `json:"adapter,omitempty" doc:"absent: found out by the output"`
	Files   []string          `json:"files,omitempty" doc:"files that it leaves; the first one is read. Absent: what it prints is read"`
	Timeout int64             `json:"timeout" minimum:"1" doc:"seconds, of one task"`
	Assert  []SweepAssertion  `json:"assert,omitempty" doc:"what its output must say; a task whose output does not fails as variant"`
	_       struct{}          `additionalProperties:"true"`
}

// SweepAssertion is a condition on the output of a workload. Each value that the field has must fulfil it, and there must be one.
type SweepAssertion struct {
	Field       string   `json:"field" minLength:"1" maxLength:"256" doc:"description, output (all of the text) or json:PATH"`
	Contains    string   `json:"contains,omitempty" maxLength:"256"`
	NotContains string   `json:"not_contains,omitempty" maxLength:"256"`
	Equals      string   `json:"equals,omitempty" maxLength:"256"`
	_           struct{} `additionalProperties:"true"`
}

// SweepExpected is what a complete result of a workload has.
type SweepExpected struct {
	Benchmarks []string `json:"benchmarks,omitempty" doc:"names as the adapter gives them; absent: whatever there is"`
	Missing    string   `json:"missing,omitempty" enum:"require,penalise,ignore" doc:"of a machine that lacks one; absent: require"`
	_          struct{} `additionalProperties:"true"`
}

// NewPool is machines of a sweep that are alike.
type NewPool struct {
	Provider  string      `json:"provider" minLength:"1" maxLength:"32"`
	Regions   []string    `json:"regions,omitempty" doc:"in the order in which they are tried"`
	Zones     []string    `json:"zones,omitempty" doc:"of the first region; absent: any"`
	Type      string      `json:"type" minLength:"1" maxLength:"64" doc:"instance type, as the provider calls it"`
	Alias     string      `json:"alias,omitempty" maxLength:"64" doc:"what people call it, unique in the sweep; absent: the type"`
	Market    string      `json:"market,omitempty" enum:"on_demand,spot"`
	Arch      string      `json:"arch" enum:"amd64,arm64,x86_64,aarch64"`
	VCPUs     int         `json:"vcpus,omitempty" minimum:"0" doc:"absent: not known, and a machine is not held against it"`
	Cores     int         `json:"cores,omitempty" minimum:"0"`
	Memory    int64       `json:"memory,omitempty" minimum:"0" doc:"bytes that a task may have; absent: 1 GiB for each CPU"`
	Disk      int64       `json:"disk,omitempty" minimum:"0" doc:"bytes that a task may have; absent: 10 GiB"`
	Module    string      `json:"module,omitempty" doc:"of the provider terraform"`
	Hosts     int         `json:"hosts" minimum:"1" doc:"machines wanted"`
	Share     string      `json:"share,omitempty" doc:"machine, core, vcpu or a number of CPUs; absent: machine"`
	Isolation string      `json:"isolation,omitempty" doc:"least level: none, container, gvisor or microvm; absent: container"`
	Price     SweepPrice  `json:"price"`
	OnDemand  *SweepPrice `json:"on_demand,omitempty" doc:"of a spot pool's type, for the machine that follows a reclaimed one; absent: spot again"`
	Slack     int64       `json:"slack,omitempty" minimum:"0" doc:"seconds after its end for which a machine may still be billed"`
	Deadline  *time.Time  `json:"deadline,omitempty" doc:"until when a slot waits for capacity"`
	Skipped   *SweepSkip  `json:"skipped,omitempty" doc:"why it takes no part"`
	_         struct{}    `additionalProperties:"true"`
}

// SweepPrice is what a machine costs.
type SweepPrice struct {
	PerHour   int64  `json:"per_hour" minimum:"0" doc:"micro-dollars"`
	Known     bool   `json:"known" doc:"false: nothing may be started"`
	Source    string `json:"source,omitempty" maxLength:"256" doc:"whose price it is"`
	Date      string `json:"date,omitempty" maxLength:"32" doc:"the day for which it holds"`
	MinBilled int64  `json:"min_billed,omitempty" minimum:"0" doc:"seconds that a machine is billed at least"`
}

// SweepSkip is why a pool takes no part.
type SweepSkip struct {
	Reason   string `json:"reason" minLength:"1" maxLength:"32"`
	Sentence string `json:"sentence,omitempty" maxLength:"1024" doc:"for people"`
}

// Sweep is one workload on many kinds of machine.
type Sweep struct {
	UUID       string            `json:"uuid" format:"uuid"`
	Project    string            `json:"project" format:"uuid"`
	ID         string            `json:"id" doc:"the client's own name for it"`
	Name       string            `json:"name"`
	State      string            `json:"state" enum:"planned,active,draining,closing,ended"`
	Outcome    string            `json:"outcome,omitempty" doc:"of an ended one: completed, partial, stopped, over_budget or failed"`
	Broken     string            `json:"broken,omitempty" doc:"why it was stopped or failed"`
	Note       string            `json:"note,omitempty" doc:"of broken, for people"`
	Clean      bool              `json:"clean" doc:"all machines are known not to exist any more"`
	Suite      string            `json:"suite,omitempty"`
	Params     map[string]string `json:"params,omitempty"`
	Repeats    int               `json:"repeats"`
	Branch     string            `json:"branch" doc:"its results are on branches of this name, a slash and the workload"`
	Workloads  []string          `json:"workloads" doc:"names"`
	Budget     int64             `json:"budget" doc:"micro-dollars"`
	Spent      int64             `json:"spent" doc:"micro-dollars, estimated: from launch to end, or to now"`
	Committed  int64             `json:"committed" doc:"micro-dollars that all machines have cost and can still cost"`
	TTL        int64             `json:"ttl" doc:"seconds"`
	Expires    time.Time         `json:"expires" doc:"all machines end by then, watched or not"`
	Closing    *time.Time        `json:"closing,omitempty" doc:"since when its machines are removed; results that came later are late and do not count"`
	Ended      *time.Time        `json:"ended,omitempty"`
	Controller *SweepController  `json:"controller,omitempty" doc:"absent: nobody looks after it"`
	Tasks      SweepCounts       `json:"tasks"`
	Slots      SweepSlotCounts   `json:"slots"`
	Machines   int               `json:"machines" doc:"that may run"`
	Account    *string           `json:"account,omitempty" doc:"who started it"`
	Created    time.Time         `json:"created"`
	Modified   time.Time         `json:"modified"`
}

// SweepController is who makes and removes the machines of a sweep.
type SweepController struct {
	Holder string    `json:"holder"`
	Epoch  int64     `json:"epoch"`
	Until  time.Time `json:"until" doc:"another one may take the sweep then"`
	Alive  bool      `json:"alive"`
}

// SweepCounts are tasks by what became of them.
type SweepCounts struct {
	Total   int `json:"total"`
	Pending int `json:"pending"`
	Running int `json:"running" doc:"that a machine has"`
	Done    int `json:"done" doc:"that were delivered in time"`
	Unread  int `json:"unread" doc:"of done: those whose output was not read yet, so that they may still fail"`
	Failed  int `json:"failed" doc:"that failed or were canceled"`
	Late    int `json:"late" doc:"that were delivered after the sweep was closed: kept, and not counted as done"`
}

// SweepSlotCounts are slots by state.
type SweepSlotCounts struct {
	Waiting int `json:"waiting"`
	Held    int `json:"held"`
	Done    int `json:"done"`
	GivenUp int `json:"given_up"`
}

// UpdateSweep is the body of PATCH …/sweeps/{sweep}.
type UpdateSweep struct {
	Do     string   `json:"do,omitempty" enum:"start,stop,stop_now" doc:"stop: what runs may finish; stop_now: its jobs are canceled and its machines removed"`
	Why    string   `json:"why,omitempty" maxLength:"256" doc:"for people"`
	Budget *int64   `json:"budget,omitempty" minimum:"0" doc:"micro-dollars; it can only be raised"`
	_      struct{} `additionalProperties:"true"`
}

// SweepPool is machines of a sweep that are alike.
type SweepPool struct {
	UUID     string      `json:"uuid" format:"uuid"`
	Provider string      `json:"provider"`
	Regions  []string    `json:"regions,omitempty"`
	Zones    []string    `json:"zones,omitempty"`
	Type     string      `json:"type"`
	Alias    string      `json:"alias"`
	Market   string      `json:"market"`
	Arch     string      `json:"arch,omitempty"`
	VCPUs    int         `json:"vcpus,omitempty"`
	Cores    int         `json:"cores,omitempty"`
	Memory   int64       `json:"memory,omitempty" doc:"bytes that a task may have"`
	Module   string      `json:"module,omitempty"`
	Hosts    int         `json:"hosts" doc:"machines wanted"`
	Share    string      `json:"share"`
	Price    SweepPrice  `json:"price"`
	OnDemand *SweepPrice `json:"on_demand,omitempty"`
	Slack    int64       `json:"slack,omitempty" doc:"seconds after its end for which a machine may still be billed"`
	Deadline *time.Time  `json:"deadline,omitempty" doc:"until when a slot waits for capacity"`
	Skipped  *SweepSkip  `json:"skipped,omitempty" doc:"why no machines of it are made"`
	Spec     *string     `json:"spec,omitempty" doc:"slug"`
	Testbed  string      `json:"testbed" doc:"name, the same for each sweep"`
	Tasks    SweepCounts `json:"tasks"`
	Slots    []SweepSlot `json:"slots"`
}

// SweepSlot is one machine's place in a pool.
type SweepSlot struct {
	UUID    string      `json:"uuid" format:"uuid"`
	Pool    string      `json:"pool" format:"uuid"`
	Ordinal int         `json:"ordinal"`
	State   string      `json:"state" enum:"waiting,held,done,given_up"`
	Reason  string      `json:"reason,omitempty" doc:"why it was given up"`
	Note    string      `json:"note,omitempty"`
	Machine string      `json:"machine,omitempty" doc:"that holds it"`
	Tried   int         `json:"tried" doc:"machines that held it"`
	Tasks   SweepCounts `json:"tasks"`
}

// SweepMachine is a row of the ledger.
type SweepMachine struct {
	ID        string              `json:"id" doc:"the token that the provider was given"`
	Slot      string              `json:"slot" format:"uuid"`
	Pool      string              `json:"pool" format:"uuid"`
	Provider  string              `json:"provider"`
	Region    string              `json:"region,omitempty"`
	Zone      string              `json:"zone,omitempty"`
	Type      string              `json:"type"`
	Market    string              `json:"market,omitempty"`
	NativeID  string              `json:"native_id,omitempty"`
	State     string              `json:"state" enum:"planned,creating,up,working,draining,deleting,unsure,gone,refused"`
	Reason    string              `json:"reason,omitempty"`
	Note      string              `json:"note,omitempty" doc:"what the provider said"`
	Doubted   bool                `json:"doubted,omitempty" doc:"an answer of a create was lost"`
	Suspect   string              `json:"suspect,omitempty" doc:"what speaks against it: it is to go, and its slot is filled again"`
	Price     SweepPrice          `json:"price"`
	Slack     int64               `json:"slack,omitempty" doc:"seconds"`
	Cost      int64               `json:"cost" doc:"micro-dollars until now, estimated"`
	Expires   time.Time           `json:"expires"`
	Intended  time.Time           `json:"intended" doc:"before the first create"`
	Asked     time.Time           `json:"asked" doc:"before the last create"`
	Launched  *time.Time          `json:"launched,omitempty"`
	Contact   *time.Time          `json:"contact,omitempty" doc:"its runner enrolled"`
	Beat      *time.Time          `json:"beat,omitempty" doc:"it was last heard of"`
	Missing   *time.Time          `json:"missing,omitempty" doc:"since when lists that should show it do not"`
	Ended     *time.Time          `json:"ended,omitempty"`
	Phase     string              `json:"phase,omitempty"`
	Benchmark string              `json:"benchmark,omitempty" doc:"that it runs"`
	Runner    *string             `json:"runner,omitempty" format:"uuid"`
	Facts     *MachineFacts       `json:"facts,omitempty" doc:"what it says that it is"`
	Events    []SweepMachineEvent `json:"events,omitempty" doc:"its history, oldest first; of one machine alone"`
}

// SweepMachineEvent is a line of a machine's history.
type SweepMachineEvent struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Epoch  int64     `json:"epoch,omitempty" doc:"of the controller; absent: the machine's own word"`
	Reason string    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// SweepTask is a job of a sweep: one process of a workload on the machine of a slot.
type SweepTask struct {
	Job       string     `json:"job" format:"uuid"`
	Report    string     `json:"report" format:"uuid"`
	Pool      string     `json:"pool" format:"uuid"`
	Slot      string     `json:"slot" format:"uuid"`
	Workload  string     `json:"workload"`
	Repeat    int        `json:"repeat"`
	Place     int        `json:"place" doc:"in the order of its slot, from 1"`
	Status    JobStatus  `json:"status"`
	Reason    Reason     `json:"reason,omitempty"`
	Error     string     `json:"error,omitempty"`
	Late      bool       `json:"late,omitempty" doc:"its result came after the sweep was closed: it is kept, and does not count"`
	Machine   *string    `json:"machine,omitempty" doc:"that has or had it"`
	Attempt   int        `json:"attempt"`
	Claimed   *time.Time `json:"claimed,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
}

// TakeSweep is the body of POST …/controller.
type TakeSweep struct {
	Holder string   `json:"holder" minLength:"1" maxLength:"128" doc:"who the controller is, for people"`
	_      struct{} `additionalProperties:"true"`
}

// MoveSweep is the body of PATCH …/controller: a word of the controller. An epoch that is not the sweep's is refused.
type MoveSweep struct {
	Epoch  int64    `json:"epoch" minimum:"1"`
	Do     string   `json:"do" enum:"renew,release,fail,finish,end"`
	Reason string   `json:"reason,omitempty" maxLength:"32" doc:"fail"`
	Note   string   `json:"note,omitempty" maxLength:"1024"`
	_      struct{} `additionalProperties:"true"`
}

// SweepLease is the right to make and remove the machines of a sweep.
type SweepLease struct {
	Epoch int64     `json:"epoch"`
	Until time.Time `json:"until"`
}

// SweepLedger is the rows of a sweep at one moment, as a controller reads them.
type SweepLedger struct {
	Now      time.Time      `json:"now" doc:"the server's clock"`
	Hearing  time.Time      `json:"hearing" doc:"since when machines are heard without a break"`
	Sweep    Sweep          `json:"sweep"`
	Pools    []SweepPool    `json:"pools"`
	Machines []SweepMachine `json:"machines" doc:"in the order in which they were intended"`
	Failures []SweepFailure `json:"failures" doc:"of workloads that were done nowhere"`
}

// SweepFailure is what a workload said that failed in a slot and was done in none.
type SweepFailure struct {
	Workload string `json:"workload"`
	Slot     string `json:"slot" format:"uuid"`
	Error    string `json:"error" doc:"reason and first line"`
}

// NewMachine is the body of POST …/machines: a machine that a controller is about to ask its provider for. The same id again for the same
// slot is answered with the row that is there, and a new enrol token.
type NewMachine struct {
	Epoch  int64    `json:"epoch" minimum:"1"`
	ID     string   `json:"id" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]*$" doc:"the token that the provider will be given; unique"`
	Slot   string   `json:"slot" minLength:"1" maxLength:"64"`
	Region string   `json:"region,omitempty" maxLength:"64"`
	Zone   string   `json:"zone,omitempty" maxLength:"64" doc:"absent: any"`
	Market string   `json:"market,omitempty" enum:"on_demand,spot"`
	_      struct{} `additionalProperties:"true"`
}

// IntendedMachine answers it. The token is shown once.
type IntendedMachine struct {
	Machine SweepMachine `json:"machine"`
	Enroll  string       `json:"enroll,omitempty" doc:"what its runner's key is bought with: once, for its slot, until it expires; absent for a machine that has enrolled"`
}

// UpdateMachine is the body of PATCH …/machines/{machine}: what became of it.
type UpdateMachine struct {
	Epoch    int64      `json:"epoch" minimum:"1"`
	Do       string     `json:"do" enum:"ask,launch,refuse,doubt,miss,drain,delete,vanish"`
	Reason   string     `json:"reason,omitempty" maxLength:"32"`
	Note     string     `json:"note,omitempty" maxLength:"4096" doc:"what the provider said"`
	NativeID string     `json:"native_id,omitempty" maxLength:"256" doc:"launch"`
	Zone     string     `json:"zone,omitempty" maxLength:"64" doc:"launch"`
	Launched *time.Time `json:"launched,omitempty" doc:"launch: by the provider"`
	Ended    *time.Time `json:"ended,omitempty" doc:"vanish: by the provider"`
	_        struct{}   `additionalProperties:"true"`
}

// MoveSlot is the body of PATCH …/slots/{slot}.
type MoveSlot struct {
	Epoch  int64    `json:"epoch" minimum:"1"`
	Do     string   `json:"do" enum:"release,close,give_up"`
	Reason string   `json:"reason,omitempty" maxLength:"32" doc:"give_up"`
	Note   string   `json:"note,omitempty" maxLength:"1024"`
	_      struct{} `additionalProperties:"true"`
}

// SkipPool is the body of PATCH …/pools/{pool}: no more machines of it are tried.
type SkipPool struct {
	Epoch int64     `json:"epoch" minimum:"1"`
	Skip  SweepSkip `json:"skip"`
	_     struct{}  `additionalProperties:"true"`
}

// MachineFacts is what a machine finds out about itself, and what its provider's metadata service tells it.
type MachineFacts struct {
	Arch      string `json:"arch,omitempty" maxLength:"32"`
	CPUs      int    `json:"cpus,omitempty" minimum:"0"`
	Cores     int    `json:"cores,omitempty" minimum:"0"`
	CPU       string `json:"cpu,omitempty" maxLength:"256" doc:"model"`
	Microcode string `json:"microcode,omitempty" maxLength:"64"`
	Kernel    string `json:"kernel,omitempty" maxLength:"256"`
	Memory    int64  `json:"memory,omitempty" minimum:"0" doc:"bytes"`
	Type      string `json:"type,omitempty" maxLength:"64" doc:"instance type, from the metadata service"`
	Zone      string `json:"zone,omitempty" maxLength:"64"`
	Image     string `json:"image,omitempty" maxLength:"256" doc:"machine image"`
}

// EnrollMachine is the body of POST /v0/machines/enroll: a machine that buys its runner's key.
type EnrollMachine struct {
	Token string       `json:"token" minLength:"1" maxLength:"128" doc:"from its user data; used once"`
	Facts MachineFacts `json:"facts,omitempty"`
	_     struct{}     `additionalProperties:"true"`
}

// Enrolled answers it. The key is shown once, and opens the tasks of one slot.
type Enrolled struct {
	Runner    string    `json:"runner" format:"uuid"`
	Key       string    `json:"key"`
	Machine   string    `json:"machine"`
	Remaining int64     `json:"remaining" doc:"seconds until it is to power itself off; hold it against a clock that only goes forward"`
	Expires   time.Time `json:"expires"`
	Suspect   string    `json:"suspect,omitempty" doc:"it is not what its pool says, and gets no task"`
}

// MachineBeat is the body of POST /v0/machines/beat. A machine that has not enrolled yet sends its token, and later the key of its runner.
type MachineBeat struct {
	Token     string   `json:"token,omitempty" maxLength:"128"`
	Phase     string   `json:"phase" enum:"boot,provision,ready,running,uploading,finished,interrupted"`
	Benchmark string   `json:"benchmark,omitempty" maxLength:"256" doc:"that it runs"`
	_         struct{} `additionalProperties:"true"`
}

// BeatAnswer answers it.
type BeatAnswer struct {
	Remaining int64 `json:"remaining" doc:"seconds until the machine is to power itself off; never more than before"`
	Cancel    bool  `json:"cancel" doc:"nobody wants it any more: it may stop what it does, and go"`
	Done      bool  `json:"done" doc:"nothing is left in its slot"`
}
