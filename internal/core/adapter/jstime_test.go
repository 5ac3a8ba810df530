package adapter

import (
	"testing"
)

func TestJSTime(t *testing.T) {
	t.Parallel()
	eachOutput(t, "js_time", []output{
		{"each engine has its form", "a: 12.5ms\nb: 1.5s\nc: 2:03.500 (m:ss.mmm)\nd: 1:02:03.500 (h:mm:ss.mmm)\ne: 1.5min\nf: 1.5h\ng: 0.5 ms\nh: 12ms - timer ended\n[12.50ms] i\n[1.50s] j: k\nlog: 3.5ms more\n[12.50ms]\nx: -1ms\n[x] y: push\n",
			"\na\n\tLatency: 1.25e+07 nanoseconds (ns), lower\n\nb\n\tLatency: 1.5e+09 nanoseconds (ns), lower\n\nc\n\tLatency: 1.235e+11 nanoseconds (ns), lower\n\nd\n\tLatency: 3.7235e+12 nanoseconds (ns), lower\n\ne\n\tLatency: 9e+10 nanoseconds (ns), lower\n\nf\n\tLatency: 5.4e+12 nanoseconds (ns), lower\n" +
				"\ng\n\tLatency: 500000 nanoseconds (ns), lower\n\nh\n\tLatency: 1.2e+07 nanoseconds (ns), lower\n\ni\n\tLatency: 1.25e+07 nanoseconds (ns), lower\n\nj: k\n\tLatency: 1.5e+09 nanoseconds (ns), lower\n"},
	})
	refuses(t, Magic, "[12.50ms] bundled\n", "was not recognised")
}
