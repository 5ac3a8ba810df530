package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/chart"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/request"
)

func thing(uuid, name string) api.EventThing {
	return api.EventThing{UUID: uuid, Name: name, Slug: uuid}
}

func versionOf(number int64, hash, report string) api.EventVersion {
	return api.EventVersion{Version: api.Version{Number: number, Hash: ptr(strings.Repeat(hash, 20))}, Report: report}
}

var (
	linked = func() api.Project {
		p := project
		p.URL = ptr("https://github.com/acme/words")
		return p
	}()
	slower = api.EventChange{UUID: "c1", Benchmark: thing("x", nasty), Measure: thing("m", "Latency"), Units: latency.Units,
		Direction: "worse", Settled: true, Weak: true, Number: 6, First: 6, Last: 7, Before: 1005, After: 1495, NBefore: 2, NAfter: 2,
		Effect: ptr(0.4876), Lower: ptr(0.41), Upper: ptr(0.55), Scale: "log", T: 31.2, P: 0.0000001, Noise: ptr(0.012), Detectable: ptr(0.034),
		Score: 0.4}
	counted = api.EventChange{UUID: "c2", Benchmark: thing("y", "BenchmarkSize"), Measure: thing("n", "File Size"), Units: "bytes (B)",
		Direction: "better", Settled: true, Exact: true, Number: 6, First: 6, Last: 6, Before: 2000, After: 1000, NBefore: 2, NAfter: 1,
		Effect: ptr(-0.5), Scale: "exact", Score: 0.2}
	raw = api.EventChange{UUID: "c3", Benchmark: thing("z", "BenchmarkNew"), Measure: thing("m", "Latency"), Units: latency.Units,
		Direction: "unknown", Number: 6, First: 6, Last: 6, Before: 0, After: 1, NBefore: 1, NAfter: 1, Scale: "raw", P: 0.02,
		Detectable: ptr(4.0)}
	suspected = func() []api.EventVersion {
		unmeasured, measured := versionOf(6, "bb", ""), versionOf(7, "cc", "r")
		measured.Commit = &api.Commit{Hash: strings.Repeat("cc", 20), Author: "Ada " + nasty, Subject: "Read faster " + nasty}
		measured.Partial = true
		measured.Between = []api.Commit{{Hash: strings.Repeat("ce", 20), Author: "Bob", Subject: "Second"},
			{Hash: strings.Repeat("cd", 20), Subject: "First"}}
		return []api.EventVersion{unmeasured, measured}
	}()
	happened = api.Event{UUID: "e1", Project: "p", Kind: api.CodeEvent, State: api.EventConfirmed, Version: 3, Branch: thing("b", "main"),
		Head: "h", Testbed: thing("t", "laptop <b>"), Before: ptr(versionOf(5, "aa", "r5")), First: versionOf(6, "bb", ""),
		Last: versionOf(7, "cc", "r"), Score: 0.45, Settled: true, Worse: 1, Better: 1, Total: 3,
		Changes:  []api.EventChange{slower, counted, raw},
		Suspects: suspected, Reason: "because " + nasty, Created: now.Add(-time.Hour),
		Steps: []api.EventStep{{Time: now.Add(-time.Hour), Verb: "suspect", To: api.EventSuspected}, {Time: now.Add(-time.Minute),
			Verb: "confirm", From: api.EventSuspected, To: api.EventConfirmed, Reason: nasty}}}
	moved = func() api.Event {
		e := happened
		e.UUID, e.Kind, e.State, e.Reason, e.Gone, e.First, e.Steps = "e2", api.MachineEvent, api.EventSuspected, "", true, e.Last, nil
		e.Worse, e.Better, e.Total, e.Suspects, e.Changes = 3, 0, 3, nil, []api.EventChange{slower}
		return e
	}()
	outside = func() api.Event {
		e := happened
		e.UUID, e.Kind, e.State, e.Reason, e.Alerts, e.Total, e.Worse, e.Better = "e3", api.ThresholdEvent, api.EventAcknowledged, "", 4, 0, 0, 0
		e.Changes, e.Before = []api.EventChange{}, nil
		return e
	}()
	checked = func() api.Event {
		e := happened
		c := slower
		c.Spec = "s"
		e.UUID, e.State, e.Changes, e.Total, e.Worse, e.Better, e.Steps = "e4", api.EventRefuted, []api.EventChange{c}, 1, 1, 0, nil
		line := api.EventCheckLine{Benchmark: slower.Benchmark, Measure: slower.Measure, Units: latency.Units, Outcome: api.CheckRefuted,
			Suspected: ptr(0.4876), Within: 0.02, Pairs: 10, Before: ptr(1005.0), After: ptr(1007.0), Effect: ptr(0.002), Lower: ptr(-0.004),
			Upper: ptr(0.008), P: ptr(0.4), Detectable: ptr(0.0071)}
		exact := api.EventCheckLine{Benchmark: counted.Benchmark, Measure: counted.Measure, Units: counted.Units, Outcome: api.CheckRefuted,
			Exact: true, Suspected: ptr(-0.5), Within: 0.02, Pairs: 10, Before: ptr(2000.0), After: ptr(2000.0), Effect: ptr(0.0)}
		check := api.EventCheck{UUID: "k1", Outcome: api.CheckRefuted, Sentence: "10 pairs in turns: " + nasty, Pairs: 10,
			Before: versionOf(5, "aa", "r8"), After: versionOf(7, "cc", "r9"), Lines: []api.EventCheckLine{line, exact},
			Created: now.Add(-time.Hour), Ended: ptr(now.Add(-time.Minute))}
		failed := check
		failed.UUID, failed.Outcome, failed.Sentence = "k0", api.CheckFailed, "the rerun has no results: "+nasty
		e.Checks = []api.EventCheck{check, failed}
		return e
	}()
	running = func() api.Event {
		e := checked
		e.UUID, e.State = "e5", api.EventChecking
		e.Checks = []api.EventCheck{{UUID: "k2", Outcome: api.CheckRunning, Pairs: 10, Before: versionOf(5, "aa", "r8"),
			After: versionOf(7, "cc", "r9"), Lines: checked.Checks[0].Lines, Created: now.Add(-time.Hour)}}
		return e
	}()
	sight   = event.Sight{Lines: 12, Exact: 3, Learning: 4, Half: ptr(0.021), Detectable: map[string]float64{"x": 0.034}}
	changed = []event.LineChange{
		{Event: "e1", Kind: event.Code, State: api.EventAccepted, Branch: "b", Testbed: "t", EventChange: slower},
		{Event: "e2", Kind: event.Machine, State: api.EventConfirmed, Branch: "b", Testbed: "t", EventChange: slower},
		{Event: "e9", Kind: event.Code, State: api.EventConfirmed, Branch: "another", Testbed: "t", EventChange: slower},
	}
	editor   = access.Actor{Kind: access.User, AccountID: "ann", Admin: true}
	stranger = access.Actor{Kind: access.User, AccountID: "bob"}
)

