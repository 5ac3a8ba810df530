package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

// large has outputs of n benchmarks as tools write them.
func large(n int) map[Name][]byte {
	var bmf, text, fine, google, jmh, rust, jtl, sim bytes.Buffer
	bmf.WriteString("{")
	text.WriteString("goos: linux\npkg: example.org/large\n")
	fine.WriteString(`{"results":[`)
	google.WriteString(`{"context":{"num_cpus":2,"caches":[]},"benchmarks":[`)
	jmh.WriteString("[")
	jtl.WriteString("timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n")
	for i := range n {
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&bmf, `%s"example.org/large.BenchmarkThing/n=%d": {"latency": {"value": %d.25, "lower_value": 1000.125, "upper_value": 1300}}`, comma, i, 1000+i)
		fmt.Fprintf(&text, "BenchmarkThing/n=%d-8         \t 1000000\t      %d.5 ns/op\t  52.17 MB/s\t   54152 B/op\t      15 allocs/op\n", i, 1000+i)
		fmt.Fprintf(&fine, `%s{"command":"thing %d","mean":1.5,"stddev":0.01,"median":1.5,"user":1,"system":0.1,"min":1.4,"max":1.6,"times":[1.4,1.5,1.6,1.5,1.5],"exit_codes":[0,0,0,0,0]}`, comma, i)
		fmt.Fprintf(&google, "%s\n    {\n      \"name\": \"BM_Thing/%d\",\n      \"family_index\": 0,\n      \"run_name\": \"BM_Thing/%d\",\n      \"run_type\": \"iteration\",\n      \"repetitions\": 1,\n      \"repetition_index\": 0,\n      \"threads\": 1,\n"+
			"      \"iterations\": 106914545,\n      \"real_time\": 1.3427641206363399e+00,\n      \"cpu_time\": 7.1150869135719563e-01,\n      \"time_unit\": \"ns\"\n    }", comma, i, i)
		fmt.Fprintf(&jmh, `%s{"benchmark":"org.example.Thing.run","mode":"avgt","threads":1,"jvmArgs":[],"params":{"n":"%d"},"primaryMetric":{"score":1.5,"scoreError":0.1,"scoreConfidence":[1.4,1.6],"scorePercentiles":{"50.0":1.5,"100.0":1.6},"scoreUnit":"us/op","rawData":[[1.4,1.5,1.6,1.5,1.5]]},"secondaryMetrics":{}}`, comma, i)
		fmt.Fprintf(&rust, "test module::tests::bench_thing_%d ... bench:       1,234.56 ns/iter (+/- 78.90)\n", i)
		fmt.Fprintf(&jtl, "%d,%d,request %d,200,OK,users 1-1,text,true,,549,113,2,2,http://127.0.0.1/,12,0,10\n", 1795241160773+i, 10+i%7, i%50)
		fmt.Fprintf(&sim, "REQUEST\t\tget /%d\t%d\t%d\tOK\t \n", i%50, 1776038459182+i, 1776038459190+i+i%7)
	}
	bmf.WriteString("}")
	fine.WriteString("]}")
	google.WriteString("]}")
	jmh.WriteString("]")
	return map[Name][]byte{
		JSON: bmf.Bytes(), GoBench: text.Bytes(), Hyperfine: fine.Bytes(), "cpp_google": google.Bytes(), "java_jmh": jmh.Bytes(), "rust_bench": rust.Bytes(), "jmeter": jtl.Bytes(), "gatling": sim.Bytes(),
	}
}

