package web

import (
	"net/http"
	"net/url"
	"strings"
)

// Bencher's clients print links to Bencher's pages and write them into pull requests: {console}/perf/{project}/… and
// {console}/console/projects/{project}/…. Each leads to the page of ours that shows the same thing.

// bencherLinks registers the ways from Bencher's pages to ours.
func (p *Pages) bencherLinks() {
	to := func(where func(r *http.Request, project string) (string, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			target, err := where(r, "/projects/"+url.PathEscape(r.PathValue("project")))
			if err != nil {
				p.render(func(*http.Request) (page, error) { return page{}, err })(w, r)
				return
			}
			secure(w.Header())
			http.Redirect(w, r, target, http.StatusFound) // not for ever: pages may move
		}
	}
	plot := func(dimension string) http.HandlerFunc {
		return to(func(r *http.Request, project string) (string, error) {
			return project + "/perf?" + query(dimension, r.PathValue("ref")).Encode(), nil
		})
	}
	p.handle("GET /perf", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/projects", http.StatusFound) })
	for _, base := range []string{"/perf/{project}", "/console/projects/{project}"} {
		p.handle("GET "+base+"/{$}", to(plotLink))
		p.handle("GET "+base, to(plotLink))
		p.handle("GET "+base+"/perf", to(plotLink))
		for _, same := range []string{"plots", "reports", "alerts", "jobs"} {
			p.handle("GET "+base+"/"+same, to(func(_ *http.Request, project string) (string, error) { return project + "/" + same, nil }))
		}
		for _, same := range []string{"reports", "jobs"} {
			p.handle("GET "+base+"/"+same+"/{ref}", to(func(r *http.Request, project string) (string, error) {
				return project + "/" + same + "/" + url.PathEscape(r.PathValue("ref")), nil
			}))
		}
		p.handle("GET "+base+"/alerts/{ref}", to(p.alertLink))
		p.handle("GET "+base+"/thresholds/{ref}", to(p.thresholdLink))
		p.handle("GET "+base+"/branches/{ref}", plot("branch"))
		p.handle("GET "+base+"/testbeds/{ref}", plot("testbed"))
		p.handle("GET "+base+"/benchmarks/{ref}", plot("benchmark"))
		p.handle("GET "+base+"/measures/{ref}", plot("measure"))
		// What has no page of its own yet, /thresholds/add among it.
		p.handle("GET "+base+"/{rest...}", to(func(_ *http.Request, project string) (string, error) { return project, nil }))
	}
}

// plotLink takes the choice of Bencher's plot along: lists of UUIDs with commas.
func plotLink(r *http.Request, project string) (string, error) {
	q := url.Values{}
	for theirs, ours := range map[string]string{"branches": "branch", "testbeds": "testbed", "benchmarks": "benchmark",
		"measures": "measure"} {
		for value := range strings.SplitSeq(r.URL.Query().Get(theirs), ",") {
			if value != "" {
				q.Add(ours, value)
			}
		}
	}
	if len(q) == 0 {
		return project + "/perf", nil
	}
	return project + "/perf?" + q.Encode(), nil
}

// alertLink leads to the report that raised the alert.
func (p *Pages) alertLink(r *http.Request, project string) (string, error) {
	alert, err := p.cfg.Source.Alert(r.Context(), reader(r), r.PathValue("project"), r.PathValue("ref"))
	return project + "/reports/" + url.PathEscape(alert.Report), err
}

// thresholdLink leads to the plot of what the threshold watches, with its limits.
func (p *Pages) thresholdLink(r *http.Request, project string) (string, error) {
	if r.PathValue("ref") == "add" {
		return project, nil
	}
	t, err := p.cfg.Source.Threshold(r.Context(), reader(r), r.PathValue("project"), r.PathValue("ref"))
	if err != nil {
		return "", err
	}
	q := url.Values{}
	if t.Branch != nil && t.Testbed != nil && t.Measure != nil {
		q = query("branch", t.Branch.UUID, "testbed", t.Testbed.UUID, "measure", t.Measure.UUID)
	}
	return project + "/perf?" + q.Encode(), nil
}
