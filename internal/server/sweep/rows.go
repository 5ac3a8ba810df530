package sweep

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
)

// Sweep is a sweep's row. Config is canonical JSON.
type Sweep struct {
	ledger.Sweep
	ProjectID, ExternalID, Name string
	Config, ConfigHash          string // the hash is of all that was asked for
	Plan                        Plan
	TTL                         time.Duration
	Ended                       *time.Time
	Archive, AccountID          *string
	Created, Modified           time.Time
}

// Plan is what a sweep keeps of its request beside the pools.
type Plan struct {
	Branch    string              `json:"branch"`
	Hash      string              `json:"hash,omitempty"`
	Suite     string              `json:"suite,omitempty"`
	Params    map[string]string   `json:"params,omitempty"`
	Seed      string              `json:"seed"`
	Repeats   int                 `json:"repeats"`
	Workloads []api.SweepWorkload `json:"workloads"`
	Expected  *api.SweepExpected  `json:"expected,omitempty"`
	Guests    bool                `json:"guests,omitempty"` // its machines are brought by others
}

const sweepColumns = `w.id, w.project_id, w.external_id, w.name, w.config, w.config_hash, w.plan, w.state, w.broken, w.note, w.outcome,
	w.budget, w.ttl_seconds, w.expires, w.closing, w.ended, w.holder, w.epoch, w.lease_until, w.archive, w.account_id, w.created,
		w.modified`

func scanSweep(row interface{ Scan(...any) error }) (s Sweep, err error) {
	var plan string
	var budget, ttl, expires, until, created, modified int64
	var closing, ended *int64
	if err := row.Scan(&s.ID, &s.ProjectID, &s.ExternalID, &s.Name, &s.Config, &s.ConfigHash, &plan, &s.State, &s.Broken, &s.Note,
		&s.Outcome, &budget, &ttl, &expires, &closing, &ended, &s.Holder, &s.Lease.Epoch, &until, &s.Archive, &s.AccountID, &created,
		&modified); err != nil {
		return s, err
	}
	s.Budget, s.TTL, s.Expires = core.Micros(budget), time.Duration(ttl)*time.Second, store.TimeOf(expires)
	s.Closing, s.Ended, s.Lease.Until = zeroOr(closing), store.TimePtr(ended), timeOr(until)
	s.Created, s.Modified = store.TimeOf(created), store.TimeOf(modified)
	if err := json.Unmarshal([]byte(plan), &s.Plan); err != nil {
		return s, fmt.Errorf("decode plan of sweep %s: %w", s.ID, err)
	}
	return s, nil
}

func scanSweeps(rows *sql.Rows) (Sweep, error) { return scanSweep(rows) }

// zeroOr is a time that may be absent as the ledger has it.
func zeroOr(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return store.TimeOf(*us)
}

// timeOr is a time that is 0 where there is none.
func timeOr(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return store.TimeOf(us)
}

// orNull is a time for a column that may be absent.
func orNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := store.Micros(t)
	return &us
}

// text is a value as JSON for a column.
func text(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// Insert makes a sweep. Its id and times are made; the same external id twice in a project is a Conflict.
//
// Environments of workloads are not kept: they may hold secrets, and the jobs have them until they end.
func Insert(ctx context.Context, tx *store.Tx, s Sweep) (Sweep, error) {
	s.ID, s.Created, s.Modified = ident.NewUUID(), tx.Now(), tx.Now()
	s.Plan.Workloads = slices.Clone(s.Plan.Workloads)
	for i := range s.Plan.Workloads {
		s.Plan.Workloads[i].Env = nil
	}
	plan, err := text(s.Plan)
	if err != nil {
		return s, fmt.Errorf("encode plan of sweep %s: %w", s.ExternalID, err)
	}
	if s.Config, err = withoutEnvironments(s.Config); err != nil {
		return s, fmt.Errorf("encode configuration of sweep %s: %w", s.ExternalID, err)
	}
	_, err = tx.Exec(ctx, `insert into sweep (id, project_id, external_id, name, config, config_hash, plan, state, broken, note, outcome,
		budget,
		ttl_seconds, expires, holder, epoch, lease_until, account_id, created, modified)
		values ($1, $2, $3, $4, $5, $6, $7, $8, '', '', '', $9, $10, $11, '', 0, 0, $12, $13, $13)`, s.ID, s.ProjectID, s.ExternalID,
		s.Name,
		s.Config, s.ConfigHash, plan, string(s.State), int64(s.Budget), int64(s.TTL/time.Second), store.Micros(s.Expires), s.AccountID,
		store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return s, fault.Conflictf("sweep %q: the project has one with this id", s.ExternalID)
	}
	if err != nil {
		return s, fmt.Errorf("insert sweep %q: %w", s.ExternalID, err)
	}
	return s, nil
}

// withoutEnvironments is canonical JSON without what its objects have as env.
func withoutEnvironments(config string) (string, error) {
	if !strings.Contains(config, `"env"`) {
		return config, nil
	}
	decoder := json.NewDecoder(strings.NewReader(config))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	var drop func(any)
	drop = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			delete(v, "env")
			for _, inner := range v {
				drop(inner)
			}
		case []any:
			for _, inner := range v {
				drop(inner)
			}
		}
	}
	drop(value)
	return text(value)
}