// getAs fetches a page as somebody.
func getAs(t *testing.T, h http.Handler, target string, actor access.Actor) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(request.WithActor(t.Context(), actor), http.MethodGet, target, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

// Forms are shown to who may change the project, with what an event's state allows, and to nobody else.
func TestOnlyWhoMayActSeesForms(t *testing.T) {
	t.Parallel()
	full := pages(t, answers())
	verbs := regexp.MustCompile(`name="verb" value="([a-z]+)"`)
	for _, row := range []struct {
		target string
		actor  access.Actor
		want   string
	}{
		{"/projects/words/events/e1", editor, "ack accept ignore fix"},
		{"/projects/words/events/e3", editor, "accept ignore fix reopen"}, // it is acknowledged
		{"/projects/words/events", editor, "ack accept ignore"},
		{"/projects/words/events/e1", access.Actor{Kind: access.Local}, "ack accept ignore fix"},
		{"/projects/words/events/e1", stranger, ""},
		{"/projects/words/events", stranger, ""},
		{"/projects/words/events/e1", access.Actor{Kind: access.RunKey, ProjectID: "p"}, ""},
		{"/projects/words/events", access.Actor{Kind: access.Anonymous}, ""},
	} {
		body := getAs(t, full, row.target, row.actor)
		soundHTML(t, body)
		var got []string
		for _, m := range verbs.FindAllStringSubmatch(body, -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != row.want || strings.Contains(body, `method="post" action="/projects/`) != (row.want != "") {
			t.Errorf("%s as %s %s: verbs %v, want %q", row.target, row.actor.Kind, row.actor.AccountID, got, row.want)
		}
		if boxes := strings.Count(body, `type="checkbox" name="event"`); boxes != map[bool]int{true: 3}[row.target ==
			"/projects/words/events" && row.want != ""] {
			t.Errorf("%s as %s: %d events can be ticked", row.target, row.actor.Kind, boxes)
		}
	}
}

// TestAnEventIsCheckedFromItsPage by who may change the project, if a rerun can check it and none does.
func TestAnEventIsCheckedFromItsPage(t *testing.T) {
	t.Parallel()
	full := pages(t, answers())
	for _, row := range []struct {
		target string
		actor  access.Actor
		want   bool
	}{
		{"e4", editor, true}, {"e4", stranger, false}, {"e4", access.Actor{Kind: access.Anonymous}, false},
		{"e5", editor, false}, // it is being checked
		{"e1", editor, false}, // it was not measured by jobs
		{"e2", editor, false}, // a machine's
		{"e3", editor, false}, // a threshold's
	} {
		body := getAs(t, full, "/projects/words/events/"+row.target, row.actor)
		soundHTML(t, body)
		if got := strings.Contains(body, `action="/projects/words/events/`+row.target+`/check"`); got != row.want {
			t.Errorf("%s as %s %s: %v", row.target, row.actor.Kind, row.actor.AccountID, got)
		}
	}
}

func TestFormsOfEvents(t *testing.T) {
	t.Parallel()
	source := &canned{}
	h := New(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler), Source: source})
	for _, tc := range []struct {
		name, path string
		form       url.Values
		header     http.Header
		status     int
		did, says  string
	}{
		{"one event, as it was seen", "/projects/words/events/e1", url.Values{"verb": {"ignore"}, "reason": {"known"}, "until": {"2027-01-31"},
			"version": {"3"}, "back": {"/projects/words/events"}}, nil, 303,
			`event words e1 {"verb":"ignore","reason":"known","until":"2027-01-31T00:00:00Z","version":3}`, ""},
		{"the day is that of ignoring only", "/projects/words/events/e1", url.Values{"verb": {"ack"}, "until": {"2027-01-31"}}, nil, 303,
			`event words e1 {"verb":"ack"}`, ""},
		{"many events", "/projects/words/events", url.Values{"verb": {"accept"}, "event": {"e1", "e2"}, "reason": {"a trade"}}, nil, 303,
			`events words {"verb":"accept","reason":"a trade","events":["e1","e2"]}`, ""},
		{"one of many stays", "/projects/words/events", url.Values{"verb": {"accept"}, "event": {"e1", "stubborn"}}, nil, 409,
			`events words {"verb":"accept","events":["e1","stubborn"]}`, "changed 1 event; 1 stayed as they are, the first because it is fixed"},
		{"no event", "/projects/words/events", url.Values{"verb": {"accept"}}, nil, 400, "", "no event is ticked"},
		{"no day", "/projects/words/events/e1", url.Values{"verb": {"ignore"}, "until": {"soon"}}, nil, 400, "", "want a day as in 2026-12-31"},
		{"no version", "/projects/words/events/e1", url.Values{"verb": {"ack"}, "version": {"x"}}, nil, 400, "", "is not a number"},
		{"a rerun", "/projects/words/events/e1/check", url.Values{"pairs": {"20"}, "version": {"3"}}, nil, 303,
			`check words e1 {"pairs":20,"version":3}`, ""},
		{"a rerun of no number", "/projects/words/events/e1/check", url.Values{"pairs": {"-1"}}, nil, 400, "", "want a number from 6 to 100"},
		{"a rerun for another site", "/projects/words/events/e1/check", url.Values{}, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "",
			"another site"},
		{"another site", "/projects/words/events", url.Values{"verb": {"accept"}, "event": {"e1"}},
			http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "", "another site"},
		{"another site, one event", "/projects/words/events/e1", url.Values{"verb": {"accept"}},
			http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "", "another site"},
	} {
		source.asked = nil
		w := post(t, h, tc.path, editor, tc.header, tc.form)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
		}
		if want := []string{tc.did}; tc.did != "" && !slices.Equal(source.asked, want) || tc.did == "" && len(source.asked) > 0 {
			t.Errorf("%s: did %q, want %q", tc.name, source.asked, tc.did)
		}
	}
}

