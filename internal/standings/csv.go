package standings

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteCSV writes one row for each benchmark of each process, also of suspect machines and of benchmarks that are left out, so that others
// can compute for themselves.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"type", "machine", "suspect", "workload", "repeat", "place", "benchmark", "measure", "unit",
		"value"}); err != nil {
		return err
	}
	suspect := map[string]string{}
	for _, s := range r.Suspects {
		suspect[s.Machine] = s.Reason
	}
	for _, p := range r.sweep.Processes {
		if err := out.Write([]string{p.Type, p.Machine, suspect[p.Machine], p.Workload, strconv.Itoa(p.Repeat),
			strconv.Itoa(p.Place), p.Benchmark, r.Measure, r.Unit, strconv.FormatFloat(p.Value, 'g', -1, 64)}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
