package job

import (
	"fmt"
	"slices"

	"github.com/tachograph/tacho/api"
)

// Isolations are the levels of isolation, weakest first. A runner that offers a level serves specs of that level and of weaker ones.
var Isolations = []string{"none", "container", "gvisor", "microvm"}

// Misfit returns why a runner that says this of itself cannot run a spec's jobs, as the rest of a sentence; "" if nothing speaks against
// it. What the runner does not say is not held against it: the runner itself checks again, and knows its processors and its memory best.
func Misfit(spec api.Spec, has api.RunnerMeta) string {
	switch {
	case has.OS != "" && spec.OS != "" && has.OS != spec.OS:
		return fmt.Sprintf("it runs %s, the spec asks for %s", has.OS, spec.OS)
	case has.Arch != "" && machine(has.Arch) != machine(spec.Architecture):
		return fmt.Sprintf("it is %s, the spec asks for %s", has.Arch, spec.Architecture)
	case len(has.Isolation) > 0 && !slices.ContainsFunc(has.Isolation, func(level string) bool { return reaches(level, spec.Isolation) }):
		return fmt.Sprintf("it offers isolation %v, the spec asks for %s", has.Isolation, spec.Isolation)
	case len(has.Isolation) > 0 && spec.Network && !has.Network:
		return "its jobs have no network"
	}
	return ""
}

// machine is an architecture in one spelling: runners may say it as Go and OCI do.
func machine(arch string) string {
	switch arch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return arch
}

// reaches reports whether level is as strong as want. A level that is not known reaches only itself.
func reaches(level, want string) bool {
	have, need := slices.Index(Isolations, level), slices.Index(Isolations, want)
	return level == want || need >= 0 && have >= need
}
