package adapter

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// BenchmarkSmall reads the output of a few benchmarks, as most reports have it: made ones of ten, and each real output of less than 4 KiB
// as it is. encoding/json reads the same JSON into any, which is the least that a reader of unknown JSON does.
func BenchmarkSmall(b *testing.B) {
	run := func(name Name, label string, input []byte) {
		for _, as := range []Name{name, Magic} {
			how := "named"
			if as == Magic {
				how = "magic"
			}
			b.Run(string(name)+"/"+label+"/"+how, func(b *testing.B) {
				b.SetBytes(int64(len(input)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Parse(as, input, Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if json.Valid(input) {
			b.Run(string(name)+"/"+label+"/encoding_json", func(b *testing.B) {
				b.SetBytes(int64(len(input)))
				b.ReportAllocs()
				for b.Loop() {
					var v any
					if err := json.Unmarshal(input, &v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	inputs := large(10)
	for _, name := range []Name{JSON, Hyperfine, "cpp_google", "java_jmh", GoBench, "rust_bench", "jmeter", "gatling"} {
		run(name, "ten", inputs[name])
	}
	all := samples(b)
	for _, name := range Names()[1:] {
		for _, file := range all[name] {
			if input := readFile(b, file); len(input) < 4<<10 {
				run(name, filepath.Base(file), input)
			}
		}
	}
}
