package sweep

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// watch shows a sweep while it goes on: on a terminal as a table that is written over, elsewhere as a line for each change. It is safe for
// concurrent use: the controller's providers and the session say things, too.
type watch struct {
	screen *term.Screen

	mu    sync.Mutex // guards what follows, and the order of writes
	shown []string   // lines of the table that stand there
	quiet bool       // something is asked: no table meanwhile
	last  api.SweepLedger
	seen  bool
}

func newWatch(env *cli.Env) *watch { return &watch{screen: env.Errs()} }

// say writes a line that stays.
func (w *watch) say(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	table := w.shown
	w.clear()
	fmt.Fprintln(w.screen.W, term.Clean(text))
	w.draw(table)
}

// show tells what has changed since the last time, and reports whether anything has.
func (w *watch) show(rows api.SweepLedger) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := changes(w.last, rows, w.seen)
	w.last, w.seen = rows, true
	if w.screen.Terminal {
		if !w.quiet {
			w.clear()
			w.draw(live(rows, w.screen.Width))
		}
		return len(lines) > 0
	}
	for _, line := range lines {
		fmt.Fprintln(w.screen.W, term.Clean(line))
	}
	return len(lines) > 0
}

// hush takes the table away until show comes again after speak.
func (w *watch) hush(quiet bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.quiet = quiet; quiet {
		w.clear()
	}
}

// done leaves the table as it stands.
func (w *watch) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown = nil
}

func (w *watch) clear() {
	if len(w.shown) > 0 {
		fmt.Fprintf(w.screen.W, "\x1b[%dA\x1b[J", len(w.shown))
		w.shown = nil
	}
}

func (w *watch) draw(lines []string) {
	for _, line := range lines {
		fmt.Fprintln(w.screen.W, line)
	}
	w.shown = lines
}

// changes are the lines that tell what is new in rows. Of the first rows the pools are told.
func changes(before, rows api.SweepLedger, seen bool) (lines []string) {
	if seen && before.Sweep.State != rows.Sweep.State {
		line := "sweep is " + rows.Sweep.State
		if rows.Sweep.Note != "" {
			line += ": " + rows.Sweep.Note
		}
		lines = append(lines, line)
	}
	pools, slots := map[string]api.SweepPool{}, map[string]api.SweepSlot{}
	for _, p := range before.Pools {
		pools[p.UUID] = p
		for _, s := range p.Slots {
			slots[s.UUID] = s
		}
	}
	machines := map[string]api.SweepMachine{}
	for _, m := range before.Machines {
		machines[m.ID] = m
	}
	for _, p := range rows.Pools {
		old, known := pools[p.UUID]
		switch {
		case p.Skipped != nil && (!known || old.Skipped == nil):
			lines = append(lines, p.Alias+": skipped, "+p.Skipped.Sentence)
		case !known && p.Tasks.Total > 0 || ended(old.Tasks) != ended(p.Tasks):
			line := fmt.Sprintf("%s: %d of %d tasks done", p.Alias, p.Tasks.Done, p.Tasks.Total)
			if p.Tasks.Failed > 0 {
				line += fmt.Sprintf(", %d failed", p.Tasks.Failed)
			}
			lines = append(lines, line)
		}
		at, idle := map[string]int{}, map[string]bool{}
		for _, s := range p.Slots {
			at[s.UUID], idle[s.UUID] = s.Ordinal, s.Tasks.Pending+s.Tasks.Running == 0
			if s.State == string(sweep.SlotGivenUp) && slots[s.UUID].State != s.State {
				lines = append(lines, fmt.Sprintf("%s machine %d: given up (%s) %s", p.Alias, s.Ordinal, s.Reason, s.Note))
			}
		}
		for _, m := range rows.Machines {
			if m.Pool != p.UUID || machines[m.ID].State == m.State && machines[m.ID].Suspect == m.Suspect {
				continue
			}
			line := fmt.Sprintf("%s machine %d: %s", p.Alias, at[m.Slot], m.State)
			itself := m.Reason == string(sweep.BecauseVanished) && idle[m.Slot] // it ended by itself, as it should
			if m.Reason != "" && m.Reason != string(sweep.BecauseDone) && !itself {
				line += " (" + m.Reason + ")"
			}
			for _, more := range []string{m.Suspect, m.Note} {
				if more != "" {
					line += ", " + more
				}
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func ended(c api.SweepCounts) int { return c.Done + c.Failed + c.Late }

const barWidth = 16

// live is the table for a terminal with this number of columns (0: not known).
func live(rows api.SweepLedger, width int) []string {
	t := term.Table{Titles: []string{"pool", "", "tasks", "machines", "now"}, Right: []bool{false, false, true, true, false}}
	for _, p := range rows.Pools {
		if p.Skipped != nil && p.Tasks.Total == 0 {
			t.Add(term.Text(p.Alias), term.Text("left out: "+p.Skipped.Reason))
			continue
		}
		tasks := fmt.Sprintf("%d/%d", p.Tasks.Done, p.Tasks.Total)
		if p.Tasks.Failed > 0 {
			tasks += fmt.Sprintf(", %d failed", p.Tasks.Failed)
		}
		run := 0
		var now []string
		for _, m := range rows.Machines {
			if m.Pool != p.UUID || !sweep.MachineState(m.State).MayRun() {
				continue
			}
			run++
			now = append(now, doing(m))
		}
		t.Add(term.Text(p.Alias), term.Text(bar(p.Tasks)), term.Text(tasks), term.Text(fmt.Sprintf("%d/%d", run, p.Hosts)),
			term.Text(counted(now)))
	}
	var text bytes.Buffer
	_ = t.Write(&term.Screen{W: &text}) // a buffer takes all
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	s := rows.Sweep
	foot := fmt.Sprintf("%s · %d/%d tasks", s.State, s.Tasks.Done, s.Tasks.Total)
	if s.Budget > 0 {
		foot += fmt.Sprintf(" · %s of %s", sweep.Micros(s.Spent).Cents(), sweep.Micros(s.Budget))
	}
	foot += " · " + suite.Short(max(0, s.Expires.Sub(rows.Now)).Round(time.Second)) + " left"
	if s.Controller == nil || !s.Controller.Alive {
		foot += " · nobody looks after it"
	}
	lines = append(lines, foot)
	for i, line := range lines {
		if all := []rune(line); width > 1 && len(all) >= width { // a line that wraps could not be written over
			lines[i] = string(all[:width-2]) + "…"
		}
	}
	return lines
}

// doing is what a machine does, in a word.
func doing(m api.SweepMachine) string {
	switch {
	case m.State != string(sweep.MachineWorking) && m.State != string(sweep.MachineUp):
		return m.State
	case m.Benchmark != "":
		return m.Benchmark
	case m.Phase != "":
		return m.Phase
	}
	return m.State
}

// counted are words with how often each is there, in the order of the first: kernels ×3, ready.
func counted(words []string) string {
	n := map[string]int{}
	var order, out []string
	for _, word := range words {
		if n[word]++; n[word] == 1 {
			order = append(order, word)
		}
	}
	for _, word := range order {
		if n[word] > 1 {
			word = fmt.Sprintf("%s ×%d", word, n[word])
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

// bar is how much of a pool's tasks is done.
func bar(c api.SweepCounts) string {
	if c.Total == 0 {
		return ""
	}
	full := barWidth * ended(c) / c.Total
	begun := barWidth*(ended(c)+c.Running)/c.Total - full
	return strings.Repeat("█", full) + strings.Repeat("▒", begun) + strings.Repeat("░", barWidth-full-begun)
}
