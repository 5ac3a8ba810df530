package series_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// BenchmarkEnsureBenchmarks is what a report's names cost before its metrics are written: new in the first report, known in all others.
func BenchmarkEnsureBenchmarks(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("package/sub/Benchmark%d/size=%d", i, i*i)
		}
		b.Run(fmt.Sprintf("new/%d", n), func(b *testing.B) {
			s, _ := storetest.Open(b)
			g := storetest.NewGround(b, s, 0, 0)
			undo := errors.New("undo")
			for b.Loop() {
				err := s.Tx(b.Context(), func(tx *store.Tx) error {
					if _, err := series.EnsureBenchmarks(b.Context(), tx, g.Project, names); err != nil {
						return err
					}
					return undo
				})
				if !errors.Is(err, undo) {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("known/%d", n), func(b *testing.B) {
			s, _ := storetest.Open(b)
			g := storetest.NewGround(b, s, 0, 0)
			ensure := func(tx *store.Tx) error {
				_, err := series.EnsureBenchmarks(b.Context(), tx, g.Project, names)
				return err
			}
			g.Tx(ensure)
			for b.Loop() {
				g.Tx(ensure)
			}
		})
	}
}
