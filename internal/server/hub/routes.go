package hub

import (
	"net/http"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/server/request"
)

// Routes are the hub's routes. They stand inside the API's middleware, which has authenticated.
func (h *Hub) Routes() []request.Route {
	const runner = "/v0/runners/{runner}"
	epoch := request.Query{Name: "epoch", About: "the number of the claim"}
	mustEpoch := epoch
	mustEpoch.Required = true
	return []request.Route{
		{
			Method: http.MethodGet, Path: runner + "/channel", ID: "open-runner-channel",
			Summary: "A runner's WebSocket: work, heartbeats, output and results",
			Action:  access.ServeJobs, Handle: h.channel,
			Answers: []request.Answered{{Status: http.StatusSwitchingProtocols, Body: api.Message{},
				About: "Each text frame, in either direction, is one message of this shape"}},
		},
		{
			Method: http.MethodPost, Path: runner + "/jobs", ID: "claim-job", Summary: "Wait for a job and claim it",
			Action: access.ServeJobs, Body: api.ClaimJob{}, Handle: h.claim,
			Answers: []request.Answered{
				{Status: http.StatusOK, Body: api.ClaimedJob{}, About: "The job, which is this runner's while its lease lives"},
				{Status: http.StatusNoContent, About: "There was none within poll_timeout; ask again"},
			},
		},
		{
			Method: http.MethodPost, Path: runner + "/jobs/{job}/events", ID: "tell-about-job",
			Summary: "One message of the channel about a claimed job, for runners without a WebSocket",
			Action:  access.ServeJobs, Body: api.Message{}, Handle: h.event,
			Answers: []request.Answered{{Status: http.StatusOK, Body: api.Message{}, About: "The server's reply: ack, cancel, abandon or error"}},
		},
		{
			Method: http.MethodPut, Path: runner + "/jobs/{job}/outputs", ID: "put-job-output", Summary: "One output of a claimed job, streamed",
			Action: access.ServeJobs, BodyType: "application/octet-stream", Handle: h.upload,
			Query: []request.Query{
				mustEpoch, {Name: "iteration", About: "from 0", Required: true}, {Name: "kind", About: "stdout, stderr or file", Required: true},
				{Name: "path", About: "of a file in the sandbox"}, {Name: "truncated", About: "true: what the job wrote was longer"},
			},
			Answers: []request.Answered{{Status: http.StatusNoContent, About: "It is stored"}},
		},
		{
			Method: http.MethodPost, Path: runner + "/jobs/{job}/token", ID: "renew-pull-token",
			Summary: "A new token to pull the image of a claimed job",
			Action:  access.ServeJobs, Query: []request.Query{epoch}, Handle: h.token,
			Answers: []request.Answered{{Status: http.StatusOK, Body: api.PullToken{}, About: "It works while the lease lives"}},
		},
	}
}
