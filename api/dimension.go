package api

import "time"

// Branch is a line of development; its current head holds versions.
type Branch struct {
	UUID     string     `json:"uuid" format:"uuid"`
	Project  string     `json:"project" format:"uuid"`
	Name     string     `json:"name"`
	Slug     string     `json:"slug"`
	Head     Head       `json:"head"`
	Created  time.Time  `json:"created"`
	Modified time.Time  `json:"modified"`
	Archived *time.Time `json:"archived,omitempty"`
}

// Head is one incarnation of a branch.
type Head struct {
	UUID       string          `json:"uuid" format:"uuid"`
	StartPoint *HeadStartPoint `json:"start_point,omitempty"`
	Version    *Version        `json:"version,omitempty" doc:"the newest version, or the report's own inside a report"`
	Commit     *Commit         `json:"commit,omitempty" doc:"what is known of the newest version's commit; of branches asked for by themselves only"`
	Created    time.Time       `json:"created"`
	Replaced   *time.Time      `json:"replaced,omitempty"`
}

// HeadStartPoint says where a head was copied from.
type HeadStartPoint struct {
	Branch  string  `json:"branch" format:"uuid"`
	Head    string  `json:"head" format:"uuid"`
	Version Version `json:"version"`
}

// Version is a point in a head's history. Numbers begin at 0 and rise by one with each new version of the head.
type Version struct {
	Number int64   `json:"number"`
	Hash   *string `json:"hash,omitempty" doc:"full git object name"`
}

// Commit is what is known of a commit beside its hash: what git said where a report came from. Texts are on one line, without control
// characters, and cut to 128 and 256 bytes.
type Commit struct {
	Hash    string     `json:"hash" doc:"full git object name"`
	Parent  string     `json:"parent,omitempty" doc:"the first parent's"`
	Author  string     `json:"author,omitempty" doc:"name, without an address"`
	Subject string     `json:"subject,omitempty" doc:"first paragraph of the message"`
	Time    *time.Time `json:"time,omitempty" doc:"when it was authored"`
	_       struct{}   `additionalProperties:"true"`
}

// NewBranch is the body of POST …/branches.
type NewBranch struct {
	Name       string      `json:"name" minLength:"1" maxLength:"256"`
	Slug       string      `json:"slug,omitempty" maxLength:"64"`
	StartPoint *StartPoint `json:"start_point,omitempty"`
	_          struct{}    `additionalProperties:"true"`
}

// StartPoint asks for a head that begins with the history of another branch.
type StartPoint struct {
	Branch          string   `json:"branch,omitempty" doc:"name, slug or UUID"`
	Hash            string   `json:"hash,omitempty" doc:"version to start at; absent: the newest"`
	MaxVersions     *int     `json:"max_versions,omitempty" minimum:"1" maximum:"65535" doc:"default 255"`
	CloneThresholds *bool    `json:"clone_thresholds,omitempty" doc:"thresholds of the start point. Absent: taken over, but for those that were set on this branch; true: a new head has these and no others; false: none"`
	Reset           *bool    `json:"reset,omitempty" doc:"make a new head even when nothing changed"`
	Detected        *bool    `json:"detected,omitempty" doc:"the client found the branch in git and nobody asked for it: only a new branch begins with it, and only if it has versions"`
	Commits         []string `json:"commits,omitempty" maxItems:"255" doc:"of a detected start point: commits to start at, the best first; without a version of any of them, the newest is it"`
	_               struct{} `additionalProperties:"true"`
}

// Testbed is where benchmarks ran.
type Testbed struct {
	UUID     string     `json:"uuid" format:"uuid"`
	Project  string     `json:"project" format:"uuid"`
	Name     string     `json:"name"`
	Slug     string     `json:"slug"`
	Spec     *Spec      `json:"spec,omitempty" doc:"hardware spec of the runners that this testbed stands for; in a report, the spec that it ran on"`
	Created  time.Time  `json:"created"`
	Modified time.Time  `json:"modified"`
	Archived *time.Time `json:"archived,omitempty"`
}

// Benchmark is a named workload.
type Benchmark struct {
	UUID     string     `json:"uuid" format:"uuid"`
	Project  string     `json:"project" format:"uuid"`
	Name     string     `json:"name"`
	Slug     string     `json:"slug"`
	Created  time.Time  `json:"created"`
	Modified time.Time  `json:"modified"`
	Archived *time.Time `json:"archived,omitempty"`
}

// Measure is what was measured, with its units and which direction is better.
type Measure struct {
	UUID      string     `json:"uuid" format:"uuid"`
	Project   string     `json:"project" format:"uuid"`
	Name      string     `json:"name"`
	Slug      string     `json:"slug"`
	Units     string     `json:"units"`
	Direction Direction  `json:"direction" enum:"unknown,lower,higher" doc:"which direction is better"`
	Exact     bool       `json:"exact" doc:"it is counted and not timed: the same program gives the same value, and any change is one"`
	Created   time.Time  `json:"created"`
	Modified  time.Time  `json:"modified"`
	Archived  *time.Time `json:"archived,omitempty"`
}

// Direction says which direction of a measure is better.
type Direction string

// The directions.
const (
	DirectionUnknown Direction = "unknown"
	LowerIsBetter    Direction = "lower"
	HigherIsBetter   Direction = "higher"
)

// NewDimension is the body of POST …/testbeds and …/benchmarks.
type NewDimension struct {
	Name string   `json:"name" minLength:"1" maxLength:"1024"`
	Slug string   `json:"slug,omitempty" maxLength:"64"`
	_    struct{} `additionalProperties:"true"`
}

// NewMeasure is the body of POST …/measures.
type NewMeasure struct {
	Name      string    `json:"name" minLength:"1" maxLength:"64"`
	Slug      string    `json:"slug,omitempty" maxLength:"64"`
	Units     string    `json:"units" minLength:"1" maxLength:"64"`
	Direction Direction `json:"direction,omitempty" enum:"unknown,lower,higher"`
	_         struct{}  `additionalProperties:"true"`
}

// UpdateDimension is the body of PATCH on a branch, testbed, benchmark or measure. Absent fields stay.
type UpdateDimension struct {
	Name      *string    `json:"name,omitempty" minLength:"1" maxLength:"1024"`
	Slug      *string    `json:"slug,omitempty" maxLength:"64"`
	Units     *string    `json:"units,omitempty" doc:"measures only"`
	Direction *Direction `json:"direction,omitempty" enum:"unknown,lower,higher" doc:"measures only"`
	Archived  *bool      `json:"archived,omitempty"`
	_         struct{}   `additionalProperties:"true"`
}
