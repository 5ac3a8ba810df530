package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Provider makes process groups.
type Provider struct {
	cfg Config
	mu  sync.Mutex // a create at a time: two guards for one token are harmless, and a waste
}

var _ provider.Provider = (*Provider)(nil)

// New returns a provider of the machines in a state directory.
func New(cfg Config) (*Provider, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o711); err != nil { // a sandbox's root passes through it, and reads nothing
		return nil, fmt.Errorf("state directory of local machines: %w", err)
	}
	return &Provider{cfg: cfg}, nil
}

// tags is the file that is there before a machine is.
type tags struct {
	Token   string    `json:"token"`
	Owner   string    `json:"owner"`
	Sweep   string    `json:"sweep"`
	Type    string    `json:"type"`
	Expires time.Time `json:"expires"`
	Over    time.Time `json:"over"` // when its time is over by the clock of this machine, which need not be that of Expires
	Command []string  `json:"command"`
}

// started is what a guard writes when its machine runs.
type started struct {
	PID      int       `json:"pid"`   // of the guard
	Start    string    `json:"start"` // when it began, in the kernel's ticks since boot
	Launched time.Time `json:"launched"`
}

// ended is what a guard writes when its machine is over. One that was killed itself does not.
type ended struct {
	At time.Time `json:"at"`
}

const (
	tagsFile, startedFile, endedFile = "tags.json", "started.json", "ended.json"
	lockFile, userDataFile, logFile  = "lock", UserData, "log"

	process  = "process"     // the one type, whatever stands behind a dot
	remember = 1 * time.Hour // how long after its time an ended machine is listed
)

// Traits implements provider.Provider.
func (*Provider) Traits() provider.Traits {
	return provider.Traits{Name: "local", PowerOffEndsBilling: true, NativeTTL: true, Destroys: true, ListsAtOnce: true,
		Slack: time.Minute}
}

