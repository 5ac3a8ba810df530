// Package imagepack makes an OCI image out of a few files, without a Dockerfile, a base image or a container engine, and pushes it.
//
// It is for benchmarks that are one static binary and its data: the files become one layer on nothing ("FROM scratch"). The same files give
// the same digest, because all times are zero and entries are sorted. Anything more is the work of a real image builder. The CLI
// (tacho image push) calls it.
package imagepack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tachograph/tacho/internal/core/fault"
)

// File is a file or folder of this machine and where it goes in the image.
type File struct {
	Source string
	Target string // absolute path with forward slashes
}

// ParseFile reads "SOURCE" or "SOURCE:TARGET"; without a target the file goes to /<base name>.
func ParseFile(s string) (File, error) {
	source, target, ok := strings.Cut(s, ":")
	if !ok {
		target = "/" + filepath.Base(source)
	}
	if source == "" || !path.IsAbs(target) || path.Clean(target) == "/" && !ok {
		return File{}, fault.Invalidf("%q: want SOURCE or SOURCE:/TARGET", s)
	}
	return File{Source: source, Target: path.Clean(target)}, nil
}

// Spec is what to build.
type Spec struct {
	Files        []File
	Entrypoint   []string
	Cmd          []string
	Env          []string // K=V
	WorkDir      string
	User         string
	Architecture string // OCI spelling: "amd64", "arm64"
}

// Build makes the image in memory-mapped order: files are read when it is pushed or written, so they must stay as they are until then.
func Build(spec Spec) (v1.Image, error) {
	entries, err := list(spec.Files)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeTar(w, entries)) }()
		return r, nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("pack files: %w", err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, fmt.Errorf("pack files: %w", err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("pack files: %w", err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", spec.Architecture
	cfg.Config = v1.Config{Entrypoint: spec.Entrypoint, Cmd: spec.Cmd, Env: spec.Env, WorkingDir: spec.WorkDir, User: spec.User}
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		return nil, fmt.Errorf("pack files: %w", err)
	}
	return img, nil
}

type entry struct {
	source string
	target string // without the leading slash
	mode   fs.FileMode
	size   int64
	link   string
}

// list walks the sources and returns what goes into the layer, parents first, sorted.
func list(files []File) ([]entry, error) {
	if len(files) == 0 {
		return nil, fault.Invalidf("an image needs at least one file")
	}
	byTarget := map[string]entry{}
	add := func(e entry) {
		for dir := path.Dir(e.target); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if _, ok := byTarget[dir]; !ok {
				byTarget[dir] = entry{target: dir, mode: fs.ModeDir | 0o755}
			}
		}
		byTarget[e.target] = e
	}
	for _, f := range files {
		err := filepath.WalkDir(f.Source, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(f.Source, p)
			if err != nil {
				return err
			}
			info, err := os.Lstat(p)
			if p == f.Source {
				info, err = os.Stat(p)
			}
			if err != nil {
				return err
			}
			e := entry{source: p, target: strings.TrimPrefix(path.Join(f.Target, filepath.ToSlash(rel)), "/"), mode: info.Mode(), size: info.Size()}
			switch {
			case e.target == "":
				return nil
			case info.Mode()&fs.ModeSymlink != 0:
				if e.link, err = os.Readlink(p); err != nil {
					return err
				}
			case !info.Mode().IsRegular() && !info.IsDir():
				return fault.Invalidf("%s: only files, folders and symbolic links can go into an image", p)
			}
			add(e)
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Invalidf("%s does not exist", f.Source)
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([]entry, 0, len(byTarget))
	for _, e := range byTarget {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.target, b.target) })
	return out, nil
}

func writeTar(w io.Writer, entries []entry) error {
	tw := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{Name: e.target, Mode: int64(e.mode.Perm()), Format: tar.FormatPAX}
		switch {
		case e.mode.IsDir():
			h.Typeflag, h.Name = tar.TypeDir, e.target+"/"
		case e.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		default:
			h.Typeflag, h.Size = tar.TypeReg, e.size
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := copyFile(tw, e); err != nil {
			return err
		}
	}
	return tw.Close()
}

func copyFile(w io.Writer, e entry) error {
	f, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("%s changed while it was packed: %w", e.source, err)
	}
	return nil
}

// Target is where an image is pushed.
type Target struct {
	Registry   string // "host:port"
	Repository string
	Tag        string
	PlainHTTP  bool
	Key        string // sent as the password; empty: anonymous
}

// Push uploads what the registry does not have yet and returns the digest.
func Push(ctx context.Context, img v1.Image, to Target) (string, error) {
	var opts []name.Option
	if to.PlainHTTP {
		if !isLoopback(to.Registry) && to.Key != "" {
			return "", fault.Invalidf("%s: a key is not sent over plain HTTP to another machine; use https", to.Registry)
		}
		opts = append(opts, name.Insecure)
	}
	ref, err := name.NewTag(to.Registry+"/"+to.Repository+":"+to.Tag, opts...)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "image %s/%s:%s: the name is not understood", to.Registry, to.Repository, to.Tag)
	}
	auth := authn.Anonymous
	if to.Key != "" {
		auth = &authn.Basic{Username: "tacho", Password: to.Key}
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx), remote.WithAuth(auth)); err != nil {
		if answer, ok := errors.AsType[*transport.Error](err); ok {
			kind := fault.FromStatus(answer.StatusCode)
			if kind == fault.Internal {
				kind = fault.Unavailable
			}
			return "", fault.Wrap(kind, err, "push %s: the registry answered %d %s", ref, answer.StatusCode, http.StatusText(answer.StatusCode))
		}
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	return digest.String(), nil
}

// WriteLayout writes the image as an OCI layout folder and returns the digest.
func WriteLayout(img v1.Image, folder string) (string, error) {
	p, err := layout.Write(folder, empty.Index)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", folder, err)
	}
	if err := p.AppendImage(img); err != nil {
		return "", fmt.Errorf("write %s: %w", folder, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	return digest.String(), nil
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Size returns the bytes of the image's layers, for progress.
func Size(img v1.Image) (int64, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Archive is the image of a file that 'podman save' or 'docker save' wrote.
func Archive(file string) (v1.Image, error) {
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, fmt.Errorf("read image archive %s: %w", file, err)
	}
	return img, nil
}
