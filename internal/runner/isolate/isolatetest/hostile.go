//go:build linux

package isolatetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// hostilePlaces are what a runtime looks up in an image before it changes root, each list in one image.
var hostilePlaces = [][]string{{"dev"}, {"proc"}, {"sys"}, {"tmp"}, {"dev/pts", "dev/shm", "dev/mqueue", "dev/null", "dev/fd"}}

// hostileShapes make something else of such a place. host is a folder outside of the image, which must stay as it is.
var hostileShapes = map[string]func(image, place, host string) error{
	"a link to a folder of the host": func(image, place, host string) error { return os.Symlink(host, filepath.Join(image, place)) },
	"a link that climbs to a folder of the host": func(image, place, host string) error {
		return os.Symlink(strings.Repeat("../", 40)+host[1:], filepath.Join(image, place))
	},
	"a link to a link to a folder of the host": func(image, place, host string) error {
		between := "to-" + strings.ReplaceAll(place, "/", "-")
		return errors.Join(os.Symlink(host, filepath.Join(image, between)), os.Symlink("/"+between, filepath.Join(image, place)))
	},
	"a link to what the host lacks": func(image, place, host string) error {
		return os.Symlink(filepath.Join(host, "new", "folder"), filepath.Join(image, place))
	},
	"a link to itself": func(image, place, _ string) error { return os.Symlink("/"+place, filepath.Join(image, place)) },
	"a file": func(image, place, _ string) error {
		return os.WriteFile(filepath.Join(image, place), nil, 0o644)
	},
}

// noImageReachesTheHost has images in which what the runtime looks up is a link. Such an image is run with folders of the sandbox's own or
// refused as the image's fault; nothing of the host is made, changed or removed.
func noImageReachesTheHost(t *bench) {
	for shape, put := range hostileShapes {
		for _, places := range hostilePlaces {
			host := t.hostFolder()
			image := t.imageWithout(places...)
			for _, place := range places {
				if err := put(image, place, host); err != nil {
					t.Fatal(err)
				}
			}
			t.hostile(fmt.Sprintf("%s is %s", strings.Join(places, ", "), shape), image, host, func(*isolate.Task) {})
		}
	}
}

// noWorkDirReachesTheHost has images whose working directory leads through links, or into what the runtime itself has open.
func noWorkDirReachesTheHost(t *bench) {
	for name, row := range map[string]struct {
		link    string // of /app; "" is none
		workDir string
	}{
		"a link":                       {"%s", "/app"},
		"below a link":                 {"%s", "/app/new/folder"},
		"a link that climbs":           {"../../../../../../../../../../..%s", "/app/new"},
		"a link to what is missing":    {"%s/new", "/app/folder"},
		"a link to itself":             {"/app", "/app/new"},
		"an open file of the runtime":  {"", "/proc/self/fd/7"},
		"the same by a link":           {"/proc/self/fd/7", "/app"},
		"the same by a link of /dev":   {"", "/dev/fd/7"},
		"the same by links and by ..":  {"/proc/self", "/app/../self/fd/7"},
		"the root of the runtime":      {"", "/proc/self/root"},
		"above the image":              {"", "../../../../../../../../..%s/new"},
		"a file":                       {"", "/etc/passwd"},
		"below a file":                 {"", "/etc/passwd/new"},
		"a name that is too long":      {"", "/" + strings.Repeat("x", 300)},
		"a name that ends before time": {"", "/app\x00/new"},
	} {
		host := t.hostFolder()
		image := t.imageWithout("app")
		if row.link != "" {
			if err := os.Symlink(strings.ReplaceAll(row.link, "%s", host), filepath.Join(image, "app")); err != nil {
				t.Fatal(err)
			}
		}
		t.hostile("it begins in "+name, image, host, func(tk *isolate.Task) { tk.WorkDir = strings.ReplaceAll(row.workDir, "%s", host) })
	}
}

// hostile runs the probe in an image, and looks that a folder of the host is as it was.
func (t *bench) hostile(what, image, host string, change func(*isolate.Task)) {
	t.Helper()
	before, err := fingerprint(host)
	if err != nil {
		t.Fatal(err)
	}
	tk := t.task("apart", host)
	tk.RootFS = image
	change(&tk)
	out := newOutput()
	_, err = t.attempt(tk, out)
	switch {
	case err == nil && out.String() != "apart\n":
		t.Errorf("%s: the command said %q", what, out)
	case err != nil && !fault.Is(err, fault.Invalid):
		t.Errorf("%s: %v, want a fault of the image", what, err)
	}
	after, err := fingerprint(host)
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("%s: the host's folder has changed: %v (-want +got):\n%s", what, err, diff)
	}
}

// attempt runs a task that may be refused at any step.
func (t *bench) attempt(tk isolate.Task, stdout io.Writer) (isolate.Exit, error) {
	t.Helper()
	s, err := t.driver.Prepare(t.Context(), tk)
	if err != nil {
		t.noTrace(tk.ID)
		return isolate.Exit{}, err
	}
	defer t.nothingIsLeft(s, tk.ID)
	if err := s.Start(t.Context(), stdout, io.Discard); err != nil {
		return isolate.Exit{}, err
	}
	return s.Wait()
}

// hostFolder is a folder that stands for one of the host, with the names that runtimes make or remove below /dev.
func (t *bench) hostFolder() string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "host")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ptmx", "core", "console", "null", "kept"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the host's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "shm"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// imageWithout is an image like the usual one, without some of its places.
func (t *bench) imageWithout(places ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "image")
	if err == nil {
		err = errors.Join(os.CopyFS(dir, os.DirFS(t.image)), os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky))
	}
	if t.caps.RootID != 0 {
		err = errors.Join(err, shift(dir, t.caps.RootID))
	}
	for _, place := range places {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, place)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
