package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

type runnersView struct {
	Rows  []runnerRow
	Specs []specRow
	Pages pager
}

type runnerRow struct {
	Name, Specs, Host, Version, Why string
	State                           pill
	Heard                           moment
}

type specRow struct{ Name, Architecture, CPU, Memory, Disk, Network, Isolation, Default string }

func runnerState(s api.RunnerState) pill {
	switch s {
	case api.RunnerIdle:
		return pill{"idle", "good"}
	case api.RunnerBusy:
		return pill{"busy", "info"}
	case api.RunnerDraining:
		return pill{"draining", "warn"}
	case api.RunnerDrained:
		return pill{"drained", "bad"}
	case api.RunnerOffline:
		return pill{"offline", "bad"}
	}
	return pill{"never seen", ""}
}

func (p *Pages) runners(r *http.Request) (page, error) {
	at := window(r)
	at.Desc = false // by name
	rows, total, err := p.cfg.Source.Runners(r.Context(), reader(r), store.ListFilter{Page: at})
	if err != nil {
		return page{}, err
	}
	specs, _, err := p.cfg.Source.Specs(r.Context(), reader(r), store.ListFilter{Page: store.Page{Limit: limits.PageMax}})
	if err != nil {
		return page{}, err
	}
	view := runnersView{Pages: pagesOf(r, total)}
	for _, row := range rows {
		why := ""
		if row.Drained != nil {
			why = row.DrainedWhy + "; when it is repaired: tacho runner undrain " + row.Slug
			if row.State != api.RunnerDrained {
				why = "drained: " + why
			}
		}
		view.Rows = append(view.Rows, runnerRow{
			Name: row.Name, Why: why, Specs: specNames(row.Specs), Host: hostLine(row.Host), Version: row.Version, State: runnerState(row.State),
			Heard: p.whenPtr(row.LastHeartbeat),
		})
	}
	for _, s := range specs {
		view.Specs = append(view.Specs, specRowOf(s))
	}
	return page{template: "runners", title: "Runners", section: "runners", view: view}, nil
}

func specNames(specs []api.Spec) string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

func hostLine(h *api.HostFacts) string {
	if h == nil {
		return "–"
	}
	var parts []string
	if h.CPUModel != "" {
		parts = append(parts, h.CPUModel)
	}
	if h.CPUs != nil {
		parts = append(parts, plural(*h.CPUs, "CPU", "CPUs"))
	}
	if h.Isolation != "" {
		parts = append(parts, h.Isolation)
	}
	return strings.Join(parts, ", ")
}

func specRowOf(s api.Spec) specRow {
	row := specRow{
		Name: s.Name, Architecture: s.OS + " " + s.Architecture, CPU: strconv.Itoa(s.CPU), Memory: size(s.Memory), Disk: size(s.Disk),
		Network: "no", Isolation: s.Isolation, Default: "",
	}
	if s.Network {
		row.Network = "yes"
	}
	if s.Fallback != nil {
		row.Default = "yes"
	}
	return row
}