func TestTheInboxPassesItsFilterOn(t *testing.T) {
	t.Parallel()
	source := &canned{answers: answers()}
	h := New(Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Source: source})
	for target, want := range map[string]event.NamedFilter{
		"":        {State: "open"},
		"?state=": {},
		"?branch=main&testbed=box&kind=code&state=fixed&benchmark=Parse*": {Branch: "main", Testbed: "box", Kind: "code", State: "fixed",
			Benchmark: "Parse*"},
		"?gone=1": {Gone: true},
	} {
		get(t, h, "/projects/words/events"+target)
		if diff := cmp.Diff(want, source.filter); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

// Silence says how small a change could have been seen, and never more than is known.
func TestWhatCouldHaveBeenSeenIsSaid(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		sight event.Sight
		want  string
	}{
		{event.Sight{}, "Nothing was judged yet on main, testbed laptop: no series was looked at."},
		{event.Sight{Lines: 2, Learning: 2}, "Nothing was judged yet on main, testbed laptop: 2 series are still learning, with too few values " +
			"to tell a change from noise."},
		{sight, "12 series are watched on main, testbed laptop; in half of 5 a lasting step of 2.1 % would be found in four of five cases; " +
			"3 are counted, so that any change of them is seen; 4 are still learning and would show nothing."},
	} {
		if got := sightText(row.sight, report); got != row.want {
			t.Errorf("%+v:\n%s\nwant\n%s", row.sight, got, row.want)
		}
	}
}

