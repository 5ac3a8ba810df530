package threshold_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// An alert that somebody else has changed meanwhile is still there: whoever comes second hears so, and not that there is none.
func TestAnAlertThatIsChangedMeanwhileIsAConflict(t *testing.T) {
	t.Parallel()
	storetest.EachRace(t, func(t *testing.T, race *storetest.Race) {
		s, clock := race.Fresh()
		g := storetest.NewGround(t, s, 1, 1)
		b, head := g.Branch("main")
		alert := threshold.Alert{ID: ident.NewUUID(), ProjectID: g.Project, HeadID: head.ID, Limit: "upper", Status: api.AlertActive}
		upper := 0.5
		g.Tx(func(tx *store.Tx) error {
			ctx := t.Context()
			th, err := threshold.Insert(ctx, tx, g.Project, b.ID, g.Testbeds[0], g.Measures[0])
			if err != nil {
				return err
			}
			if th, err = threshold.SetModel(ctx, tx, th, &threshold.Model{Test: "percentage", UpperBoundary: &upper}); err != nil {
				return err
			}
			r, _ := g.Report(tx, head, "", clock.T, g.SeriesIDs(tx), [][]float64{{1}})
			alert.ReportID, alert.ThresholdID, alert.ModelID = r.ID, th.ID, *th.ModelID
			if err := tx.QueryRow(ctx, `select id from metric where report_seq = $1`, r.Seq).Scan(&alert.MetricID); err != nil {
				return err
			}
			return threshold.InsertAlerts(ctx, tx, []threshold.Alert{alert})
		})
		change := func(of threshold.Alert, to api.AlertStatus) func(context.Context) error {
			return func(ctx context.Context) error {
				return s.Tx(ctx, func(tx *store.Tx) error { return threshold.SetAlertStatus(ctx, tx, of, to) })
			}
		}
		of1, of2 := race.Run(1, change(alert, api.AlertDismissed), change(alert, api.AlertSilenced))
		if of1 != nil || !fault.Is(of2, fault.Conflict) || !strings.Contains(of2.Error(), "is dismissed") {
			t.Errorf("the first: %v; the second: %v", of1, of2)
		}
		gone := alert
		gone.ID = ident.NewUUID()
		if err := change(gone, api.AlertDismissed)(t.Context()); !fault.Is(err, fault.Missing) {
			t.Errorf("one that is not there: %v", err)
		}
	})
}