// BenchmarkParse reads the output of 10,000 benchmarks or requests.
func BenchmarkParse(b *testing.B) {
	inputs := large(10_000)
	for _, name := range []Name{JSON, Hyperfine, "cpp_google", "java_jmh", GoBench, "rust_bench", "jmeter", "gatling"} {
		for _, as := range []Name{name, Magic} {
			how := "named"
			if as == Magic {
				how = "magic"
			}
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

// BenchmarkFixtures reads each real output many times over, as a log of many runs has it: a table of every adapter's speed.
func BenchmarkFixtures(b *testing.B) {
	all := samples(b)
	for _, name := range Names()[1:] {
		for _, file := range all[name] {
			one := readFile(b, file)
			if !bytes.HasSuffix(one, []byte("\n")) {
				one = append(one, '\n')
			}
			input := bytes.Repeat(one, 1+(1<<20)/len(one))
			b.Run(string(name)+"/"+filepath.Base(file), func(b *testing.B) {
				if _, err := Parse(name, input, Options{}); err != nil {
					b.Skip("the format does not go on after its end")
				}
				b.SetBytes(int64(len(input)))
				for b.Loop() {
					if _, err := Parse(name, input, Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAnchors are what the speeds above are compared with: the standard library's JSON into the same values, and a look at each line.
func BenchmarkAnchors(b *testing.B) {
	type metric struct {
		Value float64  `json:"value"`
		Lower *float64 `json:"lower_value"`
		Upper *float64 `json:"upper_value"`
	}
	type fine struct {
		Results []struct {
			Command                                      string
			Mean, Stddev, Median, User, System, Min, Max *float64
			Times                                        []float64
			ExitCodes                                    []*int `json:"exit_codes"`
		}
	}
	type google struct {
		Benchmarks []struct {
			Name, Label    string
			RunName        string  `json:"run_name"`
			RunType        string  `json:"run_type"`
			Real           float64 `json:"real_time"`
			CPU            float64 `json:"cpu_time"`
			Unit           string  `json:"time_unit"`
			Items          float64 `json:"items_per_second"`
			BytesPerSecond float64 `json:"bytes_per_second"`
		}
	}
	type score struct {
		Score       float64
		Confidence  []float64          `json:"scoreConfidence"`
		Percentiles map[string]float64 `json:"scorePercentiles"`
		Unit        string             `json:"scoreUnit"`
		Raw         [][]float64        `json:"rawData"`
	}
	type jmh []struct {
		Benchmark, Mode string
		Threads         int
		Params          map[string]string
		Primary         score            `json:"primaryMetric"`
		Secondary       map[string]score `json:"secondaryMetrics"`
	}
	inputs := large(10_000)
	for name, into := range map[Name]func() any{
		JSON:         func() any { return &map[string]map[string]metric{} },
		Hyperfine:    func() any { return &fine{} },
		"cpp_google": func() any { return &google{} },
		"java_jmh":   func() any { return &jmh{} },
	} {
		b.Run("encoding_json/"+string(name), func(b *testing.B) {
			b.SetBytes(int64(len(inputs[name])))
			for b.Loop() {
				if err := json.Unmarshal(inputs[name], into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, name := range []Name{GoBench, "rust_bench", "jmeter", "gatling"} {
		b.Run("lines/"+string(name), func(b *testing.B) {
			b.SetBytes(int64(len(inputs[name])))
			for b.Loop() {
				n := 0
				for line := range bytes.Lines(inputs[name]) {
					n += len(line)
				}
				if n != len(inputs[name]) {
					b.Fatal(n)
				}
			}
		})
	}
}

// BenchmarkManyLines reads outputs in which the same names come again and again, as with -count or many requests.
func BenchmarkManyLines(b *testing.B) {
	var text bytes.Buffer
	for i := range 1000 {
		for k := range 10 {
			fmt.Fprintf(&text, "BenchmarkThing/n=%d-8         \t 1000000\t      %d.5 ns/op\t  52.17 MB/s\t   54152 B/op\t      15 allocs/op\n", i, 1000+i+k)
		}
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Parse(GoBench, text.Bytes(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPassOver is a log of 10 MB without a single result: the price of being fed the wrong file, by name and by magic.
func BenchmarkPassOver(b *testing.B) {
	log := bytes.Repeat([]byte("2026-01-02T03:04:05.678Z level=info msg=\"request served\" path=/v0/projects status=200 duration=1.23ms\n"), 100_000)
	log = append(log, "BenchmarkX 1 1 ns/op\n"...)
	for _, name := range []Name{GoBench, Magic} {
		b.Run(string(name), func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				if _, err := Parse(name, log, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// repeated is an input of one line, many times, that is nowhere in memory.
type repeated struct {
	line string
	size int64
}

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-off)]
	n := 0
	for n < len(p) {
		n += copy(p[n:], r.line[(off+int64(n))%int64(len(r.line)):])
	}
	return n, nil
}

// TestALargeLogCostsNoMemory reads a log of 1 GiB, of which each 65th line is a result.
func TestALargeLogCostsNoMemory(t *testing.T) {
	property.OneThread(t)
	if testing.Short() {
		t.Skip("it reads 1 GiB")
	}
	noise := repeated{line: strings.Repeat("2026-01-02T03:04:05.678Z level=info msg=\"request served\"\n", 64) + "BenchmarkX 1 5 ns/op\n", size: 1 << 30}
	var peak uint64
	watched := &watching{repeated: noise, peak: &peak}
	got, err := Read(GoBench, watched, noise.size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Benchmarks[0].Metrics[0].Samples); len(got.Benchmarks) != 1 || n > limits.SamplesPerMetric || n < limits.SamplesPerMetric/2 || len(got.Problems) != 1 {
		t.Errorf("%d benchmarks, %d samples of the first, %v", len(got.Benchmarks), n, got.Problems)
	}
	if limit := uint64(96 << 20); peak > limit { // the samples themselves are the most of it
		t.Errorf("%d bytes in use while a log of %d was read, want below %d", peak, noise.size, limit)
	}
}

// watching looks at the heap now and then while it is read.
type watching struct {
	repeated
	reads int
	peak  *uint64
}

func (w *watching) ReadAt(p []byte, off int64) (int, error) {
	if w.reads++; w.reads%200 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*w.peak = max(*w.peak, m.HeapInuse)
	}
	return w.repeated.ReadAt(p, off)
}
