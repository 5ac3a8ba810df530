package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// ManifestName is the file of an archive that lists all others with their digests.
const ManifestName = "MANIFEST.json"

// Manifest lists the files of an archive.
type Manifest struct {
	Sweep string         `json:"sweep"` // its external id
	Files []ManifestFile `json:"files"` // in the order of the archive
}

// ManifestFile is a file of an archive.
type ManifestFile struct {
	Path   string `json:"path"` // from the top of the archive, with /
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // 64 hexadecimal digits
}

// Folders gives the folders of an archive their names: <instance-identifier>-<task-id>. Whatever ids are, a name is one element of a path
// on every system, and no two tasks have the same one, not even where upper and lower case are the same. The zero value is ready for use.
type Folders struct{ given map[string]bool }

// folderBytes is how long a name may be: file systems have 255, and what unpacks may add to it.
const folderBytes = 160

// Name returns the folder of a task. Ids of letters, digits and ._- are in it as they are; other bytes are written as ~ and two digits.
// What is too long is cut, and what is there already gets a number.
func (f *Folders) Name(instance, task string) string {
	name := plainElement(instance) + "-" + plainElement(task)
	if len(name) > folderBytes {
		sum := sha256.Sum256([]byte(instance + "\x00" + task))
		name = name[:folderBytes-17] + "~" + hex.EncodeToString(sum[:8])
	}
	if f.given == nil {
		f.given = map[string]bool{}
	}
	unique := name
	for n := 2; f.given[strings.ToLower(unique)]; n++ {
		unique = fmt.Sprintf("%s~%d", name, n)
	}
	f.given[strings.ToLower(unique)] = true
	return unique
}

// PlainName is a name as one element of a path on every system; what may not be in it is written as ~ and two digits, and what is too
// long is cut.
func PlainName(name string) string {
	plain := plainElement(name)
	return plain[:min(len(plain), folderBytes)]
}

// plainElement escapes what may not be in a name. A point is escaped where it is first or last: hidden files, "..", and names that lose
// their end on some systems.
func plainElement(id string) string {
	var b strings.Builder
	for i, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-',
			c == '.' && i > 0 && i < len(id)-1:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	if b.Len() == 0 {
		return "~"
	}
	return b.String()
}

// EntryKind is what an entry of an archive is.
type EntryKind int

// The kinds.
const (
	EntryFile EntryKind = iota
	EntryFolder
	EntryOther // links, devices and whatever else: never unpacked
)

// Unpacking decides, entry by entry, what of an archive may be written. It trusts nobody: archives come from a server, and what is in
// them from machines that ran other people's programs. The zero value has the limits of a sweep of unknown size.
type Unpacking struct {
	Files int   // at most; 0: limits.ArchiveFiles
	Bytes int64 // of all files together; 0: limits.ArchiveBytes

	files int
	bytes int64
	kinds map[string]EntryKind // by lower-case path
}

// FilesOf is how many files an archive of so many tasks may have.
func FilesOf(tasks int) int { return (tasks + 1) * limits.ArchiveFilesPerTask }

// Take says whether an entry with this name may be unpacked, and returns its path below the target: relative, with / and without "..".
// Anything else is an Invalid fault, after which the archive is not to be trusted at all. Size is what the entry claims; whoever writes
// must stop there.
func (u *Unpacking) Take(name string, kind EntryKind, size int64) (string, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	bad := func(form string, args ...any) error {
		return fault.Invalidf("archive: entry %.100q: %s; nothing more of it is unpacked", name, fmt.Sprintf(form, args...))
	}
	switch {
	case kind != EntryFile && kind != EntryFolder:
		return "", bad("links and special files are not unpacked")
	case path == "" && kind == EntryFolder:
		return "", nil // the top itself
	case len(path) > limits.ArchivePathBytes || !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl):
		return "", bad("a path is at most %d bytes of UTF-8 without control characters", limits.ArchivePathBytes)
	case strings.ContainsAny(path, `\:`):
		return "", bad("\\ and : mean something else on other systems")
	}
	parts := strings.Split(path, "/")
	if len(parts) > limits.ArchiveDepth {
		return "", bad("it is more than %d folders deep", limits.ArchiveDepth)
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." || len(part) > 255 || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
			return "", bad("%q is no name in a path", part)
		}
	}
	if u.kinds == nil {
		u.kinds = map[string]EntryKind{}
	}
	for i := range parts[:len(parts)-1] {
		above := strings.ToLower(strings.Join(parts[:i+1], "/"))
		if was, known := u.kinds[above]; known && was == EntryFile {
			return "", bad("%s is a file", strings.Join(parts[:i+1], "/"))
		}
		u.kinds[above] = EntryFolder
	}
	key := strings.ToLower(path)
	if was, known := u.kinds[key]; known && (was == EntryFile || kind == EntryFile) {
		return "", bad("it is there twice")
	}
	u.kinds[key] = kind
	most, bytes := u.Files, u.Bytes
	if most == 0 {
		most = limits.ArchiveFiles
	}
	if bytes == 0 {
		bytes = limits.ArchiveBytes
	}
	switch u.files++; {
	case u.files > most:
		return "", bad("more than %d files and folders", most)
	case size < 0 || size > limits.ArchiveFileBytes:
		return "", bad("a file has at most %d bytes", limits.ArchiveFileBytes)
	case size > bytes-u.bytes:
		return "", bad("more than %d bytes in all", bytes)
	}
	u.bytes += size
	return path, nil
}

// Compare says whether what was unpacked is what the manifest lists; the error is an Invalid fault that names the first difference. got
// has all files but the manifest itself.
func (m Manifest) Compare(got []ManifestFile) error {
	listed := map[string]ManifestFile{}
	for _, f := range m.Files {
		listed[f.Path] = f
	}
	for _, f := range got {
		switch want, known := listed[f.Path]; {
		case !known:
			return fault.Invalidf("archive: %.100q is not in its manifest", f.Path)
		case want.Size != f.Size || want.SHA256 != f.SHA256:
			return fault.Invalidf("archive: %.100q is not what its manifest says: %d bytes, SHA-256 %.64s", f.Path, want.Size, want.SHA256)
		}
		delete(listed, f.Path)
	}
	for _, f := range m.Files {
		if _, left := listed[f.Path]; left {
			return fault.Invalidf("archive: %.100q is missing; it was cut off, fetch it again", f.Path)
		}
	}
	return nil
}
