package sweep

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/here"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/core/unit"
)

type fetchFlags struct {
	conn            cli.Connection
	project, output string
	raw             bool
}

func newFetch(env *cli.Env) *cobra.Command {
	var f fetchFlags
	cmd := cli.Leaf("fetch [ID]", "Fetch what the tasks of a sweep left", cli.ExitsCall,
		func(cmd *cobra.Command, args []string) error {
			srv, err := f.conn.Open(cmd.Context(), env)
			if err != nil {
				return err
			}
			return srv.Done(f.run(cmd.Context(), env, srv, args))
		})
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Long = `Fetch the archive of a sweep and unpack it: a folder <instance-identifier>-<task-id> for each task that has ended, with
what it printed, its files, metadata.json and, where it failed, error.txt. Each file is held against the digests of MANIFEST.json.

The folder appears when all of it is there and right, and not before: a broken connection or a full disk leaves nothing. Links are not
unpacked, nor anything outside of the folder. --raw keeps the archive itself. ID may be left out: the last sweep of the project.`
	cmd.Example = "  tacho sweep fetch\n  tacho sweep fetch 1764360000 -o results/first\n" +
		"  tacho sweep fetch 1764360000 --raw -o first.tar.gz"
	f.conn.Flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.project, "project", "", "project (default $TACHO_PROJECT, else the repository's or folder's)")
	flags.StringVarP(&f.output, "output", "o", "", "`folder` that is made (default results/ID), or the file of --raw (default ID.tar.gz)")
	flags.BoolVar(&f.raw, "raw", false, "keep the archive as it comes")
	return cmd
}

func (f *fetchFlags) run(ctx context.Context, env *cli.Env, srv *cli.Session, args []string) error {
	project, err := here.Project(ctx, env, srv, f.project)
	if err != nil {
		return err
	}
	s, err := named(ctx, srv, project, args)
	if err != nil {
		return err
	}
	name := cmp.Or(f.output, filepath.Join("results", s.ID))
	if f.raw {
		name = cmp.Or(f.output, s.ID+".tar.gz")
	}
	target := env.Path(name)
	if _, err := os.Lstat(target); err == nil {
		return cli.Usage("%s is there already; remove it, or name another with -o", name)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return written(name, err)
	}
	body, err := srv.SweepArchive(ctx, project, s.ID)
	if err != nil {
		return err
	}
	defer body.Close()
	p := term.NewProgress(env.Errs())
	defer p.Done()
	in := &counting{r: body, show: func(n int64) { p.Show("fetched " + unit.SizeText(n)) }}
	if f.raw {
		err = save(in, target)
	} else {
		err = unpack(in, target, sweep.FilesOf(s.Tasks.Total), create)
	}
	p.Done()
	if err != nil {
		return written(name, err)
	}
	fmt.Fprintf(env.Stdout, "%s\n", term.Clean(name))
	if left := s.Tasks.Pending + s.Tasks.Running; left > 0 {
		fmt.Fprintf(env.Stderr, "tacho: sweep %s is not over: %s not ended, and not in it; fetch it again later\n", term.Clean(s.ID),
			cli.Counted(left, "task has", "tasks have"))
	}
	return nil
}

// written says what went wrong with a file or folder.
func written(name string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return cli.Usage("%s: the disk is full, and nothing of it was kept; free some space, or name a place on another disk with -o", name)
	}
	if _, ours := errors.AsType[*os.PathError](err); ours {
		return cli.Usage("%s: %v", name, cli.BareFileError(err))
	}
	return err
}

// counting shows now and then how much was read.
type counting struct {
	r    io.Reader
	n    int64
	next time.Time
	show func(int64)
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); time.Now().After(c.next) {
		c.next = time.Now().Add(200 * time.Millisecond)
		c.show(c.n)
	}
	return n, err
}

// save writes an archive under a name of its own until all of it is there.
func save(in io.Reader, target string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".tacho-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = io.Copy(f, in)
	if err = errors.Join(err, f.Close()); err != nil {
		return broken(err)
	}
	return os.Rename(f.Name(), target)
}

// create makes a file below a folder.
func create(root *os.Root, name string) (io.WriteCloser, error) {
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// unpack writes what is in an archive into a folder beside the target, holds it against its manifest, and gives it the target's name.
// When anything is wrong, nothing is left.
func unpack(in io.Reader, target string, files int, create func(*os.Root, string) (io.WriteCloser, error)) (err error) {
	folder, err := os.MkdirTemp(filepath.Dir(target), ".tacho-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(folder)
		}
	}()
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	u := unpacking{root: root, create: create, may: sweep.Unpacking{Files: files}}
	if err := u.all(in); err != nil {
		return err
	}
	return os.Rename(folder, target)
}

type unpacking struct {
	root     *os.Root
	create   func(*os.Root, string) (io.WriteCloser, error)
	may      sweep.Unpacking
	got      []sweep.ManifestFile
	manifest *sweep.Manifest
}

func (u *unpacking) all(in io.Reader) error {
	compressed, err := gzip.NewReader(in)
	if err != nil {
		return broken(err)
	}
	for entries := tar.NewReader(compressed); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(err)
		}
		if err := u.one(h, entries); err != nil {
			return err
		}
	}
	if u.manifest == nil {
		return fault.Invalidf("archive: it has no %s; it was cut off, fetch it again", sweep.ManifestName)
	}
	return u.manifest.Compare(u.got)
}

// one unpacks an entry.
func (u *unpacking) one(h *tar.Header, body io.Reader) error {
	kind := sweep.EntryOther
	switch h.Typeflag {
	case tar.TypeReg:
		kind = sweep.EntryFile
	case tar.TypeDir:
		kind = sweep.EntryFolder
	}
	name, err := u.may.Take(h.Name, kind, h.Size)
	if err != nil || name == "" {
		return err
	}
	if kind == sweep.EntryFolder {
		return u.root.MkdirAll(filepath.FromSlash(name), 0o755)
	}
	if err := u.root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return err
	}
	f, err := u.create(u.root, filepath.FromSlash(name))
	if err != nil {
		return err
	}
	sum := sha256.New()
	text := &manifestText{}
	to := io.MultiWriter(f, sum)
	if name == sweep.ManifestName {
		to = io.MultiWriter(f, text)
	}
	n, err := io.Copy(to, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return broken(err)
	}
	if name != sweep.ManifestName {
		u.got = append(u.got, sweep.ManifestFile{Path: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
		return nil
	}
	u.manifest = &sweep.Manifest{}
	if err := json.Unmarshal(text.b, u.manifest); err != nil {
		return fault.Wrap(fault.Invalid, err, "archive: its %s is not one", sweep.ManifestName)
	}
	return nil
}

// manifestText keeps a manifest. Unpacking has bounded its size.
type manifestText struct{ b []byte }

func (m *manifestText) Write(p []byte) (int, error) {
	m.b = append(m.b, p...)
	return len(p), nil
}

// broken is the error for a file that ended too early or is no archive; errors of the disk stay as they are.
func broken(err error) error {
	if _, disk := errors.AsType[*os.PathError](err); disk || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "archive: it ended before it was whole, or is damaged (%v); fetch it again", err)
}
