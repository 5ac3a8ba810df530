package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
	servers "github.com/tachograph/tacho/internal/server"
)

// dataFolder is where this machine's store is: $TACHO_DATA, else tacho in the user's data folder. A server without --data uses the same, so
// that its pages show what was measured here.
func dataFolder(getenv func(string) string) (string, error) {
	if dir := getenv("TACHO_DATA"); dir != "" {
		return dir, nil
	}
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tacho"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "tacho"), nil
		}
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", fault.Invalidf("there is no home folder to keep results in; set TACHO_DATA")
		}
	}
	return filepath.Join(home, ".local", "share", "tacho"), nil
}

// heapFloor keeps the collector from starting before there is this much to collect twice over: a command of a few milliseconds would spend
// some of them on a heap of 4 MiB. It is never touched, so it takes no memory.
const heapFloor = 16 * limits.MiB

// collectLate sets the floor. Making it at once would itself begin a collection, for it is larger than the heap that a process starts
// with; so until the first collection the first goal is raised by percent, and the floor is made right after it. A GOGC that the user has
// set is left alone.
func collectLate(getenv func(string) string) {
	if getenv("GOGC") != "" {
		return
	}
	const smallest = 4 * limits.MiB // the runtime's first goal at 100 percent
	before := debug.SetGCPercent(int(2 * heapFloor / smallest * 100))
	runtime.AddCleanup(new([32]byte), func(before int) {
		floor.Store(new([heapFloor]byte))
		debug.SetGCPercent(before)
	}, before)
}

// floor is one for the process, which has one collector.
var (
	floor      atomic.Pointer[[heapFloor]byte]
	floorIsSet sync.Once
)

// ofThisMachine is the configuration of a server in this process on the store of this machine, with the defaults of all settings.
func ofThisMachine(env cli.Env) (cfg servers.Config, err error) {
	dir, err := dataFolder(env.Getenv)
	if err != nil {
		return cfg, err
	}
	if _, err := config.Load(&cfg, config.Sources{}); err != nil {
		return cfg, err
	}
	v := env.Build()
	cfg.Data, cfg.Version, cfg.Commit, cfg.Now = dir, v.Version, v.Commit, env.Now
	return cfg, nil
}

// Embedded returns the way to the store of this machine: the whole server in this process, called without a socket as the person at
// the keyboard.
func Embedded(env cli.Env) func(context.Context) (cli.Embedded, error) {
	floorIsSet.Do(func() { collectLate(env.Getenv) })
	return func(ctx context.Context) (cli.Embedded, error) {
		cfg, err := ofThisMachine(env)
		if err != nil {
			return cli.Embedded{}, err
		}
		cfg.Local = true
		s, err := servers.New(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			return cli.Embedded{}, err
		}
		return cli.Embedded{Transport: client.InProcess(s.Handler(), servers.Local), Rest: s.Rest, Wake: s.Wake, Close: s.Close}, nil
	}
}

// Serving returns the way to a server of this machine's store that runs in this process and listens on loopback, for a command that other
// processes must reach. Where it listened last it listens again, if that is free: they may outlive the command, and look for its next.
func Serving(env cli.Env) func(context.Context) (cli.Embedded, error) {
	return func(ctx context.Context) (cli.Embedded, error) {
		cfg, err := ofThisMachine(env)
		if err != nil {
			return cli.Embedded{}, err
		}
		listener, err := listenAgain(filepath.Join(cfg.Data, addressFile))
		if err != nil {
			return cli.Embedded{}, err
		}
		cfg.URL = servers.URLOf(listener)
		s, err := servers.New(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			return cli.Embedded{}, errors.Join(err, listener.Close())
		}
		if err := os.WriteFile(filepath.Join(cfg.Data, addressFile), []byte(listener.Addr().String()+"\n"), 0o600); err != nil {
			return cli.Embedded{}, errors.Join(err, listener.Close(), s.Close())
		}
		serving, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(serving, listener) }()
		closeAll := sync.OnceValue(func() error {
			stop()
			return errors.Join(<-ended, s.Close())
		})
		return cli.Embedded{Transport: client.InProcess(s.Handler(), servers.Local), URL: cfg.URL, Close: closeAll}, nil
	}
}

// addressFile is where in the data folder it stands where Serving listened last.
const addressFile = "address"

// listenAgain listens on loopback where a file says, else on any port below those that the kernel gives to outgoing connections: one of
// these could be taken by the next time.
func listenAgain(file string) (net.Listener, error) {
	if text, err := os.ReadFile(file); err == nil {
		if host, _, err := net.SplitHostPort(strings.TrimSpace(string(text))); err == nil && net.ParseIP(host).IsLoopback() {
			if l, err := net.Listen("tcp", strings.TrimSpace(string(text))); err == nil {
				return l, nil
			}
		}
	}
	for range 100 {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.N(20_000)))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// ThisHost reads what this machine is.
func ThisHost(context.Context) *api.HostFacts {
	f := hostinfo.Read(os.DirFS("/"))
	f.OS, f.Isolation = runtime.GOOS, string(host.None)
	f.Architecture = host.Architecture(runtime.GOARCH)
	if name, err := os.Hostname(); err == nil {
		f.Hostname = name
	}
	if f.CPUs == nil {
		n := runtime.NumCPU()
		f.CPUs = &n
	}
	return &f
}
