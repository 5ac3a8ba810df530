package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/request"
	"github.com/tachograph/tacho/internal/server/sweep"
)

type SweepPath struct {
	ProjectPath
	Sweep string `path:"sweep" maxLength:"64" doc:"UUID, or the client's own id"`
}

const (
	allSweeps = "/v0/projects/{project}/sweeps"
	oneSweep  = allSweeps + "/{sweep}"
)

// sweepOutput is a sweep with 201, or 200 when it was there.
type sweepOutput struct {
	Status int
	Body   api.Sweep
}

func (a *API) registerSweeps() {
	register(a, operation{http.MethodGet, allSweeps, "list-sweeps", "The project's sweeps, newest first", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			ProjectPath
			PageInput
			State  string `query:"state" enum:"planned,active,draining,closing,ended"`
			Search string `query:"search" maxLength:"256" doc:"part of id or name"`
		}) (*listOutput[api.Sweep], error) {
			return listed(a.cfg.Sweeps.List(ctx, actorOf(ctx), in.Project, sweep.Filter{State: in.State, Search: in.Search}, in.page(true)))
		})
	register(a, operation{http.MethodPost, allSweeps, "create-sweep",
		"Start a sweep: its tasks wait in the queue for machines that a controller makes", access.RunSweep, http.StatusCreated,
		limits.SweepBodyBytes},
		func(ctx context.Context, in *struct {
			ProjectPath
			Body api.NewSweep
		}) (*sweepOutput, error) {
			actor := actorOf(ctx)
			made, created, err := a.cfg.Sweeps.Create(ctx, in.Project, sweep.Request{Actor: actor, SourceIP: actor.SourceIP, New: in.Body})
			if err != nil {
				return nil, err
			}
			out := &sweepOutput{http.StatusOK, made}
			if created {
				out.Status = http.StatusCreated
			}
			return out, nil
		})
	register(a, operation{http.MethodGet, oneSweep, "get-sweep", "One sweep with what became of it", access.ViewProject, 0, 0},
		func(ctx context.Context, in *SweepPath) (*bodyOutput[api.Sweep], error) {
			return body(a.cfg.Sweeps.Get(ctx, actorOf(ctx), in.Project, in.Sweep))
		})
	register(a, operation{http.MethodPatch, oneSweep, "update-sweep", "Stop a sweep, or raise its budget", access.RunSweep, 0, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			Body api.UpdateSweep
		}) (*bodyOutput[api.Sweep], error) {
			return body(a.cfg.Sweeps.Update(ctx, actorOf(ctx), in.Project, in.Sweep, in.Body))
		})
	register(a, operation{http.MethodGet, oneSweep + "/pools", "list-sweep-pools", "The pools of a sweep with their slots",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *SweepPath) (*listOutput[api.SweepPool], error) {
			pools, err := a.cfg.Sweeps.Pools(ctx, actorOf(ctx), in.Project, in.Sweep)
			return listed(pools, len(pools), err)
		})
	register(a, operation{http.MethodGet, oneSweep + "/machines", "list-sweep-machines",
		"The machines of a sweep, in the order in which they were intended", access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			PageInput
			Pool  string `query:"pool" maxLength:"36" doc:"UUID"`
			Slot  string `query:"slot" maxLength:"36" doc:"UUID"`
			State string `query:"state" enum:"planned,creating,up,working,draining,deleting,unsure,gone,refused"`
		}) (*listOutput[api.SweepMachine], error) {
			return listed(a.cfg.Sweeps.Machines(ctx, actorOf(ctx), in.Project, in.Sweep,
				sweep.MachineFilter{Pool: in.Pool, Slot: in.Slot, State: in.State}, in.page(false)))
		})
	register(a, operation{http.MethodGet, oneSweep + "/machines/{machine}", "get-sweep-machine", "One machine with its history",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *MachinePath) (*bodyOutput[api.SweepMachine], error) {
			return body(a.cfg.Sweeps.Machine(ctx, actorOf(ctx), in.Project, in.Sweep, in.Machine))
		})
	register(a, operation{http.MethodGet, oneSweep + "/tasks", "list-sweep-tasks", "The tasks of a sweep, by pool, slot and place",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			PageInput
			Pool     string `query:"pool" maxLength:"36" doc:"UUID"`
			Slot     string `query:"slot" maxLength:"36" doc:"UUID"`
			Workload string `query:"workload" maxLength:"64"`
			Status   string `query:"status" enum:"pending,claimed,running,completed,processed,failed,canceled"`
		}) (*listOutput[api.SweepTask], error) {
			return listed(a.cfg.Sweeps.Tasks(ctx, actorOf(ctx), in.Project, in.Sweep,
				sweep.TaskFilter{Pool: in.Pool, Slot: in.Slot, Workload: in.Workload, Status: in.Status}, in.page(false)))
		})
	register(a, operation{http.MethodGet, oneSweep + "/report", "get-sweep-report",
		"Which types of machine are how fast, how evenly and for how much, and which cannot be put in order", access.ViewProject, 0, 0},
		func(ctx context.Context, in *MeasuredPath) (*bodyOutput[api.Standings], error) {
			r, err := a.cfg.Sweeps.Standings(ctx, actorOf(ctx), in.Project, in.Sweep, in.Measure)
			if err != nil {
				return nil, err
			}
			return body(r.Standings, nil)
		})
	register(a, operation{http.MethodGet, oneSweep + "/measurements", "get-sweep-measurements",
		"What each process of a sweep measured, and what else its report is made of", access.ViewProject, 0, 0},
		func(ctx context.Context, in *MeasuredPath) (*bodyOutput[api.SweepMeasurements], error) {
			return body(a.cfg.Sweeps.Measured(ctx, actorOf(ctx), in.Project, in.Sweep, in.Measure))
		})
	a.serve(request.Route{
		Method: http.MethodGet, Path: oneSweep + "/archive", ID: "get-sweep-archive",
		Summary: "What the tasks of a sweep left, as a tar file compressed by gzip",
		Action:  access.ViewProject, Handle: a.sweepArchive,
		Answers: []request.Answered{{Status: 200, Type: "application/gzip",
			About: "A folder <instance-identifier>-<task-id> for each task that has ended, and MANIFEST.json with the SHA-256 of each file"}},
	})
}

