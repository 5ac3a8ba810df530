package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
)

// Budget is how much an image may still become. One budget serves all layers of an image.
type Budget struct {
	Bytes   int64
	Entries int
}

// NewBudget bounds an image to maxBytes on disk (0: limits.ImageUnpackedBytes).
func NewBudget(maxBytes int64) *Budget {
	if maxBytes <= 0 || maxBytes > limits.ImageUnpackedBytes {
		maxBytes = limits.ImageUnpackedBytes
	}
	return &Budget{Bytes: maxBytes, Entries: limits.ImageEntries}
}

const (
	whiteout       = ".wh."
	opaqueWhiteout = ".wh..wh..opq"
	mostLinks      = 40 // symbolic links on one path, as the kernel counts
	// smallLayer is up to which size the expansion ratio is not looked at: a small file of zeros shrinks well.
	smallLayer = 256 * limits.MiB
)

// Place is a folder that layers are unpacked into.
type Place struct {
	Root *os.Root
	// RootID is the id of this host that owns what belongs to root in the image; each other owner follows at its number, as the sandboxes'
	// user namespace has it. 0: owners are as they are in the image.
	RootID uint32
}

// nobody owns what belongs to an id that a sandbox does not have, as the kernel shows it too.
const nobody = 65_534

// owner is the id of this host for an id of the image.
func (p Place) owner(id int) int {
	if p.RootID == 0 {
		return id
	}
	if id >= limits.SandboxIDs {
		id = nobody
	}
	return int(p.RootID) + id
}

// layer unpacks one layer into a folder.
type layer struct {
	Place
	budget *Budget
	chown  bool
	made   *made
	looked int // names that opaque whiteouts have looked at
}

func newLayer(at Place, budget *Budget) *layer {
	return &layer{Place: at, budget: budget, chown: os.Geteuid() == 0, made: &made{}}
}

// Unpack writes the layer in r (an uncompressed tar) over what lower layers left at a place, and reads r to its end. It never writes
// outside of it, follows no link out of it, makes no device, drops setuid and setgid, and stops when ctx ends or at the budget,
// which counts what files and folders take on the disk. A layer that cannot be unpacked anywhere is an Invalid or TooLarge fault;
// an error that is no fault is this machine's. compressed is the layer's size as it was pulled, for the expansion ratio; 0 if it
// is not known.
func Unpack(ctx context.Context, at Place, r io.Reader, budget *Budget, compressed int64) error {
	return newLayer(at, budget).unpack(ctx, &expanding{r: r, compressed: compressed})
}

func (l *layer) unpack(ctx context.Context, r io.Reader) error {
	err := l.entries(ctx, r)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // what follows the archive's end counts for the digest too
	}
	switch _, known := errors.AsType[*fault.Error](err); {
	case err == nil || known:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case hostinfo.Exhausted(err):
		return err
	}
	return fault.Wrap(fault.Invalid, err, "image: a layer cannot be unpacked: %v", err)
}

func (l *layer) entries(ctx context.Context, r io.Reader) error {
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.entry(ctx, h, tr); err != nil {
			return err
		}
	}
}

// charge takes one entry with a size from the budget, as file systems do: whole blocks, and one for that which has no content.
func (l *layer) charge(size int64) error {
	if l.budget.Entries--; l.budget.Entries < 0 {
		return fault.TooLargef("image: more than %d files", limits.ImageEntries)
	}
	blocks := max(1, (size-1)/limits.ImageEntryBytes+1) // without overflow
	if blocks > l.budget.Bytes/limits.ImageEntryBytes {
		return fault.TooLargef("image: unpacked it is larger than the job's disk")
	}
	l.budget.Bytes -= blocks * limits.ImageEntryBytes
	return nil
}

