package value

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
)

// ParseTime reads Unix seconds or RFC 3339.
func ParseTime(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return time.Unix(n, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("want Unix seconds, 2026-03-04 or 2026-03-04T12:00:00Z")
}

// Seconds is a flag value: "300" (seconds) or "5m".
type Seconds time.Duration

// Set reads a time.
func (d *Seconds) Set(s string) error {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n <= int64(limits.JobTimeoutMax/time.Second) {
		*d = Seconds(time.Duration(n) * time.Second)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 || v > limits.JobTimeoutMax {
		return fmt.Errorf("%q is not a time like 300 (seconds) or 5m, up to %s", s, limits.JobTimeoutMax)
	}
	*d = Seconds(v)
	return nil
}

// String is the time as Go prints it.
func (d *Seconds) String() string { return time.Duration(*d).String() }

// Type is the name that help shows.
func (d *Seconds) Type() string { return "duration" }
