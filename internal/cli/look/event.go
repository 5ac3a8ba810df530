package look

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cli/value"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
)

// listed is a row of `tacho alert list`: an event, or an alert of a threshold.
type listed struct {
	event *api.Event
	alert *api.Alert
}

// MarshalJSON is the one that it is.
func (l listed) MarshalJSON() ([]byte, error) {
	if l.event != nil {
		return json.Marshal(l.event)
	}
	return json.Marshal(l.alert)
}

func newAlertList(env *cli.Env) *cobra.Command {
	var q client.EventQuery
	var kind, since, status string
	var thresholds bool
	return cli.List[listed]{
		Use: "list PROJECT", Short: "List what happened to a project's numbers, the surest and largest first", Args: cobra.ExactArgs(1),
		Example: "  tacho alert list app\n  tacho alert list app --state open --branch main --newest\n" +
			"  tacho alert list app --thresholds --status active",
		Flags: func(v *pflag.FlagSet, _ *client.Page) {
			v.StringVar(&q.Branch, "branch", "", "name, slug or UUID")
			v.StringVar(&q.Testbed, "testbed", "", "name, slug or UUID")
			v.StringVar(&q.Benchmark, "benchmark", "", "only those with a change of such a benchmark: * is any text, ? one character")
			v.StringVar(&kind, "kind", "", "only code, machine or threshold (default all but those of thresholds)")
			v.StringVar(&q.State, "state", "", "only those in a state, such as confirmed; or open: somebody may have to do something")
			v.StringVar(&since, "since", "", "seen at this time or later: 2026-03-04, 2026-03-04T12:00:00Z or Unix seconds")
			v.BoolVar(&q.Gone, "gone", false, "only those that are no longer significant")
			v.BoolVar(&q.Newest, "newest", false, "the newest first")
			v.BoolVar(&thresholds, "thresholds", false, "each metric outside a threshold's limits, the newest first")
			v.StringVar(&status, "status", "", "with --thresholds: only active, dismissed or silenced ones")
		},
		Rows: func(ctx context.Context, srv *cli.Session, args []string, page client.Page) (rows []listed, total int, err error) {
			if thresholds || status != "" {
				alerts, total, err := srv.Alerts(ctx, args[0], api.AlertStatus(status), page)
				for i := range alerts {
					rows = append(rows, listed{alert: &alerts[i]})
				}
				return rows, total, err
			}
			q.Kind = api.EventKind(kind)
			if since != "" {
				t, err := value.ParseTime(since)
				if err != nil {
					return nil, 0, cli.Usage("--since %q: %v", since, err)
				}
				q.Since = &t
			}
			events, total, err := srv.Events(ctx, args[0], q, page)
			for i := range events {
				rows = append(rows, listed{event: &events[i]})
			}
			return rows, total, err
		},
		Table: func(rows []listed) term.Table {
			if thresholds || status != "" {
				return alertTable(rows)
			}
			return eventTable(rows)
		},
	}.Command(env)
}

func eventTable(rows []listed) term.Table {
	t := term.Table{Titles: []string{"event", "kind", "state", "branch", "testbed", "came with", "changes", "largest", "before", "after",
		"change"}, Right: []bool{false, false, false, false, false, false, true, false, true, true, true}}
	for _, row := range rows {
		e := *row.event
		benchmark, before, after, effect, colour := "", "", "", "", term.Plain
		if len(e.Changes) > 0 {
			c := e.Changes[0]
			benchmark, before, after, effect = c.Benchmark.Name, unit.Format(c.Before, c.Units), unit.Format(c.After, c.Units), effectText(c)
			colour = directionColour(c.Direction)
		}
		t.Add(term.Text(e.UUID), term.Text(string(e.Kind)), term.Text(stateText(e)), term.Text(e.Branch.Name), term.Text(e.Testbed.Name),
			term.Text(interval(e)), term.Text(strconv.Itoa(e.Total)), term.Text(benchmark), term.Text(before), term.Text(after),
			term.Cell{Text: effect, Colour: colour})
	}
	return t
}

func stateText(e api.Event) string {
	if e.Gone {
		return string(e.State) + ", no longer significant"
	}
	return string(e.State)
}

