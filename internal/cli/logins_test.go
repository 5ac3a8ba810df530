package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// personWith is an environment with a home folder of its own and these variables.
func personWith(t *testing.T, vars map[string]string) *Env {
	t.Helper()
	home := t.TempDir()
	return &Env{OS: "linux", Getenv: func(name string) string {
		if v, is := vars[name]; is {
			return v
		}
		if name == "HOME" {
			return home
		}
		return ""
	}}
}

func TestLoginsAreKeptApartAndGiveWayToFlagsAndVariables(t *testing.T) {
	t.Parallel()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		vars         map[string]string
		c            Connection
		address, key string
	}{
		"the last login":                   {address: "https://b.example.org", key: "of-b"},
		"another server that is known":     {c: Connection{Host: "https://a.example.org"}, address: "https://a.example.org", key: "of-a"},
		"its other spelling":               {c: Connection{Host: "HTTPS://A.example.org/"}, address: "HTTPS://A.example.org/", key: "of-a"},
		"the same host without encryption": {c: Connection{Host: "http://a.example.org"}, address: "http://a.example.org"},
		"a path of that server":            {c: Connection{Host: "https://a.example.org/other"}, address: "https://a.example.org/other"},
		"a server that is not known":       {c: Connection{Host: "https://c.example.org"}, address: "https://c.example.org"},
		"the same by variable": {vars: map[string]string{"TACHO_HOST": "https://c.example.org"},
			address: "https://c.example.org"},
		"a known one by Bencher's variable": {vars: map[string]string{"BENCHER_HOST": "https://a.example.org"},
			address: "https://a.example.org", key: "of-a"},
		"a key by variable": {vars: map[string]string{"TACHO_KEY": "variable"}, address: "https://b.example.org",
			key: "variable"},
		"a key by file": {vars: map[string]string{"TACHO_KEY": "variable"}, c: Connection{KeyFile: keyFile},
			address: "https://b.example.org", key: "file"},
		"the store of this machine":              {c: Connection{Host: "local"}},
		"the store of this machine, by variable": {vars: map[string]string{"TACHO_HOST": "local"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := personWith(t, tc.vars)
			kept := Logins{Default: "https://b.example.org", Servers: map[string]Login{"https://a.example.org": {"of-a"},
				"https://b.example.org": {"of-b"}}}
			if err := kept.Write(env); err != nil {
				t.Fatal(err)
			}
			address, err := tc.c.Address(env)
			if err != nil || address != tc.address {
				t.Errorf("address: want %q, got %q (%v)", tc.address, address, err)
			}
			key, err := tc.c.Key(env, address)
			if err != nil || key != tc.key {
				t.Errorf("key: want %q, got %q (%v)", tc.key, key, err)
			}
		})
	}
}

func TestLoginsAreReadableForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the config folder to its user by itself")
	}
	env := personWith(t, nil)
	file := LoginsFile(env)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"servers":{}}`), 0o644); err != nil { // it was there before, and open
		t.Fatal(err)
	}
	if err := (Logins{Servers: map[string]Login{"https://a.example.org": {"k"}}}).Write(env); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
}

func TestALoginsFileThatCannotBeReadSaysHowToBeRidOfIt(t *testing.T) {
	t.Parallel()
	env := personWith(t, nil)
	if err := (Logins{Servers: map[string]Login{"https://a.example.org": {"k"}}}).Write(env); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(LoginsFile(env), []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Connection{}).Address(env); err == nil || !strings.Contains(err.Error(), "'tacho logout --all' removes it") {
		t.Errorf("error = %v", err)
	}
	if address, err := (&Connection{Host: "local"}).Address(env); err != nil || address != "" {
		t.Errorf("with an address of its own: %q (%v)", address, err)
	}
	if err := (Logins{}).Write(env); err != nil {
		t.Fatal(err)
	}
	if address, err := (&Connection{}).Address(env); err != nil || address != "" {
		t.Errorf("and then: %q (%v)", address, err)
	}
}
