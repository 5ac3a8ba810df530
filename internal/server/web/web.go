// Package web serves the pages: projects, plots, reports, jobs, runners. It renders on the server and works without script; three small
// scripts add zooming and live output.
//
// A page calls the same use cases as the API, as its reader: who reads with a session or a key, or is nobody in particular. So a page can
// show and do nothing that the API would not let its reader do. Each page is a file: a view struct with texts ready to print, a pure
// function that builds it from api types, a handler that fetches. Templates only place texts; the template engine escapes all of them. The
// content security policy allows no inline script and no inline style.
//
// Forms act, and work without script. They are refused when a browser says that another site sent them (http.CrossOriginProtection); the
// session's cookie does not come along from there either (SameSite).
//
// It is an edge: the server root mounts it, and no room calls it.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/standings"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Config is what the pages need.
type Config struct {
	Source  Source
	Version string
	Now     func() time.Time
	Log     *slog.Logger
	Gate    *admit.Gate // what pages pass while they are drawn; nil: no bound
}

// Pages is the http.Handler of all pages and their assets.
type Pages struct {
	cfg       Config
	mux       *http.ServeMux
	routes    []string // the patterns of mux
	templates map[string]*template.Template
	assets    map[string]asset // by path with checksum
	assetPath map[string]string
}

type asset struct {
	body        []byte
	contentType string
}

// New reads templates and assets; it panics if one does not parse, which a test would have found.
func New(cfg Config) *Pages {
	p := &Pages{cfg: cfg, mux: http.NewServeMux(), templates: map[string]*template.Template{}, assets: map[string]asset{},
		assetPath: map[string]string{}}
	p.loadAssets()
	p.loadTemplates()
	p.handle("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/projects", http.StatusSeeOther) })
	p.handle("GET /assets/{name}", p.serveAsset)
	for pattern, handler := range map[string]func(*http.Request) (page, error){
		"GET /projects":                          p.projects,
		"GET /projects/{project}":                p.project,
		"GET /projects/{project}/perf":           p.perf,
		"GET /projects/{project}/plots":          p.plots,
		"GET /projects/{project}/reports":        p.reports,
		"GET /projects/{project}/reports/{uuid}": p.report,
		"GET /projects/{project}/events":         p.inbox,
		"GET /projects/{project}/events/{event}": p.event,
		"GET /projects/{project}/compare":        p.compare,
		"GET /projects/{project}/alerts":         p.alerts,
		"GET /projects/{project}/jobs":           p.jobs,
		"GET /projects/{project}/jobs/{uuid}":    p.job,
		"GET /projects/{project}/sweeps":         p.sweeps,
		"GET /runners":                           p.runners,

		"GET /projects/{project}/sweeps/{sweep}":        p.sweep,
		"GET /projects/{project}/sweeps/{sweep}/report": p.sweepReport,
	} {
		p.handle(pattern, p.render(handler))
	}
	p.forms()
	p.plotForms()
	p.eventForms()
	p.sweepForms()
	p.bencherLinks()
	return p
}

func (p *Pages) handle(pattern string, h http.HandlerFunc) {
	p.routes = append(p.routes, pattern)
	p.mux.HandleFunc(pattern, h)
}

// Routes are the patterns of all pages and forms, for who walks over them.
func Routes() []string { return New(Config{}).routes }

// Patterns are the routes that belong to this package; everything else is the API's.
var Patterns = []string{"GET /{$}", "GET /assets/", "GET /projects", "GET /projects/", "GET /runners", "GET /perf", "GET /perf/",
	"GET /console/",
	"POST /projects/{project}/plots", "POST /projects/{project}/plots/{plot}",
	"POST /projects/{project}/events", "POST /projects/{project}/events/{event}",
	"GET /signin", "POST /signin", "POST /signout", "POST /projects/{project}/alerts/{alert}", "POST /projects/{project}/jobs/{uuid}",
	"POST /projects/{project}/sweeps/{sweep}"}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// page is what a handler returns: which template, and the frame around it.
type page struct {
	template string
	title    string
	section  string
	crumbs   []link
	tabs     []link
	scripts  []string
	styles   []string // beside the one of all pages
	refresh  int      // seconds until it comes anew; 0: it stays
	view     any
}

type link struct {
	Href, Text string
	Current    bool
}

// frame is what the layout template sees.
type frame struct {
	Title, Section, Version string
	Here                    string // this page, to come back to
	SignedIn, MaySignIn     bool
	Crumbs, Tabs            []link
	Scripts, Styles         []string
	Refresh                 int
	Page                    any
}

func (p *Pages) loadTemplates() {
	funcs := template.FuncMap{"asset": func(name string) string { return p.assetPath[name] }}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		p.templates[name] = template.Must(template.New(name).Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html",
			file))
	}
}

