// Package policy is the room of what a project says about how its lines are judged: a text, its version, and who wrote it. What the text
// means is in core/policy. A change asks for another look at the lines that it may concern (report.JudgeAgain) and tells of it
// (notify.PolicyChanged), in its own transaction.
//
// A text that another version took holds as far as this one understands it (corepolicy.ParseStored), and whoever looks at it is told what
// does not (Problem). Only a new text is read strictly.
//
// Who calls it: the edge httpapi calls Service, and the room of events calls Of when it looks at lines.
package policy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/notify"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service are the use cases of policies. It is safe for concurrent use.
type Service struct{ door *project.Door }

// NewService makes them.
func NewService(door *project.Door) *Service { return &Service{door} }

// Get returns the project's policy. If nobody has set one it has version 0 and the default text.
func (s *Service) Get(ctx context.Context, actor access.Actor, ref string) (out api.Policy, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		row, err := find(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		out = row.wire()
		return nil
	})
	return out, err
}

// Set replaces the project's policy, if it is still of the version that the caller saw. A text that cannot be read is an Invalid fault with
// the place of each mistake, and another version a Conflict. The same text again changes nothing.
func (s *Service) Set(ctx context.Context, actor access.Actor, ref string, in api.SetPolicy) (out api.Policy, err error) {
	p, err := s.door.Find(ctx, actor, access.EditProject, ref) // before the text is read, which may take most of a second
	if err != nil {
		return out, err
	}
	wanted, err := corepolicy.Parse([]byte(in.Text))
	if found, wrong := errors.AsType[corepolicy.Mistakes](err); wrong {
		return out, found.Fault("policy")
	}
	err = s.door.GoOn(ctx, actor, access.EditProject, p.ID, func(tx *store.Tx, p project.Project) error {
		row, err := find(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if row.Version != in.Version {
			return fault.Conflictf("policy of project %s: it has version %d, and this would replace version %d; look at it again", p.Slug,
				row.Version, in.Version)
		}
		if row.Text == in.Text && row.Version > 0 {
			out = row.wire()
			return nil
		}
		was := row.policy()
		before := was.Policy
		if was.Ignored != nil { // of a version that knew other words: all may be judged otherwise
			before = corepolicy.Policy{Rules: []corepolicy.Rule{{}}}
		}
		row.Version, row.Text, row.AccountID, row.Modified = row.Version+1, in.Text, nil, tx.Now()
		if actor.AccountID != "" {
			row.AccountID = &actor.AccountID
		}
		if err := save(ctx, tx, row); err != nil {
			return err
		}
		if err := judgeAgain(ctx, tx, p.ID, before, wanted); err != nil {
			return err
		}
		if err := notify.Write(ctx, tx, notify.Event{Kind: notify.PolicyChanged, ProjectID: p.ID, Subject: p.ID}); err != nil {
			return err
		}
		out = row.wire()
		return nil
	})
	return out, err
}

// judgeAgain asks for another look at the lines that two policies may judge differently.
func judgeAgain(ctx context.Context, tx *store.Tx, projectID string, before, after corepolicy.Policy) error {
	lines, err := report.LinesOf(ctx, tx, projectID)
	if err != nil {
		return err
	}
	var headIDs, branchIDs, testbedIDs []string
	for _, l := range lines {
		headIDs, testbedIDs = append(headIDs, l.HeadID), append(testbedIDs, l.TestbedID)
	}
	heads, err := series.HeadsByID(ctx, tx, headIDs)
	if err != nil {
		return err
	}
	for _, h := range heads {
		branchIDs = append(branchIDs, h.BranchID)
	}
	branches, err := series.BranchesByID(ctx, tx, branchIDs)
	if err != nil {
		return err
	}
	testbeds, err := series.TestbedsByID(ctx, tx, testbedIDs)
	if err != nil {
		return err
	}
	for _, l := range lines {
		b, t := branches[heads[l.HeadID].BranchID], testbeds[l.TestbedID]
		if !corepolicy.Concern(before, after, corepolicy.Named{Name: b.Name, Slug: b.Slug}, corepolicy.Named{Name: t.Name, Slug: t.Slug}) {
			continue
		}
		if _, err := report.JudgeAgain(ctx, tx, projectID, l); err != nil {
			return err
		}
	}
	return nil
}

// Of returns what holds in a project: as much of its policy as can be read.
func Of(ctx context.Context, tx *store.Tx, projectID string) (corepolicy.Policy, error) {
	row, err := find(ctx, tx, projectID)
	return row.policy().Policy, err
}

// Problem says in a sentence what of the project's policy does not hold, and what does; "" if all of it holds. It is in ASCII and quotes
// nothing of the text.
func (s *Service) Problem(ctx context.Context, actor access.Actor, ref string) (text string, err error) {
	err = s.door.View(ctx, actor, ref, func(tx *store.Tx, p project.Project) error {
		row, err := find(ctx, tx, p.ID)
		text = row.problem(row.policy())
		return err
	})
	return text, err
}

// linesSaid bounds how many lines a sentence names.
const linesSaid = 5

func (r row) problem(p corepolicy.Stored) string {
	if p.Ignored == nil {
		return ""
	}
	const way = "another version of the server may have written it; 'tacho policy view' says what is wrong, and 'tacho policy set' replaces it"
	if p.Default {
		return fmt.Sprintf("this server cannot read version %d of the project's policy (line %d), so the default policy holds: %s", r.Version,
			p.Ignored[0].At.Line, way)
	}
	var lines []string
	for _, n := range p.Ignored {
		if line := strconv.Itoa(n.At.Line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	at := "line " + lines[0]
	if len(lines) > linesSaid {
		lines = append(lines[:linesSaid], "...")
	}
	if len(lines) > 1 {
		at = "lines " + strings.Join(lines, ", ")
	}
	return fmt.Sprintf("this server leaves out parts of version %d of the project's policy (%s), and the rest holds: %s", r.Version, at, way)
}

// row is a row of policy.
type row struct {
	ProjectID string
	Version   int64
	Text      string
	AccountID *string
	Modified  time.Time
}

// find returns the project's row, or one of version 0.
func find(ctx context.Context, tx *store.Tx, projectID string) (row, error) {
	r := row{ProjectID: projectID}
	var modified int64
	err := tx.QueryRow(ctx, `select version, text, account_id, modified from policy where project_id = $1`, projectID).Scan(&r.Version,
		&r.Text, &r.AccountID, &modified)
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("find policy of project %s: %w", projectID, err)
	}
	r.Modified = store.TimeOf(modified)
	return r, nil
}

// save writes the row. The caller holds the project.
func save(ctx context.Context, tx *store.Tx, r row) error {
	if _, err := tx.Exec(ctx, `insert into policy (project_id, version, text, account_id, modified) values ($1, $2, $3, $4, $5)
		on conflict (project_id) do update set version = excluded.version, text = excluded.text, account_id = excluded.account_id,
		modified = excluded.modified`, r.ProjectID, r.Version, r.Text, r.AccountID, store.Micros(r.Modified)); err != nil {
		return fmt.Errorf("write policy of project %s: %w", r.ProjectID, err)
	}
	return nil
}

func (r row) policy() corepolicy.Stored { return corepolicy.ParseStored([]byte(r.Text)) }

// wire is the row as the API has it. The text is shown as it is, and the notices begin with what of it does not hold.
func (r row) wire() api.Policy {
	out := api.Policy{Project: r.ProjectID, Version: r.Version, Text: r.Text, Notices: []api.PolicyNotice{}}
	if r.Version == 0 {
		out.Text = corepolicy.Default
		return out
	}
	out.Modified = &r.Modified
	if r.AccountID != nil {
		out.Account = *r.AccountID
	}
	p := r.policy()
	out.Problem = r.problem(p)
	for _, n := range slices.Concat(p.Ignored, p.Unreached()) {
		out.Notices = append(out.Notices, api.PolicyNotice{Line: n.At.Line, Column: n.At.Column, Text: n.Text})
	}
	return out
}
