package plot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

// somebody may do everything.
var somebody = access.Actor{Kind: access.Local}

// desk is a project with plots.
type desk struct {
	*storetest.Ground
	t     testing.TB
	plots *plot.Service
}

func newDesk(t testing.TB) *desk {
	s, _ := storetest.Open(t)
	return deskOn(t, s)
}

func deskOn(t testing.TB, s *store.Store) *desk {
	d := &desk{storetest.NewGround(t, s, 4, 2), t, plot.NewService(project.NewDoor(s, nil))}
	d.Branch("main")
	return d
}

func (d *desk) wanted() api.NewPlot {
	return api.NewPlot{XAxis: api.PlotAxisVersion, Window: 86_400, UpperBoundary: true, Branches: []string{"main"},
		Testbeds: []string{"testbed-1", "testbed-0"}, Benchmarks: []string{d.Benchmarks[2], "benchmark-0", "benchmark-2"},
		Measures: []string{"measure-1"}}
}

func (d *desk) create(change func(*api.NewPlot)) (api.Plot, error) {
	in := d.wanted()
	change(&in)
	return d.plots.Create(d.t.Context(), somebody, d.Project, in)
}

func (d *desk) titled(title string, index *int) api.Plot {
	d.t.Helper()
	p, err := d.create(func(in *api.NewPlot) { in.Title, in.Index = &title, index })
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

func (d *desk) update(p api.Plot, body string) (api.Plot, error) {
	var change api.UpdatePlot
	if err := json.Unmarshal([]byte(body), &change); err != nil {
		d.t.Fatal(err)
	}
	return d.plots.Update(d.t.Context(), somebody, d.Project, p.UUID, change, []byte(body))
}

func (d *desk) list(f plot.Filter, page store.Page) []api.Plot {
	d.t.Helper()
	rows, total, err := d.plots.List(d.t.Context(), somebody, d.Project, f, page)
	if err != nil || page.Offset == 0 && page.Limit >= total && len(rows) != total {
		d.t.Fatalf("%d of %d plots: %v", len(rows), total, err)
	}
	return rows
}

func (d *desk) titles(f plot.Filter) string {
	d.t.Helper()
	var out []string
	for _, p := range d.list(f, store.Page{Limit: limits.PageMax}) {
		title := "-"
		if p.Title != nil {
			title = *p.Title
		}
		out = append(out, title)
	}
	return strings.Join(out, " ")
}

func at(i int) *int { return &i }

func TestAPlotIsKeptAsItWasAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	made, err := d.create(func(in *api.NewPlot) { in.LowerValue = true })
	if err != nil {
		t.Fatal(err)
	}
	want := api.Plot{UUID: made.UUID, Project: d.Project, LowerValue: true, UpperBoundary: true, XAxis: "version", YAxis: "auto",
		Window: 86_400, Branches: made.Branches, Testbeds: []string{d.Testbeds[1], d.Testbeds[0]},
		Benchmarks: []string{d.Benchmarks[2], d.Benchmarks[0]}, Measures: d.Measures[1:], Created: made.Created, Modified: made.Created}
	if diff := cmp.Diff(want, made); diff != "" || len(made.Branches) != 1 || made.Created.IsZero() {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	got, err := d.plots.Get(t.Context(), somebody, d.Project, made.UUID)
	if diff := cmp.Diff(made, got); diff != "" || err != nil {
		t.Errorf("read: %v (-created +got):\n%s", err, diff)
	}
	log := `{"title": "Speed", "y_axis": "log", "lower_value": false, "measures": ["measure-0"], "window": 60}`
	want.Title, want.YAxis, want.LowerValue, want.Measures, want.Window = new(string), "log", false, d.Measures[:1], 60
	*want.Title = "Speed"
	if got, err = d.update(made, log); err != nil {
		t.Fatal(err)
	}
	want.Modified = got.Modified
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if got, err = d.update(made, `{}`); err != nil || got.Title == nil {
		t.Errorf("a title that is absent is %v (%v), it was to stay", got.Title, err)
	}
	if got, err = d.update(made, `{"title": null}`); err != nil || got.Title != nil {
		t.Errorf("a title that is null is %v (%v), it was to be cleared", got.Title, err)
	}
}

func TestWhatNoPlotCanBeIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	made := d.titled("there", nil)
	many := make([]string, 200)
	d.Tx(func(tx *store.Tx) error {
		for i := range many {
			many[i] = fmt.Sprintf("many-%d", i)
			if _, err := series.InsertBenchmark(t.Context(), tx, series.Benchmark{ProjectID: d.Project, Name: many[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		body, words string
		kind        fault.Kind
	}{
		{`{"x_axis": "log"}`, "want date_time or version", fault.Invalid},
		{`{"y_axis": "version"}`, "want auto, linear or log", fault.Invalid},
		{`{"window": 0}`, "want seconds from 1", fault.Invalid},
		{`{"window": 9000000000000000000}`, "want seconds from 1", fault.Invalid},
		{`{"index": -1}`, "want 0 for the first place", fault.Invalid},
		{`{"branches": []}`, "branches: name at least one", fault.Invalid},
		{`{"testbeds": ["nowhere"]}`, `testbed "nowhere" does not exist`, fault.Missing},
		{`{"title": "` + strings.Repeat("x", 65) + `"}`, "title", fault.Invalid},
		{`{"benchmarks": ["` + strings.Join(many, `","`) + `"]}`, "400 lines, the limit of a plot is 255", fault.Invalid},
	} {
		if _, err := d.update(made, tc.body); !fault.Is(err, tc.kind) || !strings.Contains(fault.Message(err), tc.words) {
			t.Errorf("%.60s: %v, want %q", tc.body, err, tc.words)
		}
	}
	if got, err := d.plots.Get(t.Context(), somebody, d.Project, made.UUID); err != nil || !cmp.Equal(made, got) {
		t.Errorf("a change that was refused left %+v (%v)", got, err)
	}
	for i := 1; i < limits.PlotsPerProject; i++ {
		d.titled(fmt.Sprint(i), nil)
	}
	if _, err := d.create(func(*api.NewPlot) {}); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "delete one") {
		t.Errorf("one more than the limit: %v", err)
	}
}

func TestPlotsAreFoundByTitleInTheirOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	memory := d.titled("Memory", nil)
	d.titled("100% busy", nil)
	d.titled("Latency", at(0))
	for _, tc := range []struct {
		f    plot.Filter
		want string
	}{
		{plot.Filter{}, "Latency Memory 100% busy"},
		{plot.Filter{ByTitle: true}, "100% busy Latency Memory"},
		{plot.Filter{Title: "Memory"}, "Memory"},
		{plot.Filter{Title: "memory"}, ""},
		{plot.Filter{Search: "MEM"}, "Memory"},
		{plot.Filter{Search: "%"}, "100% busy"},
		{plot.Filter{Search: strings.ToUpper(memory.UUID)}, "Memory"},
	} {
		if got := d.titles(tc.f); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.f, got, tc.want)
		}
	}
	if rows := d.list(plot.Filter{}, store.Page{Limit: 1, Offset: 2, Desc: true}); len(rows) != 1 || *rows[0].Title != "Latency" {
		t.Errorf("the last page from behind has %+v", rows)
	}
}

// TestPlacesAreAlwaysInOneRow moves plots about and compares with a list.
func TestPlacesAreAlwaysInOneRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var want []string
	ids := map[string]api.Plot{}
	next := 0
	property.Check(t, func(r *rapid.T) {
		index := rapid.IntRange(0, 8).Draw(r, "index")
		act := rapid.SampledFrom([]string{"create", "move", "delete"}).Draw(r, "act")
		if len(want) == 0 || len(want) < 3 && act == "delete" {
			act = "create"
		} else if len(want) > 8 {
			act = "delete"
		}
		place := min(index, len(want))
		switch act {
		case "create":
			title := fmt.Sprint(next)
			next++
			ids[title] = d.titled(title, at(index))
			want = slices.Insert(want, place, title)
		case "move":
			from := rapid.IntRange(0, len(want)-1).Draw(r, "from")
			title := want[from]
			if _, err := d.update(ids[title], fmt.Sprintf(`{"index": %d}`, index)); err != nil {
				r.Fatal(err)
			}
			want = slices.Delete(want, from, from+1)
			want = slices.Insert(want, min(index, len(want)), title)
		case "delete":
			place = min(index, len(want)-1)
			if err := d.plots.Delete(t.Context(), somebody, d.Project, ids[want[place]].UUID); err != nil {
				r.Fatal(err)
			}
			want = slices.Delete(want, place, place+1)
		}
		if got := d.titles(plot.Filter{}); got != strings.Join(want, " ") {
			r.Fatalf("after %s at %d: %s, want %s", act, index, got, strings.Join(want, " "))
		}
	})
}

