// Package static is for machines that exist already: asking for one prints a line, and who types it there starts a runner. Nothing is ever
// destroyed, and nothing is billed.
//
// What was printed is kept as a file for each token, so that it is printed once and a list shows what is out. A machine ends for us when it
// is let go or its time is over; what runs on it then is its owner's.
package static

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Config is where the line goes.
type Config struct {
	Dir  string // what was printed; made if it is not there
	Out  io.Writer
	Line func(provider.Want) string // starts a runner for a machine, without a line break
	Now  func() time.Time           // nil: the clock
}

// kept is the file of a machine.
type kept struct {
	provider.Machine
	Over time.Time // when its time is over by the clock of this machine, which need not be that of Expires
}

// Provider prints lines.
type Provider struct {
	cfg Config
	mu  sync.Mutex // of the files and of Out
}

var _ provider.Provider = (*Provider)(nil)

// New returns a provider that prints.
func New(cfg Config) (*Provider, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory of static machines: %w", err)
	}
	return &Provider{cfg: cfg}, nil
}

// Traits implements provider.Provider.
func (*Provider) Traits() provider.Traits {
	return provider.Traits{Name: "static", PowerOffEndsBilling: true, ListsAtOnce: true}
}

// Doctor implements provider.Provider.
func (*Provider) Doctor(context.Context) []provider.Check { return nil }

// Regions implements provider.Provider: there is one, without a name.
func (*Provider) Regions(context.Context) ([]string, error) { return []string{""}, nil }

// Types implements provider.Provider: any name is a type.
func (*Provider) Types(context.Context, string) ([]provider.Type, error) { return nil, nil }

// Price implements provider.Provider: nobody bills us.
func (*Provider) Price(context.Context, string, string, sweep.Market) (sweep.Price, error) {
	return sweep.Free(), nil
}

var safe = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
})

func invalid(format string, args ...any) error {
	return &provider.Error{Class: provider.Invalid, Err: fmt.Errorf(format, args...)}
}

// Create implements provider.Provider.
func (p *Provider) Create(_ context.Context, w provider.Want) (provider.Machine, error) {
	switch {
	case !safe().MatchString(w.Token):
		return provider.Machine{}, invalid("token %q cannot be a file's name", w.Token)
	case w.Region != "":
		return provider.Machine{}, invalid("no region %q: static machines have none", w.Region)
	case w.Owner == "" || w.Sweep == "":
		return provider.Machine{}, invalid("a tag is missing")
	case w.TTL <= 0:
		return provider.Machine{}, invalid("the machine would be over already")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, err := p.read(w.Token); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return k.Machine, err
	}
	now := p.cfg.Now().UTC()
	m := provider.Machine{Token: w.Token, NativeID: w.Token, Owner: w.Owner, Sweep: w.Sweep, Type: w.Type, Market: w.Market,
		State: provider.Running, Launched: now, Expires: w.Expires.UTC()}
	if err := p.write(kept{m, now.Add(w.TTL)}); err != nil {
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, MayHaveHappened: true, Err: err}
	}
	if _, err := fmt.Fprintln(p.cfg.Out, p.cfg.Line(w)); err != nil {
		_ = os.Remove(p.file(w.Token)) // nobody has read it
		return provider.Machine{}, &provider.Error{Class: provider.Unknown, Err: err}
	}
	return m, nil
}

// List implements provider.Provider.
func (p *Provider) List(_ context.Context, region string, f provider.Filter) (out []provider.Machine, _ []provider.Leftover, err error) {
	if region != "" {
		return nil, nil, invalid("no region %q: static machines have none", region)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	entries, err := os.ReadDir(p.cfg.Dir)
	if err != nil { // never an empty list: that would say that all machines are gone
		return nil, nil, &provider.Error{Class: provider.Unavailable, Err: err}
	}
	for _, entry := range entries {
		name, isMachine := strings.CutSuffix(entry.Name(), ".json")
		if !isMachine {
			continue
		}
		m, err := p.read(name)
		if err != nil {
			return nil, nil, &provider.Error{Class: provider.Unavailable, Err: err}
		}
		if f.Matches(m.Owner, m.Sweep, m.Token) {
			out = append(out, m.Machine)
		}
	}
	return out, nil, nil
}

// Destroy implements provider.Provider: it lets go of machines and touches none.
func (p *Provider) Destroy(_ context.Context, _ string, refs []provider.Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range refs {
		if ref.Kind != provider.KindMachine || !safe().MatchString(ref.ID) {
			continue
		}
		m, err := p.read(ref.ID)
		if errors.Is(err, fs.ErrNotExist) || m.State == provider.Ended {
			continue
		}
		m.State, m.Ended = provider.Ended, p.cfg.Now().UTC()
		if err := errors.Join(err, p.write(m)); err != nil {
			return &provider.Error{Class: provider.Unavailable, Err: err}
		}
	}
	return nil
}

func (p *Provider) file(token string) string { return filepath.Join(p.cfg.Dir, token+".json") }

// read is the machine of a token, which is over for us when its time is.
func (p *Provider) read(token string) (m kept, err error) {
	text, err := os.ReadFile(p.file(token))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", p.file(token), err)
	}
	if m.State != provider.Ended && !m.Over.After(p.cfg.Now()) {
		m.State, m.Ended = provider.Ended, m.Over
	}
	return m, nil
}

// write replaces the file of a machine whole.
func (p *Provider) write(m kept) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(p.cfg.Dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), p.file(m.Token))
}
