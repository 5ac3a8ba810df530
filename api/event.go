package api

import "time"

// Event is one thing that happened to the numbers of a branch on a testbed: all changes that came at one time. In lists it has its largest
// changes, alone it has more.
type Event struct {
	UUID    string     `json:"uuid" format:"uuid"`
	Project string     `json:"project" format:"uuid"`
	Kind    EventKind  `json:"kind" enum:"code,machine,threshold" doc:"machine, threshold: no commit is blamed"`
	State   EventState `json:"state" enum:"suspected,checking,confirmed,refuted,undecided,acknowledged,accepted,ignored,fixed"`
	Gone    bool       `json:"gone" doc:"no longer significant: newer or late results do not show it any more"`
	Version int64      `json:"version" doc:"rises with each change of the event"`

	Branch  EventThing `json:"branch"`
	Head    string     `json:"head" format:"uuid" doc:"of the branch, that was measured"`
	Testbed EventThing `json:"testbed"`

	Measure *EventThing `json:"measure,omitempty" doc:"of a threshold's alerts"`
	Limit   string      `json:"limit,omitempty" enum:"lower,upper" doc:"of a threshold's alerts: which one they are outside of"`

	Before *EventVersion `json:"before,omitempty" doc:"newest measured version without it"`
	First  EventVersion  `json:"first" doc:"first version that it may have come with"`
	Last   EventVersion  `json:"last" doc:"to this one"`

	Score    float64       `json:"score" doc:"certainty × size; lists begin with the largest"`
	Severity string        `json:"severity" enum:"info,warn,fail" doc:"the worst that the policy says of its changes"`
	Settled  bool          `json:"settled" doc:"five or more values follow it"`
	Worse    int           `json:"worse" doc:"changes for the worse"`
	Better   int           `json:"better"`
	Total    int           `json:"total" doc:"changes in all"`
	Alerts   int           `json:"alerts" doc:"alerts of thresholds that it stands for"`
	Changes  []EventChange `json:"changes" doc:"the largest first; in lists three at most, else 1,000"`

	// Of one event alone.
	Suspects []EventVersion `json:"suspects,omitempty" doc:"versions from first to last, the oldest first; 1,000 at most"`
	Steps    []EventStep    `json:"steps,omitempty" doc:"its life so far, the oldest first; 1,000 at most"`
	Checks   []EventCheck   `json:"checks,omitempty" doc:"reruns that checked it, the newest first; 20 at most"`

	Reason   string     `json:"reason,omitempty" doc:"of its state, as somebody gave it"`
	Until    *time.Time `json:"until,omitempty" doc:"when ignoring it ends"`
	Created  time.Time  `json:"created"`
	Modified time.Time  `json:"modified"`
}

// EventKind is what an event blames.
type EventKind string

// The kinds of events.
const (
	CodeEvent      EventKind = "code"      // it came with a commit
	MachineEvent   EventKind = "machine"   // the testbed changed
	ThresholdEvent EventKind = "threshold" // alerts of a measure and a limit that no change explains
)

// EventState is where an event stands in its life.
type EventState string

// The states of events.
const (
	EventSuspected    EventState = "suspected"    // seen, with too few values to tell anybody
	EventChecking     EventState = "checking"     // a rerun is on its way
	EventConfirmed    EventState = "confirmed"    // by a rerun, or because enough values follow
	EventRefuted      EventState = "refuted"      // a rerun saw no difference
	EventUndecided    EventState = "undecided"    // a rerun could not say
	EventAcknowledged EventState = "acknowledged" // somebody is on it
	EventAccepted     EventState = "accepted"     // the new level is as it should be
	EventIgnored      EventState = "ignored"      // for a reason, and possibly for a time
	EventFixed        EventState = "fixed"        // somebody says so
)

// EventThing names what an event is about.
type EventThing struct {
	UUID string `json:"uuid" format:"uuid"`
	Name string `json:"name"`
	Slug string `json:"slug"`
}

// EventVersion is a version near an event.
type EventVersion struct {
	Version
	Report string  `json:"report,omitempty" doc:"UUID of a report of it on the testbed, if it was measured there"`
	Commit *Commit `json:"commit,omitempty" doc:"what is known of its commit"`

	// Of suspects.
	Between []Commit `json:"between,omitempty" doc:"commits since the version before it that were not measured on the branch, the newest first; 50 at most"`
	Partial bool     `json:"partial,omitempty" doc:"there are more such commits, of which nothing is known"`
}

