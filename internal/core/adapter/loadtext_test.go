package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// output is what a tool prints, and all that is to be read of it, as golden files have it but for the first line.
type output struct{ claim, input, want string }

func eachOutput(t *testing.T, adapter Name, rows []output) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.claim, func(t *testing.T) {
			t.Parallel()
			_, text, _ := strings.Cut(written(parse(t, adapter, row.input)), "\n")
			if diff := cmp.Diff(row.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", adapter, diff)
			}
		})
	}
}