// Doctor implements provider.Provider.
func (p *Provider) Doctor(context.Context) []provider.Check {
	c := provider.Check{Name: "state directory", OK: true, Sentence: p.cfg.Dir + " can be written"}
	f, err := os.CreateTemp(p.cfg.Dir, ".doctor-*")
	if err != nil {
		return []provider.Check{{Name: c.Name, Sentence: err.Error() + "; make it writable"}}
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return []provider.Check{c}
}

// Regions implements provider.Provider: there is one, without a name.
func (*Provider) Regions(context.Context) ([]string, error) { return []string{""}, nil }

// Types implements provider.Provider.
func (*Provider) Types(_ context.Context, region string) ([]provider.Type, error) {
	return []provider.Type{{Name: process, Arch: runtime.GOARCH, VCPUs: runtime.NumCPU()}}, here(region)
}

// Price implements provider.Provider: this machine costs nothing more.
func (*Provider) Price(context.Context, string, string, sweep.Market) (sweep.Price, error) {
	return sweep.Free(), nil
}

func here(region string) error {
	if region != "" {
		return &provider.Error{Class: provider.Invalid, Err: fmt.Errorf("no region %q: local machines have none", region)}
	}
	return nil
}

// kinds are the types: all of them are alike. The names behind the dot are for trying a sweep out with several.
var kinds = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^` + process + `(\.[a-z0-9-]{1,32})?$`)
})

// safe is a token that can be the name of a folder.
var safe = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
})

// Create implements provider.Provider.
func (p *Provider) Create(ctx context.Context, w provider.Want) (provider.Machine, error) {
	invalid := func(format string, args ...any) (provider.Machine, error) {
		return provider.Machine{}, &provider.Error{Class: provider.Invalid, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case !safe().MatchString(w.Token):
		return invalid("token %q cannot be a folder's name", w.Token)
	case w.Owner == "" || w.Sweep == "":
		return invalid("a tag is missing")
	case w.TTL <= 0:
		return invalid("the machine would be over already")
	case !kinds().MatchString(w.Type):
		return provider.Machine{}, &provider.Error{Class: provider.Unsupported, Err: fmt.Errorf("no type %q, only %q, and "+
			"%[2]s.NAME for one that is called otherwise", w.Type, process)}
	}
	if err := here(w.Region); err != nil {
		return provider.Machine{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	dir := filepath.Join(p.cfg.Dir, w.Token)
	if m, ok, err := p.read(dir); err != nil || ok && m.State != provider.Pending {
		return m.Machine, err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, Err: err}
	}
	if err := os.WriteFile(filepath.Join(dir, userDataFile), w.UserData, 0o600); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, Err: err}
	}
	t := tags{Token: w.Token, Owner: w.Owner, Sweep: w.Sweep, Type: w.Type, Expires: w.Expires.UTC(),
		Over: p.cfg.Now().UTC().Add(w.TTL), Command: p.cfg.Command(w)}
	if err := writeJSON(dir, tagsFile, t); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, Err: err}
	}
	if err := p.guard(ctx, dir, w.TTL); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, MayHaveHappened: true, Err: err}
	}
	m, _, err := p.read(dir)
	return m.Machine, err
}

// guard starts the guard of a machine and waits until it says that the machine runs.
func (p *Provider) guard(ctx context.Context, dir string, ttl time.Duration) error {
	argv := append(append([]string{}, p.cfg.Guard...), dir, ttl.String())
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = p.cfg.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // neither our terminal's signals nor our end are its
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	ready, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the guard of %s: %w", filepath.Base(dir), err)
	}
	said := make(chan error, 1)
	go func() {
		_, err := ready.Read(make([]byte, 1)) // it writes a byte when all is on the disk
		said <- err
		_ = cmd.Wait()
	}()
	select {
	case err := <-said:
		if err != nil {
			return fmt.Errorf("the guard of %s ended at once; look at %s", filepath.Base(dir), filepath.Join(dir, logFile))
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// List implements provider.Provider.
func (p *Provider) List(_ context.Context, region string, f provider.Filter) ([]provider.Machine, []provider.Leftover, error) {
	if err := here(region); err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(p.cfg.Dir)
	if err != nil {
		return nil, nil, &provider.Error{Class: provider.Unavailable, Err: err}
	}
	var out []provider.Machine
	for _, e := range entries {
		if !e.IsDir() || !safe().MatchString(e.Name()) {
			continue
		}
		dir := filepath.Join(p.cfg.Dir, e.Name())
		m, ok, err := p.read(dir)
		if err != nil {
			return nil, nil, err
		}
		if !ok || m.State == provider.Pending {
			continue // nothing was started
		}
		if m.State == provider.Ended && p.cfg.Now().Sub(m.over) > remember {
			_ = os.RemoveAll(dir)
			continue
		}
		if f.Matches(m.Owner, m.Sweep, m.Token) {
			out = append(out, m.Machine)
		}
	}
	return out, nil, nil
}

// kept is a machine as its folder has it.
type kept struct {
	provider.Machine
	over time.Time
}

// read is the machine of a folder; false: there is none. Pending is one that was never started.
func (p *Provider) read(dir string) (m kept, ok bool, err error) {
	var t tags
	if err := readJSON(dir, tagsFile, &t); errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	} else if err != nil {
		return m, false, &provider.Error{Class: provider.Unknown, Err: err}
	}
	m = kept{over: t.Over, Machine: provider.Machine{Token: t.Token, NativeID: t.Token, Owner: t.Owner, Sweep: t.Sweep, Type: t.Type,
		Market: sweep.OnDemand, State: provider.Pending, Expires: t.Expires}}
	held, err := lockHeld(dir) // before the files: a guard that ends meanwhile is seen as alive, and not as never started
	if err != nil {
		return m, false, &provider.Error{Class: provider.Unknown, Err: err}
	}
	var s started
	switch err := readJSON(dir, startedFile, &s); {
	case errors.Is(err, fs.ErrNotExist):
		return m, true, nil
	case err != nil:
		return m, false, &provider.Error{Class: provider.Unknown, Err: err}
	}
	m.State, m.Launched = provider.Running, s.Launched
	if !held {
		m.State = provider.Ended
		var e ended
		if readJSON(dir, endedFile, &e) == nil {
			m.Ended = e.At
		}
	}
	return m, true, nil
}

// Destroy implements provider.Provider: guards are told to end their machines, and killed if they do not listen.
func (p *Provider) Destroy(ctx context.Context, region string, refs []provider.Ref) error {
	if err := here(region); err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Kind != provider.KindMachine || !safe().MatchString(ref.ID) {
			continue
		}
		dir := filepath.Join(p.cfg.Dir, ref.ID)
		var s started
		if err := readJSON(dir, startedFile, &s); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return &provider.Error{Class: provider.Unknown, Err: err}
		}
		if err := end(ctx, dir, s); err != nil {
			return &provider.Error{Class: provider.Unavailable, MayHaveHappened: true, Err: err}
		}
	}
	return nil
}

// patience is how long a guard has to end its machine.
const patience = 10 * time.Second

func end(ctx context.Context, dir string, s started) error {
	for _, how := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, patience}, {syscall.SIGKILL, time.Second}} {
		held, err := lockHeld(dir)
		if err != nil || !held {
			return err
		}
		if startOf(s.PID) != s.Start { // the id is another process's by now, or nobody's
			return nil
		}
		if err := syscall.Kill(s.PID, how.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end machine %s: %w", filepath.Base(dir), err)
		}
		for tick, begun := time.NewTicker(10*time.Millisecond), time.Now(); time.Since(begun) < how.wait; {
			if held, err := lockHeld(dir); err != nil || !held {
				tick.Stop()
				return err
			}
			select {
			case <-ctx.Done():
				tick.Stop()
				return context.Cause(ctx)
			case <-tick.C:
			}
		}
	}
	return fmt.Errorf("end machine %s: its guard did not end", filepath.Base(dir))
}

// lockHeld reports whether a guard lives.
func lockHeld(dir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return true, nil
	default:
		return false, err
	}
}

// startOf is when a process began, in the kernel's ticks since boot (proc(5), field 22 of stat); "" for none.
func startOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	after := string(text)[strings.LastIndexByte(string(text), ')')+1:] // the name before it may hold spaces and brackets
	fields := strings.Fields(after)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

func readJSON(dir, name string, into any) error {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
	}
	return nil
}

// writeJSON replaces a file whole.
func writeJSON(dir, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
