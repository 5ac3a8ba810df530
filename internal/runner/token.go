package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// pullToken keeps the pull token of one job fresh: a long pull outlives the token that came with the claim. Safe for concurrent use.
type pullToken struct {
	*endpoint
	job   string
	epoch int64
	now   func() time.Time

	mu      sync.Mutex // guards token and expires, and makes one refresh serve all
	token   Secret
	expires time.Time
}

func newPullToken(e *endpoint, job *api.ClaimedJob, now func() time.Time) *pullToken {
	return &pullToken{
		endpoint: e, job: job.UUID, epoch: job.Epoch, now: now,
		token: Secret(job.OCIToken), expires: now().Add(time.Duration(job.TokenTTL) * time.Second),
	}
}

// get returns a token with at least limits.TokenRefreshMargin to live, as far as the server gives such.
func (t *pullToken) get(ctx context.Context) (Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && t.now().Add(limits.TokenRefreshMargin).Before(t.expires) {
		return t.token, nil
	}
	at := t.at("jobs", t.job, "token")
	at.RawQuery = "epoch=" + strconv.FormatInt(t.epoch, 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	t.authorize(req.Header)
	resp, err := t.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("refresh pull token: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("refresh pull token: %w", refused(resp))
	}
	var fresh api.PullToken
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, limits.ErrorBodyBytes)).Decode(&fresh); err != nil {
		return "", fmt.Errorf("refresh pull token: %w", err)
	}
	t.token, t.expires = Secret(fresh.Token), t.now().Add(time.Duration(fresh.TTL)*time.Second)
	return t.token, nil
}
