// Package image makes an image ready to run: resolves its platform, pulls what is missing, checks digests, and unpacks the layers into a
// folder, within limits. Unpacked images are kept by digest and owner of root's files, and shared by jobs; nobody writes into them.
//
// Images come from a registry, an OCI layout folder or an archive that docker or podman saved. Packages that run things get a folder and a
// configuration; they know nothing of layers.
package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/publicnet"
)

// Store is a folder of unpacked images. It is safe for concurrent use within a process.
type Store struct {
	dir    string
	rootID uint32
	keep   int64
	now    func() time.Time
	net    *publicnet.Net

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by key
	inUse map[string]int
}

// KeepBytes is how much the store keeps of images that nobody uses.
const KeepBytes = 20 * limits.GiB

// Open opens or makes a store, and removes what a killed process left half unpacked. rootID owns what belongs to root in an image (see
// Place).
func Open(dir string, rootID uint32) (*Store, error) {
	for _, d := range []string{"images", "partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("open image store: %w", err)
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "partial"))
	if err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	for _, e := range left {
		if err := os.RemoveAll(filepath.Join(dir, "partial", e.Name())); err != nil {
			return nil, fmt.Errorf("clean image store: %w", err)
		}
	}
	return &Store{
		dir: dir, rootID: rootID, keep: KeepBytes, now: time.Now, net: publicnet.New(), locks: map[string]*sync.Mutex{}, inUse: map[string]int{},
	}, nil
}

// Source is where an image is.
type Source struct {
	Local      string // OCI layout folder or archive; excludes the rest
	Registry   string // host[:port] or URL
	Repository string
	Version    string // tag or digest
	Trusted    bool   // the registry may have any address: it is the runner's own server's, or an operator named it
	// Token returns a bearer token for the registry; nil: the user's Docker configuration, else anonymous.
	Token func(context.Context) (string, error)
}

// Params are how an image is prepared.
type Params struct {
	Source   Source
	MaxBytes int64 // of the unpacked image; 0: limits.ImageUnpackedBytes
	// Progress is told "pull" and "unpack" with a detail for people; it may be called often.
	Progress func(phase, detail string)
}

// Config is what the image says about running it.
type Config struct {
	Entrypoint, Cmd, Env []string
	WorkDir, User        string
}

// Image is an unpacked image in use. Release it when no sandbox needs its folder any more.
type Image struct {
	Digest string
	RootFS string // folder; read only
	Config Config
	key    string
	store  *Store
	once   sync.Once
}

// Release lets the store remove the image when it needs the space.
func (i *Image) Release() error {
	i.once.Do(func() {
		i.store.mu.Lock()
		i.store.inUse[i.key]--
		i.store.mu.Unlock()
	})
	return nil
}

// meta stands beside an unpacked image.
type meta struct {
	Config Config `json:"config"`
	Bytes  int64  `json:"bytes"`
}

// Prepare returns the image unpacked, from the store or newly pulled. Faults: Missing (no such image), Forbidden and Unauthorized (not for
// us), Invalid (not an image for this platform, malformed, hostile), TooLarge, Unavailable (registry away).
func (s *Store) Prepare(ctx context.Context, p Params) (*Image, error) {
	if p.Progress == nil {
		p.Progress = func(string, string) {}
	}
	p.Progress("pull", "looking up the image")
	img, err := s.find(ctx, p.Source)
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, explain(err, p.Source)
	}
	key := s.key(digest)
	unlock := s.lock(key)
	defer unlock()
	folder := filepath.Join(s.dir, "images", key)
	m, err := readMeta(folder)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeRoom(key); err != nil {
			return nil, err
		}
		m, err = s.unpack(ctx, img, folder, p)
	}
	if err != nil {
		return nil, err
	}
	if p.MaxBytes > 0 && m.Bytes > p.MaxBytes {
		return nil, fault.TooLargef("image: unpacked it has %d bytes, the job's disk %d", m.Bytes, p.MaxBytes)
	}
	now := s.now()
	_ = os.Chtimes(folder, now, now) // when it was used last; only the order of removal hangs on it
	s.mu.Lock()
	s.inUse[key]++
	s.mu.Unlock()
	return &Image{Digest: digest.String(), RootFS: filepath.Join(folder, "rootfs"), Config: m.Config, key: key, store: s}, nil
}

