package adapter

import (
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// deno bench --json writes {"version", "runtime", "cpu", "benches": [{"origin", "group", "name", "baseline", "results": [{"ok": {"n",
// "min", "max", "avg", "p75", "p99", "p995", "p999"}} or {"failed": …}]}]}; times are nanoseconds. Without --json it prints "| name |
// 61.0 ns | 16,390,000 | ( 30.8 ns …  5.2 µs) | 33.7 ns | 674.9 ns | 891.8 ns |", before version 1.45 "name  61.0
// ns/iter  16,390,000.0  (30.8 ns … 5.2 µs)  33.7 ns …", below the file's address and "group name".
//
// Identity is the file's name, with as much of its folder as tells files of the same name apart, the group and the name. The value is the
// average; of what is printed it is taken from the rate, where that has more digits. deno prints no samples.
var denoBenchTool = tool{
	name: "deno_bench", about: "deno bench, --json or what it prints", example: `tacho run "deno bench --json"`,
	measures: []string{"Latency (ns, lower)", "Latency min, max, p75, p99, p99.5, p99.9 (ns, lower)"},
	signs:    []sign{{jsonForm, []string{"runtime", "benches[].origin", "benches[].name"}, 100, `"benches" with "origin"`}},
	needles:  []string{"iter/s  ", "iter/s |"}, hit: hitDeno, trace: "the header of deno's table",
	parse: parseDeno,
}

// denoBench is one benchmark.
type denoBench struct {
	origin, group, name, failed string
	timings                     []timing
	line                        int
}

func hitDeno(line []byte) int {
	words := strings.Fields(strings.ReplaceAll(string(line), "|", " "))
	if len(words) < 7 || words[0] != "benchmark" || !strings.Contains(strings.Join(words, " "), "(avg) iter/s (min … max) p75 p99 p995") {
		return 0
	}
	return 95
}

func parseDeno(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	var benches []denoBench
	take := func(b denoBench) error {
		benches = append(benches, b)
		return tooManyRuns(len(benches))
	}
	reason := `%d "benches" with "origin"`
	var err error
	if c := s.Peek(); c == '{' {
		err = s.Object(func(key []byte) error {
			if string(key) != "benches" {
				return s.Skip()
			}
			return s.Each(func() error {
				b, err := readDeno(s)
				return firstError(err, func() error { return take(b) })
			})
		})
	} else {
		reason = "a table of %d benchmarks of deno"
		err = denoText(s, take)
	}
	if err != nil {
		return Results{}, err
	}
	files := denoFiles(benches)
	for _, b := range benches {
		name := joinNames(" > ", files[b.origin], b.group, b.name)
		if b.failed != "" {
			g.problem(name, b.line, "it failed: %s", b.failed)
		}
		for _, t := range b.timings {
			t.add(&g, g.again(name), 1, AverageDefault, b.line)
		}
	}
	return g.results(opts, reason, len(benches))
}

// denoFiles are the names of the files: the last part of the address, or as many as tell them apart.
func denoFiles(benches []denoBench) map[string]string {
	files := map[string]string{}
	for _, b := range benches {
		files[b.origin] = ""
	}
	for parts := 1; ; parts++ {
		users := map[string]int{}
		for origin, name := range files {
			if name == "" {
				users[lastParts(origin, parts)]++
			}
		}
		left := 0
		for origin, name := range files {
			if short := lastParts(origin, parts); name == "" && (users[short] == 1 || short == origin) {
				files[origin] = short
			} else if name == "" {
				left++
			}
		}
		if left == 0 || parts > denoParts {
			return files
		}
	}
}

// denoParts bounds how many folders a name may have.
const denoParts = 64

// lastParts is what stands behind the nth slash from the end.
func lastParts(address string, n int) string {
	at := len(address)
	for range n {
		if at = strings.LastIndexByte(address[:at], '/'); at < 0 {
			return address
		}
	}
	return address[at+1:]
}

func readDeno(s *read.Scanner) (b denoBench, err error) {
	s.Peek()
	b.line, _ = s.Position()
	return b, s.Members(func(key []byte) error {
		switch string(key) {
		case "origin":
			return s.Str(&b.origin)
		case "group":
			return s.Str(&b.group)
		case "name":
			return s.Str(&b.name)
		case "results":
			return s.Each(func() error {
				return s.Members(func(key []byte) error {
					switch string(key) {
					case "ok":
						var t timing
						err := s.Members(func(key []byte) error { return t.member(s, key) })
						b.timings = append(b.timings, t)
						return err
					case "failed":
						b.failed = "an error"
						return s.Members(func(key []byte) error {
							if string(key) == "message" {
								return s.Str(&b.failed)
							}
							return s.Skip()
						})
					}
					return s.Skip()
				})
			})
		}
		return s.Skip()
	})
}

// denoText reads the tables.
func denoText(s *read.Scanner, take func(denoBench) error) error {
	var at denoBench
	for line := range s.Lines() {
		text := strings.TrimSpace(string(line))
		at.line = s.Line()
		if group, ok := strings.CutPrefix(text, "group "); ok {
			at.group = group
			continue
		}
		if (strings.HasPrefix(text, "file://") || strings.HasPrefix(text, "http")) && !strings.ContainsAny(text, " |") {
			at.origin, at.group = text, ""
			continue
		}
		b := at
		if name, failed, ok := strings.Cut(text, "  error: "); ok {
			b.name, b.failed = name, failed
		} else if !b.row(text) {
			continue
		}
		if err := take(b); err != nil {
			return err
		}
	}
	return nil
}

// row reads a row of either table; not ok: it is none.
func (b *denoBench) row(text string) bool {
	var mean, rate, rest string
	if strings.HasPrefix(text, "|") {
		cells := strings.Split(strings.Trim(text, "|"), "|")
		if len(cells) < 7 {
			return false
		}
		n := len(cells) - 6 // of the name, which may have bars
		b.name, mean, rate, rest = strings.Join(cells[:n], "|"), cells[n], cells[n+1], strings.Join(cells[n+2:], " ")
	} else if before, after, ok := strings.Cut(text, "/iter "); ok {
		words := strings.Fields(before)
		if len(words) < 3 {
			return false
		}
		at := strings.LastIndex(before, words[len(words)-2])
		b.name, mean = before[:at], before[at:]
		if rate, rest, ok = strings.Cut(strings.TrimSpace(after), " "); !ok {
			return false
		}
	} else {
		return false
	}
	average, others := mitataQuantities(mean), mitataQuantities(rest)
	if len(average) != 1 || average[0].bytes || len(others) < 2 {
		return false
	}
	t := timing{mean: read.Opt{Value: average[0].value, OK: true}, least: read.Opt{Value: others[0].value, OK: true},
		largest: read.Opt{Value: others[1].value, OK: true}}
	// four digits, where the time may have two
	if v, ok := read.GroupedNumber([]byte(strings.TrimSpace(rate)), ','); ok && read.Finite(v) && v >= 1000 {
		t.mean.Value = 1e9 / v
	}
	for i, point := range []string{"p75", "p99", "p99.5"} {
		if i+2 < len(others) {
			t.points = append(t.points, jmhPoint{point, others[i+2].value})
		}
	}
	b.timings = []timing{t}
	return true
}
