package here

import (
	"context"
	"maps"
	"path/filepath"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/gitctx"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/series"
)

// Folder is the name that a project gets from its folder, as a context's entry, where there is no repository.
func Folder(env *cli.Env, found gitctx.Context) map[string]string {
	if name := filepath.Base(env.WorkDir()); found.Repository == "" && name != "." && name != string(filepath.Separator) {
		return map[string]string{"bencher.dev/v0/repo/name": name}
	}
	return nil
}

// Project is the project that 'tacho run' would submit to from here: what is named by a flag or $TACHO_PROJECT, else the repository's or
// the folder's. The store of this machine is asked, because it knows a repository by more than its name.
func Project(ctx context.Context, env *cli.Env, srv *cli.Session, named string) (ref string, err error) {
	if named = env.Setting(named, "PROJECT"); named != "" {
		return named, nil
	}
	source := Source(ctx, env)
	found := gitctx.Detect(source)
	in := api.NewRun{Branch: "main", Context: found.Map()}
	maps.Copy(in.Context, Folder(env, found))
	if !srv.IsLocal() {
		ref, _, err := series.Project("", "", in.Context)
		if err != nil {
			return "", cli.Usage("%s", fault.Message(err))
		}
		return ref, nil
	}
	maps.Copy(in.Context, found.Identity(source))
	check, known, err := srv.CheckRun(ctx, in)
	if err == nil && (!known || check.NewProject) {
		err = cli.Usage("the store of this machine has no project of this folder yet; 'tacho run' makes one, and --project names another")
	}
	return check.Project, err
}