func (l *layer) entry(ctx context.Context, h *tar.Header, body io.Reader) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := l.charge(h.Size); err != nil {
		return err
	}
	name, err := localName(h.Name)
	if err != nil || name == "." {
		return err
	}
	dir, base := path.Split(name)
	parent, err := l.parent(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	if base == opaqueWhiteout {
		return l.clear(ctx, parent)
	}
	if hidden, ok := strings.CutPrefix(base, whiteout); ok {
		if hidden == "" || hidden == "." || hidden == ".." {
			return fault.Invalidf("image: %q is not a whiteout", h.Name)
		}
		return l.remove(path.Join(parent, hidden))
	}
	at := path.Join(parent, base)
	if err := l.put(h, body, at); err != nil {
		return err
	}
	l.made.at(at)
	return nil
}

// localName cleans an entry's name and refuses one that leads out.
func localName(raw string) (string, error) {
	name := strings.TrimPrefix(raw, "/")
	if len(raw) > limits.ImagePathBytes || strings.ContainsRune(raw, 0) {
		return "", fault.Invalidf("image: the path %.60q… is not usable", raw)
	}
	clean := path.Clean("./" + name)
	if !filepath.IsLocal(clean) {
		return "", fault.Invalidf("image: the layer entry %.100q leads outside the image", raw)
	}
	if strings.Count(clean, "/") >= limits.ImagePathDepth {
		return "", fault.Invalidf("image: the path %.60q… is more than %d folders deep", raw, limits.ImagePathDepth)
	}
	return clean, nil
}

// parent returns the folder dir with its symbolic links resolved inside the image, made where it is missing. Links are resolved as a
// process in the image would see them: an absolute one begins at the image's root.
func (l *layer) parent(dir string) (string, error) {
	if dir == "" {
		return ".", nil
	}
	resolved, err := resolve(l.Root, dir)
	if err != nil {
		return "", err
	}
	for i := range len(resolved) + 1 {
		if i < len(resolved) && resolved[i] != '/' {
			continue
		}
		if err := l.folder(resolved[:i]); err != nil {
			return "", err
		}
	}
	return resolved, nil
}

// folder makes a folder where there is none; a file in its place is replaced.
func (l *layer) folder(at string) error {
	info, err := l.Root.Lstat(at)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		err = l.Root.Remove(at)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil {
		err = l.charge(0)
	}
	if err == nil {
		err = l.Root.Mkdir(at, 0o755)
	}
	if err == nil && l.chown {
		err = l.Root.Lchown(at, l.owner(0), l.owner(0))
	}
	return err
}

// resolve follows the symbolic links of name inside root. Parts that do not exist are kept as they are.
func resolve(root *os.Root, name string) (string, error) {
	todo := strings.Split(path.Clean(name), "/")
	done := "."
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done) // "." stays ".": the image's root has no parent
			continue
		}
		next := path.Join(done, part)
		info, err := root.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > mostLinks {
			return "", fault.Invalidf("image: too many symbolic links at %.100q", name)
		}
		target, err := root.Readlink(next)
		if err != nil {
			return "", fmt.Errorf("read link %s of the image: %w", next, err)
		}
		if path.IsAbs(target) {
			done = "."
		}
		todo = append(strings.Split(path.Clean(target), "/"), todo...)
		if len(todo) > 4*limits.ImagePathDepth {
			return "", fault.Invalidf("image: the symbolic links at %.100q lead too deep", name)
		}
	}
	return done, nil
}

// made is what the layer has made at a place and below it, by name: its opaque whiteouts spare it. A map of whole paths could be
// far larger than the layer, and each whiteout would have to search it.
type made struct {
	below  map[string]*made
	opaque bool // of lower layers nothing is left here
}

// at returns what was made at a path, and notes that something was.
func (m *made) at(name string) *made {
	for part := range strings.SplitSeq(name, "/") {
		if part == "." {
			continue
		}
		next := m.below[part]
		if next == nil {
			next = &made{}
			if m.below == nil {
				m.below = map[string]*made{}
			}
			m.below[strings.Clone(part)] = next
		}
		m = next
	}
	return m
}

// clear removes what lower layers put into dir. It is done once for a folder: whatever comes later is of this layer.
func (l *layer) clear(ctx context.Context, dir string) error {
	m := l.made
	for part := range strings.SplitSeq(dir, "/") {
		if m.opaque {
			return nil
		}
		m = m.at(part)
	}
	if m.opaque {
		return nil
	}
	return l.hide(ctx, dir, m)
}

