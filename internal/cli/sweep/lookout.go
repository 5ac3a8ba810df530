package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/cloud/controller"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/remote"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// lookout is a process that looks after a sweep: it has the sweep's controller, shows what goes on, and hears signals.
type lookout struct {
	*attention
	env     *cli.Env
	srv     *cli.Session
	project string
	sweep   api.Sweep // as it was read last
	pools   []api.SweepPool
	makers  map[string]provider.Provider
	watch   *watch
	nuke    bool
}

// look is how often the rows are read for who watches.
const look = time.Second

// attend looks after the sweep until its last machine is gone, or somebody lets it go on alone.
func (l *lookout) attend(ctx context.Context) error {
	plain := l.srv.Say
	l.srv.Say = l.watch.say
	defer func() { l.srv.Say = plain }()
	signals, release := l.env.Signals()
	defer release()
	rows := remote.New(l.srv.Client, l.project)
	wake := make(chan struct{}, 1)
	controlling, letGo := context.WithCancelCause(ctx)
	defer letGo(nil)
	over := make(chan error, 1)
	id := l.sweep.UUID // the rows of l are this goroutine's
	go func() { over <- l.control(controlling, id, rows, wake) }()
	// left lets the controller give its lease back; a signal does not wait for it.
	left := func() (told bool) {
		letGo(errLeft)
		select {
		case <-over:
		case <-signals:
			return true
		}
		return false
	}

	tick := time.NewTicker(look)
	defer tick.Stop()
	var away time.Time // since when the server does not answer
	heard := 0
	for {
		select {
		case err := <-over:
			return l.end(ctx, signals, err)
		case signal := <-signals:
			if heard++; heard > 1 {
				return l.leave()
			}
			c, err := l.interrupted(signal, signals)
			if err != nil {
				return err
			}
			if c == choiceGoOn {
				heard = 0
			}
			detached := false
			if unlessTold(ctx, signals, func(ctx context.Context) { detached, err = l.act(ctx, c) }) {
				return l.leave()
			}
			if err != nil {
				l.watch.say("tacho: " + c.failed(err))
			}
			if detached {
				if left() {
					return l.leave()
				}
				return l.detach(context.WithoutCancel(ctx))
			}
			poke(wake)
		case <-tick.C:
			now, err := l.read(ctx)
			switch {
			case err != nil && isMissing(err):
				if left() {
					return l.leave()
				}
				return l.unseen(err)
			case err != nil:
				if away.IsZero() {
					away = l.env.Now()
					l.watch.say("tacho: the sweep cannot be read; its machines go on: " + fault.Message(err))
				}
				if forsaken(l.sweep, l.env.Now()) {
					if left() {
						return l.leave()
					}
					l.watch.done()
					return cli.Fail(exitMayRun, "the server has not answered since %s, and at %s all machines of sweep %s were to end by themselves; "+
						"'tacho sweep resume %[3]s' says whether they did", clock(away), clock(l.sweep.Expires), l.sweep.ID)
				}
				continue
			}
			away = time.Time{}
			l.sweep, l.pools = now.Sweep, now.Pools
			if l.watch.show(now) {
				poke(wake)
			}
		}
	}
}

// readTime is the most that a look at the rows takes: signals are not heard meanwhile.
const readTime = 5 * time.Second

func (l *lookout) read(ctx context.Context) (api.SweepLedger, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	return l.srv.SweepLedger(ctx, l.project, l.sweep.UUID)
}

// unlessTold does what may hang, and says whether a signal came before its end: then nobody waits for it, and what it writes is not read.
func unlessTold(ctx context.Context, signals <-chan os.Signal, do func(context.Context)) (told bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); do(ctx) }()
	select {
	case <-done:
		return false
	case <-signals:
		return true
	}
}

// unseen is the end of a command that may not see its sweep any more, or whose sweep was deleted: what became of the machines is not known.
func (l *lookout) unseen(err error) error {
	l.watch.done()
	text, _ := cli.Sentence(err)
	return cli.Fail(exitMayRun, "nobody looks after sweep %s: %s; its machines end at %s in any case, and 'tacho sweep nuke %s' removes them",
		l.sweep.ID, text, clock(l.sweep.Expires), l.sweep.UUID)
}

// forsaken says whether a sweep that cannot be read was to end so long ago that nobody need wait for its server: by then the server would
// have ended it, too.
func forsaken(s api.Sweep, now time.Time) bool {
	return now.After(s.Expires.Add(limits.SweepForgotten))
}

