package event

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Queue is what this room needs of the job queue, to measure again.
type Queue interface {
	Prepare(ctx context.Context, p job.PrepareParams) (*job.Prepared, error)
	Insert(ctx context.Context, tx *store.Tx, p *job.Prepared, head, base string) (jobIDs []string, err error)
	Inserted(p *job.Prepared)
	Cancel(ctx context.Context, jobID string) error
}

// Check has the last version before an event and the first one after it measured again, in turns on one machine, by the images and the
// command of the jobs that measured them. Checked says what came of it. Where that cannot be done (no job measured them, the image is gone,
// no runner has the spec, …) nothing is changed, and the fault says why and what to do instead. An event that is being checked is a
// Conflict.
func (s *Service) Check(ctx context.Context, actor access.Actor, ref, id string, asked api.NewEventCheck) (out api.Event, err error) {
	asked.Pairs = cmp.Or(asked.Pairs, limits.CheckPairs)
	if asked.Pairs < limits.CheckPairsLeast || asked.Pairs > limits.JobsPerReport {
		return out, fault.Invalidf("pairs: %d, want %d to %d", asked.Pairs, limits.CheckPairsLeast, limits.JobsPerReport)
	}
	p, err := s.door.Find(ctx, actor, access.EditProject, ref)
	if err != nil {
		return out, err
	}
	if err := s.upToDate(ctx, actor, p.ID); err != nil {
		return out, err
	}
	var plan rerun
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		plan, err = planRerun(ctx, tx, p, id, asked)
		return err
	}); err != nil {
		return out, err
	}
	if s.queue == nil {
		return out, plan.refused(fault.New(fault.Conflict, "nothing here runs jobs"))
	}
	if err := s.door.Count(p.ID); err != nil { // Find has counted one of the two reports
		return out, err
	}
	prepared, err := s.queue.Prepare(ctx, job.PrepareParams{Project: p, Organization: plan.organization, Actor: actor,
		SourceIP: actor.SourceIP, Job: plan.job})
	if err != nil {
		return out, plan.refused(err)
	}
	if err := s.door.GoOn(ctx, actor, access.EditProject, p.ID, func(tx *store.Tx, _ project.Project) error {
		if err := tx.Lock(ctx, store.LinesOf(plan.event.HeadID)); err != nil {
			return err
		}
		e, err := find(ctx, tx, p.ID, plan.event.ID)
		if err != nil {
			return err
		}
		if err := mayCheck(ctx, tx, e, plan.event.Version); err != nil {
			return err
		}
		if e, err = expire(ctx, tx, e); err != nil {
			return err
		}
		begun := plan // the transaction may come again
		begun.event = e
		if e, err = begun.begin(ctx, tx, s.queue, prepared, actor); err != nil {
			return err
		}
		out, err = whole(ctx, tx, e)
		return err
	}); err != nil {
		return out, err
	}
	s.queue.Inserted(prepared)
	return out, nil
}

// mayCheck refuses an event that was changed since version seen (0: any), that is being checked, or whose state takes no check.
func mayCheck(ctx context.Context, tx *store.Tx, e Event, seen int64) error {
	if seen != 0 && seen != e.Version {
		return fault.Conflictf("event %s: version %d was seen, it is at %d by now; look at it again", e.ID, seen, e.Version)
	}
	c, open, err := openCheck(ctx, tx, e.ID)
	if err != nil {
		return err
	}
	if open {
		return fault.Conflictf("event %s is being checked already, by report %s; wait for its end, or cancel one of its jobs", e.ID,
			c.AfterReport)
	}
	_, err = coreevent.Next(e.ID, e.stateAt(tx), coreevent.Check)
	return err
}

// rerun is what is to be measured to check an event.
type rerun struct {
	event         Event
	organization  account.Organization
	spec          string
	lines         []CheckLine
	before, after side
	settings      api.ReportSettings
	job           api.NewJob
}

// side is one side of a rerun: a version, the report that measured it, and what its jobs ran; nil: it did not come from jobs.
type side struct {
	reportID, versionID string
	number              int64
	hash                *string
	settings            api.ReportSettings
	ran                 *api.JobConfig
}

// name is the version for people, and for git if its commit is known.
func (s side) name() string {
	if s.hash != nil {
		return (*s.hash)[:min(len(*s.hash), 10)]
	}
	return fmt.Sprintf("version %d", s.number)
}

// refused says that an event cannot be checked, why, and what can be done instead.
func (r rerun) refused(why error) error {
	before, after := "BEFORE", "AFTER"
	if r.before.hash != nil && r.after.hash != nil {
		before, after = r.before.name(), r.after.name()
	}
	return fault.Wrap(fault.Of(why), why, "event %s cannot be checked by a rerun: %s. Instead, compare the versions by 'tacho run --ab %s "+
		"--ab %s' on the machine that measured them, and say what is to become of the event, as with 'tacho alert ack'", r.event.ID,
		fault.Message(why), before, after)
}

