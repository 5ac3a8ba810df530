// Command same compares a real benchmark's binary with itself, many times, and counts what tacho compare claims: each claim is false. It is
// not part of the tests, because it measures the machine that it runs on, too.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

func main() {
	var o options
	flag.StringVar(&o.tacho, "tacho", "bin/tacho", "the binary that compares")
	flag.StringVar(&o.pkg, "package", "./internal/core/adapter", "whose benchmarks are run")
	flag.StringVar(&o.bench, "bench", "Small/[c-h].*/.*/named", "which of them")
	flag.StringVar(&o.time, "benchtime", "2ms", "for each")
	flag.IntVar(&o.times, "times", 20, "comparisons of each design")
	flag.IntVar(&o.only, "processes", 0, "only designs with so many processes a side; 0: all")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "same:", err)
		os.Exit(1)
	}
}

type options struct {
	tacho, pkg, bench, time string
	times, only             int
}

// designs are how often each side is measured.
var designs = []struct{ processes, count int }{{1, 1}, {1, 2}, {1, 5}, {1, 10}, {2, 1}, {5, 1}}

func (o options) run() error {
	dir, err := os.MkdirTemp("", "tacho-same-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "same.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, o.pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", o.pkg, err, out)
	}
	for _, d := range designs {
		if o.only > 0 && d.processes != o.only {
			continue
		}
		tests, claims, reports := 0, 0, 0
		for range o.times {
			files, err := o.measure(dir, binary, d.processes, d.count)
			if err != nil {
				return err
			}
			n, claimed, err := o.compare(files)
			if err != nil {
				return err
			}
			tests += n
			if claims += claimed; claimed > 0 {
				reports++
			}
		}
		fmt.Printf("%d processes a side, -count %d: %d of %d tested rows claimed, in %d of %d reports\n", d.processes, d.count, claims, tests,
			reports, o.times)
	}
	return nil
}

// measure runs the binary for both sides in turns, ABBA, and returns the files of each side.
func (o options) measure(dir, binary string, processes, count int) (files [2][]string, err error) {
	for i := range 2 * processes {
		side := (i + 1) / 2 % 2
		path := filepath.Join(dir, fmt.Sprintf("%d-%d.txt", side, i))
		cmd := exec.Command(binary, "-test.run", "^$", "-test.bench", o.bench, "-test.benchtime", o.time, "-test.count", strconv.Itoa(count),
			"-test.cpu", "1")
		cmd.Dir = o.pkg
		out, err := cmd.Output()
		if err == nil {
			err = os.WriteFile(path, out, 0o600)
		}
		if err != nil {
			return files, fmt.Errorf("run the benchmarks: %w", err)
		}
		files[side] = append(files[side], path)
	}
	return files, nil
}

// compare counts the rows that were tested, and those in which a change is claimed.
func (o options) compare(files [2][]string) (tests, claims int, err error) {
	args := []string{"compare", "--json"}
	for side, flag := range []string{"--old", "--new"} {
		for _, f := range files[side] {
			args = append(args, flag, f)
		}
	}
	out, err := exec.Command(o.tacho, args...).Output()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3 && exit.ExitCode() != 12) {
		return 0, 0, fmt.Errorf("compare: %w", err)
	}
	var answer struct {
		Tests  int
		Counts map[string]int
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return 0, 0, fmt.Errorf("read the comparison: %w", err)
	}
	return answer.Tests, answer.Counts["worse"] + answer.Counts["better"] + answer.Counts["different"], nil
}
