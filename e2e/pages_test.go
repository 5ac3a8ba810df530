package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/tachograph/tacho/api"
)

// browser starts headless Chromium; its context ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := needProgram(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	return ctx
}

// fill submits eight reports of which the last is much slower, and returns the last one.
func fill(t *testing.T, w *world, project string) api.Report {
	t.Helper()
	upper, least := 0.99, 3
	var report api.Report
	for i := range 8 {
		factor := 1 + 0.01*float64(i%3)
		if i == 7 {
			factor = 2.5
		}
		var bmf []string
		for j := range 6 {
			bmf = append(bmf, fmt.Sprintf(`"BenchmarkSort/n=%d":{"latency":{"value":%g,"lower_value":%g,"upper_value":%g}}`, 10<<j,
				120*factor*float64(j+1), 110*factor*float64(j+1), 131*factor*float64(j+1)))
		}
		at := time.Date(2026, 1, 1+i, 12, 0, 0, 0, time.UTC)
		status := w.post("/v0/run", api.NewRun{
			Project: project, Branch: "main", Hash: fmt.Sprintf("%040x", i+1), Testbed: "laptop", StartTime: &at, EndTime: &at,
			Results: []string{"{" + strings.Join(bmf, ",") + "}"}, Settings: &api.ReportSettings{Adapter: "json"},
			Thresholds: &api.ReportThresholds{Models: map[string]api.Model{"latency": {Test: "t_test", MinSampleSize: &least,
				UpperBoundary: &upper}}},
		}, &report)
		if status != http.StatusCreated {
			t.Fatalf("report %d: status %d", i, status)
		}
	}
	return report
}

// longNames makes the names on a page as long as users may choose them, without a place to break.
const longNames = `(() => {
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n = texts.nextNode(); n; n = texts.nextNode())
		n.data = n.data.replaceAll("BenchmarkSort", "Benchmark" + "WithALongName".repeat(9)).replaceAll("main", "feature_" + "branch".repeat(20));
})()`

// TestPagesShowTheRegression opens every page in a real browser: it has its heading, no script error, nothing wider than the screen, and
// says what it must. TACHO_E2E_SCREENSHOTS names a folder that gets a picture of each, light and dark, desktop and phone.
func TestPagesShowTheRegression(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t)
	report := fill(t, w, "shown")
	for _, row := range []struct{ name, path, heading, holds string }{
		{"projects", "/projects", "Projects", "shown"},
		{"project", "/projects/shown", "shown", "BenchmarkSort/n=10"},
		{"perf", "/projects/shown/perf", "Explore", "BenchmarkSort/n=320"},
		{"events", "/projects/shown/events", "What changed", "Only changes that were shown are listed"},
		{"compare", "/projects/shown/compare?base=main@latest~1&head=main", "Compare", "BenchmarkSort/n=320"},
		{"plots", "/projects/shown/plots", "Plots", "keeps no plot yet"},
		{"reports", "/projects/shown/reports", "Reports", "6 active"},
		{"report", "/projects/shown/reports/" + report.UUID, "Report on main", "outside the boundary"},
		{"alerts", "/projects/shown/alerts", "Alerts", "BenchmarkSort/n=80"},
		{"jobs", "/projects/shown/jobs", "Jobs", "No job here"},
		{"runners", "/runners", "Runners", "default"},
	} {
		t.Run(row.name, func(t *testing.T) {
			do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+row.path))
			heading, body := eval[string](t, ctx, `document.querySelector("h1").textContent`), eval[string](t, ctx, `document.body.textContent`)
			if failed := eval[[]string](t, ctx,
				`performance.getEntriesByType("resource").filter(e => e.responseStatus >= 400).map(e => e.name)`); len(failed) > 0 {
				t.Errorf("could not load %s", strings.Join(failed, ", "))
			}
			do(t, ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
			wider := eval[bool](t, ctx, `document.documentElement.scrollWidth > window.innerWidth`)
			if !strings.Contains(heading, row.heading) || !strings.Contains(body, row.holds) {
				t.Errorf("heading %q, want %q; the page holds %q: %v", heading, row.heading, row.holds, strings.Contains(body, row.holds))
			}
			if wider || eval[bool](t, ctx, longNames+`; document.documentElement.scrollWidth > window.innerWidth`) {
				t.Errorf("on a phone the page is wider than the screen, with its own names: %v", wider)
			}
			do(t, ctx, chromedp.Reload())
			screenshots(t, ctx, row.name)
		})
	}
}

// screenshots takes the page that is open in four forms, if a folder was named.
func screenshots(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("TACHO_E2E_SCREENSHOTS")
	if folder == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for device, size := range map[string][2]int64{"desktop": {1280, 900}, "phone": {390, 844}} {
			do(t, ctx, prefer(scheme), chromedp.EmulateViewport(size[0], size[1]))
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name+"-"+device+"-"+scheme+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDraggingOverAPlotZooms drives the plot's script with a real mouse.
func TestDraggingOverAPlotZooms(t *testing.T) {
	ctx := browser(t)
	w := newWorld(t)
	fill(t, w, "zoomed")
	type rectangle struct{ X, Y, W, H float64 }
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+"/projects/zoomed/perf"))
	box := eval[rectangle](t, ctx,
		`(() => { const r = document.querySelector("svg.plot").getBoundingClientRect(); return {X: r.x, Y: r.y, W: r.width, H: r.height}; })()`)
	at := func(part float64) (x, y float64) { return box.X + box.W*part, box.Y + box.H*0.08 }
	x1, y1 := at(0.4)
	x2, y2 := at(0.8)
	do(t, ctx,
		chromedp.MouseEvent("mousePressed", x1, y1, chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseMoved", x2, y2, chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseReleased", x2, y2, chromedp.ButtonLeft),
	)
	location := ""
	until(t, "the address to change", func() bool { // the page goes away under our feet, which is what we wait for
		at, err := chromedp.Run(ctx, chromedp.Location())
		location = at
		return err == nil && strings.Contains(at, "from=")
	})
	if !strings.Contains(location, "from=") || !strings.Contains(location, "to=") {
		t.Errorf("after dragging the address is %s", location)
	}
}

// do runs steps in the browser.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// prefer makes pages believe that the reader's system is light or dark.
func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
