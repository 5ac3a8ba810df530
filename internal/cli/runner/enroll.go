package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner"
)

// enrollVariable may hold the token of a machine.
const enrollVariable = "TACHO_ENROLL_TOKEN"

// What a machine says of itself before it is a runner, and behind that.
const (
	phaseBoot      = "boot"
	phaseProvision = "provision"
	phaseFinished  = "finished"
)

// errUnwanted ends a machine as it should.
var errUnwanted = errors.New("nobody wants this machine any more")

// asMachine is `tacho runner up --enroll`.
func (f runnerUpFlags) asMachine(ctx context.Context, env *cli.Env) error {
	token, err := enrollToken(env, f.tokenFile)
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	cfg, err := f.config(env)
	if err == nil {
		err = client.CheckBase(cfg.Host)
	}
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	m := &machine{env: env, host: cfg.Host, token: token, instanceType: f.instanceType, log: cfg.Log, end: end,
		file: filepath.Join(cfg.StateDir, "machine.json"), news: make(chan runner.Doing, 1)}
	m.early(ctx, phaseBoot)

	var d *runner.Daemon
	ready := make(chan struct{})
	giveUp, stopTrying := context.WithCancel(ctx)
	defer stopTrying()
	stop := onSignals(env, cfg.Log, ready, stopTrying, func() { d.Drain() }, func() { d.Abort() })
	defer stop()
	cfg.Observe = m.observe
	cfg.Enroll = func() (string, runner.Secret, error) { return m.enroll(giveUp) }
	m.early(ctx, phaseProvision)
	d, release, err := runner.New(cfg)
	switch {
	case errors.Is(err, runner.ErrNoSandbox):
		return cli.ExitWith(fault.ExitInfrastructure, err)
	case err != nil && errors.Is(context.Cause(ctx), errUnwanted):
		return nil
	case errors.Is(err, context.Canceled):
		return cli.ExitWith(fault.ExitInterrupted, errors.New("told to end before it had enrolled"))
	case err != nil:
		if _, ok := errors.AsType[*client.APIError](err); ok {
			return err
		}
		return cli.ExitWith(fault.ExitUsage, err)
	}
	defer release()
	close(ready)
	var beats sync.WaitGroup
	beating, quiet := context.WithCancel(ctx)
	beats.Go(func() { m.beats(beating, d) })
	err = d.Run(ctx)
	quiet()
	beats.Wait()
	if err != nil && !errors.Is(context.Cause(ctx), errUnwanted) {
		return cli.ExitWith(fault.ExitInterrupted, err)
	}
	m.beat(context.WithoutCancel(ctx), m.client(string(m.key)), api.MachineBeat{Phase: phaseFinished})
	return nil
}

// enrollToken reads the token of a machine from its file or the environment.
func enrollToken(env *cli.Env, file string) (string, error) {
	token := env.Getenv(enrollVariable)
	if file != "" {
		var err error
		if token, err = readSecret("--token-file", file); err != nil {
			return "", err
		}
	}
	if token = strings.TrimSpace(token); token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fault.Invalidf("the machine's token is missing, or not one word: set %s or give --token-file; whoever made the machine has it",
			enrollVariable)
	}
	return token, nil
}

// machine is this process as the machine of a slot.
type machine struct {
	env                       *cli.Env
	host, token, instanceType string
	file                      string // that keeps the key for a process that is started again
	log                       *slog.Logger
	end                       context.CancelCauseFunc
	news                      chan runner.Doing // the newest, if it was not told yet
	key                       runner.Secret
	transport                 http.RoundTripper // nil: the network

	mu    sync.Mutex // guards what follows
	over  *time.Timer
	until time.Time // when over fires, by a clock that only goes forward
}

// known is the file of a machine that has enrolled.
type known struct {
	Token  string `json:"token"` // its hash
	Runner string `json:"runner"`
	Key    string `json:"key"`
	// Expires is when its time is over, by this machine's clock: all that a process which is started again while the server is away has.
	Expires time.Time `json:"expires,omitzero"`
}

// enroll buys the key of this machine's runner, or takes the one that an earlier process bought with the same token. While the server is
// away it is asked again, later and later.
func (m *machine) enroll(ctx context.Context) (string, runner.Secret, error) {
	if k, err := m.recall(); err == nil {
		m.log.Info("machine goes on", "runner", k.Runner)
		m.key = runner.Secret(k.Key)
		if !k.Expires.IsZero() {
			m.endIn(int64(time.Until(k.Expires) / time.Second))
		}
		return k.Runner, m.key, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		m.log.Warn("what this machine knew of itself cannot be used", "file", m.file, "error", err)
	}
	facts := runner.ThisMachine()
	facts.Type = m.instanceType
	out, err := m.buy(ctx, api.EnrollMachine{Token: m.token, Facts: facts})
	if err != nil {
		return "", "", err
	}
	m.log.Info("machine has enrolled", "machine", out.Machine, "runner", out.Runner, "seconds", out.Remaining)
	m.key = runner.Secret(out.Key)
	m.endIn(out.Remaining)
	expires := time.Now().Add(time.Duration(out.Remaining) * time.Second)
	if err := m.keep(known{Token: hashOf(m.token), Runner: out.Runner, Key: out.Key, Expires: expires}); err != nil {
		m.log.Warn("the key is not kept: started again, this machine could not go on", "file", m.file, "error", err)
	}
	return out.Runner, m.key, nil
}