// interval is the versions that an event may have come with.
func interval(e api.Event) string {
	if e.First.Number == e.Last.Number {
		return versionText(e.First.Version)
	}
	return versionText(e.First.Version) + " to " + versionText(e.Last.Version)
}

func versionText(v api.Version) string {
	if v.Hash != nil {
		return fmt.Sprintf("%d (%s)", v.Number, show.ShortHash(*v.Hash))
	}
	return strconv.Itoa(int(v.Number))
}

// effectText is how much a line changed, with its interval where one is known.
func effectText(c api.EventChange) string {
	switch {
	case c.Effect == nil:
		return "new, was 0"
	case c.Scale == "raw":
		return withInterval(signed(*c.Effect, c.Units), c, func(v float64) string { return signed(v, c.Units) })
	}
	return withInterval(show.Percent(1+*c.Effect), c, func(v float64) string { return show.Percent(1 + v) })
}

func withInterval(text string, c api.EventChange, format func(float64) string) string {
	if c.Lower == nil || c.Upper == nil || c.Exact {
		return text
	}
	return fmt.Sprintf("%s [%s, %s]", text, format(*c.Lower), format(*c.Upper))
}

func signed(v float64, units string) string {
	if v < 0 {
		return unit.Format(v, units)
	}
	return "+" + unit.Format(v, units)
}

func directionColour(direction string) term.Colour {
	switch direction {
	case "worse":
		return term.Bad
	case "better":
		return term.Good
	}
	return term.Plain
}

func newEventView(env *cli.Env) *cobra.Command {
	return cli.One[api.Event]{
		Use: "view PROJECT EVENT", Short: "Show one event: what changed, how sure that is, and which commits it may have come with",
		Args: cobra.ExactArgs(2), Example: "  tacho alert view app 01960000-0000-7000-8000-000000000001",
		Ask: func(ctx context.Context, srv *cli.Session, args []string) (api.Event, error) {
			return srv.Event(ctx, args[0], args[1])
		},
		Print: func(srv *cli.Session, args []string, e api.Event) error {
			return writeEvent(env.Out(), e, srv.Page("projects", args[0], "events", e.UUID))
		},
	}.Command(env)
}

// writeEvent prints an event for people.
func writeEvent(out *term.Screen, e api.Event, page string) error {
	before := ""
	if e.Before != nil {
		before = versionText(e.Before.Version)
	}
	until := cli.Stamp(e.Until)
	cli.Facts(out, "event", e.UUID, "kind", kindText(e.Kind), "state", stateText(e), "reason", e.Reason, "until", until,
		"branch", e.Branch.Name, "testbed", e.Testbed.Name, "came with", interval(e), "last without", before,
		"alerts", nonzero(e.Alerts), "seen", cli.Stamp(&e.Created), "page", page)
	fmt.Fprintf(out.W, "\n%s\n", eventSentence(e))
	if len(e.Changes) > 0 {
		fmt.Fprintln(out.W)
		t := changeTable(e.Changes)
		if err := t.Write(out); err != nil {
			return err
		}
		if left := e.Total - len(e.Changes); left > 0 {
			fmt.Fprintf(out.W, "and %d more\n", left)
		}
	}
	if len(e.Checks) > 0 {
		fmt.Fprintf(out.W, "\n%s\n", out.Paint(term.Title, "checked by reruns, in turns"))
		for _, c := range e.Checks {
			fmt.Fprintf(out.W, "  %s\n", term.Clean(checkText(c)))
		}
		if lines := e.Checks[0].Lines; e.Checks[0].Ended != nil && e.Checks[0].Outcome != api.CheckFailed && len(lines) > 0 {
			fmt.Fprintln(out.W)
			t := checkTable(lines)
			if err := t.Write(out); err != nil {
				return err
			}
		}
	}
	if len(e.Suspects) > 0 && e.Kind == api.CodeEvent {
		fmt.Fprintf(out.W, "\n%s\n", out.Paint(term.Title, "may have come with"))
		for _, line := range suspectLines(e) {
			fmt.Fprintf(out.W, "  %s\n", term.Clean(line))
		}
	}
	if len(e.Steps) > 0 {
		fmt.Fprintf(out.W, "\n%s\n", out.Paint(term.Title, "its life"))
		for _, s := range e.Steps {
			line := fmt.Sprintf("  %s  %s: %s → %s", cli.Stamp(&s.Time), s.Verb, s.From, s.To)
			if s.Reason != "" {
				line += " (" + s.Reason + ")"
			}
			fmt.Fprintln(out.W, term.Clean(line))
		}
	}
	return nil
}