// Find returns a project's sweep by UUID or by the client's own id.
func Find(ctx context.Context, tx *store.Tx, projectID, ref string) (Sweep, error) {
	return find(ctx, tx, projectID, ref, "")
}

// Hold is Find for a sweep that is to be changed, or something in it: nobody else changes it until the transaction ends.
func Hold(ctx context.Context, tx *store.Tx, projectID, ref string) (Sweep, error) {
	return find(ctx, tx, projectID, ref, tx.ForUpdate("w"))
}

func find(ctx context.Context, tx *store.Tx, projectID, ref, lock string) (Sweep, error) {
	column := "external_id"
	if ident.IsUUID(ref) {
		column = "id"
	}
	s, err := scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+` from sweep w where w.project_id = $1 and w.`+column+` = $2`+lock,
		projectID,
		ref))
	if err == nil || column == "external_id" {
		return s, store.OneRow(err, "sweep", ref)
	}
	s, err = scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+` from sweep w where w.project_id = $1 and w.external_id = $2`+lock,
		projectID,
		ref)) // a UUID may be the client's own id
	return s, store.OneRow(err, "sweep", ref)
}

// ByID returns a sweep of any project.
func ByID(ctx context.Context, tx *store.Tx, id string) (Sweep, error) {
	s, err := scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+` from sweep w where w.id = $1`, id))
	return s, store.OneRow(err, "sweep", id)
}

// HoldByID is Hold for whoever knows the sweep by another row.
func HoldByID(ctx context.Context, tx *store.Tx, id string) (Sweep, error) {
	s, err := scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+` from sweep w where w.id = $1`+tx.ForUpdate("w"), id))
	return s, store.OneRow(err, "sweep", id)
}

// ByExternalID returns a project's sweep by the client's own id, if there is one.
func ByExternalID(ctx context.Context, tx *store.Tx, projectID, id string) (Sweep, bool, error) {
	s, err := scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+` from sweep w where w.project_id = $1 and w.external_id = $2`, projectID,
		id))
	return store.FoundRow(s, err, "find sweep")
}

const ofGuests = ` from sweep w where w.project_id = $1 and w.plan like '%"guests":true%'`

// GuestSweeps returns a project's sweeps of guests that are active or drain, the oldest first.
func GuestSweeps(ctx context.Context, tx *store.Tx, projectID string, most int) ([]Sweep, error) {
	rows, err := tx.Query(ctx, `select `+sweepColumns+ofGuests+` and w.state in ('active', 'draining') order by w.created, w.id limit $2`,
		projectID, most)
	return store.Collect(rows, err, scanSweeps)
}

// newestOfGuests returns the project's sweep of guests that was started last.
func newestOfGuests(ctx context.Context, tx *store.Tx, projectID string) (Sweep, error) {
	s, err := scanSweep(tx.QueryRow(ctx, `select `+sweepColumns+ofGuests+` order by w.created desc, w.id desc limit 1`, projectID))
	if s, has, err := store.FoundRow(s, err, "find sweep"); err != nil || has {
		return s, err
	}
	return s, fault.Missingf("there is no run yet")
}

// Filter narrows a list of sweeps. Empty fields do not.
type Filter struct {
	State  string
	Search string // in id or name
}

// List returns a page of a project's sweeps by age, and how many there are.
func List(ctx context.Context, tx *store.Tx, projectID string, f Filter, page store.Page) ([]Sweep, int, error) {
	return store.PageOf(ctx, tx, "sweeps", sweepColumns, ` from sweep w where w.project_id = $1 and ($2 = '' or w.state = $2)
		and ($3 = '' or lower(w.name) like lower($3) escape '\' or lower(w.external_id) like lower($3) escape '\')`,
		[]any{projectID, f.State, store.LikePattern(f.Search)}, "w.created%s, w.id%s", page, scanSweeps)
}