// sweepArchive sends the archive of a sweep while it is made. What goes wrong in between ends the connection: half an archive must not be
// taken for the whole.
func (a *API) sweepArchive(w http.ResponseWriter, r *http.Request) {
	archive, err := a.cfg.Sweeps.Archive(r.Context(), actorOf(r.Context()), r.PathValue("project"), r.PathValue("sweep"))
	if err != nil {
		request.WriteError(w, r, a.log, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Disposition", `attachment; filename="`+archive.Name()+`"`)
	if err := archive.Write(r.Context(), &patient{w, http.NewResponseController(w)}); err != nil {
		if r.Context().Err() == nil {
			a.log.ErrorContext(r.Context(), "send archive of a sweep", "sweep", r.PathValue("sweep"), "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// patient is a reader that may take as long as it likes, as long as it takes something.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(eventTime))
	return p.ResponseWriter.Write(b)
}

type MeasuredPath struct {
	SweepPath
	Measure string `query:"measure" maxLength:"64" doc:"name or slug; absent: the one with most values"`
}

type MachinePath struct {
	SweepPath
	Machine string `path:"machine" maxLength:"64" doc:"its token"`
}

// registerSweepLedger registers what controllers ask. What an old epoch writes is refused with the detail stale_epoch.
func (a *API) registerSweepLedger() {
	book := func(ctx context.Context, p SweepPath) sweep.Book { return a.cfg.Sweeps.Book(actorOf(ctx), p.Project) }
	register(a, operation{http.MethodGet, oneSweep + "/ledger", "get-sweep-ledger", "The rows of a sweep at one moment, for its controller",
		access.ViewProject, 0, 0},
		func(ctx context.Context, in *SweepPath) (*bodyOutput[api.SweepLedger], error) {
			return body(a.cfg.Sweeps.Ledger(ctx, actorOf(ctx), in.Project, in.Sweep))
		})
	register(a, operation{http.MethodPost, oneSweep + "/controller", "take-sweep",
		"Take a sweep as its controller; refused while another one's lease lives", access.RunSweep, 0, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			Body api.TakeSweep
		}) (*bodyOutput[api.SweepLease], error) {
			lease, err := book(ctx, in.SweepPath).Take(ctx, in.Sweep, in.Body.Holder)
			return body(api.SweepLease{Epoch: lease.Epoch, Until: lease.Until}, ofLedger(err))
		})
	register(a, operation{http.MethodPatch, oneSweep + "/controller", "move-sweep",
		"What a controller says of its sweep: it renews or releases its lease, or says that the sweep failed, is finished or has ended",
		access.RunSweep, 0, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			Body api.MoveSweep
		}) (*bodyOutput[api.Sweep], error) {
			b, m := book(ctx, in.SweepPath), in.Body
			var err error
			switch m.Do {
			case "renew":
				_, err = b.Renew(ctx, in.Sweep, m.Epoch)
			case "release":
				err = b.Release(ctx, in.Sweep, m.Epoch)
			default:
				_, err = b.MoveSweep(ctx, in.Sweep, m.Epoch, ledger.SweepMove{Verb: core.Verb(m.Do), Reason: core.Reason(m.Reason),
					Note: m.Note})
			}
			if err != nil {
				return nil, ofLedger(err)
			}
			return body(a.cfg.Sweeps.Get(ctx, actorOf(ctx), in.Project, in.Sweep))
		})
	register(a, operation{http.MethodPost, oneSweep + "/machines", "intend-machine",
		"Write a machine down before its provider is asked; refused if the budget does not allow for it", access.RunSweep,
		http.StatusCreated,
		0},
		func(ctx context.Context, in *struct {
			SweepPath
			Body api.NewMachine
		}) (*bodyOutput[api.IntendedMachine], error) {
			m := in.Body
			out, err := a.cfg.Sweeps.Intended(ctx, actorOf(ctx), in.Project, in.Sweep, m)
			return body(out, ofLedger(err))
		})
	register(a, operation{http.MethodPatch, oneSweep + "/machines/{machine}", "record-machine", "Write down what became of a machine",
		access.RunSweep, 0, 0},
		func(ctx context.Context, in *struct {
			MachinePath
			Body api.UpdateMachine
		}) (*bodyOutput[api.SweepMachine], error) {
			out, err := a.cfg.Sweeps.Recorded(ctx, actorOf(ctx), in.Project, in.Sweep, in.Machine, in.Body)
			return body(out, ofLedger(err))
		})
	register(a, operation{http.MethodPatch, oneSweep + "/slots/{slot}", "move-slot", "Release a slot, close it or give it up",
		access.RunSweep, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			Slot string `path:"slot" maxLength:"36" doc:"UUID"`
			Body api.MoveSlot
		}) (*emptyOutput, error) {
			m := in.Body
			return &emptyOutput{}, ofLedger(book(ctx, in.SweepPath).MoveSlot(ctx, in.Sweep, m.Epoch, in.Slot,
				ledger.SlotMove{Verb: core.SlotVerb(m.Do), Reason: core.Reason(m.Reason), Note: m.Note}))
		})
	register(a, operation{http.MethodPatch, oneSweep + "/pools/{pool}", "skip-pool", "Say why no more machines of a pool are tried",
		access.RunSweep, http.StatusNoContent, 0},
		func(ctx context.Context, in *struct {
			SweepPath
			Pool string `path:"pool" maxLength:"36" doc:"UUID"`
			Body api.SkipPool
		}) (*emptyOutput, error) {
			skip := core.Skip{Reason: core.SkipReason(in.Body.Skip.Reason), Sentence: in.Body.Skip.Sentence}
			return &emptyOutput{}, ofLedger(book(ctx, in.SweepPath).SkipPool(ctx, in.Sweep, in.Body.Epoch, in.Pool, skip))
		})
}

// ofLedger gives the refusals of a ledger on which a controller acts a word of their own.
func ofLedger(err error) error {
	switch {
	case errors.Is(err, ledger.ErrStale):
		return fault.WithDetail(err, api.DetailStale)
	case errors.Is(err, ledger.ErrHeld):
		return fault.WithDetail(err, api.DetailHeld)
	case errors.Is(err, ledger.ErrOverBudget):
		return fault.WithDetail(err, api.DetailOverBudget)
	}
	return err
}

// registerMachines registers what machines of sweeps say.
func (a *API) registerMachines() {
	register(a, operation{http.MethodPost, "/v0/machines/enroll", "enroll-machine",
		"Buy the key of a machine's runner with the token in its user data, once", access.EnrollMachine, http.StatusCreated, 0},
		func(ctx context.Context, in *struct{ Body api.EnrollMachine }) (*bodyOutput[api.Enrolled], error) {
			return body(a.cfg.Sweeps.Enroll(ctx, actorOf(ctx), in.Body))
		})
	register(a, operation{http.MethodPost, "/v0/machines/beat", "beat-machine",
		"A machine says that it lives and how far it is, with its token or as its runner", access.EnrollMachine, 0, 0},
		func(ctx context.Context, in *struct{ Body api.MachineBeat }) (*bodyOutput[api.BeatAnswer], error) {
			return body(a.cfg.Sweeps.Beat(ctx, actorOf(ctx), in.Body))
		})
}
