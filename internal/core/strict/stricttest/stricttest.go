// Package stricttest compares what is said about texts with mistakes with golden files, for each format that package strict reads. Run a
// test with -update to write them.
package stricttest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/strict"
)

var update = flag.Bool("update", false, "write the golden files")

// Update reports whether golden files are to be written.
func Update() bool { return *update }

// Mistakes parses each text, wants between one and ten mistakes, and compares them with testdata/NAME.golden.
func Mistakes(t *testing.T, texts map[string]string, parse func([]byte) error) {
	t.Helper()
	for name, text := range texts {
		err := parse([]byte(text))
		mistakes, are := errors.AsType[strict.Mistakes](err)
		if !are || len(mistakes) == 0 || len(mistakes) > 10 {
			t.Errorf("%s: want one to ten mistakes, got %v", name, err)
			continue
		}
		Golden(t, name, err.Error()+"\n")
	}
}

// Golden compares a text with testdata/NAME.golden.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if diff := cmp.Diff(string(want), got); err != nil || diff != "" {
		t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
	}
}
