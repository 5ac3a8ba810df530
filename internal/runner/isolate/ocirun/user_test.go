//go:build linux

package ocirun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// TestUsersAreLookedUpInsideTheImage has images whose list of users is a link, is another thing or does not end.
func TestUsersAreLookedUpInsideTheImage(t *testing.T) {
	t.Parallel()
	type step = func(image, host string) error
	const row = "bench:x:1234:77::/:/sh\n"
	put := func(file, text string) step {
		return func(image, _ string) error { return os.WriteFile(filepath.Join(image, file), []byte(text), 0o644) }
	}
	link := func(target string) step {
		return func(image, host string) error {
			return os.Symlink(strings.ReplaceAll(target, "%s", host), filepath.Join(image, "etc/passwd"))
		}
	}
	for name, tt := range map[string]struct {
		steps []step
		found bool
	}{
		"a file":                          {[]step{put("etc/passwd", row)}, true},
		"a link inside the image":         {[]step{put("users", row), link("/users")}, true},
		"a link that climbs to the image": {[]step{put("users", row), link("../../../users")}, true},
		"a link to the host":              {[]step{link("%s/passwd")}, false},
		"a link that climbs to the host":  {[]step{link("../../../../../../../../../../../..%s/passwd")}, false},
		"a folder":                        {[]step{link("/etc")}, false},
		"more than anybody has":           {[]step{put("etc/passwd", strings.Repeat("#\n", accountBytes)+row)}, false},
	} {
		image, host := t.TempDir(), t.TempDir()
		if err := os.Mkdir(filepath.Join(image, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(host, "passwd"), []byte(row), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, step := range tt.steps {
			if err := step(image, host); err != nil {
				t.Fatal(err)
			}
		}
		uid, gid, err := lookupUser(image, "bench")
		if tt.found && (err != nil || uid != 1234 || gid != 77) || !tt.found && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %d:%d, %v", name, uid, gid, err)
		}
	}
}
