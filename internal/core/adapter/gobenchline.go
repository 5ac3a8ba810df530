package adapter

import (
	"bytes"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// goLine is a result line taken apart. Its parts are the input's bytes.
type goLine struct {
	name  []byte // without the suffix of GOMAXPROCS
	procs []byte // the suffix without its dash; empty: there was none
	pairs []goPair
}

// goPair is "12.5 ns/op".
type goPair struct {
	value float64
	unit  []byte
}

// readResult reads a result line. Where the benchmark itself prints, its output stands between the name and the result, on the same line
// or on lines of its own, or before the name:
//
//	BenchmarkX-8   	     100	      12.5 ns/op
//	some outputBenchmarkX-8   	     100	      12.5 ns/op
//	BenchmarkX-8   	some output     100	      12.5 ns/op
//	BenchmarkX-8   	some output
//	     100	      12.5 ns/op
//
// It returns the name also where the line is no result: the result may follow. A nil name is a line without one. The pairs are appended to
// those given.
func readResult(line []byte, pairs []goPair) (name []byte, result goLine, ok bool) {
	start := nameAt(line)
	if start < 0 {
		return readSmall(line, pairs)
	}
	name, rest := read.NextWord(line[start:])
	if len(rest) == 0 {
		return name, goLine{}, false
	}
	if pairs, found := readTail(rest, pairs); found {
		name, procs := cutProcs(name)
		return name, goLine{name, procs, pairs}, true
	}
	return name, goLine{}, false
}

// readSmall reads a result line whose name has a small letter behind Benchmark. go test takes no such function, but programs that run
// benchmarks
// themselves do. As log lines begin so too ("Benchmarking 3 files"), it must be whole, and a unit for each operation.
func readSmall(line []byte, pairs []goPair) (name []byte, result goLine, ok bool) {
	if !bytes.HasPrefix(line, []byte("Benchmark")) || !bytes.Contains(line, []byte("/op")) {
		return nil, goLine{}, false
	}
	name, rest := read.NextWord(line)
	count, after := read.NextWord(rest)
	if !read.IsDigits(count) {
		return nil, goLine{}, false
	}
	pairs, ok = appendPairs(pairs, after)
	for _, p := range pairs {
		if ok && bytes.HasSuffix(p.unit, []byte("/op")) {
			name, procs := cutProcs(name)
			return name, goLine{name, procs, pairs}, true
		}
	}
	return nil, goLine{}, false
}

// nameAt is where a benchmark's name begins: at the word Benchmark with no small letter behind it, as go test demands. In the middle of a
// line it is one only where a tab follows the padded name, as go test prints it; -1: nowhere.
func nameAt(line []byte) int {
	const word = "Benchmark"
	if bytes.HasPrefix(line, []byte(word)) && startsName(line[len(word):]) {
		return 0
	}
	at := bytes.Index(line, []byte(word))
	if at <= 0 || !startsName(line[at+len(word):]) {
		return -1
	}
	rest := line[at:]
	if _, rest = read.NextWord(rest); len(rest) == 0 {
		return -1
	}
	if rest = bytes.TrimLeft(rest, " "); len(rest) > 0 && rest[0] == '\t' {
		return at
	}
	return -1
}

func startsName(rest []byte) bool { return len(rest) == 0 || rest[0] < 'a' || rest[0] > 'z' }

// cutProcs splits the suffix of GOMAXPROCS off: a dash and digits at the end.
func cutProcs(name []byte) (base, procs []byte) {
	end := len(name)
	for end > 0 && read.IsDigit(name[end-1]) {
		end--
	}
	if end < 2 || end == len(name) || name[end-1] != '-' {
		return name, nil
	}
	return name[:end-1], name[end:]
}

// readTail finds the number of iterations and the pairs behind a name. Where output of the benchmark stands before them they are looked
// for from the end of the line.
func readTail(rest []byte, pairs []goPair) ([]goPair, bool) {
	if count, after := read.NextWord(rest); read.IsDigits(count) {
		if read, ok := appendPairs(pairs, after); ok {
			return read, true
		}
	}
	return readBack(rest, pairs)
}

// readBack finds "     100\t      12.5 ns/op\t  16 B/op" at the end of a line, as the testing package prints it: the number of iterations
// padded to eight, then a tab. It goes backwards over pairs until such a number stands before one, so that its cost is the line's length.
// One unit must be for each operation: logs have tabs and numbers too.
func readBack(line []byte, pairs []goPair) ([]goPair, bool) {
	perOp := false
	for at := len(line); ; {
		u, value, begin := pairBefore(line[:at])
		if begin < 0 {
			return nil, false
		}
		if _, good := read.Number(value); !good {
			return nil, false
		}
		perOp = perOp || bytes.HasSuffix(u, []byte("/op"))
		at = begin
		before := bytes.TrimRight(line[:at], " ")
		if len(before) == 0 || before[len(before)-1] != '\t' {
			continue
		}
		count := bytes.TrimRight(before[:len(before)-1], "0123456789")
		digits := len(before) - 1 - len(count)
		if padded := len(count) == 0 || count[len(count)-1] == ' ' || count[len(count)-1] == '\t'; perOp && digits > 0 && (padded || digits >= 8) {
			return appendPairs(pairs, line[at:])
		}
	}
}

// pairBefore is the last value and unit of a line, and where the value begins; -1 if it has none.
func pairBefore(line []byte) (u, value []byte, begin int) {
	line = read.TrimEnd(line)
	at := read.LastBlank(line)
	if at < 0 {
		return nil, nil, -1
	}
	u = line[at+1:]
	line = read.TrimEnd(line[:at])
	begin = read.LastBlank(line) + 1
	return u, line[begin:], begin
}

// appendPairs reads values and units; it is not ok where rest is not these and nothing else.
func appendPairs(pairs []goPair, rest []byte) ([]goPair, bool) {
	before := len(pairs)
	for {
		word, after := read.NextWord(rest)
		if len(word) == 0 {
			return pairs, len(pairs) > before
		}
		value, ok := read.Number(word)
		if !ok {
			return pairs, false
		}
		var u []byte
		if u, rest = read.NextWord(after); len(u) == 0 {
			return pairs, false
		}
		pairs = append(pairs, goPair{value, u})
	}
}
