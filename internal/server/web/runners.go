package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
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
	var rows []api.Runner
	total, err := p.cfg.Get(r, "/v0/runners", query("per_page", strconv.Itoa(rowsPerPage), "page", strconv.Itoa(pageOf(r))), &rows)
	if err != nil {
		return page{}, err
	}
	var specs []api.Spec
	if _, err := p.cfg.Get(r, "/v0/specs", query("per_page", "255"), &specs); err != nil {
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
