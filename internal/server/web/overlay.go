package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/chart"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
)

// marksAtMost is how many changes a plot marks; those of the newest versions come first.
const marksAtMost = 40

// linesOfMark is how many series of an event the text of a mark names.
const linesOfMark = 10

// changesOf are the changes of the lines of a picture.
func (p *Pages) changesOf(r *http.Request, project api.Project, picture explore.Picture) ([]event.LineChange, error) {
	if len(picture.Lines) == 0 {
		return nil, nil
	}
	all := func(of func(explore.PictureLine) explore.Named) []string {
		var out []string
		for _, l := range picture.Lines {
			if id := of(l).UUID; !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
		return out
	}
	return p.cfg.Source.Changes(r.Context(), reader(r), project.UUID, all(func(l explore.PictureLine) explore.Named { return l.Branch }),
		all(func(l explore.PictureLine) explore.Named { return l.Testbed }),
		all(func(l explore.PictureLine) explore.Named { return l.Benchmark }),
		all(func(l explore.PictureLine) explore.Named { return l.Measure }))
}

// overlay adds to a plot where its lines changed: a mark for each change, a band where a machine did it, and the levels that were accepted.
func overlay(project api.Project, drawing *chart.Plot, lines []explore.PictureLine, opts drawOptions) {
	for _, c := range opts.changes {
		at := slices.IndexFunc(lines, func(l explore.PictureLine) bool {
			return l.Branch.UUID == c.Branch && l.Testbed.UUID == c.Testbed && l.Benchmark.UUID == c.Benchmark.UUID &&
				l.Measure.UUID == c.Measure.UUID
		})
		if at < 0 || len(drawing.Marks) >= marksAtMost || len(lines[at].Points) == 0 {
			continue
		}
		line := lines[at]
		x := func(number int64) float64 { return placeAt(line.Points, number, opts.time) }
		newest := x(line.Points[len(line.Points)-1].Number)
		text := fmt.Sprintf("%s: %s, %s → %s", line.Benchmark.Name, effectText(c.EventChange), unit.Format(c.Before, c.Units),
			unit.Format(c.After, c.Units))
		mark := chart.Mark{X: x(c.Number), Href: eventHref(project, c.Event), Class: directionClass(c.EventChange)}
		same := slices.IndexFunc(drawing.Marks, func(m chart.Mark) bool { return m.X == mark.X && m.Href == mark.Href })
		if same < 0 {
			mark.Label = string(c.State) + "\n" + text
			drawing.Marks = append(drawing.Marks, mark)
		} else if strings.Count(drawing.Marks[same].Label, "\n") < linesOfMark {
			drawing.Marks[same].Label += "\n" + text
		}
		band := chart.Band{From: x(c.First - 1), To: x(c.Last)}
		if c.Kind == event.Machine {
			band.Class, band.Label = "machine", "the machine changed here: no commit is blamed"
		} else if c.UUID == opts.focus {
			band.Class, band.Label = "suspects", "it came with one of these versions"
		}
		if band.Class != "" && !slices.Contains(drawing.Bands, band) {
			drawing.Bands = append(drawing.Bands, band)
		}
		if c.State == api.EventAccepted {
			drawing.Levels = append(drawing.Levels, chart.Level{From: x(c.Number), To: newest, Y: c.After, Class: "accepted",
				Label: "accepted level: " + unit.Format(c.After, c.Units)})
		}
		if c.UUID == opts.focus {
			oldest := x(line.Points[0].Number)
			drawing.Levels = append(drawing.Levels,
				chart.Level{From: max(oldest, x(c.Number-int64(c.NBefore))), To: x(c.First - 1), Y: c.Before, Class: "before",
					Label: "level before: " + unit.Format(c.Before, c.Units)},
				chart.Level{From: x(c.Number), To: min(newest, x(c.Number+int64(c.NAfter)-1)), Y: c.After, Class: directionClass(c.EventChange),
					Label: "level after: " + unit.Format(c.After, c.Units)})
		}
	}
}

// placeAt is where a version lies on the axis: of time, where the first point from it on lies.
func placeAt(points []explore.PicturePoint, number int64, byTime bool) float64 {
	if !byTime {
		return float64(number)
	}
	first := -1
	for i, q := range points {
		if q.Number >= number && (first < 0 || q.Number < points[first].Number) {
			first = i
		}
	}
	if first < 0 {
		first = len(points) - 1
	}
	return float64(points[first].Start.UnixMilli())
}
