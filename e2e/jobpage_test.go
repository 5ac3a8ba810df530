package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tachograph/tacho/api"
)

// TestJobPageFollowsAJob watches a real job in a real browser: its output appears while it runs, and its end without a reload by hand.
func TestJobPageFollowsAJob(t *testing.T) {
	needContainers(t)
	ctx := browser(t)
	w := newWorld(t)
	startRunner := w.newRunner("quiet-box")
	w.pushEmit("live/emit:v1")
	startRunner()
	var report api.Report
	if status := w.post("/v0/run", api.NewRun{Project: "live", Branch: "main", Job: &api.NewJob{Image: "emit:v1", Cmd: []string{"stubborn"}}},
		&report); status != http.StatusCreated || report.Job == nil {
		t.Fatalf("submit: status %d", status)
	}
	page := w.url + "/projects/live/jobs/" + *report.Job
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(page))
	body := func() string {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if err != nil { // the page is being replaced
			return ""
		}
		return text
	}
	until(t, "the live output", func() bool { return strings.Contains(body(), "I stay") && strings.Contains(body(), "running") })
	screenshots(t, ctx, "job-running")
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+"/runners"))
	if text := body(); !strings.Contains(text, "quiet-box") || !strings.Contains(text, "busy") {
		t.Errorf("the runners page says %q", text)
	}
	screenshots(t, ctx, "runners-busy")
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(page))
	if out, code := w.tacho("job", "cancel", "live", *report.Job); code != 0 {
		t.Fatalf("cancel: %d %s", code, out)
	}
	until(t, "the page to show the end", func() bool { return strings.Contains(body(), "canceled_by_user") })
	screenshots(t, ctx, "job-canceled")
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+"/projects/live/jobs"))
	screenshots(t, ctx, "jobs-full")
}
