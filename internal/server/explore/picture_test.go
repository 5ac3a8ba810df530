package explore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

func (g *gallery) picture(change func(*explore.PictureQuery)) explore.Picture {
	g.t.Helper()
	q := explore.PictureQuery{PerfQuery: query(func(q *explore.PerfQuery) { q.Columns = 100 })}
	if change != nil {
		change(&q)
	}
	out, err := g.explore.Picture(g.t.Context(), local, g.project().ID, q)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// whole are the points of a line of Perf as a picture has them.
func whole(line api.PerfSeries) (out []explore.PicturePoint) {
	for _, m := range line.Metrics {
		p := explore.PicturePoint{Number: m.Version.Number, Start: m.StartTime, Value: m.Metric.Value, Report: m.Report}
		if m.Version.Hash != nil {
			p.Hash = *m.Version.Hash
		}
		if m.Boundary != nil {
			p.Lower, p.Upper = m.Boundary.LowerLimit, m.Boundary.UpperLimit
		}
		if m.Alert != nil {
			p.Alert = m.Alert.Status
		}
		out = append(out, p)
	}
	return out
}

// galleryOfAlerts has a line of 40 points with two iterations each and some alerts, of which one is dismissed.
func galleryOfAlerts(t *testing.T) (*gallery, api.PerfSeries) {
	t.Helper()
	g := newGallery(t)
	begin := g.now
	for i := range 40 {
		value := 10 + float64(i%3)
		if i%13 == 12 {
			value = 500
		}
		g.run(func(r *api.NewRun) {
			guarded(r)
			r.Hash = fmt.Sprintf("%040x", i)
			start := begin.Add(time.Duration(i*17%40-50) * time.Hour) // not in the order of the versions
			r.StartTime, r.EndTime = &start, &start
		}, bmf(value), bmf(value+1))
	}
	alerts, _, err := g.explore.Alerts(t.Context(), local, g.project().ID, threshold.AlertFilter{}, store.Page{Limit: 10})
	if err != nil || len(alerts) == 0 {
		t.Fatalf("%d alerts, %v", len(alerts), err)
	}
	if err := g.thresholds().SetAlertStatus(t.Context(), local, g.project().ID, alerts[0].UUID, api.AlertDismissed); err != nil {
		t.Fatal(err)
	}
	perf, err := g.explore.Perf(t.Context(), local, g.project().ID, query(nil))
	if err != nil {
		t.Fatal(err)
	}
	return g, perf.Results[0]
}

func TestAPictureOfFewPointsHasAllOfThem(t *testing.T) {
	t.Parallel()
	g, line := galleryOfAlerts(t)
	got := g.picture(func(q *explore.PictureQuery) { q.Dots, q.Boundaries = 80, 1 })
	if diff := cmp.Diff(whole(line), got.Lines[0].Points); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l := got.Lines[0]; l.Count != 80 || l.Lowest != 10 || l.Highest != 501 || l.Newest != line.Metrics[79].Metric.Value ||
		l.Measure.Units != line.Measure.Units || l.Branch.UUID != line.Branch.UUID {
		t.Errorf("%+v", l)
	}
	byTime := g.picture(func(q *explore.PictureQuery) { q.Dots, q.Boundaries, q.ByTime = 80, 1, true })
	want := whole(line)
	slices.SortStableFunc(want, func(a, b explore.PicturePoint) int { return a.Start.Compare(b.Start) })
	if diff := cmp.Diff(want, byTime.Lines[0].Points); diff != "" {
		t.Errorf("by time (-want +got):\n%s", diff)
	}
}

// A dot that is shown has its report and its alert; what is not shown is not read.
func TestAPictureOfManyPointsHasItsExtremesAndItsAlerts(t *testing.T) {
	t.Parallel()
	g, line := galleryOfAlerts(t)
	got := g.picture(func(q *explore.PictureQuery) { q.Columns, q.Dots = 5, 10 })
	l := got.Lines[0]
	if n := len(l.Points); n > 5*8 || n < 5 || l.Count != 80 {
		t.Fatalf("%d of %d points", n, l.Count)
	}
	type key struct {
		report string
		value  float64
	}
	alerts := map[key]api.AlertStatus{}
	for _, p := range whole(line) {
		if p.Alert != "" {
			alerts[key{p.Report, p.Value}] = p.Alert
		}
	}
	values := map[float64]bool{}
	for _, p := range l.Points {
		values[p.Value] = true
		if p.Alert != alerts[key{p.Report, p.Value}] || p.Alert == "" && p.Report != "" || p.Alert != "" && p.Hash == "" || p.Upper != nil {
			t.Errorf("%+v", p)
		}
		delete(alerts, key{p.Report, p.Value})
	}
	if !values[10] || !values[501] || len(alerts) != 0 {
		t.Errorf("values %v; alerts that are not shown: %v", values, alerts)
	}
}

func TestAPictureShowsWhatIsVisibleAndCountsTheRest(t *testing.T) {
	t.Parallel()
	g, _ := galleryOfAlerts(t)
	from, to := 10.0, 12.0
	got := g.picture(func(q *explore.PictureQuery) { q.Visible = [2]*float64{&from, &to} })
	var numbers []int64
	for _, p := range got.Lines[0].Points {
		numbers = append(numbers, p.Number)
	}
	if !slices.Equal(numbers, []int64{10, 10, 11, 11, 12, 12}) || got.Lines[0].Count != 80 || got.Lines[0].Highest != 501 {
		t.Errorf("versions %v of %+v", numbers, got.Lines[0].Count)
	}
	from = 1000
	if l := g.picture(func(q *explore.PictureQuery) { q.Visible = [2]*float64{&from, nil} }).Lines; len(l) != 1 || len(l[0].Points) != 0 {
		t.Errorf("beyond the end: %+v", l)
	}
}

// A page draws a few lines; the others are neither read nor forgotten.
func TestAPictureReadsAFewLinesOfEachMeasure(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.run(onBranch("other", nil), `{"unrelated":{"latency":{"value":1}}}`)
	g.run(guarded, manyResults(5, 10))
	g.run(nil, manyResults(5, 11))
	names := []string{"unrelated", "b/0 <&>", "b/1 <&>", "b/2 <&>", "b/3 <&>", "b/4 <&>"}
	ask := func(q *explore.PictureQuery) {
		q.Benchmarks, q.Measures, q.Lines, q.Boundaries = names, []string{"latency", "size"}, 2, 2
	}
	got := g.picture(ask)
	var lines []string
	for _, l := range got.Lines {
		lines = append(lines, l.Benchmark.Name+" "+l.Measure.Name)
	}
	want := []string{"b/0 <&> Latency", "b/0 <&> size", "b/1 <&> Latency", "b/1 <&> size"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, m := range got.Measures {
		if got.More[m.UUID] != 3 {
			t.Errorf("%s: %d more", m.Name, got.More[m.UUID])
		}
	}
	if len(got.Benchmarks) != 6 || got.Lines[0].Points[1].Upper == nil && got.Lines[0].Points[0].Upper == nil {
		t.Errorf("%d benchmarks; %+v", len(got.Benchmarks), got.Lines[0].Points)
	}
}
