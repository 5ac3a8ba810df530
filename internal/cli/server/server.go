// Package server is `tacho server` with the upkeep of its data folder, and what this machine gives to commands that name no server: its
// store and its facts. It alone of the command line knows internal/server.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/config"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	servers "github.com/tachograph/tacho/internal/server"
)

// Command is `tacho server`. Its flags are made from servers.Config, so that flag, variable and key in the file are one list.
func Command(env *cli.Env) *cobra.Command {
	var file string
	var printConfig, asJSON bool
	cmd := cli.Leaf("server", "Serve dashboard, API, registry and job queue", []int{fault.ExitOK, fault.ExitInternal, fault.ExitUsage},
		func(cmd *cobra.Command, _ []string) error {
			cfg, fields, err := loadServer(env, cmd.Flags(), file)
			if err != nil {
				return cli.ExitWith(fault.ExitUsage, err)
			}
			if printConfig {
				return showConfig(env, fields, asJSON)
			}
			warnOfPassword(env, fields)
			return serve(cmd.Context(), env, cfg)
		})
	cmd.Args = cobra.NoArgs
	cmd.Long = `Serve dashboard, API, OCI registry and job queue from one folder: SQLite and a folder of blobs, nothing to configure.
With --database several servers share a PostgreSQL database and a folder of blobs.

The first start prints the administrator's key, once, also where local runs made the folder before; 'tacho login' keeps it, and
'tacho server admin-key' makes another when it is lost. A setting comes from its flag, else from its
TACHO_… variable, else from the file of --config (YAML), else from its default; --print-config says which.
Without --database the folder belongs to one process: while a server has it, local commands and other servers are refused and told
where it is.
SIGTERM or Ctrl-C: no new requests, runners are told to come back, running requests get --shutdown-grace.`
	cmd.Example = "  tacho server\n  tacho server --listen 127.0.0.1:7000 --data /var/lib/tacho\n  TACHO_LISTEN=:7000 tacho server " +
		"--print-config"
	for _, f := range config.Fields(new(servers.Config)) {
		usage := fmt.Sprintf("%s ($%s)", f.Doc, f.Env)
		if f.Bool {
			cmd.Flags().Bool(f.Flag, f.Default == "true", usage)
			continue
		}
		cmd.Flags().String(f.Flag, f.Default, usage)
	}
	cmd.Flags().StringVar(&file, "config", "", configHelp)
	cmd.AddCommand(newAdminKeyCommand(env), newCheckCommand(env), newBackupCommand(env), newRestoreCommand(env), newCollectCommand(env),
		newMoveCommand(env))
	cmd.Flags().BoolVar(&printConfig, "print-config", false, "print all settings and where each comes from, and end")
	cmd.Flags().BoolVar(&asJSON, "json", false, "with --print-config: print JSON")
	return cmd
}

const configHelp = "YAML file with settings ($TACHO_CONFIG)"

// newAdminKeyCommand is `tacho server admin-key`: the way back in for whoever owns the machine.
func newAdminKeyCommand(env *cli.Env) *cobra.Command {
	var file string
	var revoke, asJSON bool
	cmd := cli.Leaf("admin-key", "Make another key for the administrator, on the server's own machine",
		[]int{fault.ExitOK, fault.ExitInternal, fault.ExitUsage, fault.ExitRefused},
		func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadServer(env, cmd.Flags(), file)
			if err != nil {
				return cli.ExitWith(fault.ExitUsage, err)
			}
			made, err := servers.RecoverKey(cmd.Context(), cfg, revoke)
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(env.Stdout, map[string]any{"key": made.Secret, "uuid": made.UUID, "revoked": made.Revoked})
			}
			fmt.Fprintf(env.Stderr, "tacho: a key for the administrator of %s, shown once:\n", term.Clean(cfg.Data))
			if revoke {
				fmt.Fprintf(env.Stderr, "tacho: %s revoked\n", cli.Counted(made.Revoked, "other key was", "other keys were"))
			}
			_, err = fmt.Fprintln(env.Stdout, made.Secret)
			return err
		})
	cmd.Args = cobra.NoArgs
	cmd.Long = `Make another key for the administrator, for whoever owns the server's machine and has lost the first one.

It works on the data folder, so only the user that the server runs as (or root) can do it. The server may be stopped; one that runs takes
the new key with the next request. Keys that exist stay good, unless --revoke-others ends all of the administrator's.`
	cmd.Example = "  tacho server admin-key\n  tacho server admin-key --data /var/lib/tacho --revoke-others >admin.key"
	cmd.Flags().String("data", "", "the server's data folder ($TACHO_DATA; default: tacho in the user's data folder)")
	cmd.Flags().String("database", "", databaseHelp)
	cmd.Flags().StringVar(&file, "config", "", configHelp)
	cmd.Flags().BoolVar(&revoke, "revoke-others", false, "end all other keys of the administrator")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func loadServer(env *cli.Env, flags *pflag.FlagSet, file string) (servers.Config, []config.Field, error) {
	var cfg servers.Config
	src := config.Sources{Flags: map[string]string{}, FileName: env.Setting(file, "CONFIG")}
	flags.Visit(func(f *pflag.Flag) { src.Flags[f.Name] = f.Value.String() })
	src.Getenv = func(name string) (string, bool) {
		v := env.Getenv(name)
		return v, v != ""
	}
	if src.FileName != "" {
		text, err := cli.ReadSmall(env, src.FileName)
		if err != nil {
			return cfg, nil, fault.Invalidf("--config %s: %v", src.FileName, err)
		}
		src.File = []byte(text)
	}
	fields, err := config.Load(&cfg, src)
	if err != nil {
		return cfg, nil, err
	}
	if cfg.Data == "" {
		if cfg.Data, err = dataFolder(env.Getenv); err != nil {
			return cfg, nil, err
		}
		for i := range fields {
			if fields[i].Key == "data" {
				fields[i].Value = cfg.Data
			}
		}
	}
	v := env.Build()
	cfg.Version, cfg.Commit, cfg.Now = v.Version, v.Commit, env.Now
	return cfg, fields, nil
}

