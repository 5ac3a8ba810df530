// Command tacho-suite is a workload for tests and demos of sweeps: four kernels (integer, float, memory, allocation) that do real work,
// and knobs that make it misbehave in ways that are known. It prints what 'go test -bench' prints, a line for each sample.
//
// Each knob is a flag or, under its name in upper case, an environment variable (TACHO_SUITE_EFFECT). An effect multiplies the work, not
// the number that is printed: what is measured is really slower.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// version is in the output, and the suite asserts it: another program that is called tacho-suite is refused.
const version = 1

const samples = 10 // of each kernel

type settings struct {
	seconds float64
	effect  string // PATTERN=FACTOR,…
	fail    string
	only    string // names of kernels, …; "": all
	hang    bool
	bimodal float64
	host    string // names that the patterns of effect are matched with
	kind    string
}

func main() {
	s, err := parse(os.Args[1:], os.Getenv)
	if err == nil {
		s.host, _ = os.Hostname()
		s.kind = os.Getenv("TACHO_INSTANCE_TYPE")
		err = s.run(os.Stdout, rand.Float64)
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tacho-suite:", err)
		os.Exit(1)
	}
}

func parse(args []string, getenv func(string) string) (s settings, err error) {
	from := func(name, or string) string { return cmp.Or(getenv("TACHO_SUITE_"+strings.ToUpper(name)), or) }
	f := flag.NewFlagSet("tacho-suite", flag.ContinueOnError)
	seconds := f.String("seconds", from("seconds", "20"), "how long all kernels take together")
	bimodal := f.String("bimodal", from("bimodal", "1"), "slow half of all processes down by this `factor`")
	hang := f.String("hang", from("hang", "no"), "yes: never end")
	f.StringVar(&s.effect, "effect", from("effect", ""), "`PATTERN=FACTOR`,…: do more work where host name or TACHO_INSTANCE_TYPE match")
	f.StringVar(&s.fail, "fail", from("fail", "none"), "none, start, end, or the name of a kernel that fails")
	f.StringVar(&s.only, "only", from("only", ""), "`KERNEL`,…: run only these; integer and float stay within a core")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var bad [2]error
	s.seconds, bad[0] = strconv.ParseFloat(*seconds, 64)
	s.bimodal, bad[1] = strconv.ParseFloat(*bimodal, 64)
	s.hang = *hang == "yes"
	if errors.Join(bad[:]...) != nil || !(s.seconds > 0 && s.seconds < 1e5) || !(s.bimodal > 0 && s.bimodal < 1e3) {
		return s, fmt.Errorf("seconds %q and bimodal %q are numbers above zero", *seconds, *bimodal)
	}
	if _, err = s.factor(); err != nil {
		return s, err
	}
	_, err = s.chosen()
	return s, err
}

// chosen are the kernels that are to run.
func (s settings) chosen() (out []kernel, err error) {
	if s.only == "" {
		return kernels, nil
	}
	for name := range strings.SplitSeq(s.only, ",") {
		i := slices.IndexFunc(kernels, func(k kernel) bool { return strings.EqualFold(k.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("only %q: there is no kernel %q; there are integer, float, memory and allocation", s.only, name)
		}
		out = append(out, kernels[i])
	}
	return out, nil
}

// factor is by how much there is more work on this machine.
func (s settings) factor() (float64, error) {
	total := 1.0
	for one := range strings.SplitSeq(s.effect, ",") {
		if one == "" {
			continue
		}
		pattern, text, _ := strings.Cut(one, "=")
		factor, err := strconv.ParseFloat(text, 64)
		_, bad := path.Match(pattern, "")
		if err != nil || bad != nil || !(factor > 0 && factor < 1e3) {
			return 0, fmt.Errorf("effect %q: write PATTERN=FACTOR, such as slow*=1.1", one)
		}
		for _, name := range []string{s.host, s.kind} {
			if match, _ := path.Match(pattern, name); match && name != "" {
				total *= factor
				break
			}
		}
	}
	return total, nil
}

// kernel does n units of work.
type kernel struct {
	name string
	do   func(n int)
}

var kernels = []kernel{
	{"Integer", integer}, {"Float", float}, {"Memory", memory}, {"Allocation", allocation},
}

func (s settings) run(out io.Writer, random func() float64) error {
	more, err := s.factor()
	if err != nil {
		return err
	}
	chosen, err := s.chosen()
	if err != nil {
		return err
	}
	if s.bimodal != 1 && random() < 0.5 {
		more *= s.bimodal
	}
	if s.fail == "start" {
		return errors.New("told to fail at the start")
	}
	fmt.Fprintf(out, "tacho-suite %d\ngoos: %s\ngoarch: %s\n", version, runtime.GOOS, runtime.GOARCH)
	if s.hang {
		for { // whoever runs it has to end it; select{} would be a deadlock that Go notices
			time.Sleep(time.Hour)
		}
	}
	var broken error
	for _, k := range chosen {
		if strings.EqualFold(s.fail, k.name) {
			broken = fmt.Errorf("%s: told to fail", k.name)
			continue
		}
		k.measure(out, time.Duration(s.seconds*float64(time.Second)/float64(len(chosen)*samples)), more)
	}
	if s.fail == "end" {
		broken = errors.New("told to fail at the end")
	}
	return broken
}

// measure prints samples of about this time, each with more work than it counts.
func (k kernel) measure(out io.Writer, budget time.Duration, more float64) {
	units := calibrate(k.do, budget, more)
	for range samples {
		took := timed(k.do, max(1, int(math.Round(float64(units)*more))))
		fmt.Fprintf(out, "Benchmark%s\t%d\t%.2f ns/op\n", k.name, units, float64(took)/float64(units))
	}
}

// calibrate is how many units fit into a time, with the extra work.
func calibrate(do func(int), budget time.Duration, more float64) int {
	for n := 1; ; n *= 2 {
		if took := timed(do, n); took > budget/4 || n > 1<<30 {
			return max(1, int(float64(n)*float64(budget)/float64(max(took, 1))/more))
		}
	}
}

func timed(do func(int), n int) time.Duration {
	begun := time.Now()
	do(n)
	took := time.Since(begun)
	runtime.KeepAlive(sink)
	return took
}

// sink keeps results from being optimized away.
var sink uint64

// integer is 1,000 steps of a xorshift generator.
func integer(n int) {
	x := uint64(88172645463325252)
	for range n * 1000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	sink += x
}

// float is 1,000 steps of a logistic map with a square root.
func float(n int) {
	x := 0.3
	for range n * 1000 {
		x = math.Sqrt(3.9 * x * (1 - x) * 0.25)
	}
	sink += uint64(x * 1e6)
}

// table leads from each place to a random other one, in more memory than caches of the second level have.
func table() []uint32 {
	const size = 1 << 22
	order := rand.New(rand.NewPCG(1, 2)).Perm(size)
	t := make([]uint32, size)
	for i, at := range order { // one cycle through all of it
		t[at] = uint32(order[(i+1)%size])
	}
	return t
}

// memory is 100 dependent reads at random places of 16 MiB.
func memory(n int) {
	if chase == nil {
		chase = table()
	}
	at := uint32(0)
	for range n * 100 {
		at = chase[at]
	}
	sink += uint64(at)
}

var chase []uint32

// allocation makes and links 100 small objects.
func allocation(n int) {
	type node struct {
		next *node
		data [5]uint64
	}
	for i := range n {
		var list *node
		for range 100 {
			list = &node{next: list, data: [5]uint64{uint64(i)}}
		}
		sink += list.data[0]
	}
}
