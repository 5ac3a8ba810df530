package api

import "time"

// PlotAxis is how an axis of a plot is.
type PlotAxis string

// The axes: the first two are of x, the others of y.
const (
	PlotAxisDateTime PlotAxis = "date_time"
	PlotAxisVersion  PlotAxis = "version"
	PlotAxisAuto     PlotAxis = "auto"
	PlotAxisLinear   PlotAxis = "linear"
	PlotAxisLog      PlotAxis = "log"
)

// Plot is a plot that a project keeps. The lists are UUIDs of what it shows; one of them is empty once all of it was deleted.
type Plot struct {
	UUID          string    `json:"uuid" format:"uuid"`
	Project       string    `json:"project" format:"uuid"`
	Title         *string   `json:"title,omitempty"`
	LowerValue    bool      `json:"lower_value" doc:"kept for clients of Bencher; pages do not draw it"`
	UpperValue    bool      `json:"upper_value" doc:"kept for clients of Bencher; pages do not draw it"`
	LowerBoundary bool      `json:"lower_boundary" doc:"limits are drawn; pages draw both where one is wanted"`
	UpperBoundary bool      `json:"upper_boundary" doc:"limits are drawn; pages draw both where one is wanted"`
	XAxis         PlotAxis  `json:"x_axis" enum:"date_time,version"`
	YAxis         PlotAxis  `json:"y_axis" enum:"auto,linear,log"`
	Window        int64     `json:"window" doc:"how many seconds it goes back from now"`
	Branches      []string  `json:"branches"`
	Testbeds      []string  `json:"testbeds"`
	Benchmarks    []string  `json:"benchmarks"`
	Measures      []string  `json:"measures"`
	Created       time.Time `json:"created"`
	Modified      time.Time `json:"modified"`
}

// NewPlot is the body of POST …/plots. Each list names at least one thing by UUID, slug or name.
type NewPlot struct {
	Index         *int      `json:"index,omitempty" minimum:"0" maximum:"64" doc:"its place, 0 is the first; without one it is the last"`
	Title         *string   `json:"title,omitempty" maxLength:"64"`
	LowerValue    bool      `json:"lower_value"`
	UpperValue    bool      `json:"upper_value"`
	LowerBoundary bool      `json:"lower_boundary"`
	UpperBoundary bool      `json:"upper_boundary"`
	XAxis         PlotAxis  `json:"x_axis" enum:"date_time,version"`
	YAxis         *PlotAxis `json:"y_axis,omitempty" enum:"auto,linear,log" doc:"auto where it is absent"`
	Window        int64     `json:"window" minimum:"1" doc:"seconds"`
	Branches      []string  `json:"branches" minItems:"1" maxItems:"255"`
	Testbeds      []string  `json:"testbeds" minItems:"1" maxItems:"255"`
	Benchmarks    []string  `json:"benchmarks" minItems:"1" maxItems:"255"`
	Measures      []string  `json:"measures" minItems:"1" maxItems:"255"`
	_             struct{}  `additionalProperties:"true"`
}

// UpdatePlot changes a plot. Absent fields stay, lists are replaced, and a title that is null is cleared.
type UpdatePlot struct {
	Index         *int      `json:"index,omitempty" minimum:"0" maximum:"64"`
	Title         *string   `json:"title,omitempty" maxLength:"64" nullable:"true"`
	LowerValue    *bool     `json:"lower_value,omitempty"`
	UpperValue    *bool     `json:"upper_value,omitempty"`
	LowerBoundary *bool     `json:"lower_boundary,omitempty"`
	UpperBoundary *bool     `json:"upper_boundary,omitempty"`
	XAxis         *PlotAxis `json:"x_axis,omitempty" enum:"date_time,version"`
	YAxis         *PlotAxis `json:"y_axis,omitempty" enum:"auto,linear,log"`
	Window        *int64    `json:"window,omitempty" minimum:"1"`
	Branches      *[]string `json:"branches,omitempty" minItems:"1" maxItems:"255"`
	Testbeds      *[]string `json:"testbeds,omitempty" minItems:"1" maxItems:"255"`
	Benchmarks    *[]string `json:"benchmarks,omitempty" minItems:"1" maxItems:"255"`
	Measures      *[]string `json:"measures,omitempty" minItems:"1" maxItems:"255"`
	_             struct{}  `additionalProperties:"true"`
}
