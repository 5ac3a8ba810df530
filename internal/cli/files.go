package cli

import (
	"io"
	"os"
	"path/filepath"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// WorkDir is the working directory, as far as it is known.
func (e *Env) WorkDir() string {
	if e.Dir != "" {
		return e.Dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// Path resolves a file's name against the working directory.
func (e *Env) Path(name string) string {
	if e.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, name)
}

// ReadSmall reads a file of settings.
func ReadSmall(env *Env, name string) (string, error) {
	return ReadFile(env, name, limits.JSONBodyBytes)
}

// ReadFile reads a whole file of at most most bytes.
func ReadFile(env *Env, name string, most int64) (string, error) {
	f, err := os.Open(env.Path(name))
	if err != nil {
		return "", BareFileError(err)
	}
	defer f.Close()
	return ReadAll(f, most)
}

// ReadAll reads at most most bytes; more are an error.
func ReadAll(r io.Reader, most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return "", BareFileError(err)
	}
	if int64(len(b)) > most {
		return "", fault.TooLargef("it has more than %d bytes", most)
	}
	return string(b), nil
}

// BareFileError takes away "open /path:", which the sentence around says already.
func BareFileError(err error) error {
	if p, ok := err.(*os.PathError); ok { //nolint:errorlint // os.Open's own error, not wrapped
		return p.Err
	}
	return err
}