// suspectLines are the commits that an event may have come with, the oldest first, those among them that were not measured, and who wrote
// them.
func suspectLines(e api.Event) (lines []string) {
	add := func(parts ...string) {
		lines = append(lines, strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "  "))
	}
	for _, v := range e.Suspects {
		if v.Partial {
			add("-", "commits that are not known")
		}
		for _, c := range slices.Backward(v.Between) {
			add("-", show.ShortHash(c.Hash), "not measured", show.Commit(&c))
		}
		measured := "not measured here"
		if v.Report != "" {
			measured = "report " + v.Report
		}
		add(versionText(v.Version), measured, show.Commit(v.Commit))
	}
	return lines
}

func kindText(k api.EventKind) string {
	switch k {
	case api.MachineEvent:
		return "machine: the testbed changed, no commit is blamed"
	case api.ThresholdEvent:
		return "threshold: outside of its limits, and no change of level explains it"
	}
	return string(k)
}

func nonzero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// eventSentence says what is known, and how sure.
func eventSentence(e api.Event) string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{e.Worse, "worse"}, {e.Better, "better"}, {e.Total - e.Worse - e.Better, "changed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", cli.Counted(p.n, "line", "lines"), p.word))
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		text = "no line"
	}
	switch {
	case e.Gone:
		text += "; newer results do not show it any more"
	case e.State == api.EventRefuted && e.Settled:
		text += "; a rerun saw no difference between the versions, so look for a cause outside of these commits"
	case e.State == api.EventRefuted:
		text += "; a rerun saw no difference between the versions"
	case e.State == api.EventConfirmed && !e.Settled:
		text += "; fewer than five values follow, and a rerun of the versions before and after it has seen the same"
	case !e.Settled:
		text += "; fewer than five values follow, so it may still be chance"
	}
	return text
}

func changeTable(changes []api.EventChange) term.Table {
	t := term.Table{Titles: []string{"benchmark", "measure", "before", "after", "change", "n", "p", "could see", "note"},
		Right: []bool{false, false, true, true, true, true, true, true, false}}
	for _, c := range changes {
		p, n, detectable := "", fmt.Sprintf("%d+%d", c.NBefore, c.NAfter), ""
		if !c.Exact {
			p = strings.TrimPrefix(strings.TrimPrefix(chance(c.P), "p = "), "p ")
		}
		if c.Detectable != nil {
			if detectable = signed(*c.Detectable, c.Units); c.Scale == "log" {
				detectable = show.Percent(1 + *c.Detectable)
			}
		}
		t.Add(term.Text(c.Benchmark.Name), term.Text(c.Measure.Name), term.Text(unit.Format(c.Before, c.Units)),
			term.Text(unit.Format(c.After, c.Units)), term.Cell{Text: effectText(c), Colour: directionColour(c.Direction)}, term.Text(n),
			term.Text(p), term.Text(detectable), term.Text(changeNote(c)))
	}
	return t
}

// changeNote is what somebody must know before believing a change.
func changeNote(c api.EventChange) string {
	var notes []string
	for _, n := range []struct {
		said bool
		text string
	}{
		{c.Exact, "counted"}, {!c.Settled && !c.Exact, "fewer than five values follow"}, {c.Weak, "too few values for this line's noise"},
		{c.Gone, "no longer found"},
	} {
		if n.said {
			notes = append(notes, n.text)
		}
	}
	return strings.Join(notes, ", ")
}

// eventVerb is a command that does something about events.
type eventVerb struct {
	verb            api.EventVerb
	use, short, did string
	until           bool // it may be for a time
}