// key is the name of an unpacked image. A machine whose user namespaces begin elsewhere, or that has none any more, needs the files anew.
func (s *Store) key(digest v1.Hash) string {
	if s.rootID == 0 {
		return digest.Hex
	}
	return fmt.Sprintf("%s-%d", digest.Hex, s.rootID)
}

func (s *Store) lock(key string) (unlock func()) {
	s.mu.Lock()
	l := s.locks[key]
	if l == nil {
		l = &sync.Mutex{}
		s.locks[key] = l
	}
	s.mu.Unlock()
	l.Lock()
	return l.Unlock
}

func readMeta(folder string) (meta, error) {
	var m meta
	raw, err := os.ReadFile(filepath.Join(folder, "meta.json"))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(raw, &m)
}

// unpack writes all layers into a partial folder and renames it when it is whole.
func (s *Store) unpack(ctx context.Context, img v1.Image, folder string, p Params) (m meta, err error) {
	cfg, err := img.ConfigFile()
	if err != nil {
		return m, explain(err, p.Source)
	}
	if cfg.OS != "" && cfg.OS != "linux" || cfg.Architecture != "" && cfg.Architecture != runtime.GOARCH {
		return m, fault.Invalidf("image: it is made for %s/%s, this machine is linux/%s", cfg.OS, cfg.Architecture, runtime.GOARCH)
	}
	layers, err := img.Layers()
	if err != nil {
		return m, explain(err, p.Source)
	}
	if len(layers) > limits.ImageLayers {
		return m, fault.TooLargef("image: it has %d layers, the limit is %d", len(layers), limits.ImageLayers)
	}
	partial, err := os.MkdirTemp(filepath.Join(s.dir, "partial"), "image-")
	if err != nil {
		return m, fmt.Errorf("make folder for the image: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	if err := os.Mkdir(filepath.Join(partial, "rootfs"), 0o755); err != nil {
		return m, err
	}
	root, err := os.OpenRoot(filepath.Join(partial, "rootfs"))
	if err != nil {
		return m, err
	}
	defer root.Close()
	at := Place{Root: root, RootID: s.rootID}
	if s.rootID != 0 {
		if err := root.Lchown(".", at.owner(0), at.owner(0)); err != nil {
			return m, fmt.Errorf("give the image to the sandboxes' root: %w", err)
		}
	}
	budget := NewBudget(p.MaxBytes)
	whole := budget.Bytes
	for i, l := range layers {
		if p.Source.Local == "" {
			l = pulled{l}
		}
		p.Progress("unpack", fmt.Sprintf("layer %d of %d", i+1, len(layers)))
		if err := unpackLayer(ctx, at, l, budget); err != nil {
			return m, explain(err, p.Source)
		}
	}
	c := cfg.Config
	m = meta{Config: Config{Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, WorkDir: c.WorkingDir, User: c.User}, Bytes: whole - budget.Bytes}
	raw, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if err := os.WriteFile(filepath.Join(partial, "meta.json"), raw, 0o600); err != nil {
		return m, err
	}
	if err := os.Chmod(partial, 0o755); err != nil { // another user of the sandbox walks through it
		return m, err
	}
	return m, os.Rename(partial, folder)
}

func unpackLayer(ctx context.Context, at Place, l v1.Layer, budget *Budget) (err error) {
	size, err := l.Size()
	if err != nil {
		return err
	}
	if size < 0 { // it would be read without an end
		return fault.Invalidf("image: a layer has a size of %d bytes", size)
	}
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return Unpack(ctx, at, &cancelable{ctx, r}, budget, size)
}

type cancelable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// pulled is a layer of a registry. An error while it comes is the transfer's; any other one, after it came, is the layer's own.
type pulled struct{ v1.Layer }

func (p pulled) Uncompressed() (io.ReadCloser, error) {
	l, err := partial.CompressedToLayer(transferred(p))
	if err != nil {
		return nil, err
	}
	return l.Uncompressed()
}

type transferred struct{ v1.Layer }

func (t transferred) Compressed() (io.ReadCloser, error) {
	r, err := t.Layer.Compressed()
	return transfer{r}, err
}

type transfer struct{ io.ReadCloser }

func (t transfer) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	canceled := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if err == nil || err == io.EOF || isVerification(err) || canceled {
		return n, err
	}
	return n, fault.Wrap(fault.Unavailable, err, "image: the registry broke off while it sent a layer")
}

