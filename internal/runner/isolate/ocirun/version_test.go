//go:build linux

package ocirun

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestRuntimesOfTheLeastVersionAreUsed(t *testing.T) {
	t.Parallel()
	for said, used := range map[string]bool{
		"runc version 1.1.11\ncommit: v1.1.11-0-g4bccb38c\nspec: 1.0.2-dev\n":  false,
		"runc version 1.1.12\ncommit: v1.1.12-0-g51d5e946\n":                   true,
		"runc version 1.1.12-0ubuntu2~22.04.1\n":                               true,
		"runc version 1.2.0-rc.1\n":                                            true,
		"runc version 2\n":                                                     true,
		"runc version 1.0.0-rc93\n":                                            false,
		"runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1\nspec: 1.0.2-dev\n":       false,
		"runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\ngo: go1.19.8\n":  true,
		"crun version 1.4.3\ncommit: 61c9600d1335127eba65632731e2d72bc3f0b9e8": false,
		"crun version 1.8.1\ncommit: f8a096be060b22ccd3d5f3ebe44108517fbf6c30": true,
		"runsc version release-20230101.0\nspec: 1.1.0-rc.1\n":                 false,
		"runsc version release-20250407.0\nspec: 1.1.0-rc.1\n":                 true,
		"runsc version VERSION_MISSING\nspec: 1.2.1\n":                         true,
	} {
		dir := t.TempDir()
		runtime := filepath.Join(dir, said[:4])
		if said[:5] == gvisorName {
			runtime = filepath.Join(dir, gvisorName)
		}
		if err := os.WriteFile(runtime, []byte("#!/bin/sh\ncat <<'E'\n"+said+"\nE\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		d := &Driver{runtime: runtime, name: filepath.Base(runtime), dir: dir}
		c, err := d.Probe(t.Context())
		if used != (err == nil) || err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%q: %+v, %v, want it used: %t", said, c, err, used)
		}
	}
}