func (c choice) failed(err error) string {
	text, _ := cli.Sentence(err)
	return string(c) + " did not work: " + text
}

// poke wakes the controller, which may be awake.
func poke(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// control is the controller of the sweep. A lease of one that has died is waited for.
func (l *lookout) control(ctx context.Context, id string, rows *remote.Ledger, wake <-chan struct{}) error {
	var until time.Time
	var who string
	for {
		c := controller.New(controller.Config{Ledger: rows, Providers: l.makers, Sweep: id, Owner: l.owner,
			Holder: newHolder(), Token: l.env.NewUUID, UserData: userData(id, rows),
			Log: slog.New(troubles{say: l.watch.say})})
		err := c.Run(ctx, wake)
		if !errors.Is(err, ledger.ErrHeld) {
			return err
		}
		s, failed := l.srv.Sweep(ctx, l.project, id)
		switch {
		case failed != nil || s.Controller == nil:
		case who == "":
			who, until = s.Controller.Holder, s.Controller.Until
			l.watch.say(fmt.Sprintf("tacho: waiting for controller %s, which may be dead: until %s", who,
				until.Local().Format(time.TimeOnly)))
		case s.Controller.Until.After(until):
			return err // it has renewed its lease: it lives
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
	}
}

// end is what is said when the controller has nothing to do any more, or has lost the sweep.
func (l *lookout) end(ctx context.Context, signals <-chan os.Signal, err error) error {
	switch {
	case errors.Is(err, controller.ErrNoSweep):
		return l.unseen(err)
	case errors.Is(err, ledger.ErrStale), errors.Is(err, ledger.ErrHeld):
		l.watch.done()
		return cli.Fail(fault.ExitRefused, "%s", fault.Message(err))
	case err != nil:
		l.watch.done()
		return err
	}
	var now api.SweepLedger
	if unlessTold(ctx, signals, func(ctx context.Context) { now, err = l.srv.SweepLedger(ctx, l.project, l.sweep.UUID) }) {
		return l.leave()
	}
	if err != nil {
		return err
	}
	l.sweep, l.pools = now.Sweep, now.Pools
	l.watch.show(now)
	l.watch.done()
	var left error
	if l.nuke && unlessTold(ctx, signals, func(ctx context.Context) { left = l.nukeAll(ctx) }) {
		return l.leave()
	}
	if err := l.result(l.sweep); left == nil { // what is left says more than how the tasks ended
		return err
	}
	return left
}

// detach leaves the sweep to a process in the background: 'tacho sweep resume', in a session of its own.
func (l *lookout) detach(ctx context.Context) error {
	l.watch.done()
	if err := l.srv.Close(); err != nil { // the store of this machine is the other process's now
		return err
	}
	folder := filepath.Join(machineFolder(l.env), "log")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return cli.Fail(exitMayRun, "nobody looks after sweep %s: %v; 'tacho sweep resume %[1]s' does", l.sweep.ID, cli.BareFileError(err))
	}
	name := filepath.Join(folder, l.sweep.UUID+".log")
	pid, err := l.background(ctx, name)
	if err != nil {
		return cli.Fail(exitMayRun, "nobody looks after sweep %s: %v; 'tacho sweep resume %[1]s' does", l.sweep.ID, err)
	}
	fmt.Fprintf(l.env.Stderr, "tacho: %s\ntacho: process %d looks after it, and writes to %s; 'tacho sweep stop %s' ends it\n",
		running(l.sweep), pid, name, term.Clean(l.sweep.ID))
	return l.result(l.sweep)
}

func (l *lookout) background(ctx context.Context, name string) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	log, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	args := []string{"sweep", "resume", l.sweep.UUID, "--project", l.project, "--on-interrupt", string(choiceDetach), "--json",
		"--owner", l.owner}
	if l.conn.Host != "" {
		args = append(args, "--host", l.conn.Host)
	}
	if l.conn.KeyFile != "" {
		args = append(args, "--key-file", l.env.Path(l.conn.KeyFile))
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = l.env.Environ(), l.env.Dir, log, log
	alone(cmd)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, cmd.Process.Release()
}

// troubles is a log that tells people what a controller could not do; the rows show what it did.
type troubles struct{ say func(string) }

func (troubles) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (t troubles) Handle(_ context.Context, r slog.Record) error {
	line := "tacho: " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			line += ": " + strings.ReplaceAll(a.Value.String(), "\n", "; ")
		}
		return true
	})
	t.say(line)
	return nil
}

func (t troubles) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t troubles) WithGroup(string) slog.Handler      { return t }
