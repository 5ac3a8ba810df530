package show

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
)

// Name is the name of a branch, testbed or measure that an answer may leave out.
func Name[T api.Branch | api.Testbed | api.Measure](thing *T) string {
	if thing == nil {
		return ""
	}
	switch v := any(*thing).(type) {
	case api.Branch:
		return v.Name
	case api.Testbed:
		return v.Name
	case api.Measure:
		return v.Name
	}
	return ""
}

// Model is a threshold's model in one line.
func Model(m *api.ModelRow) string {
	if m == nil {
		return "none"
	}
	parts := []string{m.Test}
	add := func(name string, value *float64) {
		if value != nil {
			parts = append(parts, name+" "+strconv.FormatFloat(*value, 'g', -1, 64))
		}
	}
	add("lower", m.LowerBoundary)
	add("upper", m.UpperBoundary)
	if m.MinSampleSize != nil {
		parts = append(parts, fmt.Sprintf("min %d", *m.MinSampleSize))
	}
	if m.MaxSampleSize != nil {
		parts = append(parts, fmt.Sprintf("max %d", *m.MaxSampleSize))
	}
	if m.Window != nil {
		parts = append(parts, fmt.Sprintf("window %ds", *m.Window))
	}
	return strings.Join(parts, ", ")
}
