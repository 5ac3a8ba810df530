package api

import "time"

// Policy says how the lines of a project are judged.
type Policy struct {
	Project  string         `json:"project" format:"uuid"`
	Version  int64          `json:"version" doc:"rises with each change; 0: nobody has set one, and the default holds"`
	Text     string         `json:"text" doc:"YAML; docs/policy.md has the keys"`
	Account  string         `json:"account,omitempty" doc:"UUID of who set it; absent: nobody, or a local command"`
	Modified *time.Time     `json:"modified,omitempty"`
	Problem  string         `json:"problem,omitempty" doc:"why the text does not hold, and what does: this server cannot read it"`
	Notices  []PolicyNotice `json:"notices" doc:"rules that are allowed and probably not meant"`
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