// planRerun finds what there is to measure.
func planRerun(ctx context.Context, tx *store.Tx, p project.Project, id string, asked api.NewEventCheck) (r rerun, err error) {
	if r.event, err = find(ctx, tx, p.ID, id); err != nil {
		return r, err
	}
	if err := mayCheck(ctx, tx, r.event, asked.Version); err != nil {
		return r, err
	}
	if r.organization, err = account.OrganizationByRef(ctx, tx, p.OrganizationID); err != nil {
		return r, err
	}
	switch {
	case r.event.Kind == Machine:
		return r, fault.Conflictf("event %s blames the machine and no commit, so there are no versions to compare; 'tacho alert ack' says that "+
			"somebody is on it", r.event.ID)
	case r.event.Kind != Code:
		return r, fault.Conflictf("event %s stands for alerts of a threshold, and no change of a level explains them, so there are no versions "+
			"to compare; 'tacho alert ack' says that somebody is on it", r.event.ID)
	case !r.event.Significant:
		return r, fault.Conflictf("event %s is no longer significant: newer results do not show it any more, so there is nothing to check",
			r.event.ID)
	}
	if err := r.readLines(ctx, tx); err != nil {
		return r, err
	}
	for _, end := range []struct {
		into      *side
		low, high int64
		newest    bool
	}{{&r.before, 0, r.event.First - 1, true}, {&r.after, r.event.Last, 1 << 62, false}} {
		if *end.into, err = r.findSide(ctx, tx, end.low, end.high, end.newest); err != nil {
			return r, err
		}
	}
	if r.spec == "" {
		return r, r.refused(fault.Conflictf("its values were measured outside of jobs, so no image of them is known"))
	}
	if err := r.setJob(asked); err != nil {
		return r, r.refused(err)
	}
	return r, nil
}

// readLines reads the changes that are checked: the largest, and of those on other hardware specs than the largest none.
func (r *rerun) readLines(ctx context.Context, tx *store.Tx) error {
	points, err := pointsOfEvents(ctx, tx, []string{r.event.ID}, limits.EventChanges)
	if err != nil {
		return err
	}
	for _, p := range points[r.event.ID] {
		if len(r.lines) == 0 {
			r.spec = p.SpecID
		}
		if p.Significant && p.SpecID == r.spec && len(r.lines) < limits.CheckLines {
			r.lines = append(r.lines, CheckLine{Place: len(r.lines), SeriesID: p.SeriesID, Before: p.Before, After: p.After,
				Exact: p.Scale == exactScale})
		}
	}
	return nil
}

// sideQuery finds the reports of a head's history on a testbed and a spec; of those of one version the ones that came from jobs first.
const sideQuery = `select r.id from head_version hv join report r on r.version_id = hv.version_id and r.testbed_id = $1
	where hv.head_id = $2 and hv.number between $3 and $4 and coalesce(r.spec_id, '') = $6` + countsQuery

// findSide returns the newest or the oldest measured version of the event's line with a number from low to high.
func (r *rerun) findSide(ctx context.Context, tx *store.Tx, low, high int64, newest bool) (out side, err error) {
	stretches, err := series.Stretches(ctx, tx, r.event.HeadID)
	if err != nil {
		return out, err
	}
	order := "asc"
	if newest {
		order = "desc"
		slices.Reverse(stretches)
	}
	for _, s := range stretches {
		from, to := max(low, s.Low), min(high, s.High)
		if from > to {
			continue
		}
		err := tx.QueryRow(ctx, sideQuery+series.OfLineage(5)+` order by hv.number `+order+`,
			case when exists (select 1 from job j where j.report_id = r.id) then 0 else 1 end, r.seq desc limit 1`, r.event.TestbedID, s.HeadID,
			from, to, r.event.HeadID, r.spec).Scan(&out.reportID)
		if err == nil {
			return readSide(ctx, tx, out.reportID)
		}
		if err != sql.ErrNoRows {
			return out, fmt.Errorf("find what was measured around event %s: %w", r.event.ID, err)
		}
	}
	return out, r.refused(fault.Conflictf("there are no results of a version %s it", map[bool]string{true: "before", false: "after"}[newest]))
}

// readSide reads what measured a report.
func readSide(ctx context.Context, tx *store.Tx, reportID string) (out side, err error) {
	row, err := report.ByID(ctx, tx, reportID)
	if err != nil {
		return out, err
	}
	versions, err := series.VersionsByID(ctx, tx, []string{row.VersionID})
	if err != nil {
		return out, err
	}
	v := versions[row.VersionID]
	out = side{reportID: row.ID, versionID: v.ID, number: v.Number, hash: v.Hash, settings: row.Settings}
	if row.JobID == nil {
		return out, nil
	}
	j, err := job.ByID(ctx, tx, *row.JobID)
	if err != nil {
		return out, err
	}
	ran, err := j.Configuration()
	out.ran = &ran
	return out, err
}

