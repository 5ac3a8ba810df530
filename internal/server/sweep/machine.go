package sweep

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/store"
)

// Machine is a machine's row, with when its runner was last heard of by the queue. Enroll is the hash of its token, as long as that buys
// something.
type Machine struct {
	ledger.Machine
	SweepID          string
	Ordinal          int
	Enroll           *string
	RunnerID         *string
	Phase, Benchmark string
	Facts            *api.MachineFacts
}

// The runner of a machine is heard of by the queue too; the later word counts.
const machineColumns = `m.id, m.sweep_id, m.pool_id, m.slot_id, m.ordinal, m.provider, m.region, m.zone, m.type, m.market, m.native_id,
	m.state,
	m.reason, m.note, m.doubted, m.suspect, m.price, m.slack_seconds, m.expires, m.intended, m.asked, m.launched, m.contact, m.beat,
	m.missing, m.ended, m.enroll, m.runner_id, m.phase, m.benchmark, m.facts, ` + heard

const heard = `(select r.last_heartbeat from runner r where r.id = m.runner_id)`

func scanMachine(row interface{ Scan(...any) error }) (m Machine, err error) {
	var price string
	var slack, expires, intended, asked int64
	var launched, contact, beat, missing, ended, heard *int64
	var facts *string
	if err := row.Scan(&m.ID, &m.SweepID, &m.Pool, &m.Slot, &m.Ordinal, &m.Provider, &m.Region, &m.Zone, &m.Type, &m.Market, &m.NativeID,
		&m.State, &m.Reason, &m.Note, &m.Doubted, &m.Suspect, &price, &slack, &expires, &intended, &asked, &launched, &contact, &beat,
		&missing,
		&ended, &m.Enroll, &m.RunnerID, &m.Phase, &m.Benchmark, &facts, &heard); err != nil {
		return m, err
	}
	m.Slack, m.Expires, m.Intended, m.Asked = time.Duration(slack)*time.Second, store.TimeOf(expires), store.TimeOf(intended),
		store.TimeOf(asked)
	m.Launched, m.Contact, m.Beat, m.Missing, m.Ended = zeroOr(launched), zeroOr(contact), zeroOr(beat), zeroOr(missing), zeroOr(ended)
	if at := zeroOr(heard); at.After(m.Beat) {
		m.Beat = at
	}
	if err := json.Unmarshal([]byte(price), &m.Price); err != nil {
		return m, fmt.Errorf("decode price of machine %s: %w", m.ID, err)
	}
	if facts != nil {
		if err := json.Unmarshal([]byte(*facts), &m.Facts); err != nil {
			return m, fmt.Errorf("decode facts of machine %s: %w", m.ID, err)
		}
	}
	return m, nil
}

func scanMachines(rows *sql.Rows) (Machine, error) { return scanMachine(rows) }

