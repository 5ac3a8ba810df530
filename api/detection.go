package api

// Detection is what is known of a series: where its level changes, and how small a change could have been seen. Positions count values from
// 0.
type Detection struct {
	ID           string           `json:"id,omitempty"` // as it was given
	Values       int              `json:"values"`
	Scale        string           `json:"scale"` // log: effects are ratios less 1; raw: differences, in the unit of the values
	Noise        float64          `json:"noise"` // one standard deviation of a value, given as an effect is
	ChangePoints []DetectedChange `json:"change_points"`
	Suspected    []DetectedChange `json:"suspected"` // fewer than five values follow
	Suspended    []DetectedChange `json:"suspended"` // may be one more switch between two modes
	Modes        []DetectedModes  `json:"modes"`
	Missing      []int            `json:"missing"` // zeros among positive values, taken as failed runs
	Regime       int              `json:"regime"`  // first value of the current regime
	Learning     bool             `json:"learning"`
	Suspicion    *DetectedOutside `json:"suspicion,omitempty"`
	Detectable   *float64         `json:"detectable,omitempty"` // lasting step found in four of five cases, 20 values after it
}

// DetectedChange is a step from one regime to the next. It is one of the commits after value First−1, up to that of value Last.
type DetectedChange struct {
	Index   int        `json:"index"` // first value of the new regime
	First   int        `json:"first"`
	Last    int        `json:"last"`
	Commit  string     `json:"commit,omitempty"`  // of value Index
	Commits *[2]string `json:"commits,omitempty"` // of values First−1 and Last: after the one and up to the other
	Effect  float64    `json:"effect"`
	Lower   float64    `json:"lower"` // 95 % interval of the effect
	Upper   float64    `json:"upper"`
	Before  float64    `json:"before"` // levels
	After   float64    `json:"after"`
	NBefore int        `json:"n_before"` // values that tell them
	NAfter  int        `json:"n_after"`
	T       float64    `json:"t"`
	P       float64    `json:"p"` // of a t like this anywhere in the series by chance
}

// DetectedModes are two levels that a series switches between.
type DetectedModes struct {
	Switches    []int   `json:"switches"`
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	ShareBefore float64 `json:"share_before"` // of values in the high mode, before the newest 60
	ShareNow    float64 `json:"share_now"`    // among those
}

// DetectedOutside is the newest value, outside of what its regime lets expect.
type DetectedOutside struct {
	Index int     `json:"index"`
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}