var eventVerbs = []eventVerb{
	{api.AckEvent, "ack", "Say that somebody is on it", "acknowledged", false},
	{api.AcceptEvent, "accept", "Take the new level as it should be; what comes is held against it from now on", "accepted", false},
	{api.IgnoreEvent, "ignore", "Ignore events, for a reason and possibly for a time", "ignored", true},
	{api.FixEvent, "fix", "Say that it is fixed", "fixed", false},
	{api.ReopenEvent, "reopen", "Take the last decision back", "open again", false},
}

// command makes the command. Events are named, or chosen by commit and benchmark.
func (v eventVerb) command(env *cli.Env) *cobra.Command {
	var in api.UpdateEvents
	var named []string
	var until string
	cmd := cli.Asking(env, v.use+" PROJECT [EVENT...]", v.short, cobra.MinimumNArgs(1),
		func(ctx context.Context, c *cli.Call, srv *cli.Session, args []string) error {
			in.Verb, in.Events = v.verb, append(args[1:], named...)
			if len(in.Events) == 0 && in.Commits == "" && in.Benchmark == "" {
				return cli.Usage("name events, or choose them by --commit or --benchmark; 'tacho alert list %s' shows what there is", args[0])
			}
			if v.verb == api.IgnoreEvent && in.Reason == "" {
				return cli.Usage("give a --reason: whoever comes after you will ask for it")
			}
			if until != "" {
				t, err := untilTime(env.Now(), until)
				if err != nil {
					return err
				}
				in.Until = &t
			}
			done, err := srv.UpdateEvents(ctx, args[0], in)
			if err != nil {
				return err
			}
			if c.JSON {
				err = cli.PrintJSON(env.Stdout, done)
			} else {
				v.write(env, done, in.DryRun)
			}
			if err == nil && len(done.Refused) > 0 {
				return cli.Fail(fault.ExitRefused, "%s stay as they are", cli.Counted(len(done.Refused), "event", "events"))
			}
			return err
		})
	cmd.Example = fmt.Sprintf("  tacho alert %[1]s app 01960000-0000-7000-8000-000000000001\n"+
		"  tacho alert %[1]s app --commit 3f2a91c..77b0d12 --benchmark 'Sort*' --dry-run", v.use)
	f := cmd.Flags()
	f.StringArrayVar(&named, "event", nil, "UUID of an event (repeatable), the same as naming it behind the project")
	f.StringVar(&in.Commits, "commit", "", "events that may have come with this commit, or one of FROM..TO (after the one, up to the other)")
	f.StringVar(&in.Benchmark, "benchmark", "", "events of which all changes are of such benchmarks: * is any text, ? one character")
	f.StringVar(&in.Branch, "branch", "", "of those, only of this branch: name, slug or UUID")
	f.StringVar(&in.Testbed, "testbed", "", "of those, only of this testbed: name, slug or UUID")
	f.StringVar(&in.Reason, "reason", "", "why; it stays with the event")
	f.BoolVar(&in.DryRun, "dry-run", false, "say what would be changed, and change nothing")
	if v.until {
		f.StringVar(&until, "until", "", "open again then: 30d, 12h, 2026-03-04 or 2026-03-04T12:00:00Z")
	}
	return cmd
}

func (v eventVerb) write(env *cli.Env, done api.UpdatedEvents, dry bool) {
	did := v.did
	if dry {
		did = "would be " + did
	}
	for _, e := range done.Events {
		fmt.Fprintf(env.Stdout, "event %s %s\n", e.UUID, did)
	}
	for _, r := range done.Refused {
		fmt.Fprintf(env.Stderr, "tacho: event %s stays as it is: %s\n", r.UUID, term.Clean(r.Reason))
	}
	if len(done.Events)+len(done.Refused) == 0 {
		fmt.Fprintln(env.Stderr, "tacho: there is no such event")
	}
}

// untilTime reads a time, or how long from now.
func untilTime(now time.Time, text string) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			return now.AddDate(0, 0, int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	t, err := value.ParseTime(text)
	if err != nil {
		return t, cli.Usage("--until %q: want 30d, 12h, 2026-03-04 or 2026-03-04T12:00:00Z", text)
	}
	if !t.After(now) {
		return t, cli.Usage("--until %s is over", text)
	}
	return t, nil
}
