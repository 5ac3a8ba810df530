package sweep

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

func TestFoldersAreNamedAfterInstanceAndTask(t *testing.T) {
	t.Parallel()
	var f Folders
	for _, c := range [][3]string{
		{"c8g.medium", "173500000012345679", "c8g.medium-173500000012345679"},
		{"c8g", "0198c0de-0000-7000-8000-000000000001", "c8g-0198c0de-0000-7000-8000-000000000001"},
		{"C8G", "0198c0de-0000-7000-8000-000000000001", "C8G-0198c0de-0000-7000-8000-000000000001~2"}, // the same where case is none
		{"a-b", "c", "a-b-c"}, {"a", "b-c", "a-b-c~2"},
		{"..", "../../etc/passwd", "~2e~2e-~2e.~2f..~2fetc~2fpasswd"}, {"", "", "~-~"}, {"a b", "é\x00", "a~20b-~c3~a9~00"}, {"x", "y.",
			"x-y~2e"},
	} {
		if got := f.Name(c[0], c[1]); got != c[2] {
			t.Errorf("%q %q: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// TestANameIsOneElementAndUnpacks: whatever ids are, the folder is one element of a path, no other task's, and what unpacks takes it.
func TestANameIsOneElementAndUnpacks(t *testing.T) {
	t.Parallel()
	id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ab.~-]{0,4}`), rapid.StringMatching(`[a-z/.\\]{100,300}`))
	property.Check(t, func(t *rapid.T) {
		var f Folders
		var u Unpacking
		met := map[string]bool{}
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			name := f.Name(id.Draw(t, "instance"), id.Draw(t, "task"))
			if name == "" || path.Base(name) != name || len(name) > 200 || strings.HasPrefix(name, ".") || strings.ContainsAny(name,
				`/\:`) {
				t.Fatalf("%q", name)
			}
			if met[strings.ToLower(name)] {
				t.Fatalf("%q is there twice", name)
			}
			met[strings.ToLower(name)] = true
			if got, err := u.Take(name+"/output.txt", EntryFile, 1); err != nil || got != name+"/output.txt" {
				t.Fatalf("%q: %v", got, err)
			}
		}
	})
}

func TestWhatIsNotUnpacked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name string
		kind EntryKind
		size int64
		want string
	}{
		"up":            {"../x", EntryFile, 1, `".." is no name in a path`},
		"up within":     {"a/../../x", EntryFile, 1, `".." is no name in a path`},
		"from the root": {"/etc/passwd", EntryFile, 1, `"" is no name in a path`},
		"a drive":       {"C:/x", EntryFile, 1, `\ and : mean something else on other systems`},
		"backslash":     {`a\..\x`, EntryFile, 1, `\ and : mean something else on other systems`},
		"a link":        {"a", EntryOther, 0, "links and special files are not unpacked"},
		"control":       {"a\nb", EntryFile, 1, "a path is at most 1024 bytes of UTF-8 without control characters"},
		"bytes":         {"\xff", EntryFile, 1, "a path is at most 1024 bytes of UTF-8 without control characters"},
		"long":          {strings.Repeat("a/", 600), EntryFile, 1, "a path is at most 1024 bytes of UTF-8 without control characters"},
		"deep":          {strings.Repeat("a/", 30) + "b", EntryFile, 1, "it is more than 16 folders deep"},
		"empty":         {"", EntryFile, 1, `"" is no name in a path`},
		"large":         {"a", EntryFile, limits.ArchiveFileBytes + 1, "a file has at most 268435456 bytes"},
		"negative":      {"a", EntryFile, -1, "a file has at most 268435456 bytes"},
		"a point":       {"a./b", EntryFile, 1, `"a." is no name in a path`},
	} {
		var u Unpacking
		got, err := u.Take(c.name, c.kind, c.size)
		if fault.Of(err) != fault.Invalid || got != "" || !strings.Contains(err.Error(), ": "+c.want+"; nothing more") {
			t.Errorf("%s: %q, %v; want %s", name, got, err, c.want)
		}
	}
	u := Unpacking{Files: 3, Bytes: 10}
	for _, c := range []struct {
		name string
		kind EntryKind
		size int64
		ok   bool
	}{{"./", EntryFolder, 0, true}, {"./a/", EntryFolder, 0, true}, {"a/b", EntryFile, 9, true}, {"A/B", EntryFile, 1, false},
		{"a/b/c", EntryFile, 1, false}, {"c", EntryFile, 2, false}} {
		if _, err := u.Take(c.name, c.kind, c.size); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTooManyFilesAreRefused: 10⁵ files where a sweep of 4 tasks is expected, and where nothing is known.
func TestTooManyFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		u    Unpacking
		want int
	}{{Unpacking{Files: FilesOf(4)}, 5 * limits.ArchiveFilesPerTask}, {Unpacking{}, limits.ArchiveFiles}} {
		taken := 0
		for i := range 100_000 {
			if _, err := c.u.Take(fmt.Sprint("a/", i), EntryFile, 0); err != nil {
				break
			}
			taken++
		}
		if taken != c.want {
			t.Errorf("%d files are taken, want %d", taken, c.want)
		}
	}
}

func TestAManifestIsHeldAgainstWhatIsThere(t *testing.T) {
	t.Parallel()
	m := Manifest{Files: []ManifestFile{{"a/x", 1, "aa"}, {"a/y", 2, "bb"}}}
	for want, got := range map[string][]ManifestFile{
		"": {{"a/y", 2, "bb"}, {"a/x", 1, "aa"}},
		`archive: "a/y" is missing; it was cut off, fetch it again`:         {{"a/x", 1, "aa"}},
		`archive: "a/z" is not in its manifest`:                             {{"a/z", 1, "aa"}},
		`archive: "a/x" is not what its manifest says: 1 bytes, SHA-256 aa`: {{"a/x", 1, "ab"}},
	} {
		if err := m.Compare(got); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
