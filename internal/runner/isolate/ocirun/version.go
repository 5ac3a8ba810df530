//go:build linux

package ocirun

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// leastVersions are the oldest runtimes that are used, each with what older ones let an image do.
var leastVersions = map[string]struct {
	version string
	why     string
	patched []string // distributions' builds that are older by number and have the fix
}{
	"runc": {"1.1.12", "an image could leave through files that runc has open (CVE-2024-21626)", []string{"1.1.5+ds1-1+deb12u"}},
	"crun": {"1.4.4", "a command could begin with capabilities that it was not given (CVE-2022-27650)", nil},
	// gVisor counts by the day; a build without a number is somebody's own.
	gvisorName: {"20230904", "it lacks the platform that the runner uses (systrap)", nil},
}

var versionPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+ version (?:release-)?(\d+(?:\.\d+)*)`) })

// outdated returns why a runtime that says this of its version is not used, "" if it is. What has no number in it is not refused.
func outdated(name, said string) string {
	least, ok := leastVersions[name]
	found := versionPattern().FindStringSubmatch(said)
	if !ok || found == nil || !older(found[1], least.version) {
		return ""
	}
	for _, build := range least.patched {
		if strings.Contains(said, "commit: "+build) {
			return ""
		}
	}
	return name + " " + found[1] + " is too old: " + least.why + "; install " + least.version + " or later"
}

// older compares versions of numbers and dots.
func older(a, b string) bool {
	for {
		nextA, restA, moreA := strings.Cut(a, ".")
		nextB, restB, moreB := strings.Cut(b, ".")
		x, _ := strconv.Atoi(nextA) // the pattern is of digits
		y, _ := strconv.Atoi(nextB)
		if x != y || !moreA && !moreB {
			return x < y
		}
		a, b = restA, restB
	}
}
