package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/imagepack"
	"github.com/tachograph/tacho/suites"
)

// recipe is an image that is built before a sweep can run.
type recipe struct {
	suite.Recipe
	name string // NAME:TAG, in the project
}

// recipesOf names the images of workloads that have a recipe, and returns these. The tag is a hash of the recipe's arguments: another
// version of what is measured is another image, and the same is pushed once.
func recipesOf(in *api.NewSweep, p sweep.Plan) (out []recipe) {
	for i, w := range p.Workloads {
		if w.Recipe == nil {
			continue
		}
		text, _ := json.Marshal(w.Recipe) // of texts; a map's keys come in order
		sum := sha256.Sum256(text)
		r := recipe{*w.Recipe, p.Suite + ":" + hex.EncodeToString(sum[:6])}
		if strings.ContainsAny(p.Suite, `/\.`) { // a path
			r.name = strings.ToLower(filepath.Base(strings.TrimSuffix(filepath.Clean(p.Suite), "/suite.yaml"))) + ":" + hex.EncodeToString(sum[:6])
		}
		in.Workloads[i].Image = r.name
		if !slices.ContainsFunc(out, func(o recipe) bool { return o.name == r.name }) {
			out = append(out, r)
		}
	}
	return out
}

// aboutImage reports whether the server refused a sweep for an image that it does not have.
func aboutImage(err error, in api.NewSweep) bool {
	if !fault.Is(err, fault.Missing) && !fault.Is(err, fault.Invalid) {
		return false
	}
	return slices.ContainsFunc(in.Workloads, func(w api.SweepWorkload) bool { return strings.Contains(err.Error(), w.Image) }) ||
		strings.Contains(err.Error(), "image") || strings.Contains(err.Error(), "project")
}

// howToBuild says how the images come to the server.
func howToBuild(srv *cli.Session, project, suiteName string, recipes []recipe, err error) error {
	var b strings.Builder
	text, _ := cli.Sentence(err)
	fmt.Fprintf(&b, "%s. An image of suite %s is built by its recipe and pushed first; --build does it where podman or docker is", text,
		suiteName)
	for _, r := range recipes {
		at := registryOf(srv) + "/" + project + "/" + r.name
		fmt.Fprintf(&b, "; by hand: podman build -t %s -f %s", at, r.Containerfile)
		for _, key := range slices.Sorted(maps.Keys(r.Args)) {
			fmt.Fprintf(&b, " --build-arg %s=%s", key, r.Args[key])
		}
		fmt.Fprintf(&b, " FOLDER && podman push %s ('tacho suite show %s --write FOLDER' makes the folder of one that is built in)", at,
			suiteName)
	}
	return errors.New(b.String())
}

func registryOf(srv *cli.Session) string {
	u, err := url.Parse(srv.Reached())
	if err != nil {
		return srv.Reached()
	}
	return u.Host
}

// buildAll builds the images with podman or docker and pushes them. The key goes to the registry from this process alone.
func buildAll(ctx context.Context, env *cli.Env, f *runFlags, c sweep.Config, srv *cli.Session, project string, recipes []recipe) error {
	if len(recipes) == 0 {
		return nil
	}
	engine := ""
	for _, name := range []string{"podman", "docker"} {
		if _, err := exec.LookPath(name); err == nil {
			engine = name
			break
		}
	}
	if engine == "" {
		return cli.Usage("--build: neither podman nor docker is on PATH")
	}
	if srv.IsLocal() {
		return cli.Usage("--build pushes to a server, and none is named; start 'tacho server', log in, and push there")
	}
	key, err := f.conn.Key(env, srv.Base())
	if err != nil {
		return err
	}
	folder, clean, err := recipeFolder(env, f, c)
	if err != nil {
		return err
	}
	defer clean()
	scratch, err := os.MkdirTemp("", "tacho-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	u, err := url.Parse(srv.Base())
	if err != nil {
		return err
	}
	for i, r := range recipes {
		local := "localhost/tacho-build/" + r.name
		args := []string{"build", "-t", local, "-f", filepath.Join(folder, filepath.FromSlash(r.Containerfile))}
		for _, key := range slices.Sorted(maps.Keys(r.Args)) {
			args = append(args, "--build-arg", key+"="+r.Args[key])
		}
		archive := filepath.Join(scratch, fmt.Sprintf("%d.tar", i))
		for _, words := range [][]string{append(args, folder), {"save", "-o", archive, local}} {
			cmd := exec.CommandContext(ctx, engine, words...)
			cmd.Stdout, cmd.Stderr, cmd.Env = env.Stderr, env.Stderr, withoutKeys(env.Environ())
			if err := cmd.Run(); err != nil {
				return cli.Fail(fault.ExitUsage, "--build: %s %s: %v", engine, words[0], err)
			}
		}
		img, err := imagepack.Archive(archive)
		if err != nil {
			return err
		}
		name, tag, _ := strings.Cut(r.name, ":")
		digest, err := imagepack.Push(ctx, img, imagepack.Target{Registry: u.Host, Repository: project + "/" + name, Tag: tag,
			PlainHTTP: u.Scheme == "http", Key: key})
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "tacho: pushed %s/%s (%s)\n", project, r.name, digest)
	}
	return nil
}

// recipeFolder is the folder of a suite's recipe; of one that is built in, a copy.
func recipeFolder(env *cli.Env, f *runFlags, c sweep.Config) (folder string, clean func(), err error) {
	s, err := f.suiteOf(env, c)
	if err != nil {
		return "", nil, err
	}
	if s.source != "built in" {
		return env.Path(filepath.Dir(s.source)), func() {}, nil
	}
	files, err := suites.Recipe(c.Suite)
	if err != nil {
		return "", nil, err
	}
	if folder, err = os.MkdirTemp("", "tacho-recipe-"); err != nil {
		return "", nil, err
	}
	if err := os.CopyFS(folder, files); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	return folder, func() { _ = os.RemoveAll(folder) }, nil
}