// EventChange is a line that changed, and why that is said.
type EventChange struct {
	UUID      string     `json:"uuid" format:"uuid"`
	Benchmark EventThing `json:"benchmark"`
	Measure   EventThing `json:"measure"`
	Units     string     `json:"units"`
	Spec      string     `json:"spec,omitempty" doc:"UUID of the hardware spec that the line is of"`
	Direction string     `json:"direction" enum:"worse,better,unknown"`
	Gone      bool       `json:"gone" doc:"it is not found any more"`
	Settled   bool       `json:"settled" doc:"five or more values follow it"`
	Weak      bool       `json:"weak" doc:"noise of this line looks like changes, or too few values show this one to tell anybody"`
	Exact     bool       `json:"exact" doc:"values are counted: the change is one, and no test says so"`

	Number int64 `json:"number" doc:"first version of the new level"`
	First  int64 `json:"first" doc:"it came with one of the versions from this"`
	Last   int64 `json:"last"`

	Before     float64  `json:"before" doc:"level, in the measure's units"`
	After      float64  `json:"after"`
	NBefore    int      `json:"n_before" doc:"values, one a version, that tell the level"`
	NAfter     int      `json:"n_after"`
	Effect     *float64 `json:"effect,omitempty" doc:"scale log and exact: the ratio of the levels less 1; raw: their difference"`
	Lower      *float64 `json:"lower,omitempty" doc:"95 % interval of the effect"`
	Upper      *float64 `json:"upper,omitempty"`
	Scale      string   `json:"scale" enum:"log,raw,exact"`
	T          float64  `json:"t" doc:"Welch's t of the levels, divided by the root of the inflation by autocorrelation"`
	P          float64  `json:"p" doc:"of a t like this anywhere in the line by chance"`
	Noise      *float64 `json:"noise,omitempty" doc:"one standard deviation of a value of the line, as the effect is"`
	Detectable *float64 `json:"detectable,omitempty" doc:"lasting step from here on that is found in four of five cases"`
	Score      float64  `json:"score"`
	Grade      string   `json:"grade,omitempty" doc:"how small a change of the line can be seen, from A to F (tacho calibrate); absent: not known"`
	Identical  int      `json:"identical_units,omitempty" doc:"runs of identical code that the grade is from, none below 10; absent: there were none"`
}

// EventStep is something that happened to an event.
type EventStep struct {
	Time    time.Time  `json:"time"`
	Verb    string     `json:"verb"`
	From    EventState `json:"from"`
	To      EventState `json:"to"`
	Account string     `json:"account,omitempty" doc:"UUID of who did it; absent: measuring"`
	Reason  string     `json:"reason,omitempty"`
}

// EventVerb is what people do about an event.
type EventVerb string

// The verbs of people.
const (
	AckEvent    EventVerb = "ack"    // somebody is on it
	AcceptEvent EventVerb = "accept" // the new level is as it should be: counts, limits and comparisons are held against it
	IgnoreEvent EventVerb = "ignore" // for a reason, and possibly for a time
	FixEvent    EventVerb = "fix"
	ReopenEvent EventVerb = "reopen" // takes the last decision back
)

// UpdateEvent lets something happen to an event.
type UpdateEvent struct {
	Verb    EventVerb  `json:"verb" enum:"ack,accept,ignore,fix,reopen" doc:"ignore needs a reason"`
	Reason  string     `json:"reason,omitempty" maxLength:"1024"`
	Until   *time.Time `json:"until,omitempty" doc:"of ignore: when the event is open again"`
	Version int64      `json:"version,omitempty" doc:"of the event as it was seen: another one is a conflict; absent: any"`
}

// UpdateEvents lets the same happen to all events that meet each condition which is given; at least one of events, commits and benchmark
// must be. Commits are FROM..TO (after the one, up to the other) or one commit, as hashes or their first 7 digits or more: events that may
// have come with one of them. A benchmark is a pattern, * any text and ? one character: events all of whose changes are of such benchmarks.
type UpdateEvents struct {
	UpdateEvent
	Events    []string `json:"events,omitempty" maxItems:"1000" doc:"UUIDs"`
	Commits   string   `json:"commits,omitempty" maxLength:"200" doc:"FROM..TO, or one commit"`
	Benchmark string   `json:"benchmark,omitempty" maxLength:"1024" doc:"pattern with * and ?"`
	Branch    string   `json:"branch,omitempty" doc:"UUID, slug or name"`
	Testbed   string   `json:"testbed,omitempty" doc:"UUID, slug or name"`
	DryRun    bool     `json:"dry_run,omitempty" doc:"answer with what would be changed, and change nothing"`
}

