// Package api holds the wire types of the /v0 interface: requests, responses, enumerations, errors and the runner channel's messages.
//
// It is the source of truth. The OpenAPI 3.1 document is generated from these structs and their tags (json, doc, format, enum, …), the
// server decodes into them, the client and the CLI's --json print them. The shapes are Bencher's v0 shapes wherever Bencher has the
// thing, so that its clients can talk to a Tachograph server; fields that it does not have are additions that such a client ignores.
//
// Conventions: lists are bare JSON arrays with the number of all rows in the X-Total-Count header; a path names a thing by UUID or
// slug; times in bodies are RFC 3339 UTC, in query parameters Unix milliseconds; a PATCH keeps absent fields; sizes are bytes.
//
// The package imports nothing of ours and does nothing: no validation, no I/O.
package api

import "time"

// Error is the body of every answer with status 400 or above.
type Error struct {
	RequestID string `json:"request_id" doc:"names this request in the server's log"`
	ErrorCode string `json:"error_code,omitempty" doc:"stable kind of the error" example:"not_found"`
	Message   string `json:"message" doc:"one sentence: the thing, the reason, the way out"`
	Detail    string `json:"detail,omitempty" doc:"finer than error_code, where a program has to choose; of a ledger: stale_epoch, lease_held or over_budget"`
}

func (e *Error) Error() string { return e.Message }

// TotalCountHeader carries the number of all rows of a list, whatever the page.
const TotalCountHeader = "X-Total-Count"

// NoticeHeader carries a sentence that whoever asked should know, beside an answer that is as good as it can be.
const NoticeHeader = "X-Tacho-Notice"

// PreferMinimal is the value of the header Prefer (RFC 7240) with which a write answers with ids alone, and of Preference-Applied then.
const PreferMinimal = "return=minimal"

// PerfColumnsType is the media type with which GET …/perf is asked for PerfColumns in Accept, as with shape=columns, and answers then.
const PerfColumnsType = "application/vnd.tacho.columns+json"

// OperationHeader carries the operation that answered. An answer without it comes from a path that the server does not have, or from
// another kind of server.
const OperationHeader = "X-Operation-Id"

// DoneHeader is "true" in an answer without a job to a runner that was started for a slot of a sweep in which nothing is left for it.
const DoneHeader = "X-Slot-Done"

// RequestIDHeader carries the request id of the answer; a caller may send its own.
const RequestIDHeader = "X-Request-Id"

// Visibility says who may read a project.
type Visibility string

// The visibilities.
const (
	Public  Visibility = "public"
	Private Visibility = "private"
)

// Organization owns projects and has a plan, which sets the priority of its jobs.
type Organization struct {
	UUID     string    `json:"uuid" format:"uuid"`
	Name     string    `json:"name"`
	Slug     string    `json:"slug"`
	Plan     Plan      `json:"plan" enum:"unclaimed,free,team,enterprise"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// Plan is an organization's tier.
type Plan string

// The plans in rising priority; see Priority.
const (
	PlanUnclaimed  Plan = "unclaimed"
	PlanFree       Plan = "free"
	PlanTeam       Plan = "team"
	PlanEnterprise Plan = "enterprise"
)

// Project is a set of branches, testbeds, benchmarks and measures, and the reports on them.
type Project struct {
	UUID         string     `json:"uuid" format:"uuid"`
	Organization string     `json:"organization" format:"uuid"`
	Name         string     `json:"name"`
	Slug         string     `json:"slug"`
	URL          *string    `json:"url,omitempty"`
	Visibility   Visibility `json:"visibility" enum:"public,private"`
	Created      time.Time  `json:"created"`
	Modified     time.Time  `json:"modified"`
	Claimed      *time.Time `json:"claimed,omitempty"`
}

// NewProject is the body of POST /v0/organizations/{organization}/projects and POST /v0/projects.
type NewProject struct {
	Name       string     `json:"name" minLength:"1" maxLength:"64"`
	Slug       string     `json:"slug,omitempty" maxLength:"64"`
	URL        *string    `json:"url,omitempty"`
	Visibility Visibility `json:"visibility,omitempty" enum:"public,private"`
	_          struct{}   `additionalProperties:"true"`
}

// UpdateProject changes a project. Absent fields stay; a url that is null is cleared.
type UpdateProject struct {
	Name       *string     `json:"name,omitempty" minLength:"1" maxLength:"64"`
	Slug       *string     `json:"slug,omitempty" maxLength:"64"`
	URL        *string     `json:"url,omitempty" nullable:"true"`
	Visibility *Visibility `json:"visibility,omitempty" enum:"public,private"`
	_          struct{}    `additionalProperties:"true"`
}

// User is a person with an account.
type User struct {
	UUID    string    `json:"uuid" format:"uuid"`
	Name    string    `json:"name"`
	Slug    string    `json:"slug"`
	Admin   bool      `json:"admin"`
	Created time.Time `json:"created"`
}

// PubUser is what everybody may know of a person.
type PubUser struct {
	UUID string `json:"uuid" format:"uuid"`
	Name string `json:"name"`
	Slug string `json:"slug"`
}

// Key describes an API key without its secret.
type Key struct {
	UUID     string     `json:"uuid" format:"uuid"`
	Name     string     `json:"name"`
	Hint     string     `json:"hint" doc:"the first characters of the key, for recognition"`
	Created  time.Time  `json:"creation"`
	Expires  *time.Time `json:"expiration,omitempty"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// NewKey is the body that asks for a key.
type NewKey struct {
	Name string   `json:"name" minLength:"1" maxLength:"64"`
	TTL  *int64   `json:"ttl,omitempty" minimum:"1" doc:"life in seconds; absent: until it is revoked"`
	Form string   `json:"form,omitempty" enum:"tacho,bencher" doc:"how the key is written; bencher: as Bencher's own clients want it; default tacho"`
	_    struct{} `additionalProperties:"true"`
}

// KeyCreated is the only answer that ever carries a key.
type KeyCreated struct {
	Key
	Secret string `json:"key" doc:"shown once"`
}