func (m *machine) buy(ctx context.Context, in api.EnrollMachine) (out api.Enrolled, err error) {
	c := m.client("")
	for wait := time.Second; ; wait = min(2*wait, limits.EnrollPauseMost) {
		if out, err = c.EnrollMachine(ctx, in); err == nil || !isAway(err) {
			return out, err
		}
		m.log.Warn("server cannot be reached, trying again", "host", m.host, "error", err)
		select {
		case <-ctx.Done():
			return out, context.Cause(ctx)
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

// isAway reports whether an error passes when the server is there, or has air, again.
func isAway(err error) bool {
	if refused, ok := errors.AsType[*client.APIError](err); ok {
		kind := fault.Of(refused)
		return kind == fault.Unavailable || kind == fault.Internal || kind == fault.TooMany
	}
	_, cut := errors.AsType[*client.NetworkError](err)
	return cut
}

func (m *machine) recall() (k known, err error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return k, err
	}
	if err = json.Unmarshal(text, &k); err == nil && k.Token != hashOf(m.token) {
		err = fs.ErrNotExist // of another machine, which had this state directory before
	}
	return k, err
}

// keep writes the file before anything is done with the key: a token buys one.
func (m *machine) keep(k known) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(m.file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(m.file+".new", m.file)
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (m *machine) client(key string) *client.Client {
	return client.New(client.Config{Base: m.host, Key: key, UserAgent: "tacho-runner/" + m.env.Build().Version, Tries: 1,
		Transport: m.transport})
}

// endIn ends this machine after a number of seconds. A later call can only bring the end nearer.
func (m *machine) endIn(seconds int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := time.Duration(seconds) * time.Second
	until := time.Now().Add(after)
	if m.over != nil && !until.Before(m.until) {
		return
	}
	if m.over != nil {
		m.over.Stop()
	}
	m.until = until
	m.over = time.AfterFunc(after, func() {
		m.log.Info("the time of this machine is over")
		m.end(errUnwanted)
	})
}

// observe keeps the newest of what the daemon does for whoever beats.
func (m *machine) observe(what runner.Doing) {
	for {
		select {
		case m.news <- what:
			return
		default:
		}
		select {
		case <-m.news:
		default:
		}
	}
}

// beats says how far this machine is: at once when that changes, and every limits.MachineBeat. It does what the answers say.
func (m *machine) beats(ctx context.Context, d interface{ Drain() }) {
	c := m.client(string(m.key))
	now := runner.Doing{Phase: runner.PhaseReady}
	for {
		answer, heard := m.beat(ctx, c, api.MachineBeat{Phase: now.Phase, Benchmark: now.Workload})
		switch {
		case !heard:
		case answer.Cancel:
			m.log.Info("nobody wants this machine any more")
			m.end(errUnwanted)
		default:
			m.endIn(answer.Remaining)
			if answer.Done {
				d.Drain()
			}
		}
		select {
		case <-ctx.Done():
			return
		case now = <-m.news:
		case <-time.After(limits.MachineBeat/2 + rand.N(limits.MachineBeat)):
		}
	}
}

// early sends a beat of a machine that is no runner yet, and takes the end of its time from the answer.
func (m *machine) early(ctx context.Context, phase string) {
	if answer, heard := m.beat(ctx, m.client(""), api.MachineBeat{Token: m.token, Phase: phase}); heard {
		m.endIn(answer.Remaining)
	}
}

// beat sends one beat. A server that is away hears the next one; one that does not know this machine any more does not want it.
func (m *machine) beat(ctx context.Context, c *client.Client, in api.MachineBeat) (api.BeatAnswer, bool) {
	ctx, cancel := context.WithTimeout(ctx, limits.MachineBeatTime)
	defer cancel()
	answer, err := c.BeatMachine(ctx, in)
	switch {
	case err == nil:
		m.log.Debug("beat", "phase", in.Phase, "workload", cmp.Or(in.Benchmark, "-"), "seconds", answer.Remaining)
		return answer, true
	case in.Token == "" && (fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden)):
		m.log.Info("the server does not know this machine any more", "error", err)
		return api.BeatAnswer{Cancel: true}, true
	}
	m.log.Debug("beat was not heard", "phase", in.Phase, "error", err)
	return answer, false
}
