package httpapi

import (
	"context"
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/explore"
)

// compareInput: branch:, commit: and report: before a side force one reading of it (package revision).
type compareInput struct {
	ProjectPath
	Base    string  `query:"base" maxLength:"400" doc:"as head; a branch is its history; absent: where the head's branch began"`
	Head    string  `query:"head" maxLength:"400" required:"true" doc:"branch, commit, main@42, main@latest~3, @latest or report"`
	Testbed string  `query:"testbed" maxLength:"400" doc:"UUID, slug or name; absent: that of the head's newest report"`
	Measure string  `query:"measure" maxLength:"65536" doc:"comma-separated UUIDs, slugs or names; absent: all"`
	Effect  float64 `query:"effect" minimum:"0" maximum:"0.99" doc:"largest change that still counts as the same, as a part; absent: 0.02"`
	Samples bool    `query:"samples" doc:"each row with up to 64 values of each side"`
}

func (a *API) registerCompare() {
	register(a, operation{http.MethodGet, "/v0/projects/{project}/compare", "compare",
		"What is known of the difference between two branches, commits or reports, and how small a one could have been seen",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *compareInput) (*bodyOutput[api.Comparison], error) {
			return body(a.cfg.Explore.Compare(ctx, actorOf(ctx), in.Project, explore.CompareQuery{Base: in.Base, Head: in.Head,
				Testbed: in.Testbed, Measures: commas(in.Measure), Effect: in.Effect, Samples: in.Samples}))
		})
}
