package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// button is a form with one button: it asks for a status of an alert or a job. Back is where its reader comes back to.
type button struct{ Action, Status, Text, Back string }

type signInView struct{ Error, Back string }

// forms registers what pages do.
func (p *Pages) forms() {
	p.handle("GET /signin", p.render(func(r *http.Request) (page, error) {
		return signInPage(signInView{Back: backTo(r.URL.Query().Get("back"))}), nil
	}))
	p.handle("POST /signin", p.form(p.signIn))
	p.handle("POST /signout", p.form(func(w http.ResponseWriter, r *http.Request) error {
		if token := request.Session(r); token != "" {
			if err := p.cfg.Source.SignOut(r.Context(), token); err != nil {
				return err
			}
		}
		request.SetSession(w, r, "", p.cfg.Now())
		return nil
	}))
	p.handle("POST /projects/{project}/alerts/{alert}", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		return p.cfg.Source.SetAlertStatus(r.Context(), reader(r), r.PathValue("project"), r.PathValue("alert"),
			api.AlertStatus(r.PostFormValue("status")))
	}))
	p.handle("POST /projects/{project}/jobs/{uuid}", p.form(func(_ http.ResponseWriter, r *http.Request) error {
		status := api.JobStatus(r.PostFormValue("status"))
		if status != api.JobCanceled && status != api.JobPending {
			return fault.Invalidf("status %.40q: a job can be canceled, or be put back in the queue (pending)", string(status))
		}
		_, err := p.cfg.Source.ControlJob(r.Context(), reader(r), r.PathValue("project"), r.PathValue("uuid"), status)
		return err
	}))
}

// IsForm reports whether a request is a form of a page, for which the reader's session counts.
func IsForm(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/signin" || r.URL.Path == "/signout" || strings.HasPrefix(r.URL.Path, "/projects/"))
}

// form runs what a form asks for and sends its reader back to where the form stood. A form that another site sent is refused.
func (p *Pages) form(act func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	var sameSite http.CrossOriginProtection
	return func(w http.ResponseWriter, r *http.Request) {
		if err := sameSite.Check(r); err != nil {
			p.Refuse(w, r, fault.Wrap(fault.Forbidden, err, "this form was sent by another site; open the page here and send it again"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limits.FormBytes)
		if err := r.ParseForm(); err != nil {
			p.Refuse(w, r, fault.Wrap(fault.Invalid, err, "the form could not be read"))
			return
		}
		if err := act(w, r); err != nil {
			p.Refuse(w, r, err)
			return
		}
		http.Redirect(w, r, backTo(r.PostFormValue("back")), http.StatusSeeOther)
	}
}

// signIn opens a session for whoever shows a key; a wrong one is said on the same page.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	made, err := p.cfg.Source.SignIn(r.Context(), strings.TrimSpace(r.PostFormValue("key")), request.SourceIP(r))
	if err != nil {
		return err
	}
	request.SetSession(w, r, made.Token, made.Expires)
	return nil
}

func signInPage(view signInView) page {
	return page{template: "signin", title: "Sign in", section: "signin", view: view}
}

// backTo is a page of ours to go to: an address of another site, which somebody put into a link, is not.
func backTo(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsAny(path, "\\\r\n\t") {
		return "/projects"
	}
	return path
}

// acts reports whether the reader may have something to do here; whether it may do it is asked when it does.
func acts(r *http.Request) bool {
	kind := reader(r).Kind
	return kind == access.User || kind == access.Local
}

// alertButton dismisses an alert or makes it active again; nil where there is nothing to do.
func alertButton(r *http.Request, project api.Project, a api.Alert) *button {
	if !acts(r) {
		return nil
	}
	made := &button{Action: "/projects/" + url.PathEscape(project.Slug) + "/alerts/" + url.PathEscape(a.UUID), Back: with(r)}
	switch a.Status {
	case api.AlertActive:
		made.Status, made.Text = string(api.AlertDismissed), "Dismiss"
	case api.AlertDismissed:
		made.Status, made.Text = string(api.AlertActive), "Reactivate"
	default:
		return nil
	}
	return made
}

// jobButton cancels a job that runs or waits, or puts one that failed or was canceled back in the queue.
func jobButton(r *http.Request, project api.Project, job api.Job) *button {
	if !acts(r) {
		return nil
	}
	made := &button{Action: "/projects/" + url.PathEscape(project.Slug) + "/jobs/" + url.PathEscape(job.UUID), Back: with(r)}
	switch job.Status {
	case api.JobPending, api.JobClaimed, api.JobRunning:
		made.Status, made.Text = string(api.JobCanceled), "Cancel this job"
	case api.JobFailed, api.JobCanceled:
		made.Status, made.Text = string(api.JobPending), "Run it again"
	default:
		return nil
	}
	return made
}
