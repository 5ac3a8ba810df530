package adapter

import (
	"bytes"
	"fmt"
	"testing"
)

// large has outputs of n benchmarks as tools write them.
func large(n int) map[Name][]byte {
	var bmf, text, fine bytes.Buffer
	bmf.WriteString("{")
	text.WriteString("goos: linux\npkg: example.org/large\n")
	fine.WriteString(`{"results":[`)
	for i := range n {
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&bmf, `%s"example.org/large.BenchmarkThing/n=%d": {"latency": {"value": %d.25, "lower_value": 1000.125, "upper_value": 1300}}`, comma, i, 1000+i)
		fmt.Fprintf(&text, "BenchmarkThing/n=%d-8         \t 1000000\t      %d.5 ns/op\t  52.17 MB/s\t   54152 B/op\t      15 allocs/op\n", i, 1000+i)
		fmt.Fprintf(&fine, `%s{"command":"thing %d","mean":1.5,"stddev":0.01,"median":1.5,"user":1,"system":0.1,"min":1.4,"max":1.6,"times":[1.4,1.5,1.6,1.5,1.5],"exit_codes":[0,0,0,0,0]}`, comma, i)
	}
	bmf.WriteString("}")
	fine.WriteString("]}")
	return map[Name][]byte{JSON: bmf.Bytes(), GoBench: text.Bytes(), Hyperfine: fine.Bytes()}
}

func BenchmarkParse(b *testing.B) {
	inputs := large(10_000)
	for _, name := range []Name{JSON, GoBench, Hyperfine} {
		for how, as := range map[string]Name{"named": name, "magic": Magic} {
			b.Run(string(name)+"/"+how, func(b *testing.B) {
				b.SetBytes(int64(len(inputs[name])))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Parse(as, inputs[name], Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPassOver is a log of 10 MB without a single result: the price of being fed the wrong file.
func BenchmarkPassOver(b *testing.B) {
	log := bytes.Repeat([]byte("2026-01-02T03:04:05.678Z level=info msg=\"request served\" path=/v0/projects status=200 duration=1.23ms\n"), 100_000)
	log = append(log, "BenchmarkX 1 1 ns/op\n"...)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		if _, err := Parse(GoBench, log, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