func TestRepositoriesWhoseLinksAreKnown(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://github.com/acme/words":      {"https://github.com/acme/words/commit/b", "https://github.com/acme/words/compare/a...b"},
		"https://github.com/acme/words.git/": {"https://github.com/acme/words/commit/b", "https://github.com/acme/words/compare/a...b"},
		"https://gitlab.example/team/sub/words": {"https://gitlab.example/team/sub/words/-/commit/b",
			"https://gitlab.example/team/sub/words/-/compare/a...b"},
		"https://bitbucket.org/acme/words":         {"https://bitbucket.org/acme/words/commits/b", ""},
		"https://words.example/github.com/words":   {},
		"https://github.com/acme":                  {},
		"javascript:alert(1)//github.com/acme/w":   {},
		"https://ann:secret@github.com/acme/words": {},
		"%": {},
	} {
		r := repositoryOf(api.Project{URL: &address})
		if got := [2]string{r.commit("b"), r.between("a", "b")}; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if r := repositoryOf(api.Project{}); r.commit("b") != "" || r.between("a", "b") != "" {
		t.Error("a project without an address has links")
	}
}

// A line may have changed hundreds of times; a plot marks some, and several series of one event with one mark.
func TestAPlotMarksABoundedNumberOfChanges(t *testing.T) {
	t.Parallel()
	var many []event.LineChange
	for i := range 10 * marksAtMost {
		c := changed[0]
		c.Number, c.First, c.Last, c.State = int64(i/2), int64(i/2), int64(i/2), api.EventConfirmed
		many = append(many, c)
	}
	var drawing chart.Plot
	overlay(project, &drawing, picture.Lines, drawOptions{changes: many})
	if n := len(drawing.Marks); n != marksAtMost {
		t.Errorf("%d marks, want %d", n, marksAtMost)
	}
	if n := strings.Count(drawing.Marks[0].Label, nasty); n != 2 {
		t.Errorf("the first mark names %d changes, want the 2 of its version: %q", n, drawing.Marks[0].Label)
	}
	drawing = chart.Plot{}
	overlay(project, &drawing, picture.Lines, drawOptions{changes: changed, time: true})
	if len(drawing.Marks) != 2 || len(drawing.Bands) != 1 || drawing.Bands[0].Class != "machine" || len(drawing.Levels) != 1 ||
		drawing.Marks[0].X != float64(picture.Lines[0].Points[0].Start.UnixMilli()) {
		t.Errorf("%+v", drawing)
	}
}

