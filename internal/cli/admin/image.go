package admin

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/show"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/imagepack"
)

type imageFlags struct {
	conn                          cli.Connection
	entrypoint, command, env      []string
	workDir, user, arch, asLayout string
	asJSON                        bool
}

// Images is `tacho image`: images of a static binary without a container engine.
func Images(env *cli.Env) *cobra.Command {
	return cli.Family("image", "Make benchmark images and push them", newImagePush(env))
}

func newImagePush(env *cli.Env) *cobra.Command {
	var f imageFlags
	cmd := cli.Leaf("push PROJECT/NAME[:TAG] FILE[:/TARGET]...", "Pack files into an image and push it to the server's registry",
		cli.ExitsCall, func(cmd *cobra.Command, args []string) error { return pushImage(cmd, env, f, args) })
	cmd.Args = cobra.MinimumNArgs(2)
	cmd.Long = `Pack files and folders of this machine into an image on nothing ("FROM scratch") and push it to the server's registry.

For a benchmark that is one static binary this replaces Dockerfile, engine and push. The same files give the same digest. A file goes to
/NAME unless a target is given. Images that need more are built with any tool and pushed with any registry client.`
	cmd.Example = "  CGO_ENABLED=0 go test -c -o bench ./mypkg\n  tacho image push app/bench:v1 bench --entrypoint /bench\n  tacho image " +
		"push app/bench:v1 bench data:/data --entrypoint /bench --layout ./image"
	f.conn.Flags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.entrypoint, "entrypoint", nil, "command of the image, one word each (repeatable)")
	flags.StringArrayVar(&f.command, "cmd", nil, "default arguments, one word each (repeatable)")
	flags.StringArrayVar(&f.env, "env", nil, "environment K=V (repeatable)")
	flags.StringVar(&f.workDir, "workdir", "", "working directory in the image")
	flags.StringVar(&f.user, "user", "", "user in the image: number or number:number")
	flags.StringVar(&f.arch, "arch", runtime.GOARCH, "architecture: amd64 or arm64")
	flags.StringVar(&f.asLayout, "layout", "", "write an OCI layout into this folder and push nothing")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func pushImage(cmd *cobra.Command, env *cli.Env, f imageFlags, args []string) error {
	ref, err := imageref.Parse(args[0])
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	if ref.Digest != "" {
		return cli.Usage("%s: give a tag to push to, not a digest", args[0])
	}
	spec := imagepack.Spec{Entrypoint: f.entrypoint, Cmd: f.command, Env: f.env, WorkDir: f.workDir, User: f.user, Architecture: f.arch}
	for _, arg := range args[1:] {
		file, err := imagepack.ParseFile(arg)
		if err != nil {
			return cli.ExitWith(fault.ExitUsage, err)
		}
		file.Source = env.Path(file.Source)
		spec.Files = append(spec.Files, file)
	}
	img, err := imagepack.Build(spec)
	if err != nil {
		return cli.ExitWith(fault.ExitUsage, err)
	}
	if f.asLayout != "" {
		digest, err := imagepack.WriteLayout(img, env.Path(f.asLayout))
		if err != nil {
			return err
		}
		return sayImage(env, f, args[0], digest)
	}
	target, err := imageTarget(env, f, ref)
	if err != nil {
		return err
	}
	if size, err := imagepack.Size(img); err == nil {
		fmt.Fprintf(env.Stderr, "pushing %s (%.1f MB) to %s\n", ref, float64(size)/1e6, target.Registry)
	}
	sayIfMade := f.beforePush(cmd.Context(), env, ref)
	digest, err := imagepack.Push(cmd.Context(), img, target)
	if err != nil {
		return err
	}
	sayIfMade()
	return sayImage(env, f, args[0], digest)
}

// beforePush looks whether the image's project is there. The function that it returns says, after the push, who can read one that the push
// made.
func (f *imageFlags) beforePush(ctx context.Context, env *cli.Env, ref imageref.Reference) func() {
	quiet := func() {}
	if ref.Registry != "" { // somebody else's, or nobody asked our API
		return quiet
	}
	srv, err := f.conn.Open(ctx, env)
	if err != nil {
		return quiet // the push will say it
	}
	name, _, _ := strings.Cut(ref.Path, "/")
	if _, err := srv.Project(ctx, name); !fault.Is(err, fault.Missing) {
		return quiet
	}
	return func() {
		if p, err := srv.Project(ctx, name); err == nil {
			show.Visibility(env, srv, p)
		}
	}
}

// imageTarget is the registry of --host, or the one that the name itself has.
func imageTarget(env *cli.Env, f imageFlags, ref imageref.Reference) (imagepack.Target, error) {
	host, err := f.conn.Address(env)
	if err != nil {
		return imagepack.Target{}, err
	}
	key, err := f.conn.Key(env, host)
	if err != nil {
		return imagepack.Target{}, err
	}
	target := imagepack.Target{Repository: ref.Path, Tag: ref.Tag, Key: key}
	if ref.Registry != "" {
		target.Registry = ref.Registry
		if u, err := url.Parse(host); err != nil || !strings.EqualFold(u.Host, ref.Registry) {
			target.Key = "" // the key is the server's, nobody else's
		} else {
			target.PlainHTTP = u.Scheme == "http"
		}
		return target, nil
	}
	u, err := url.Parse(host)
	if host == "" || err != nil || u.Host == "" {
		return target, cli.Usage("--host is missing: the server whose registry gets the image, as in https://bench.example.org; 'tacho login' " +
			"keeps it")
	}
	target.Registry, target.PlainHTTP = u.Host, u.Scheme == "http"
	return target, nil
}

func sayImage(env *cli.Env, f imageFlags, name, digest string) error {
	if f.asJSON {
		return cli.PrintJSON(env.Stdout, map[string]string{"image": name, "digest": digest})
	}
	_, err := fmt.Fprintln(env.Stdout, digest)
	return err
}
