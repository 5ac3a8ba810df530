package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Organization owns projects; its plan sets its jobs' priority.
type Organization struct {
	ID, Name, Slug, Plan string
	Created, Modified    time.Time
}

const organizationColumns = `id, name, slug, plan, created, modified`

func scanOrganization(row interface{ Scan(...any) error }) (Organization, error) {
	var o Organization
	var created, modified int64
	err := row.Scan(&o.ID, &o.Name, &o.Slug, &o.Plan, &created, &modified)
	o.Created, o.Modified = timeOf(created), timeOf(modified)
	return o, err
}

// InsertOrganization makes an organization.
func (tx *Tx) InsertOrganization(ctx context.Context, name, plan string) (Organization, error) {
	o := Organization{ID: ident.NewUUID(), Name: name, Plan: plan, Created: tx.now, Modified: tx.now}
	o.Slug = slugFor(name, o.ID)
	_, err := tx.q.ExecContext(ctx, `insert into organization (id, name, slug, plan, created, modified) values ($1, $2, $3, $4, $5, $5)`, o.ID, o.Name, o.Slug, o.Plan, micros(tx.now))
	if isDuplicate(err) {
		return Organization{}, fault.Conflictf("organization %q exists already", name)
	}
	return o, err
}

// OrganizationByRef finds an organization by UUID or slug.
func (tx *Tx) OrganizationByRef(ctx context.Context, ref string) (Organization, error) {
	where, value := byRef(ref)
	o, err := scanOrganization(tx.q.QueryRowContext(ctx, `select `+organizationColumns+` from organization where `+where, value))
	return o, oneRow(err, "organization", ref)
}

// ListOrganizations returns a page of the organizations, of those that the account belongs to if accountID is not empty.
func (tx *Tx) ListOrganizations(ctx context.Context, accountID string, page Page) ([]Organization, int, error) {
	where := `$1 = '' or exists (select 1 from organization_role r where r.organization_id = organization.id and r.account_id = $1)`
	var total int
	if err := tx.q.QueryRowContext(ctx, `select count(*) from organization where `+where, accountID).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count organizations: %w", err)
	}
	rows, err := tx.q.QueryContext(ctx, `select `+organizationColumns+` from organization where `+where+` order by name`+direction(page)+`, id limit $2 offset $3`, accountID, page.Limit, page.Offset)
	out, err := collect(rows, err, func(r *sql.Rows) (Organization, error) { return scanOrganization(r) })
	return out, total, err
}

// SetPlan changes an organization's plan.
func (tx *Tx) SetPlan(ctx context.Context, organizationID, plan string) error {
	res, err := tx.q.ExecContext(ctx, `update organization set plan = $1, modified = $2 where id = $3`, plan, micros(tx.now), organizationID)
	return exactlyOne(res, err, "organization", organizationID)
}

// AddMember gives an account a role in an organization.
func (tx *Tx) AddMember(ctx context.Context, accountID, organizationID, role string) error {
	_, err := tx.q.ExecContext(ctx, `insert into organization_role (account_id, organization_id, role, created) values ($1, $2, $3, $4)
		on conflict (account_id, organization_id) do update set role = excluded.role`, accountID, organizationID, role, micros(tx.now))
	return err
}

// RolesOf returns the account's roles by organization id.
func (tx *Tx) RolesOf(ctx context.Context, accountID string) (map[string]string, error) {
	rows, err := tx.q.QueryContext(ctx, `select organization_id, role from organization_role where account_id = $1`, accountID)
	pairs, err := collect(rows, err, func(r *sql.Rows) ([2]string, error) {
		var p [2]string
		err := r.Scan(&p[0], &p[1])
		return p, err
	})
	out := map[string]string{}
	for _, p := range pairs {
		out[p[0]] = p[1]
	}
	return out, err
}