// InsertMachine writes a machine down. The same token twice is a Conflict.
func InsertMachine(ctx context.Context, tx *store.Tx, m Machine) error {
	price, err := text(m.Price)
	if err != nil {
		return fmt.Errorf("encode price of machine %s: %w", m.ID, err)
	}
	res, err := tx.Exec(ctx, `insert into machine (id, sweep_id, pool_id, slot_id, ordinal, provider, region, zone, type, market, native_id,
		state, reason, note, doubted, suspect, price, slack_seconds, expires, intended, asked, enroll, phase, benchmark)
		values ($1, $2, $3, $4, (select count(*) + 1 from machine where sweep_id = $2), $5, $6, $7, $8, $9, '', $10, '', '', $11, '', $12,
			$13,
		$14, $15, $15, $16, '', '') on conflict (id) do nothing`, m.ID, m.SweepID, m.Pool, m.Slot, m.Provider, m.Region, m.Zone, m.Type,
		string(m.Market), string(m.State), false, price, int64(m.Slack/time.Second), store.Micros(m.Expires), store.Micros(m.Intended),
		m.Enroll)
	if err != nil {
		return fmt.Errorf("insert machine %s: %w", m.ID, err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fault.Conflictf("machine %s: the token is another sweep's; a token is used once", m.ID)
	}
	return err
}

// MachineOf returns one machine of a sweep.
func MachineOf(ctx context.Context, tx *store.Tx, sweepID, id string) (Machine, error) {
	m, err := scanMachine(tx.QueryRow(ctx, `select `+machineColumns+` from machine m where m.id = $1 and m.sweep_id = $2`, id, sweepID))
	return m, store.OneRow(err, "machine", id)
}

// MachineBy returns the machine whose enroll or runner_id has a value; a Missing fault does not say what it was.
func MachineBy(ctx context.Context, tx *store.Tx, column, value string) (Machine, error) {
	m, err := scanMachine(tx.QueryRow(ctx, `select `+machineColumns+` from machine m where m.`+column+` = $1`, value))
	return m, store.OneRow(err, "machine", "…")
}

// Machines returns the machines of a sweep, in the order in which they were intended.
func Machines(ctx context.Context, tx *store.Tx, sweepID string) ([]Machine, error) {
	rows, err := tx.Query(ctx, `select `+machineColumns+` from machine m where m.sweep_id = $1 order by m.ordinal`, sweepID)
	return store.Collect(rows, err, scanMachines)
}

// Outlays returns the machines of a sweep as the budget and an intent look at them: without what their runners said.
func Outlays(ctx context.Context, tx *store.Tx, sweepID string) ([]Machine, error) {
	rows, err := tx.Query(ctx, `select `+strings.Replace(machineColumns, heard, "null", 1)+` from machine m where m.sweep_id = $1
		order by m.ordinal`, sweepID)
	return store.Collect(rows, err, scanMachines)
}

// MachineFilter narrows a list of machines. Empty fields do not.
type MachineFilter struct{ Pool, Slot, State string }

// ListMachines returns a page of a sweep's machines, in the order in which they were intended, and how many there are.
func ListMachines(ctx context.Context, tx *store.Tx, sweepID string, f MachineFilter, page store.Page) ([]Machine, int, error) {
	return store.PageOf(ctx, tx, "machines", machineColumns, ` from machine m where m.sweep_id = $1 and ($2 = '' or m.pool_id = $2)
		and ($3 = '' or m.slot_id = $3) and ($4 = '' or m.state = $4)`, []any{sweepID, f.Pool, f.Slot, f.State}, "m.ordinal%s", page,
		scanMachines)
}

// SaveMachine writes what changes in a machine's life, but for what it says of itself. The caller holds its sweep.
func SaveMachine(ctx context.Context, tx *store.Tx, m Machine) error {
	res, err := tx.Exec(ctx, `update machine set zone = $1, native_id = $2, state = $3, reason = $4, note = $5, doubted = $6, suspect = $7,
		asked = $8, launched = $9, contact = $10, missing = $11, ended = $12, enroll = $13, runner_id = $14 where id = $15`, m.Zone,
		m.NativeID, string(m.State), string(m.Reason), m.Note, m.Doubted, m.Suspect, store.Micros(m.Asked), orNull(m.Launched),
		orNull(m.Contact), orNull(m.Missing), orNull(m.Ended), m.Enroll, m.RunnerID, m.ID)
	return store.ExactlyOne(res, err, "machine", m.ID)
}

// SetBeat notes that a machine was heard of, and how far it is.
func SetBeat(ctx context.Context, tx *store.Tx, id, phase, benchmark string) error {
	res, err := tx.Exec(ctx, `update machine set beat = $1, phase = $2, benchmark = $3 where id = $4`, store.Micros(tx.Now()), phase,
		benchmark, id)
	return store.ExactlyOne(res, err, "machine", id)
}

// SetFacts writes what a machine says that it is.
func SetFacts(ctx context.Context, tx *store.Tx, id string, facts api.MachineFacts) error {
	raw, err := text(facts)
	if err != nil {
		return fmt.Errorf("encode facts of machine %s: %w", id, err)
	}
	res, err := tx.Exec(ctx, `update machine set facts = $1 where id = $2`, raw, id)
	return store.ExactlyOne(res, err, "machine", id)
}

// MachineEvent is a line of a machine's history.
type MachineEvent struct {
	MachineID, Event, From, To string
	Epoch                      int64 // of the controller; 0: the machine's own word
	Reason, Note               string
	Time                       time.Time
}

// InsertMachineEvent adds a line.
func InsertMachineEvent(ctx context.Context, tx *store.Tx, e MachineEvent) error {
	if _, err := tx.Exec(ctx, `insert into machine_event (machine_id, time, event, from_state, to_state, epoch, reason, note)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, e.MachineID, store.Micros(tx.Now()), e.Event, e.From, e.To, e.Epoch, e.Reason,
		e.Note); err != nil {
		return fmt.Errorf("insert event of machine %s: %w", e.MachineID, err)
	}
	return nil
}

// MachineEvents returns a machine's history, oldest first.
func MachineEvents(ctx context.Context, tx *store.Tx, machineID string, most int) ([]MachineEvent, error) {
	rows, err := tx.Query(ctx, `select machine_id, event, from_state, to_state, epoch, reason, note, time from machine_event
		where machine_id = $1 order by id limit $2`, machineID, most)
	return store.Collect(rows, err, func(r *sql.Rows) (e MachineEvent, err error) {
		var at int64
		err = r.Scan(&e.MachineID, &e.Event, &e.From, &e.To, &e.Epoch, &e.Reason, &e.Note, &at)
		e.Time = store.TimeOf(at)
		return e, err
	})
}
