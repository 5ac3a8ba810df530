package explore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

func TestSmallPicturesHaveOneValueForEachVersion(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	at := func(i int) func(*api.NewRun) { return func(r *api.NewRun) { r.Hash = fmt.Sprintf("%040x", i) } }
	both := func(a, b float64) string {
		return fmt.Sprintf(`{"a":{"latency":{"value":%g}},"b":{"latency":{"value":%g}}}`, a, b)
	}
	var first api.Report
	for i := range 6 {
		first = g.run(at(i), both(float64(i), 10*float64(i)), both(float64(i)+2, 10*float64(i)+2)) // two iterations
	}
	g.run(at(5), bmf(90)) // the newest version again
	g.run(func(r *api.NewRun) { r.Branch, r.Hash = "other", fmt.Sprintf("%040x", 3) }, both(700, 800))
	bad := g.run(at(6), both(1000, 1000))
	if err := g.store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into report_mark (report_id, reason, created) values ($1, 'busy', 0)`, bad.UUID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	line := func(i int) explore.SparkLine {
		r := first.Results[0][i]
		return explore.SparkLine{Benchmark: r.Benchmark.UUID, Measure: r.Measures[0].Measure.UUID}
	}
	all := explore.SparkQuery{Head: first.Branch.Head.UUID, Testbed: first.Testbed.UUID, Lines: []explore.SparkLine{line(1), line(0),
		{Benchmark: ident.NewUUID(), Measure: line(0).Measure}}}
	few := all
	few.Reports, few.UpTo, few.Spec = 2, ptr(int64(3)), ptr("")
	elsewhere := all
	elsewhere.Spec = ptr(ident.NewUUID())
	got, err := g.explore.Sparks(t.Context(), local, "shop", []explore.SparkQuery{all, few, elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	numbers := []int64{0, 1, 2, 3, 4, 5}
	want := [][]explore.Spark{
		{{numbers, []float64{1, 11, 21, 31, 41, 52}}, {numbers, []float64{1, 2, 3, 4, 5, 6}}, {}},
		{{[]int64{2, 3}, []float64{21, 31}}, {[]int64{2, 3}, []float64{3, 4}}, {}},
		{{}, {}, {}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	home := storetest.Home(t, g.store, "others")
	other := storetest.NewProject(t, g.store, project.Project{Name: "Other", Slug: "other", OrganizationID: home.ID})
	got, err = g.explore.Sparks(t.Context(), local, other.ID, []explore.SparkQuery{all})
	if diff := cmp.Diff([][]explore.Spark{{{}, {}, {}}}, got); diff != "" || err != nil {
		t.Errorf("asked of another project: %v (-want +got):\n%s", err, diff)
	}
	if _, err := g.explore.Sparks(t.Context(), access.Actor{Kind: access.Anonymous}, "another", nil); !fault.Is(err, fault.Missing) {
		t.Errorf("a project that is not there: %v", err)
	}
	all.Lines = make([]explore.SparkLine, limits.SparkLines+1)
	if _, err := g.explore.Sparks(t.Context(), local, "shop", []explore.SparkQuery{all}); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "limit") {
		t.Errorf("too many: %v", err)
	}
}

func TestSmallPicturesReadByIndex(t *testing.T) {
	t.Parallel()
	storetest.ReadsByIndex(t, map[string]string{"reports": explore.SparkReportsQuery,
		"values": explore.SparkValuesQuery + "(1, 2) and m.report_seq in (3, 4)"})
}

// The spread of samples comes with a picture that asks for it.
func TestAPictureHasTheSpreadOfSamples(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(nil, `{"b":{"latency":{"value":10,"lower_value":9,"upper_value":12}}}`)
	g.run(nil, bmf(10))
	for _, spreads := range []int{0, 1} {
		points := g.picture(func(q *explore.PictureQuery) { q.Spreads = spreads }).Lines[0].Points
		if known := points[0].Low != nil && *points[0].Low == 9 && *points[0].High == 12; known != (spreads == 1) || points[1].Low != nil {
			t.Errorf("asked for %d: %+v", spreads, points)
		}
	}
}
