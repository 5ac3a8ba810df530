package former

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/suite"
	core "github.com/tachograph/tacho/internal/core/sweep"
)

// taskTime is how long one task may take; the earlier system had no limit.
const taskTime = 2 * time.Hour

// newSweep is the sweep that a configuration asks for, which may have any of the forms that there are. One without an id gets one of newID.
func newSweep(text []byte, newID func() (string, error)) (out api.NewSweep, err error) {
	c, err := core.ParseConfig(text)
	if err != nil {
		return out, fault.Wrap(fault.Invalid, err, "%s", err)
	}
	if c.ID == "" {
		if c.ID, err = newID(); err != nil {
			return out, err
		}
	}
	c.TTL = max(c.TTL, limits.GuestTTL)
	own := core.Micros(1) << 50 // what others spend on their machines is not ours to bound
	c.Budget = &own
	plan, err := core.NewPlan(c, core.PlanParams{Workloads: workloads(c), Params: c.Params, Sheets: []*core.Sheet{core.Embedded()},
		Ceilings: map[string]core.Micros{"*": 0}, Watch: true})
	if problems, is := errors.AsType[core.Problems](err); is {
		return out, fault.Invalidf("%s", problems)
	}
	if err != nil {
		return out, err
	}
	c.Budget = nil
	out = api.NewSweep{ID: c.ID, Suite: plan.Suite, Params: plan.Params, Repeats: plan.Repeats, TTL: int64(plan.TTL / time.Second),
		Config: c.Canonical()}
	for _, w := range plan.Workloads {
		out.Workloads = append(out.Workloads, api.SweepWorkload{Name: w.Name, Image: w.Image, Cmd: w.Cmd, Adapter: w.Adapter, Files: w.Files,
			Timeout: int64(w.Timeout / time.Second)})
	}
	for _, p := range plan.Pools {
		out.Pools = append(out.Pools, api.NewPool{Provider: p.Provider, Regions: p.Regions, Zones: p.Zones, Type: p.Type, Alias: p.Alias,
			Market: string(p.Market), Arch: architecture(p), VCPUs: p.VCPUs, Cores: p.Cores, Hosts: p.Hosts, Share: string(p.Share),
			Price: api.SweepPrice{Known: true, Source: "brought by others"}})
	}
	return out, nil
}

// workloads are what guests run: of a suite, they run all as one task, in their own way.
func workloads(c core.Config) []suite.Workload {
	if c.Suite == "" {
		return c.Workloads
	}
	w := suite.Workload{Name: c.Suite, Image: c.Suite, Timeout: taskTime, Files: []string{"output.json"}}
	if c.Suite == "ruby-bench" {
		w.Image, w.Adapter = strings.TrimSuffix("ruby:"+c.Params["ruby"], ":"), "ruby_bench"
	}
	return []suite.Workload{w}
}

var (
	graviton = regexp.MustCompile(`^[a-z]+[0-9]+g[a-z]*\.`)        // c8g.medium, of aws
	ampere   = regexp.MustCompile(`^Standard_[A-Z]+[0-9]+[a-z]*p`) // Standard_D2pls_v6, of azure
)

// architecture of a pool's machines: as it was said, or as price sheets have it, or by the rules of the providers' names. It names the
// spec; nobody is refused for it.
func architecture(p core.Pool) string {
	switch {
	case p.Arch != "":
		return p.Arch
	case p.Provider == "aws" && graviton.MatchString(p.Type), p.Provider == "azure" && ampere.MatchString(p.Type):
		return "arm64"
	}
	return "amd64"
}