// UpdatedEvents says what a bulk change did.
type UpdatedEvents struct {
	Events  []Event        `json:"events" doc:"that were changed, or would be"`
	Refused []RefusedEvent `json:"refused" doc:"those that their state keeps from it; they stay as they are"`
}

// RefusedEvent is an event that does not take a verb.
type RefusedEvent struct {
	UUID   string `json:"uuid" format:"uuid"`
	Reason string `json:"reason"`
}

// ReportMark says that a report's results are left out of lines, and why.
type ReportMark struct {
	Report  string    `json:"report" format:"uuid"`
	Reason  string    `json:"reason" doc:"as somebody gave it"`
	Created time.Time `json:"created"`
}

// NewReportMark marks a report as bad.
type NewReportMark struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1024"`
}

// NewEventCheck asks for a rerun of the versions before and after an event, in turns on one machine of the same hardware spec.
type NewEventCheck struct {
	Pairs     int               `json:"pairs,omitempty" minimum:"6" maximum:"100" doc:"jobs of each side; absent: 10"`
	BaseImage string            `json:"base_image,omitempty" maxLength:"512" doc:"absent: that of the job that measured the version before"`
	HeadImage string            `json:"head_image,omitempty" maxLength:"512" doc:"absent: that of the job that measured the version after"`
	Env       map[string]string `json:"env,omitempty" doc:"environment of the command, as the jobs before had it: theirs is not kept"`
	SecretEnv []string          `json:"secret_env,omitempty" doc:"names in env whose values are hidden in outputs"`
	Version   int64             `json:"version,omitempty" doc:"of the event as it was seen: another one is a conflict; absent: any"`
}

// EventCheck is a rerun that checks an event: the last version before it and the first one after it, measured again in turns.
type EventCheck struct {
	UUID     string           `json:"uuid" format:"uuid"`
	Outcome  CheckOutcome     `json:"outcome" enum:"running,confirmed,refuted,undecided,failed"`
	Sentence string           `json:"sentence,omitempty" doc:"what came of it"`
	Pairs    int              `json:"pairs" doc:"jobs of each side"`
	Before   EventVersion     `json:"before" doc:"with the report of the rerun"`
	After    EventVersion     `json:"after"`
	Lines    []EventCheckLine `json:"lines" doc:"the largest suspected changes first; 100 at most"`
	Account  string           `json:"account,omitempty" doc:"UUID of who asked for it"`
	Created  time.Time        `json:"created"`
	Ended    *time.Time       `json:"ended,omitempty"`
}

// CheckOutcome is what came of a check.
type CheckOutcome string

// The outcomes of a check.
const (
	CheckRunning   CheckOutcome = "running"
	CheckConfirmed CheckOutcome = "confirmed" // a line differs to the suspected side
	CheckRefuted   CheckOutcome = "refuted"   // all lines are the same
	CheckUndecided CheckOutcome = "undecided"
	CheckFailed    CheckOutcome = "failed" // it ended without results
)

// EventCheckLine is what a rerun saw of a line. Figures are absent until it has ended, and where there is none.
type EventCheckLine struct {
	Benchmark  EventThing   `json:"benchmark"`
	Measure    EventThing   `json:"measure"`
	Units      string       `json:"units"`
	Exact      bool         `json:"exact" doc:"values are counted: they are equal or they are not"`
	Outcome    CheckOutcome `json:"outcome" enum:"running,confirmed,refuted,undecided,failed"`
	Suspected  *float64     `json:"suspected,omitempty" doc:"the effect that is checked: the ratio of the levels less 1"`
	Within     float64      `json:"within" doc:"refuted is an effect that is surely smaller, to both sides"`
	Pairs      int          `json:"pairs" doc:"that have values on both sides: n"`
	Before     *float64     `json:"before,omitempty" doc:"geometric mean of the jobs, in the measure's units"`
	After      *float64     `json:"after,omitempty"`
	Effect     *float64     `json:"effect,omitempty" doc:"the geometric mean of the pairs' ratios less 1"`
	Lower      *float64     `json:"lower,omitempty" doc:"interval of the effect, 95 % or more"`
	Upper      *float64     `json:"upper,omitempty"`
	P          *float64     `json:"p,omitempty" doc:"of a paired t test, for display: no decision rests on it"`
	Detectable *float64     `json:"detectable,omitempty" doc:"the effect that these pairs would have found in four of five cases"`
}
