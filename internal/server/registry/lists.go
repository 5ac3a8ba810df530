package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/image"
	"github.com/tachograph/tacho/internal/server/store"
)

// listTags answers end-8: tags in order, n of them after last, with a link to the rest.
func (g *Registry) listTags(w http.ResponseWriter, r *http.Request, p place, _ string) error {
	q := r.URL.Query()
	n := limits.RegistryTagsMax
	if text := q.Get("n"); text != "" {
		asked, err := strconv.Atoi(text)
		if err != nil || asked < 0 {
			return about(aboutTags, fault.Invalidf("n %.20q: want a number of tags", text))
		}
		n = min(asked, limits.RegistryTagsMax)
	}
	tags := []string{}
	more := false
	err := g.store.View(r.Context(), func(tx *store.Tx) error {
		has, err := image.HasRepository(r.Context(), tx, p.projectID, p.name.Image)
		if err != nil {
			return err
		}
		if !has {
			return about(aboutName, fault.Missingf("repository %s does not exist", p.name))
		}
		if n == 0 {
			return nil
		}
		found, err := image.Tags(r.Context(), tx, p.projectID, p.name.Image, q.Get("last"), n+1)
		if more = len(found) > n; more {
			found = found[:n]
		}
		tags = append(tags, found...)
		return err
	})
	if err != nil {
		return err
	}
	if more {
		next := url.Values{"n": {strconv.Itoa(n)}, "last": {tags[len(tags)-1]}}
		w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?%s>; rel="next"`, p.name, next.Encode()))
	}
	writeJSON(w, http.StatusOK, "application/json", map[string]any{"name": p.name.String(), "tags": tags})
	return nil
}

// listReferrers answers end-12: an index of the manifests about a digest; empty when there is none, also for an unknown digest.
func (g *Registry) listReferrers(w http.ResponseWriter, r *http.Request, p place, reference string) error {
	subject, err := parseDigest(reference)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	params := image.ReferrersParams{
		ProjectID: p.projectID, Repository: p.name.Image, Subject: string(subject), ArtifactType: q.Get("artifactType"), Last: q.Get("last"),
		Limit: limits.RegistryReferrersPage + 1,
	}
	var rows []image.Manifest
	if err := g.store.View(r.Context(), func(tx *store.Tx) error {
		var err error
		rows, err = image.Referrers(r.Context(), tx, params)
		return err
	}); err != nil {
		return err
	}
	if len(rows) > limits.RegistryReferrersPage {
		rows = rows[:limits.RegistryReferrersPage]
		next := url.Values{"last": {rows[len(rows)-1].Digest}}
		if params.ArtifactType != "" {
			next.Set("artifactType", params.ArtifactType)
		}
		w.Header().Set("Link", fmt.Sprintf(`</v2/%s/referrers/%s?%s>; rel="next"`, p.name, subject, next.Encode()))
	}
	list := []descriptor{}
	for _, m := range rows {
		d := descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size, ArtifactType: m.ArtifactType}
		if m.Annotations != "" {
			if err := json.Unmarshal([]byte(m.Annotations), &d.Annotations); err != nil {
				return err
			}
		}
		list = append(list, d)
	}
	if params.ArtifactType != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	writeJSON(w, http.StatusOK, ociIndex, map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": list})
	return nil
}