func TestWhatIsDeletedIsShownByNoPlot(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	made := d.titled("both", nil)
	d.Tx(func(tx *store.Tx) error { return series.DeleteBenchmark(t.Context(), tx, d.Benchmarks[2]) })
	got, err := d.plots.Get(t.Context(), somebody, d.Project, made.UUID)
	if err != nil || !slices.Equal(got.Benchmarks, d.Benchmarks[:1]) {
		t.Errorf("the plot shows %v (%v), want %v", got.Benchmarks, err, d.Benchmarks[:1])
	}
	d.Tx(func(tx *store.Tx) error { return series.DeleteBenchmark(t.Context(), tx, d.Benchmarks[0]) })
	if got, err = d.plots.Get(t.Context(), somebody, d.Project, made.UUID); err != nil || got.Benchmarks == nil || len(got.Benchmarks) != 0 {
		t.Errorf("with nothing left it shows %v (%v)", got.Benchmarks, err)
	}
	if err := d.plots.Delete(t.Context(), somebody, d.Project, made.UUID); err != nil {
		t.Fatal(err)
	}
	if err := d.plots.Delete(t.Context(), somebody, d.Project, made.UUID); !fault.Is(err, fault.Missing) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestTwoWhoKeepPlotsAtOnceGetTwoPlaces(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, _ := race.Fresh()
		d := deskOn(t, s)
		first := func(ctx context.Context) error {
			in := d.wanted()
			in.Index = at(0)
			_, err := d.plots.Create(ctx, somebody, d.Project, in)
			return err
		}
		if of1, of2 := race.Run(1, first, first); of1 != nil || of2 != nil {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		d.Tx(func(tx *store.Tx) error {
			rows, _, err := plot.List(t.Context(), tx, d.Project, plot.Filter{}, store.Page{Limit: 9})
			if len(rows) != 2 || rows[0].Rank != 0 || rows[1].Rank != 1 {
				t.Errorf("two plots stand as %+v", rows)
			}
			return err
		})
	})
}

func TestAPlotThatGoesBackAYearSaysSoInSeconds(t *testing.T) {
	t.Parallel()
	year := plot.Plot{Window: 365 * 24 * time.Hour}.Wire()
	if year.Window != 31_536_000 || year.Branches == nil {
		t.Errorf("%+v", year)
	}
}
