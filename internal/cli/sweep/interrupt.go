package sweep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cloud/nuke"
	"github.com/tachograph/tacho/internal/core/fault"
)

// choice is what becomes of a sweep whose command is interrupted.
type choice string

// The choices.
const (
	choiceDetach choice = "detach" // leave it to a process in the background
	choiceDrain  choice = "drain"  // finish what runs, and end
	choiceStop   choice = "stop"   // cancel what runs, remove the machines
	choiceNuke   choice = "nuke"   // and then whatever carries the sweep's tags
	choiceGoOn   choice = "go on"  // watch on; only where somebody is asked
)

// parseChoice reads the value of --on-interrupt.
func parseChoice(s string) (choice, error) {
	switch c := choice(s); c {
	case choiceDetach, choiceDrain, choiceStop, choiceNuke:
		return c, nil
	}
	return "", cli.Usage("--on-interrupt %q: want detach, drain, stop or nuke", s)
}

const menu = `
  d  detach: it goes on, in the background (the default)
  w  wait: finish the tasks that run, and end
  s  stop now: cancel what runs, and remove the machines
  n  nuke: stop now, and remove whatever carries the sweep's tags
  c  go on watching
`

var keys = map[string]choice{"": choiceDetach, "d": choiceDetach, "detach": choiceDetach, "w": choiceDrain, "wait": choiceDrain,
	"drain": choiceDrain, "s": choiceStop, "stop": choiceStop, "n": choiceNuke, "nuke": choiceNuke, "c": choiceGoOn}

// ask lets a person choose. A keyboard that is gone detaches.
func ask(in io.Reader, out io.Writer, what string) choice {
	fmt.Fprintf(out, "\n%s%s", what, menu)
	lines := bufio.NewScanner(in)
	for {
		fmt.Fprint(out, "What shall become of it? [d] ")
		if !lines.Scan() {
			fmt.Fprintln(out)
			return choiceDetach
		}
		if c, known := keys[strings.ToLower(strings.TrimSpace(lines.Text()))]; known {
			return c
		}
		fmt.Fprintln(out, "d, w, s, n or c")
	}
}

// running says what of a sweep still runs or may run.
func running(s api.Sweep) string {
	left := s.Tasks.Pending + s.Tasks.Running
	return term.Clean(fmt.Sprintf("sweep %s: %s may run, %d of %s left; its machines end at %s in any case", s.ID,
		cli.Counted(s.Machines, "machine", "machines"), left, cli.Counted(s.Tasks.Total, "task", "tasks"), clock(s.Expires)))
}

// interrupted finds out what to do after a signal: whoever sits at the terminal says it, else the flag. A second signal while somebody is
// asked comes by signals.
func (l *lookout) interrupted(signal os.Signal, signals <-chan os.Signal) (choice, error) {
	fixed, err := parseChoice(l.onInterrupt)
	if err != nil {
		return "", err
	}
	if signal != os.Interrupt || !term.IsTerminal(l.env.Stdin) || !l.env.Errs().Terminal {
		return fixed, nil
	}
	l.watch.hush(true)
	defer l.watch.hush(false)
	said := make(chan choice, 1)
	go func() { said <- ask(l.env.Stdin, l.env.Stderr, running(l.sweep)) }()
	select {
	case c := <-said:
		return c, nil
	case <-signals:
		return "", l.leave()
	}
}

// leave ends the command at once and says what may still run.
func (l *lookout) leave() error {
	l.watch.done()
	fmt.Fprintf(l.env.Stderr, "\ntacho: %s\ntacho: 'tacho sweep resume %s' takes over, 'tacho sweep stop %[2]s --now' ends it\n",
		running(l.sweep), term.Clean(l.sweep.ID))
	return cli.ExitWith(exitMayRun, nil)
}

// act does what was chosen; left: nobody watches on.
func (l *lookout) act(ctx context.Context, c choice) (left bool, err error) {
	stop := func(verb, say string) error {
		l.watch.say("tacho: " + say)
		_, err := l.srv.UpdateSweep(ctx, l.project, l.sweep.UUID, api.UpdateSweep{Do: verb, Why: "interrupted"})
		return err
	}
	switch c {
	case choiceGoOn:
		return false, nil
	case choiceDrain:
		return false, stop("stop", "finishing what runs; a second Ctrl-C leaves at once")
	case choiceStop:
		return false, stop("stop_now", "stopping; a second Ctrl-C leaves at once")
	case choiceNuke:
		l.nuke = true
		return false, stop("stop_now", "stopping, and then removing whatever is left; a second Ctrl-C leaves at once")
	}
	return true, nil
}

// nukeRounds are looks at a provider: with the pauses between them, a few minutes.
const nukeRounds = 20

// nukeAll removes what carries the sweep's tags, and believes only lists.
func (l *lookout) nukeAll(ctx context.Context) error {
	var failed []error
	for name := range l.providers() {
		p := l.makers[name]
		if p == nil {
			continue
		}
		l.watch.say("tacho: looking twice that nothing is left at " + name)
		err := nuke.Destroy(ctx, p, nuke.Scope{Owner: l.owner, Sweep: l.sweep.UUID}, nukeRounds, l.env.Now,
			func(ctx context.Context, d time.Duration) error {
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(d):
					return nil
				}
			})
		if left, ok := errors.AsType[*nuke.LeftError](err); ok {
			err = cli.Fail(exitMayRun, "%s: %s", name, left)
		}
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return cli.ExitWith(exitMayRun, err)
	}
	return nil
}

// providers are the names of those that the sweep has machines of.
func (l *lookout) providers() map[string]bool {
	out := map[string]bool{}
	for _, p := range l.pools {
		if p.Skipped == nil || p.Tasks.Total > 0 {
			out[p.Provider] = true
		}
	}
	return out
}

// isMissing reports whether a sweep, or its project, is not there any more, or not for us.
func isMissing(err error) bool {
	return fault.Is(err, fault.Missing) || fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden)
}