func (p *Pages) loadAssets() {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		p.addAsset(e.Name(), body, types[path.Ext(e.Name())])
	}
	p.addAsset("standings.css", []byte(standings.Style()), types[".css"])
}

func (p *Pages) addAsset(name string, body []byte, contentType string) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	versioned := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:5]) + ext
	p.assets[versioned] = asset{body, contentType}
	p.assetPath[name] = "/assets/" + versioned
}

func (p *Pages) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // the checksum is in the name
	_, _ = w.Write(a.body)
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "+
			"frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// render turns a handler that builds a page into one that writes it. The page is made in memory first: a template that fails is a 500 and
// never half a page.
func (p *Pages) render(build func(*http.Request) (page, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var made page
		pass, err := p.cfg.Gate.Enter(r.Context(), limits.PageCost)
		defer pass.Leave()
		if err == nil {
			made, err = build(r)
		}
		if err != nil {
			p.Refuse(w, r, err)
			return
		}
		p.write(w, r, http.StatusOK, made)
	}
}

// Refuse answers err as a page. Who turns requests away before they reach the pages answers with it too.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	request.SayWhen(w.Header(), err)
	p.write(w, r, fault.Of(err).Status(), errorPage(err))
}

func (p *Pages) write(w http.ResponseWriter, r *http.Request, status int, made page) {
	var out bytes.Buffer
	if err := p.templates[made.template].ExecuteTemplate(&out, "layout", frame{
		Title: made.title, Section: made.section, Version: p.cfg.Version,
		Here: here(r), SignedIn: request.Session(r) != "" && reader(r).Kind == access.User, MaySignIn: reader(r).Kind == access.Anonymous,
		Crumbs: made.crumbs, Tabs: made.tabs, Scripts: made.scripts, Styles: made.styles, Refresh: made.refresh,
		Page: made.view,
	}); err != nil {
		p.cfg.Log.ErrorContext(r.Context(), "page template failed", "template", made.template, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

type errorView struct{ Message, RequestID string }

func errorPage(err error) page {
	title := map[fault.Kind]string{
		fault.Missing: "Not found", fault.Unauthorized: "Sign-in required", fault.Forbidden: "Not allowed",
		fault.Invalid: "Invalid request",
		fault.TooMany: "Too many requests", fault.Unavailable: "Busy just now",
	}[fault.Of(err)]
	if title == "" {
		title = "Something went wrong"
	}
	return page{template: "error", title: title, view: errorView{Message: fault.Message(err)}}
}

func projectTabs(project, current string) []link {
	base := "/projects/" + url.PathEscape(project)
	tabs := []link{{base, "Overview", false}, {base + "/events", "Changes", false}, {base + "/compare", "Compare", false},
		{base + "/plots", "Plots", false}, {base + "/perf", "Explore", false},
		{base + "/reports", "Reports", false},
		{base + "/alerts", "Alerts", false}, {base + "/jobs", "Jobs", false}, {base + "/sweeps", "Sweeps", false}}
	for i := range tabs {
		tabs[i].Current = tabs[i].Text == current
	}
	return tabs
}

func projectCrumbs(project api.Project, rest ...link) []link {
	return append([]link{{"/projects", "Projects", false}, {"/projects/" + url.PathEscape(project.Slug), project.Name, false}}, rest...)
}

// loadProject fetches the project that the path names.
func (p *Pages) loadProject(r *http.Request) (api.Project, error) {
	return p.cfg.Source.Project(r.Context(), reader(r), r.PathValue("project"))
}

// reader is who looks at a page.
func reader(r *http.Request) access.Actor {
	actor, ok := request.ActorOf(r.Context())
	if !ok {
		return access.Actor{Kind: access.Anonymous, SourceIP: request.SourceIP(r)}
	}
	return actor
}

// window is the page of a list that was asked for, newest first.
func window(r *http.Request) store.Page {
	return store.Page{Limit: rowsPerPage, Offset: (pageOf(r) - 1) * rowsPerPage, Desc: true}
}

// newest is the beginning of a list, newest first.
func newest(n int) store.Page { return store.Page{Limit: n, Desc: true} }

// here is the page that is looked at, to come back to from another; the page to sign in on is nowhere to come back to.
func here(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == "/signin" {
		return "/projects"
	}
	return with(r)
}

// query builds query values from pairs.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}

// with returns the URL of r with some parameters replaced; an empty value removes one.
func with(r *http.Request, pairs ...string) string {
	q := r.URL.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return r.URL.Path
	}
	return fmt.Sprintf("%s?%s", r.URL.Path, q.Encode())
}
