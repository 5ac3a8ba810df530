package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/tachograph/tacho/api"
)

// SweepFilter narrows a list of sweeps. Empty fields do not.
type SweepFilter struct{ State, Search string }

// Sweeps returns a page of the project's sweeps, newest first.
func (c *Client) Sweeps(ctx context.Context, project string, f SweepFilter, p Page) ([]api.Sweep, int, error) {
	return list[api.Sweep](ctx, c, at("projects", project, "sweeps"), narrowed(p, "state", f.State, "search", f.Search))
}

// narrowed is a page's query with those of the pairs of name and value that have a value.
func narrowed(p Page, pairs ...string) url.Values {
	q := p.query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// CreateSweep starts a sweep. The same id with the same request is answered with the sweep that is there.
func (c *Client) CreateSweep(ctx context.Context, project string, in api.NewSweep) (api.Sweep, error) {
	return send[api.Sweep](ctx, c, call{method: http.MethodPost, path: at("projects", project, "sweeps"), body: in})
}

// Sweep returns one sweep, by UUID or by the client's own id.
func (c *Client) Sweep(ctx context.Context, project, sweep string) (api.Sweep, error) {
	return get[api.Sweep](ctx, c, at("projects", project, "sweeps", sweep), nil)
}

// UpdateSweep stops a sweep, or raises its budget.
func (c *Client) UpdateSweep(ctx context.Context, project, sweep string, in api.UpdateSweep) (api.Sweep, error) {
	return send[api.Sweep](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "sweeps", sweep), body: in})
}

// SweepPools returns the pools of a sweep with their slots.
func (c *Client) SweepPools(ctx context.Context, project, sweep string) ([]api.SweepPool, error) {
	return get[[]api.SweepPool](ctx, c, at("projects", project, "sweeps", sweep, "pools"), nil)
}

// SweepMachines returns a page of the machines of a sweep, only those in a state unless that is empty.
func (c *Client) SweepMachines(ctx context.Context, project, sweep, state string, p Page) ([]api.SweepMachine, int, error) {
	return list[api.SweepMachine](ctx, c, at("projects", project, "sweeps", sweep, "machines"), narrowed(p, "state", state))
}

// SweepTaskFilter narrows a list of tasks. Empty fields do not.
type SweepTaskFilter struct{ Pool, Slot, Workload, Status string }

// SweepTasks returns a page of the tasks of a sweep, by pool, slot and place.
func (c *Client) SweepTasks(ctx context.Context, project, sweep string, f SweepTaskFilter, p Page) ([]api.SweepTask, int, error) {
	return list[api.SweepTask](ctx, c, at("projects", project, "sweeps", sweep, "tasks"),
		narrowed(p, "pool", f.Pool, "slot", f.Slot, "workload", f.Workload, "status", f.Status))
}

// SweepMeasurements returns what each process of a sweep measured, by one measure; "": the one with most values.
func (c *Client) SweepMeasurements(ctx context.Context, project, sweep, measure string) (api.SweepMeasurements, error) {
	return get[api.SweepMeasurements](ctx, c, at("projects", project, "sweeps", sweep, "measurements"),
		narrowed(Page{}, "measure", measure))
}

// SweepArchive returns what the tasks of a sweep left, a tar file compressed by gzip. The caller closes it.
func (c *Client) SweepArchive(ctx context.Context, project, sweep string) (io.ReadCloser, error) {
	res, err := c.send(ctx, call{method: http.MethodGet, path: at("projects", project, "sweeps", sweep, "archive"), repeat: true,
		header: http.Header{"Accept": {"*/*"}}})
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// SweepLedger returns the rows of a sweep at one moment, for its controller.
func (c *Client) SweepLedger(ctx context.Context, project, sweep string) (api.SweepLedger, error) {
	return get[api.SweepLedger](ctx, c, at("projects", project, "sweeps", sweep, "ledger"), nil)
}

// TakeSweep takes a sweep as its controller. The error has the detail api.DetailHeld while another one's lease lives.
func (c *Client) TakeSweep(ctx context.Context, project, sweep string, in api.TakeSweep) (api.SweepLease, error) {
	return send[api.SweepLease](ctx, c, call{method: http.MethodPost, path: at("projects", project, "sweeps", sweep, "controller"),
		body: in, repeat: true})
}

// MoveSweep says what a controller has to say of its sweep. The error has the detail api.DetailStale for an old epoch, as those of the
// methods below.
func (c *Client) MoveSweep(ctx context.Context, project, sweep string, in api.MoveSweep) (api.Sweep, error) {
	return send[api.Sweep](ctx, c, call{method: http.MethodPatch, path: at("projects", project, "sweeps", sweep, "controller"), body: in,
		repeat: true})
}

// IntendMachine writes a machine down before its provider is asked. The error has the detail api.DetailOverBudget if there is no money.
func (c *Client) IntendMachine(ctx context.Context, project, sweep string, in api.NewMachine) (api.IntendedMachine, error) {
	return send[api.IntendedMachine](ctx, c, call{method: http.MethodPost, path: at("projects", project, "sweeps", sweep, "machines"),
		body: in, repeat: true})
}

// RecordMachine writes down what became of a machine.
func (c *Client) RecordMachine(ctx context.Context, project, sweep, machine string, in api.UpdateMachine) (api.SweepMachine, error) {
	return send[api.SweepMachine](ctx, c, call{method: http.MethodPatch,
		path: at("projects", project, "sweeps", sweep, "machines", machine),
		body: in, repeat: true})
}

// MoveSlot releases a slot, closes it or gives it up.
func (c *Client) MoveSlot(ctx context.Context, project, sweep, slot string, in api.MoveSlot) error {
	_, err := c.do(ctx, call{method: http.MethodPatch, path: at("projects", project, "sweeps", sweep, "slots", slot), body: in,
		repeat: true}, nil)
	return err
}

// SkipPool says why no more machines of a pool are tried.
func (c *Client) SkipPool(ctx context.Context, project, sweep, pool string, in api.SkipPool) error {
	_, err := c.do(ctx, call{method: http.MethodPatch, path: at("projects", project, "sweeps", sweep, "pools", pool), body: in,
		repeat: true}, nil)
	return err
}

// EnrollMachine buys the key of a machine's runner, once. It needs no key.
func (c *Client) EnrollMachine(ctx context.Context, in api.EnrollMachine) (api.Enrolled, error) {
	return send[api.Enrolled](ctx, c, call{method: http.MethodPost, path: at("machines", "enroll"), body: in})
}

// BeatMachine says that a machine lives, and how far it is.
func (c *Client) BeatMachine(ctx context.Context, in api.MachineBeat) (api.BeatAnswer, error) {
	return send[api.BeatAnswer](ctx, c, call{method: http.MethodPost, path: at("machines", "beat"), body: in})
}