// Save writes what changes in a sweep's life. The caller holds it.
func Save(ctx context.Context, tx *store.Tx, s Sweep) error {
	res, err := tx.Exec(ctx, `update sweep set state = $1, broken = $2, note = $3, outcome = $4, budget = $5, closing = $6, ended = $7,
		holder = $8, epoch = $9, lease_until = $10, modified = $11 where id = $12`, string(s.State), string(s.Broken), s.Note,
		string(s.Outcome), int64(s.Budget), orNull(s.Closing), store.MicrosPtr(s.Ended), s.Holder, s.Lease.Epoch,
		microsOrZero(s.Lease.Until),
		store.Micros(tx.Now()), s.ID)
	return store.ExactlyOne(res, err, "sweep", s.ID)
}

func microsOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

// Open returns the ids of sweeps that have not ended, oldest first.
func Open(ctx context.Context, tx *store.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select w.id from sweep w where w.state <> 'ended' order by w.created, w.id limit 10000`)
	return store.Collect(rows, err, store.ScanText)
}

// HoldOpen lets nobody else change a project's sweeps that have not ended until the transaction ends.
func HoldOpen(ctx context.Context, tx *store.Tx, projectID string) error {
	rows, err := tx.Query(ctx, `select w.id from sweep w where w.project_id = $1 and w.state <> 'ended' order by w.id`+tx.ForUpdate("w"),
		projectID)
	_, err = store.Collect(rows, err, store.ScanText)
	return err
}

// WithMachines returns the sweep of a project whose machines may run and be billed the longest, until when, and no time if there is none.
func WithMachines(ctx context.Context, tx *store.Tx, projectID string, now time.Time) (s Sweep, until time.Time, err error) {
	type last struct {
		sweep string
		until int64
	}
	var l last
	err = tx.QueryRow(ctx, `select m.sweep_id, max(m.expires + m.slack_seconds * 1000000) from machine m join sweep w on w.id = m.sweep_id
		where w.project_id = $1 and m.state not in ('planned', 'gone', 'refused') group by m.sweep_id order by 2 desc, 1 limit 1`,
		projectID).Scan(&l.sweep, &l.until)
	l, found, err := store.FoundRow(l, err, "find sweep with machines")
	if err != nil || !found || !store.TimeOf(l.until).After(now) {
		return s, until, err
	}
	s, err = ByID(ctx, tx, l.sweep)
	return s, store.TimeOf(l.until), err
}

// Pool is a pool's row. A pool that takes part has a spec and a testbed.
type Pool struct {
	ledger.Pool
	SweepID     string
	Ordinal     int
	SpecID      *string
	Testbed     string // name
	MemoryBytes int64
}

const poolColumns = `p.id, p.sweep_id, p.ordinal, p.spec_id, p.testbed, p.provider, p.regions, p.zones, p.type, p.alias, p.market, p.arch,
	p.vcpus, p.cores, p.memory, p.module, p.hosts, p.share, p.price, p.on_demand, p.slack_seconds, p.deadline, p.skip_reason,
		p.skip_sentence`

func scanPool(rows *sql.Rows) (p Pool, err error) {
	var regions, zones, price, onDemand, reason, sentence string
	var slack int64
	var deadline *int64
	if err := rows.Scan(&p.ID, &p.SweepID, &p.Ordinal, &p.SpecID, &p.Testbed, &p.Provider, &regions, &zones, &p.Type, &p.Alias, &p.Market,
		&p.Arch, &p.VCPUs, &p.Cores, &p.MemoryBytes, &p.Module, &p.Hosts, &p.Share, &price, &onDemand, &slack, &deadline, &reason,
		&sentence); err != nil {
		return p, err
	}
	for _, column := range []struct {
		text string
		into any
	}{{regions, &p.Regions}, {zones, &p.Zones}, {price, &p.Price}, {onDemand, &p.OnDemand}} {
		if err := json.Unmarshal([]byte(column.text), column.into); err != nil {
			return p, fmt.Errorf("decode pool %s: %w", p.ID, err)
		}
	}
	p.Slack, p.Deadline = time.Duration(slack)*time.Second, zeroOr(deadline)
	if reason != "" {
		p.Skipped = &core.Skip{Reason: core.SkipReason(reason), Sentence: sentence}
	}
	return p, nil
}

// InsertPool makes a pool. Its id is made.
func InsertPool(ctx context.Context, tx *store.Tx, p Pool) (Pool, error) {
	p.ID = ident.NewUUID()
	var texts [4]string
	for i, v := range []any{p.Regions, p.Zones, p.Price, p.OnDemand} {
		var err error
		if texts[i], err = text(v); err != nil {
			return p, fmt.Errorf("encode pool %s: %w", p.Alias, err)
		}
	}
	skip := core.Skip{}
	if p.Skipped != nil {
		skip = *p.Skipped
	}
	_, err := tx.Exec(ctx, `insert into pool (id, sweep_id, ordinal, spec_id, testbed, provider, regions, zones, type, alias, market, arch,
		vcpus, cores, memory, module, hosts, share, price, on_demand, slack_seconds, deadline, skip_reason, skip_sentence)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`, p.ID,
		p.SweepID, p.Ordinal, p.SpecID, p.Testbed, p.Provider, texts[0], texts[1], p.Type, p.Alias, string(p.Market), p.Arch, p.VCPUs,
		p.Cores,
		p.MemoryBytes, p.Module, p.Hosts, string(p.Share), texts[2], texts[3], int64(p.Slack/time.Second), orNull(p.Deadline),
		string(skip.Reason), skip.Sentence)
	if err != nil {
		return p, fmt.Errorf("insert pool %s: %w", p.Alias, err)
	}
	return p, nil
}

// Pools returns the pools of a sweep, in the order of its plan.
func Pools(ctx context.Context, tx *store.Tx, sweepID string) ([]Pool, error) {
	rows, err := tx.Query(ctx, `select `+poolColumns+` from pool p where p.sweep_id = $1 order by p.ordinal`, sweepID)
	return store.Collect(rows, err, scanPool)
}

// SetSkipped writes why no more machines of a pool are tried; the first reason stays. A pool that the sweep does not have is Missing.
func SetSkipped(ctx context.Context, tx *store.Tx, sweepID, poolID string, skip core.Skip) error {
	res, err := tx.Exec(ctx, `update pool set skip_reason = case when skip_reason = '' then $1 else skip_reason end,
		skip_sentence = case when skip_reason = '' then $2 else skip_sentence end where id = $3 and sweep_id = $4`, string(skip.Reason),
		skip.Sentence, poolID, sweepID)
	return store.ExactlyOne(res, err, "pool", poolID)
}

// Slot is a slot's row; what the queue says of its tasks comes from elsewhere.
type Slot struct {
	ledger.Slot
	SweepID string
	Tried   int // machines that held it
}

const slotColumns = `s.id, s.sweep_id, s.pool_id, s.ordinal, s.state, s.reason, s.note, s.machine_id, s.tried`

func scanSlot(row interface{ Scan(...any) error }) (s Slot, err error) {
	return s, row.Scan(&s.ID, &s.SweepID, &s.Pool, &s.Ordinal, &s.State, &s.Reason, &s.Note, &s.Machine, &s.Tried)
}

func scanSlots(rows *sql.Rows) (Slot, error) { return scanSlot(rows) }

// InsertSlot makes a waiting slot of a pool. Its id is made.
func InsertSlot(ctx context.Context, tx *store.Tx, s Slot) (Slot, error) {
	s.ID, s.State = ident.NewUUID(), core.SlotWaiting
	_, err := tx.Exec(ctx, `insert into slot (id, sweep_id, pool_id, ordinal, state, reason, note, machine_id, tried)
		values ($1, $2, $3, $4, $5, '', '', '', 0)`, s.ID, s.SweepID, s.Pool, s.Ordinal, string(s.State))
	if err != nil {
		return s, fmt.Errorf("insert slot %d of pool %s: %w", s.Ordinal, s.Pool, err)
	}
	return s, nil
}

// Slots returns the slots of a sweep, by pool and number.
func Slots(ctx context.Context, tx *store.Tx, sweepID string) ([]Slot, error) {
	rows, err := tx.Query(ctx, `select `+slotColumns+` from slot s join pool p on p.id = s.pool_id where s.sweep_id = $1
		order by p.ordinal, s.ordinal`, sweepID)
	return store.Collect(rows, err, scanSlots)
}

// SlotByID returns one slot of a sweep.
func SlotByID(ctx context.Context, tx *store.Tx, sweepID, id string) (Slot, error) {
	s, err := scanSlot(tx.QueryRow(ctx, `select `+slotColumns+` from slot s where s.id = $1 and s.sweep_id = $2`, id, sweepID))
	return s, store.OneRow(err, "slot", id)
}

// SaveSlot writes what changes in a slot's life. The caller holds its sweep.
func SaveSlot(ctx context.Context, tx *store.Tx, s Slot) error {
	res, err := tx.Exec(ctx, `update slot set state = $1, reason = $2, note = $3, machine_id = $4, tried = $5 where id = $6`,
		string(s.State),
		string(s.Reason), s.Note, s.Machine, s.Tried, s.ID)
	return store.ExactlyOne(res, err, "slot", s.ID)
}
