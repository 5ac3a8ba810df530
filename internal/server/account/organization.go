package account

import (
	"context"
	"database/sql"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
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
	o.Created, o.Modified = store.TimeOf(created), store.TimeOf(modified)
	return o, err
}

// InsertOrganization makes an organization.
func InsertOrganization(ctx context.Context, tx *store.Tx, name, plan string) (Organization, error) {
	o := Organization{ID: ident.NewUUID(), Name: name, Plan: plan, Created: tx.Now(), Modified: tx.Now()}
	o.Slug = store.SlugFor(name, o.ID)
	_, err := tx.Exec(ctx, `insert into organization (id, name, slug, plan, created, modified) values ($1, $2, $3, $4, $5, $5)`, o.ID, o.Name,
		o.Slug, o.Plan, store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return Organization{}, fault.Conflictf("organization %q exists already", name)
	}
	return o, err
}

// OrganizationByRef finds an organization by UUID or slug.
func OrganizationByRef(ctx context.Context, tx *store.Tx, ref string) (Organization, error) {
	where, value := store.ByRef(ref)
	o, err := scanOrganization(tx.QueryRow(ctx, `select `+organizationColumns+` from organization where `+where, value))
	return o, store.OneRow(err, "organization", ref)
}

// ListOrganizations returns a page of the organizations, of those that the account belongs to if accountID is not empty.
func ListOrganizations(ctx context.Context, tx *store.Tx, accountID string, page store.Page) ([]Organization, int, error) {
	from := ` from organization where $1 = '' or exists (select 1 from organization_role r where r.organization_id = organization.id
		and r.account_id = $1)`
	return store.PageOf(ctx, tx, "organizations", organizationColumns, from, []any{accountID}, "name%s, id", page,
		func(r *sql.Rows) (Organization, error) { return scanOrganization(r) })
}

// SetPlan changes an organization's plan.
func SetPlan(ctx context.Context, tx *store.Tx, organizationID, plan string) error {
	res, err := tx.Exec(ctx, `update organization set plan = $1, modified = $2 where id = $3`, plan, store.Micros(tx.Now()), organizationID)
	return store.ExactlyOne(res, err, "organization", organizationID)
}

// AddMember gives an account a role in an organization.
func AddMember(ctx context.Context, tx *store.Tx, accountID, organizationID, role string) error {
	_, err := tx.Exec(ctx, `insert into organization_role (account_id, organization_id, role, created) values ($1, $2, $3, $4)
		on conflict (account_id, organization_id) do update set role = excluded.role`, accountID, organizationID, role, store.Micros(tx.Now()))
	return err
}

// RolesOf returns the account's roles by organization id.
func RolesOf(ctx context.Context, tx *store.Tx, accountID string) (map[string]string, error) {
	rows, err := tx.Query(ctx, `select organization_id, role from organization_role where account_id = $1`, accountID)
	pairs, err := store.Collect(rows, err, func(r *sql.Rows) ([2]string, error) {
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
