// Command testsummary reads `go test -json` and prints one line for each package, the whole output of what failed, and the list of
// skipped tests with their reasons.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// place is where a test skips or fails: "    file_test.go:12: reason".
var place = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)$`)

func main() {
	output := map[string][]string{} // package or package/test → lines
	var skips []string
	passed, failed, skipped := 0, 0, 0
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			fmt.Println(in.Text()) // a build error comes as plain text
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
		case "skip":
			if e.Test == "" {
				continue
			}
			skipped++
			skips = append(skips, fmt.Sprintf("%s %s: %s", short(e.Package), e.Test, reason(output[key])))
		case "pass", "fail":
			switch {
			case e.Test == "" && e.Action == "pass":
				fmt.Printf("ok    %-45s %6.1fs\n", short(e.Package), e.Elapsed)
			case e.Test == "":
				fmt.Printf("FAIL  %-45s %6.1fs\n%s", short(e.Package), e.Elapsed, strings.Join(output[key], ""))
			case e.Action == "pass":
				passed++
			default:
				failed++
				fmt.Printf("--- FAIL %s %s\n%s", short(e.Package), e.Test, strings.Join(output[key], ""))
			}
			delete(output, key)
		case "build-fail":
			failed++
		}
	}
	for key, lines := range output { // what never ended: build failures and crashes
		if text := strings.Join(lines, ""); strings.Contains(text, "FAIL") || strings.Contains(text, "panic") || strings.HasPrefix(key, " ") {
			fmt.Print(text)
		}
	}
	if len(skips) > 0 {
		slices.Sort(skips)
		fmt.Printf("\nskipped, and why:\n  %s\n", strings.Join(skips, "\n  "))
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
}

func short(pkg string) string {
	return strings.TrimPrefix(strings.TrimPrefix(pkg, "github.com/tachograph/tacho"), "/")
}

func reason(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if m := place.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			return m[1]
		}
	}
	return "no reason given"
}
