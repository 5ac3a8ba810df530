// Package host is what a machine is and what a spec asks of one: names of architectures, levels of isolation, and whether the two fit.
//
// Server and runner ask the same function. The server knows what a runner said of itself and does not offer it a job that it cannot run;
// the runner knows its machine and looks again before it runs one. It knows nothing of rows, messages or drivers: who calls translates.
package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/unit"
)

// architectures are the names that specs use, each with the name that Go, OCI images and Debian have for it.
var architectures = [][2]string{{"x86_64", "amd64"}, {"aarch64", "arm64"}}

// Architecture returns an architecture as specs name it, from either spelling. A name that is not known is returned as it is.
func Architecture(name string) string {
	for _, a := range architectures {
		if name == a[1] {
			return a[0]
		}
	}
	return name
}

// OCIArchitecture returns an architecture as images name it, from either spelling; "" for one that is not known.
func OCIArchitecture(name string) string {
	for _, a := range architectures {
		if name == a[0] || name == a[1] {
			return a[1]
		}
	}
	return ""
}

// Isolation is how far a job is apart from the machine that runs it.
type Isolation string

// The levels, weakest first.
const (
	None      Isolation = "none"
	Container Isolation = "container" // own namespaces, limits and a system call filter, same kernel
	GVisor    Isolation = "gvisor"    // a kernel of its own in user space
	MicroVM   Isolation = "microvm"   // a kernel of its own behind hardware virtualization
)

var isolations = []Isolation{None, Container, GVisor, MicroVM}

// ForSpecs are the levels that a spec may ask for, weakest first.
func ForSpecs() []Isolation { return slices.Clone(isolations[1:]) }

// Reaches reports whether i is as strong as want. A level that is not known reaches only itself.
func (i Isolation) Reaches(want Isolation) bool {
	have, need := slices.Index(isolations, i), slices.Index(isolations, want)
	return i == want || need >= 0 && have >= need
}

// Known reports whether i is one of the levels.
func (i Isolation) Known() bool { return slices.Contains(isolations, i) }

// Spec is what jobs ask for. OS may be empty: any.
type Spec struct {
	OS, Architecture string
	Isolation        Isolation
	CPUs             int
	Memory, Disk     int64 // bytes
	Network          bool
}

// Machine is what a machine has for a job. What is zero is not known, and not held against it, unless Whole is set.
type Machine struct {
	OS, Architecture string
	Isolations       []string
	CPUs             int
	Memory, Disk     int64 // bytes; a Disk of zero is never held against it
	Network          bool  // known where Isolations are

	Whole bool // the machine says this of itself: what is zero is not there
}

// Misfits returns why the machine cannot run the spec's jobs, each reason as the rest of a sentence about it; none if it can.
func Misfits(s Spec, m Machine) (why []string) {
	lack := func(known, bad bool, format string, args ...any) {
		if bad && (known || m.Whole) {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	offers := len(m.Isolations) > 0
	lack(m.OS != "", s.OS != "" && s.OS != m.OS, "it runs %s, the spec asks for %s", m.OS, s.OS)
	lack(m.Architecture != "", Architecture(m.Architecture) != Architecture(s.Architecture), "it is %s, the spec asks for %s", m.Architecture,
		s.Architecture)
	lack(m.CPUs > 0, s.CPUs > m.CPUs, "it has %d CPUs for jobs, the spec asks for %d", m.CPUs, s.CPUs)
	lack(m.Memory > 0, s.Memory > m.Memory, "it has %s of memory for jobs, the spec asks for %s", unit.SizeText(m.Memory),
		unit.SizeText(s.Memory))
	lack(m.Disk > 0, m.Disk > 0 && s.Disk > m.Disk, "it has %s of disk free, the spec asks for %s", unit.SizeText(m.Disk),
		unit.SizeText(s.Disk))
	lack(offers, s.Network && !m.Network,
		"its sandboxes have no network; put what the benchmark needs into its image, and use a spec without network")
	reached := slices.ContainsFunc(m.Isolations, func(level string) bool { return Isolation(level).Reaches(s.Isolation) })
	lack(offers, !reached, "it offers isolation %s, the spec asks for %s%s", offered(m.Isolations), s.Isolation, wayTo(s.Isolation))
	return why
}

func offered(levels []string) string {
	if len(levels) == 0 {
		return string(None)
	}
	return strings.Join(levels, ", ")
}

// wayTo says how a runner comes to a level that it does not reach by itself.
func wayTo(want Isolation) string {
	if want == GVisor {
		return " (start the runner with --runtime runsc)"
	}
	return ""
}