// setJob says what the jobs of the rerun run.
func (r *rerun) setJob(asked api.NewEventCheck) error {
	r.settings = r.after.settings
	r.settings.Fold = "" // each job is one value of its own
	ran := cmp.Or(r.after.ran, r.before.ran)
	if ran == nil {
		return fault.Conflictf("%s and %s were not measured by jobs, so their command is not known", r.before.name(), r.after.name())
	}
	if r.before.ran != nil && r.after.ran != nil && !reflect.DeepEqual(command(*r.before.ran), command(*r.after.ran)) {
		return fault.Conflictf("the jobs of %s and %s ran other commands, so it may be that which has changed", r.before.name(), r.after.name())
	}
	if ran.EnvDropped && len(asked.Env) == 0 {
		return fault.Conflictf("its jobs had an environment, which is dropped when a job has ended; give it again (--env NAME=VALUE)")
	}
	env, secret := ran.Env, ran.SecretEnv
	if len(asked.Env) > 0 {
		env, secret = asked.Env, asked.SecretEnv
	}
	base, err := imageOf(r.before, asked.BaseImage, "--image-base")
	if err != nil {
		return err
	}
	head, err := imageOf(r.after, asked.HeadImage, "--image-head")
	if err != nil {
		return err
	}
	r.job = api.NewJob{Image: head, Base: &api.BaseImage{Image: base}, Spec: r.spec, Entrypoint: ran.Entrypoint, Cmd: ran.Cmd, Env: env,
		SecretEnv: secret, FilePaths: ran.FilePaths, Iter: &ran.Iter, AllowFailure: &ran.AllowFailure, BuildTime: &ran.BuildTime,
		FileSize: &ran.FileSize, Jobs: &asked.Pairs}
	if ran.Timeout > 0 {
		r.job.Timeout = &ran.Timeout
	}
	return nil
}

// command is what a job runs, but for the image and how long it may take.
func command(c api.JobConfig) api.JobConfig {
	return api.JobConfig{Entrypoint: c.Entrypoint, Cmd: c.Cmd, FilePaths: c.FilePaths, Iter: c.Iter, AllowFailure: c.AllowFailure,
		BuildTime: c.BuildTime, FileSize: c.FileSize}
}

// imageOf is the image of a side by its digest, unless one was named.
func imageOf(s side, named, option string) (string, error) {
	if named != "" {
		return named, nil
	}
	if s.ran == nil {
		return "", fault.Conflictf("%s was not measured by a job, so its image is not known; name it (%s)", s.name(), option)
	}
	image := s.ran.Image
	if image == "" { // of a server before images were kept as they were named
		image = s.ran.Repository
	}
	at, err := imageref.Parse(image)
	if err != nil {
		return "", err
	}
	at.Digest = s.ran.Digest
	return at.String(), nil
}

// begin makes the reports, their jobs and the check, and lets the event be checked.
func (r rerun) begin(ctx context.Context, tx *store.Tx, queue Queue, prepared *job.Prepared, actor access.Actor) (Event, error) {
	e := r.event
	aside, err := series.InsertAside(ctx, tx, e.BranchID)
	if err != nil {
		return e, err
	}
	var by *string
	if actor.AccountID != "" {
		by = &actor.AccountID
	}
	var made [2]report.Report
	for i, s := range []side{r.before, r.after} {
		made[i] = report.Report{ID: ident.NewUUID(), ProjectID: e.ProjectID, AccountID: by, HeadID: aside.ID, VersionID: s.versionID,
			TestbedID: e.TestbedID, SpecID: &prepared.Spec.ID, Adapter: r.settings.Adapter, Settings: r.settings, Status: api.ReportPending,
			StartTime: tx.Now(), EndTime: tx.Now()}
		if made[i], err = report.Insert(ctx, tx, made[i]); err != nil {
			return e, err
		}
		made[i].Warnings = append([]string{"measured to check event " + e.ID + ": it is no part of the branch's history"}, prepared.Notes...)
		if err := report.SetWarnings(ctx, tx, made[i]); err != nil {
			return e, err
		}
	}
	jobs, err := queue.Insert(ctx, tx, prepared, made[1].ID, made[0].ID)
	if err != nil {
		return e, err
	}
	first, err := job.ByID(ctx, tx, jobs[0])
	if err != nil {
		return e, err
	}
	if _, err := insertCheck(ctx, tx, Check{EventID: e.ID, HeadID: aside.ID, SpecID: prepared.Spec.ID, MeasurementID: first.MeasurementID,
		BeforeReport: made[0].ID, AfterReport: made[1].ID, BeforeVersion: r.before.versionID, AfterVersion: r.after.versionID,
		Pairs: prepared.Rounds, From: e.State, AccountID: by}, r.lines); err != nil {
		return e, err
	}
	return apply(ctx, tx, e, coreevent.Check, by, fmt.Sprintf("%s and %s are measured again in %d pairs", r.before.name(), r.after.name(),
		prepared.Rounds))
}