// isVerification reports whether what came is not what its digest says.
func isVerification(err error) bool { return strings.Contains(err.Error(), "error verifying") }

// makeRoom removes unpacked images that nobody uses, those used longest ago first, until no more than the store keeps is left.
func (s *Store) makeRoom(except string) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "images"))
	if err != nil {
		return err
	}
	type one struct {
		key   string
		bytes int64
		used  time.Time
	}
	var all []one
	var sum int64
	for _, e := range entries {
		folder := filepath.Join(s.dir, "images", e.Name())
		m, err := readMeta(folder)
		info, err2 := os.Stat(folder)
		if err != nil || err2 != nil {
			continue
		}
		all, sum = append(all, one{e.Name(), m.Bytes, info.ModTime()}), sum+m.Bytes
	}
	slices.SortFunc(all, func(a, b one) int { return a.used.Compare(b.used) })
	for _, o := range all {
		if sum <= s.keep {
			return nil
		}
		s.mu.Lock()
		used := s.inUse[o.key] > 0
		s.mu.Unlock()
		if used || o.key == except {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, "images", o.key)); err != nil {
			return fmt.Errorf("remove an old image: %w", err)
		}
		sum -= o.bytes
	}
	return nil
}

// find opens the image for this platform.
func (s *Store) find(ctx context.Context, src Source) (v1.Image, error) {
	if src.Local != "" {
		return local(src.Local)
	}
	host, plain := registryHost(src.Registry)
	var opts []name.Option
	if plain {
		opts = append(opts, name.Insecure)
	}
	separator := ":"
	if strings.Contains(src.Version, ":") {
		separator = "@"
	}
	ref, err := name.ParseReference(host+"/"+src.Repository+separator+src.Version, opts...)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "image %s/%s%s%s: the name is not understood", host, src.Repository, separator, src.Version)
	}
	auth := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if src.Token != nil {
		token, err := src.Token(ctx)
		if err != nil {
			return nil, err
		}
		auth = remote.WithAuth(&authn.Bearer{Token: token})
	}
	var trusted []string
	if src.Trusted {
		trusted = append(trusted, ref.Context().RegistryStr())
	}
	desc, err := remote.Get(ref, remote.WithContext(ctx), auth, remote.WithTransport(bounded{s.net.Transport(trusted...)}),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return nil, explain(err, src)
	}
	img, err := fromDescriptor(desc)
	if err == nil {
		err = checkConfig(img)
	}
	if err != nil {
		return nil, explain(err, src)
	}
	return img, nil
}

func fromDescriptor(desc *remote.Descriptor) (v1.Image, error) {
	if desc.MediaType.IsIndex() {
		index, err := desc.ImageIndex()
		if err != nil {
			return nil, err
		}
		return fromIndex(index, limits.ImageIndexDepth)
	}
	return desc.Image()
}

