//go:build linux

package isolatetest

import "github.com/tachograph/tacho/internal/runner/isolate"

func memoryIsLimited(t *bench) {
	got := t.run(t.task("eat", "512"), nil)
	ends(t, got.exit, isolate.Exit{Code: 137, Signal: "SIGKILL", OOMKilled: true})
	if got := t.run(t.task("eat", "32"), nil); got.exit.Code != 0 || got.exit.OOMKilled || got.stdout != "ate\n" {
		t.Errorf("below the limit: %+v", got)
	}
}

func diskIsLimited(t *bench) {
	if got := t.run(t.task("fill"), nil); got.stdout != "write no space left on device\nbelow the limit: true\n" {
		t.Errorf("got %q %q", got.stdout, got.stderr)
	}
}

func aForkBombStops(t *bench) {
	if got := t.run(t.task("fork"), nil); got.stdout != "stopped: true error: true\n" {
		t.Errorf("got %q %q", got.stdout, got.stderr)
	}
}
