package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Logins are the servers that this person has logged in to. They are kept in one file under the user's config folder, which nobody else can
// read; flags and variables win over it.
type Logins struct {
	Default string           `json:"default,omitempty"` // the server of commands that name none
	Servers map[string]Login `json:"servers"`
}

// Login is what is kept of one server.
type Login struct {
	Key string `json:"key"`
}

// LoginsFile is where logins are: $XDG_CONFIG_HOME, on Windows %APPDATA%, else .config in the home folder. Empty: there is no such folder.
func LoginsFile(env *Env) string {
	folder := env.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(folder) {
		folder = ""
	}
	if folder == "" && env.OS == "windows" {
		folder = env.Getenv("APPDATA")
	}
	if home := env.Getenv("HOME"); folder == "" && home != "" {
		folder = filepath.Join(home, ".config")
	}
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "tacho", "logins.json")
}

// ReadLogins returns the logins; none where there is no file.
func ReadLogins(env *Env) (Logins, error) {
	out := Logins{Servers: map[string]Login{}}
	file := LoginsFile(env)
	if file == "" {
		return out, nil
	}
	text, err := ReadSmall(env, file)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &out)
	}
	if err != nil {
		return out, Usage("%s cannot be read: %v; 'tacho logout --all' removes it", file, err)
	}
	if out.Servers == nil {
		out.Servers = map[string]Login{}
	}
	return out, nil
}

// Write replaces the file in one step; without any login it is removed.
func (l Logins) Write(env *Env) error {
	file := LoginsFile(env)
	if file == "" {
		return fault.Invalidf("no home folder to keep the login in; set TACHO_HOST and TACHO_KEY instead")
	}
	if len(l.Servers) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(file), ".logins-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	if _, err := partial.Write(append(raw, '\n')); err != nil {
		return errors.Join(err, partial.Close())
	}
	if err := errors.Join(partial.Sync(), partial.Close()); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

// of returns the login of a server.
func (l Logins) of(address string) (Login, bool) {
	found, known := l.Servers[LoginName(address)]
	return found, known
}

// LoginName is an address as logins are kept under it: two spellings of one server are one login.
func LoginName(address string) string {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return address
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return u.String()
}
