package job

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestMisfitSaysWhatARunnerLacks(t *testing.T) {
	t.Parallel()
	spec := api.Spec{OS: "linux", Architecture: "x86_64", Isolation: "gvisor", Network: true}
	fit := api.RunnerMeta{OS: "linux", Arch: "x86_64", Isolation: []string{"gvisor", "container"}, Network: true}
	with := func(change func(*api.RunnerMeta)) api.RunnerMeta {
		has := fit
		change(&has)
		return has
	}
	for name, row := range map[string]struct {
		has  api.RunnerMeta
		want string // part of the sentence; "" if it fits
	}{
		"it fits":                          {fit, ""},
		"it says nothing":                  {api.RunnerMeta{}, ""},
		"an architecture in Go's spelling": {with(func(m *api.RunnerMeta) { m.Arch = "amd64" }), ""},
		"a stronger isolation":             {with(func(m *api.RunnerMeta) { m.Isolation = []string{"microvm"} }), ""},
		"another system":                   {with(func(m *api.RunnerMeta) { m.OS = "macos" }), "macos"},
		"another architecture":             {with(func(m *api.RunnerMeta) { m.Arch = "aarch64" }), "aarch64"},
		"a weaker isolation":               {with(func(m *api.RunnerMeta) { m.Isolation = []string{"container", "none"} }), "gvisor"},
		"an isolation nobody knows":        {with(func(m *api.RunnerMeta) { m.Isolation = []string{"magic"} }), "gvisor"},
		"no network":                       {with(func(m *api.RunnerMeta) { m.Network = false }), "network"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Misfit(spec, row.has); (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
				t.Errorf("want %q in it, got %q", row.want, got)
			}
		})
	}
}
