package image

import (
	"archive/tar"
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

// layer unpacks one layer into a folder.
type layer struct {
	root       *os.Root
	budget     *Budget
	compressed int64 // bytes of the layer as it was pulled; 0: not known
	written    int64
	chown      bool
	made       map[string]bool // paths of this layer, which its opaque whiteouts spare
}

// Unpack writes the layer in r (an uncompressed tar) over what lower layers left in root. It never writes outside root, follows no link
// out of it, makes no device, drops setuid and setgid, and stops at the budget. Refusals are Invalid or TooLarge faults. compressed is the
// layer's size as it was pulled, for the expansion ratio; 0 if it is not known.
func Unpack(root *os.Root, r io.Reader, budget *Budget, compressed int64) error {
	l := &layer{root: root, budget: budget, compressed: compressed, chown: os.Geteuid() == 0, made: map[string]bool{}}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "image: a layer is not a readable tar archive: %v", err)
		}
		if err := l.entry(h, tr); err != nil {
			return err
		}
	}
}

func (l *layer) entry(h *tar.Header, body io.Reader) error {
	if l.budget.Entries--; l.budget.Entries < 0 {
		return fault.TooLargef("image: more than %d files", limits.ImageEntries)
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
		return l.clear(parent)
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
	l.made[at] = true
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

// parent returns the folder dir with its symbolic links resolved inside the image, made where it is missing. Links are resolved as a process
// in the image would see them: an absolute one begins at the image's root.
func (l *layer) parent(dir string) (string, error) {
	if dir == "" {
		return ".", nil
	}
	resolved, err := resolve(l.root, dir)
	if err != nil {
		return "", err
	}
	info, err := l.root.Lstat(resolved)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := l.root.MkdirAll(resolved, 0o755); err != nil {
			return "", fmt.Errorf("make folder %s of the image: %w", resolved, err)
		}
	case err != nil:
		return "", err
	case !info.IsDir():
		if err := l.root.Remove(resolved); err != nil {
			return "", err
		}
		return resolved, l.root.MkdirAll(resolved, 0o755)
	}
	return resolved, nil
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

// clear removes what lower layers put into dir.
func (l *layer) clear(dir string) error {
	f, err := l.root.Open(dir)
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, n := range names {
		if at := path.Join(dir, n); !l.madeBelow(at) {
			if err := l.remove(at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *layer) madeBelow(at string) bool {
	if l.made[at] {
		return true
	}
	for p := range l.made {
		if strings.HasPrefix(p, at+"/") {
			return true
		}
	}
	return false
}

func (l *layer) remove(at string) error {
	if err := l.root.RemoveAll(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s of the image: %w", at, err)
	}
	return nil
}

// put writes one entry at a resolved place.
func (l *layer) put(h *tar.Header, body io.Reader, at string) error {
	old, err := l.root.Lstat(at)
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
			if err := l.root.Mkdir(at, 0o755); err != nil {
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
		if err := l.root.Symlink(h.Linkname, at); err != nil {
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
	if err := l.root.Chmod(at, mode); err != nil {
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
	if err := l.root.Lchown(at, h.Uid, h.Gid); err != nil {
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
	parent, err := resolve(l.root, dir)
	if err != nil {
		return err
	}
	target := path.Join(parent, base)
	info, err := l.root.Lstat(target)
	if err != nil || info.IsDir() {
		return fault.Invalidf("image: %.100q is a hard link to %.100q, which is no file of the image", h.Name, h.Linkname)
	}
	if target == at {
		return fault.Invalidf("image: %.100q is a hard link to itself", h.Name)
	}
	if err := l.root.Link(target, at); err != nil {
		return fmt.Errorf("make hard link %s of the image: %w", at, err)
	}
	return nil
}

func (l *layer) write(at string, body io.Reader, size int64) error {
	f, err := l.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make file %s of the image: %w", at, err)
	}
	_, err = io.Copy(f, &spending{body, l})
	if err = errors.Join(err, f.Close()); err != nil {
		if _, ok := errors.AsType[*fault.Error](err); ok {
			return err
		}
		return fmt.Errorf("write %s (%d bytes) of the image: %w", at, size, err)
	}
	return nil
}

// spending takes what is read from the budget.
type spending struct {
	r io.Reader
	l *layer
}

func (s *spending) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.l.written += int64(n)
	if s.l.budget.Bytes -= int64(n); s.l.budget.Bytes < 0 {
		return n, fault.TooLargef("image: unpacked it is larger than the job's disk")
	}
	if c := s.l.compressed; c > 0 && s.l.written > smallLayer && s.l.written/c > limits.ImageExpansionRatio {
		return n, fault.TooLargef("image: a layer of %d bytes expands more than %d-fold", c, limits.ImageExpansionRatio)
	}
	return n, err
}
