package adapter

import "bytes"

// Dart's benchmark_harness prints "Name(RunTime): 123.45 us." for each benchmark; emitters of its newer versions say "Name(RunTimeRaw): 123.45 us.".
//
// Identity is the name; one that comes again gives samples.
var dartTool = tool{
	name: "dart_benchmark_harness", about: "Dart's benchmark_harness", example: `tacho run "dart run benchmark/main.dart"`,
	measures: []string{"Latency (ns, lower)"}, samples: "each line of the same benchmark",
	needles: []string{"(RunTime"}, hit: hitDart, trace: `a line has "(RunTime): "`,
	parse: parseDart, averages: []Average{AverageMean, AverageMedian},
}

func hitDart(line []byte) int {
	if _, _, ok := readDart(line); ok {
		return 100
	}
	return 0
}

func readDart(line []byte) (name []byte, nanos float64, ok bool) {
	name, rest, found := bytes.Cut(line, []byte("(RunTime"))
	if !found || len(bytes.TrimSpace(name)) == 0 {
		return nil, 0, false
	}
	rest = bytes.TrimPrefix(rest, []byte("Raw"))
	rest, found = bytes.CutPrefix(rest, []byte("): "))
	if !found {
		return nil, 0, false
	}
	nanos, ok = nanoseconds(bytes.TrimRight(rest, ". "))
	return bytes.TrimSpace(name), nanos, ok
}

func parseDart(s *scanner, opts Options) (Results, error) {
	return timedLines(s, opts, readDart, `%d lines with "(RunTime): "`)
}