func (l *layer) hide(ctx context.Context, dir string, m *made) error {
	m.opaque = true
	f, err := l.Root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, e := range entries {
		l.looked++
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at, ours := path.Join(dir, e.Name()), m.below[e.Name()]
		switch {
		case ours == nil:
			err = l.remove(at)
		case e.IsDir() && !ours.opaque:
			err = l.hide(ctx, at, ours)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *layer) remove(at string) error {
	if err := l.Root.RemoveAll(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s of the image: %w", at, err)
	}
	return nil
}

// put writes one entry at a resolved place.
func (l *layer) put(h *tar.Header, body io.Reader, at string) error {
	old, err := l.Root.Lstat(at)
	exists := err == nil
	if exists && (h.Typeflag != tar.TypeDir || !old.IsDir()) {
		if err := l.remove(at); err != nil {
			return err
		}
		exists = false
	}
	mode := fs.FileMode(h.Mode).Perm() //nolint:gosec // only the low nine bits are kept
	switch h.Typeflag {
	case tar.TypeDir:
		if !exists {
			if err := l.Root.Mkdir(at, 0o755); err != nil {
				return fmt.Errorf("make folder %s of the image: %w", at, err)
			}
		}
		if h.Mode&0o1000 != 0 {
			mode |= fs.ModeSticky // /tmp
		}
	case tar.TypeReg:
		if err := l.write(at, body, h.Size); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if err := l.Root.Symlink(h.Linkname, at); err != nil {
			return fmt.Errorf("make link %s of the image: %w", at, err)
		}
		return l.own(at, h)
	case tar.TypeLink:
		return l.link(h, at)
	default:
		return nil // devices and fifos: a benchmark gets its own /dev
	}
	if err := l.own(at, h); err != nil {
		return err
	}
	if err := l.Root.Chmod(at, mode); err != nil {
		return fmt.Errorf("set mode of %s of the image: %w", at, err)
	}
	return nil
}

func (l *layer) own(at string, h *tar.Header) error {
	if !l.chown {
		return nil
	}
	const most = 1<<31 - 1
	if h.Uid < 0 || h.Gid < 0 || h.Uid > most || h.Gid > most {
		return fault.Invalidf("image: %.100q belongs to user %d, group %d, which cannot be", h.Name, h.Uid, h.Gid)
	}
	if err := l.Root.Lchown(at, l.owner(h.Uid), l.owner(h.Gid)); err != nil {
		return fmt.Errorf("set owner of %s of the image: %w", at, err)
	}
	return nil
}

// link makes a hard link to a file of the image; the target's folder is resolved like any other.
func (l *layer) link(h *tar.Header, at string) error {
	name, err := localName(h.Linkname)
	if err != nil {
		return err
	}
	dir, base := path.Split(name)
	parent, err := resolve(l.Root, dir)
	if err != nil {
		return err
	}
	target := path.Join(parent, base)
	info, err := l.Root.Lstat(target)
	if err != nil || info.IsDir() {
		return fault.Invalidf("image: %.100q is a hard link to %.100q, which is no file of the image", h.Name, h.Linkname)
	}
	if target == at {
		return fault.Invalidf("image: %.100q is a hard link to itself", h.Name)
	}
	if err := l.Root.Link(target, at); err != nil {
		return fmt.Errorf("make hard link %s of the image: %w", at, err)
	}
	return nil
}

func (l *layer) write(at string, body io.Reader, size int64) error {
	f, err := l.Root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make file %s of the image: %w", at, err)
	}
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s (%d bytes) of the image: %w", at, size, err)
	}
	return nil
}

// expanding is a layer's uncompressed bytes, refused where they are far more than what was pulled. Headers and what follows the
// archive's end count too.
type expanding struct {
	r                io.Reader
	compressed, read int64
}

func (e *expanding) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.read += int64(n)
	if c := e.compressed; c > 0 && e.read > smallLayer && e.read/c > limits.ImageExpansionRatio {
		return n, fault.TooLargef("image: a layer of %d bytes expands more than %d-fold", c, limits.ImageExpansionRatio)
	}
	return n, err
}
