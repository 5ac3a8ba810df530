package api

import "time"

// Policy says how the lines of a project are judged.
type Policy struct {
	Project  string         `json:"project" format:"uuid"`
	Version  int64          `json:"version" doc:"rises with each change; 0: nobody has set one, and the default holds"`
	Text     string         `json:"text" doc:"YAML; docs/policy.md has the keys"`
	Account  string         `json:"account,omitempty" doc:"UUID of who set it; absent: nobody, or a local command"`
	Modified *time.Time     `json:"modified,omitempty"`
	Problem  string         `json:"problem,omitempty" doc:"that parts of the text do not hold: this server cannot read them; see notices"`
	Notices  []PolicyNotice `json:"notices" doc:"what of a stored text does not hold; rules that are allowed and probably not meant"`
}

// PolicyNotice is something about a rule of a policy.
type PolicyNotice struct {
	Line   int    `json:"line" doc:"of the text, from 1"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// SetPolicy replaces a project's policy. A text that cannot be read is refused with line, column and caret.
type SetPolicy struct {
	Text    string `json:"text" maxLength:"32768" doc:"YAML; an empty text is the default"`
	Version int64  `json:"version" minimum:"0" doc:"of the policy that it replaces, as it was seen: another one is a conflict"`
}

// CheckPolicy asks what would become of a project's events if a policy was set.
type CheckPolicy struct {
	Text     string   `json:"text" maxLength:"32768" doc:"YAML, as in SetPolicy"`
	Branches []string `json:"branches,omitempty" maxItems:"100" doc:"names, slugs or UUIDs; absent: all"`
}

// CheckedPolicy answers it: what another look at the history would find by the policy, beside the events as they are.
type CheckedPolicy struct {
	Lines   int            `json:"lines" doc:"benchmarks × measures × testbeds × branches that the policy is for"`
	Appear  []CheckedEvent `json:"appear" doc:"that are not there, or are no longer significant"`
	Vanish  []CheckedEvent `json:"vanish" doc:"that would no longer be significant"`
	Differ  []CheckedEvent `json:"differ" doc:"that stay, and would be judged in another way"`
	Same    int            `json:"same" doc:"events that stay as they are"`
	Notices []PolicyNotice `json:"notices" doc:"rules that decide or match nothing"`
}

// CheckedEvent is an event as it would be; of one that vanishes as it is.
type CheckedEvent struct {
	Event     string     `json:"event,omitempty" format:"uuid" doc:"absent: it is new"`
	Branch    EventThing `json:"branch"`
	Testbed   EventThing `json:"testbed"`
	First     int64      `json:"first" doc:"number of the first version that it may have come with"`
	Last      int64      `json:"last"`
	Benchmark string     `json:"benchmark" doc:"of its largest change"`
	Measure   string     `json:"measure"`
	Effect    *float64   `json:"effect" nullable:"true" doc:"of its largest change, as a share of the level before; null: it has no ratio"`
	Notice    bool       `json:"notice" doc:"setting the policy has people told of it: it is new enough, and nobody was told of it"`
	CheckedVerdict
	Was *CheckedVerdict `json:"was,omitempty" doc:"of one that differs: how it is judged now"`
}

// CheckedVerdict is how an event is judged.
type CheckedVerdict struct {
	Kind     EventKind `json:"kind" enum:"code,machine"`
	Changes  int       `json:"changes"`
	Severity string    `json:"severity" enum:"info,warn,fail"`
	Told     bool      `json:"told" doc:"people are told of such an event, while it is new"`
	Notify   []string  `json:"notify,omitempty" doc:"names of who is told; absent: everybody who listens"`
}