// warnOfPassword says that a password on the command line is no secret.
func warnOfPassword(env *cli.Env, fields []config.Field) {
	for _, f := range fields {
		if f.Password() && f.Origin == "flag --"+f.Flag {
			fmt.Fprintf(env.Stderr, "tacho: the password in --%s can be read by every user of this machine, in its list of processes; give it in "+
				"PGPASSWORD, in ~/.pgpass, in %s or in the file of --config\n", f.Flag, f.Env)
		}
	}
}

func showConfig(env *cli.Env, fields []config.Field, asJSON bool) error {
	if asJSON {
		for i := range fields {
			fields[i].Value = fields[i].Shown()
		}
		return cli.PrintJSON(env.Stdout, fields)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tVALUE\tFROM")
	for _, f := range fields {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Key, f.Shown(), f.Origin)
	}
	return w.Flush()
}

func serve(ctx context.Context, env *cli.Env, cfg servers.Config) error {
	log, err := serverLog(env, cfg)
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	if env.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limits.MemorySoftLimit) // more garbage than this is collected early; what bounds memory are the gates
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return cannotListen(cfg.Listen, err)
	}
	if cfg.Public = cfg.URL != ""; !cfg.Public {
		cfg.URL = servers.URLOf(listener)
	}
	s, err := servers.New(ctx, cfg, log)
	if err != nil {
		_ = listener.Close()
		return cannotStart(err)
	}
	defer s.Close()
	key, err := s.FirstKey(ctx)
	if err != nil {
		_ = listener.Close()
		return cannotStart(err)
	}
	if key != "" {
		fmt.Fprintf(env.Stdout, "The first start of a server on this folder. The administrator's key, shown once:\n\n  admin key: %s\n\n"+
			"In another terminal: tacho login --host %s   # asks for the key\n\n", key, cfg.URL)
	}
	fmt.Fprintf(env.Stdout, "Tachograph serves %s from %s\n", cfg.URL, cfg.Data)
	if err := writeRuntime(cfg); err != nil {
		_ = listener.Close()
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals, release := env.Interrupts()
	go func() {
		select {
		case <-signals:
			release() // a second signal ends the process at once
			stop()
		case <-ctx.Done():
		}
	}()
	if err := s.Serve(ctx, listener); err != nil {
		return cli.Fail(fault.ExitInternal, "the server ended: %v", err)
	}
	return nil
}

// cannotListen says in our words why an address cannot be listened on.
func cannotListen(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return cli.Usage("--listen %s: another process listens there already, perhaps a tacho server; stop it, or give another address", address)
	case errors.Is(err, fs.ErrPermission):
		return cli.Usage("--listen %s: this user may not listen there; ports below 1024 need more rights than others", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return cli.Usage("--listen %s: this machine does not have that address", address)
	}
	return cli.Usage("--listen %s: %v", address, err)
}

// cannotStart is the end of a server that did not begin to serve.
func cannotStart(err error) error {
	code := fault.ExitInternal
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		code = fault.ExitUsage
	}
	text, _ := cli.Sentence(err)
	return cli.Fail(code, "the server cannot start: %s", text)
}

func serverLog(env *cli.Env, cfg servers.Config) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return nil, fault.Invalidf("log.level %q: want debug, info, warn or error", cfg.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch cfg.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(env.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(env.Stderr, options)), nil
	}
	return nil, fault.Invalidf("log.format %q: want text or json", cfg.LogFormat)
}

// writeRuntime tells scripts where the server is, in one step, so that a reader never sees half of it.
func writeRuntime(cfg servers.Config) error {
	if cfg.RuntimeFile == "" {
		return nil
	}
	raw, err := json.MarshalIndent(map[string]any{"url": cfg.URL, "pid": os.Getpid(), "data": cfg.Data}, "", "  ")
	if err != nil {
		return err
	}
	partial := filepath.Join(filepath.Dir(cfg.RuntimeFile), "."+filepath.Base(cfg.RuntimeFile)+".partial")
	if err := os.WriteFile(partial, append(raw, '\n'), 0o600); err != nil {
		return cli.Fail(fault.ExitUsage, "--runtime-file: %v", err)
	}
	return os.Rename(partial, cfg.RuntimeFile)
}
