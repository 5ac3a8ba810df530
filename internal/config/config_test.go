package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
)

type settings struct {
	Listen  string        `config:"listen" default:"127.0.0.1:1" doc:"address"`
	Timeout time.Duration `config:"free.timeout" default:"5m" doc:"limit"`
	Flag    bool          `config:"open" default:"false"`
	Hosts   []string      `config:"hosts" default:""`
	Token   string        `config:"token" default:"" secret:"true"`
	N       int           `config:"n" default:"3"`
}

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	t.Parallel()
	var s settings
	fields, err := Load(&s, Sources{
		Flags:    map[string]string{"listen": ":3"},
		Getenv:   env("TACHO_LISTEN", ":2", "TACHO_FREE_TIMEOUT", "2m"),
		File:     []byte("listen: ':1'\nfree:\n  timeout: 1m\nopen: true\nhosts: [a, b]\n"),
		FileName: "tacho.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings{Listen: ":3", Timeout: 2 * time.Minute, Flag: true, Hosts: []string{"a", "b"}, N: 3}, s); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	origins := map[string]string{}
	for _, f := range fields {
		origins[f.Key] = f.Origin
	}
	want := map[string]string{
		"listen": "flag --listen", "free.timeout": "environment TACHO_FREE_TIMEOUT", "open": "file tacho.yaml",
		"hosts": "file tacho.yaml", "token": "default", "n": "default",
	}
	if diff := cmp.Diff(want, origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

func TestBadInputNamesItsSource(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		src  Sources
		want string
	}{
		"unknown key": {Sources{File: []byte("lisen: x"), FileName: "f.yaml"}, `f.yaml: unknown key "lisen"`},
		"bad duration": {Sources{Getenv: env("TACHO_FREE_TIMEOUT", "soon")},
			`free.timeout (environment TACHO_FREE_TIMEOUT): "soon" is not a duration`},
		"bad number":     {Sources{Flags: map[string]string{"n": "x"}}, `n (flag --n): "x" is not a whole number`},
		"bad bool":       {Sources{Flags: map[string]string{"open": "maybe"}}, `open (flag --open): "maybe" is not true or false`},
		"broken YAML":    {Sources{File: []byte("a: [1"), FileName: "f.yaml"}, "f.yaml: "},
		"doubled key":    {Sources{File: []byte("n: 1\nn: 2"), FileName: "f.yaml"}, "f.yaml: "},
		"key without it": {Sources{File: []byte("listen:"), FileName: "f.yaml"}, `f.yaml: key "listen" has no value`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s settings
			_, err := Load(&s, row.src)
			if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("error = %v, want an invalid fault that begins %q", err, row.want)
			}
		})
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	var s settings
	fields, err := Load(&s, Sources{Getenv: env("TACHO_TOKEN", "hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		if strings.Contains(f.Shown(), "hunter2") {
			t.Errorf("%s shows the secret", f.Key)
		}
	}
	if s.Token != "hunter2" {
		t.Errorf("Token = %q", s.Token)
	}
}

func TestThePasswordOfAnAddressIsHidden(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "",
		"postgres://tacho@db/tacho?sslmode=disable":    "postgres://tacho@db/tacho?sslmode=disable",
		"postgres://tacho:geheim@db:5432/tacho":        "postgres://tacho:xxxxx@db:5432/tacho",
		"postgres://db/x?user=u&password=geheim":       "postgres://db/x?user=u&password=xxxxx",
		"postgres://db/x?sslpassword=geheim&pool=1":    "postgres://db/x?sslpassword=xxxxx&pool=1",
		"postgres://db/x?p%61ssword=geheim":            "postgres://db/x?p%61ssword=xxxxx",
		"postgres://u:geheim@[":                        "[redacted]",
		"host=db password=geheim":                      "[redacted]",
		"postgres://u:ge%20heim@db/x?options=-c%20a=b": "postgres://u:xxxxx@db/x?options=-c%20a=b",
	} {
		var cfg struct {
			Database string `config:"database" default:"" secret:"password"`
		}
		fields, err := Load(&cfg, Sources{Getenv: func(name string) (string, bool) { return address, name == "TACHO_DATABASE" }})
		if err != nil {
			t.Fatal(err)
		}
		if f := fields[0]; f.Shown() != want || f.Password() != (want != address) || cfg.Database != address {
			t.Errorf("%s is shown as %q, with a password: %v; want %q", address, f.Shown(), f.Password(), want)
		}
	}
}
