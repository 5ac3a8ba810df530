package fleet

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestARunnersWordOfItselfIsHeldAgainstASpec(t *testing.T) {
	t.Parallel()
	spec := Spec{OS: "linux", Architecture: "x86_64", Isolation: "gvisor", CPU: 2, MemoryBytes: 1 << 30, DiskBytes: 1 << 30, Network: true}
	for name, row := range map[string]struct {
		says api.RunnerMeta
		want []string // a part of each reason
	}{
		"it says nothing": {},
		"it fits":         {says: api.RunnerMeta{OS: "linux", Arch: "amd64", Isolation: []string{"gvisor"}, Network: true}},
		"nothing fits": {api.RunnerMeta{OS: "macos", Arch: "aarch64", Isolation: []string{"container"}},
			[]string{"macos", "aarch64", "network", "gvisor"}},
	} {
		got := spec.Misfits(row.says)
		if len(got) != len(row.want) {
			t.Errorf("%s: want %d reasons, got %q", name, len(row.want), got)
			continue
		}
		for i, part := range row.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: want %q in it, got %q", name, part, got[i])
			}
		}
	}
}