// fromIndex takes the image for this platform out of an index or of those in it, at most depth deep; a missing one is refused with the
// list of what there is.
func fromIndex(index v1.ImageIndex, depth int) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "image: the index could not be read")
	}
	var have []string
	for _, m := range manifest.Manifests {
		switch {
		case m.MediaType.IsIndex() && depth == 1:
			return nil, fault.Invalidf("image: its indexes lie more than %d deep in each other", limits.ImageIndexDepth)
		case m.MediaType.IsIndex():
			nested, err := index.ImageIndex(m.Digest)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "image: the index could not be read")
			}
			return fromIndex(nested, depth-1)
		case m.Platform == nil && len(manifest.Manifests) == 1, m.Platform != nil && m.Platform.OS == "linux" && m.Platform.Architecture == runtime.GOARCH:
			return index.Image(m.Digest)
		case m.Platform != nil && m.Platform.OS != "unknown":
			have = append(have, m.Platform.OS+"/"+m.Platform.Architecture)
		}
	}
	return nil, fault.Invalidf("image: not available for linux/%s, only for %s", runtime.GOARCH, strings.Join(have, ", "))
}

// local opens an OCI layout folder, or an archive of docker save.
func local(file string) (v1.Image, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fault.Invalidf("image %s: %v", file, err)
	}
	if info.IsDir() {
		index, err := layout.ImageIndexFromPath(file)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "image %s: it is not an OCI layout: %v", file, err)
		}
		return fromIndex(index, limits.ImageIndexDepth)
	}
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "image %s: it is not an image archive (docker save, podman save): %v", file, err)
	}
	return img, nil
}

// registryHost splits the scheme off; plain HTTP is for loopback and where the address says http.
func registryHost(address string) (host string, plain bool) {
	if rest, ok := strings.CutPrefix(address, "http://"); ok {
		return strings.TrimSuffix(rest, "/"), true
	}
	host = strings.TrimSuffix(strings.TrimPrefix(address, "https://"), "/")
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip, err := netip.ParseAddr(name)
	return host, !strings.HasPrefix(address, "https://") && (name == "localhost" || err == nil && ip.IsLoopback())
}

// explain turns an error of the registry or of a layer into a fault. All ways in which a registry cannot be talked to sound the same:
// whoever names one must not learn from us what listens where.
func explain(err error, src Source) error {
	what := src.Local
	if what == "" {
		what = src.Repository
	}
	const away = "image %s: the registry could not be reached"
	if broken, ok := errors.AsType[*brokenError](err); ok && !errors.Is(broken, context.Canceled) {
		return fault.Wrap(fault.Unavailable, err, away, what) // also where the unpacking calls what came malformed
	}
	_, cut := errors.AsType[net.Error](err)
	if cut && src.Local == "" { // also where an index could not be read for it
		return fault.Wrap(fault.Unavailable, err, away, what)
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		kind := fault.FromStatus(answer.StatusCode)
		if kind == fault.Internal {
			kind = fault.Unavailable
		}
		return fault.Wrap(kind, err, "image %s: the registry answered %d %s", what, answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if isVerification(err) {
		return fault.Wrap(fault.Invalid, err, "image %s: what came is not what its digest says", what)
	}
	_, broken := errors.AsType[*json.SyntaxError](err)
	_, strange := errors.AsType[*json.UnmarshalTypeError](err)
	if broken || strange {
		return fault.Wrap(fault.Invalid, err, "image %s: its manifest or configuration is not readable: %v", what, err)
	}
	return fmt.Errorf("image %s: %w", what, err)
}

// Command returns what to run, with Docker's rules: the job's entrypoint replaces the image's and drops its cmd; the job's cmd replaces the
// image's cmd. An empty command is an Invalid fault.
func Command(c Config, entrypoint, cmd []string) ([]string, error) {
	argv := entrypoint
	if len(argv) == 0 {
		argv = c.Entrypoint
		if len(cmd) == 0 {
			cmd = c.Cmd
		}
	}
	argv = append(slices.Clone(argv), cmd...)
	if len(argv) == 0 || argv[0] == "" {
		return nil, fault.Invalidf("image: the image has no default command and the job sets none; add --entrypoint or --cmd")
	}
	return argv, nil
}