// The dots of a change are values of its two levels, and none of a level before or after these.
func TestDotsAreOfTheTwoLevels(t *testing.T) {
	t.Parallel()
	c := slower
	c.Number, c.NBefore, c.NAfter = 5, 2, 3
	s := explore.Spark{Numbers: []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}, Values: []float64{90, 91, 10, 11, 20, 21, 22, 80, 81}}
	if svg := string(sidesOf(c, s)); strings.Count(svg, "<circle") != 5 || !strings.Contains(svg, "2 values before, above; 3 after, below") {
		t.Error(svg)
	}
}

// TestASuspicionSaysWhyItIsNoMore: that few values follow is not the only reason.
func TestASuspicionSaysWhyItIsNoMore(t *testing.T) {
	t.Parallel()
	of := func(settled, weak bool, verbs ...string) api.Event {
		e := api.Event{State: api.EventSuspected, Changes: []api.EventChange{{Settled: settled, Weak: weak}}}
		for _, v := range verbs {
			e.Steps = append(e.Steps, api.EventStep{Verb: v})
		}
		return e
	}
	for want, e := range map[string]api.Event{
		"fewer than five values": of(false, true),
		"too few values show it": of(true, true),
		"suspected again":        of(true, true, "confirm", "withdraw"),
	} {
		if got := stateSentence(e); !strings.Contains(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

// A list says what a change came with where that is one version of the code, and a machine has no commit.
func TestAListSaysWhatTheCommitIsAbout(t *testing.T) {
	t.Parallel()
	p := &Pages{cfg: Config{Now: time.Now}}
	one := happened
	one.First.Commit = &api.Commit{Hash: "x", Subject: "Read faster"}
	if got := p.listedEvent(linked, one); got.Subject != "" {
		t.Errorf("of several versions: %q", got.Subject)
	}
	one.Last = one.First
	if got := p.listedEvent(linked, one); got.Subject != "Read faster" {
		t.Errorf("of one version: %q", got.Subject)
	}
	if one.Kind = api.MachineEvent; p.listedEvent(linked, one).Subject != "" {
		t.Error("a machine's event blames a commit")
	}
}

func TestCommitsOfAnEventAreShownUpToALimit(t *testing.T) {
	t.Parallel()
	e := happened
	e.Suspects = nil
	for n := range int64(10) {
		v := versionOf(n, "ab", "")
		v.Between = slices.Repeat([]api.Commit{{Hash: "cd"}}, 20)
		e.Suspects = append(e.Suspects, v)
	}
	rows, versions, _ := commitRows(linked, e)
	if versions != 5 || len(rows) != 5*21 || rows[20].Version != "#0" {
		t.Errorf("%d versions, %d rows", versions, len(rows))
	}
}

// A filter that names what nobody knows finds nothing, and says why; the form stays, so that it can be mended.
func TestAFilterForABranchThatDoesNotExistIsAnEmptyList(t *testing.T) {
	t.Parallel()
	body := getAs(t, pages(t, answers()), "/projects/words/events?branch=nowhere", editor)
	soundHTML(t, body)
	for _, want := range []string{`No event here: branch &#34;nowhere&#34; does not exist.`, `value="nowhere"`,
		`href="/projects/words/events"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s:\n%s", want, body)
		}
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/projects/nobody/events?branch=nowhere", nil)
	pages(t, answers()).ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("a project that does not exist: %d", w.Code)
	}
}
