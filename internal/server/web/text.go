package web

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/unit"
)

// pill is a short status with a tone: good, bad, warn, info or none.
type pill struct{ Text, Tone string }

// moment is a time as people read it and as machines do.
type moment struct{ Text, Machine string }

const rowsPerPage = 50

func (p *Pages) when(t time.Time) moment { return momentOf(t, p.cfg.Now()) }

func (p *Pages) whenPtr(t *time.Time) moment {
	if t == nil {
		return moment{}
	}
	return p.when(*t)
}

// momentOf says how long ago t was when it is less than a day, else the date, in UTC.
func momentOf(t, now time.Time) moment {
	machine := t.UTC().Format(time.RFC3339)
	ago := now.Sub(t)
	switch {
	case ago < -time.Minute || ago >= 24*time.Hour && t.Year() != now.Year():
		return moment{t.UTC().Format("2 Jan 2006 15:04"), machine}
	case ago >= 24*time.Hour:
		return moment{t.UTC().Format("2 Jan 15:04"), machine}
	case ago < 5*time.Second:
		return moment{"just now", machine}
	case ago < time.Minute:
		return moment{fmt.Sprintf("%d s ago", int(ago.Seconds())), machine}
	case ago < time.Hour:
		return moment{fmt.Sprintf("%d min ago", int(ago.Minutes())), machine}
	}
	return moment{fmt.Sprintf("%d h ago", int(ago.Hours())), machine}
}

// duration writes d with its largest unit or two: "420 ms", "12.3 s", "4 min 10 s", "3 h 5 min".
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

func between(from, to *time.Time) string {
	if from == nil || to == nil {
		return "–"
	}
	return duration(to.Sub(*from))
}

// size writes bytes in binary units.
func size(n int64) string {
	v, i := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + " " + units[i]
}

func valueOf(v *float64, units string) string {
	if v == nil {
		return "–"
	}
	return unit.Format(*v, units)
}

// change is the difference to the baseline in percent and its class: "up" is worse and "down" better for the measure, both empty when
// there is nothing to compare or the direction is not known.
func change(value float64, baseline *float64, direction api.Direction) (text, class string) {
	if baseline == nil {
		return "–", ""
	}
	percent, ok := unit.Percent(*baseline, value)
	if !ok {
		return "–", ""
	}
	text = strconv.FormatFloat(percent, 'f', 1, 64) + " %"
	if percent > 0 {
		text = "+" + text
	}
	if math.Abs(percent) < 0.05 {
		return "0.0 %", ""
	}
	worse := direction == api.LowerIsBetter && percent > 0 || direction == api.HigherIsBetter && percent < 0
	switch {
	case direction == api.DirectionUnknown || direction == "":
		return text, ""
	case worse:
		return text, "up"
	}
	return text, "down"
}

func versionText(v *api.Version) string {
	if v == nil {
		return "–"
	}
	s := "#" + strconv.FormatInt(v.Number, 10)
	if v.Hash != nil {
		s += " " + shortHash(*v.Hash)
	}
	return s
}

func shortHash(hash string) string { return hash[:min(len(hash), 10)] }

func shortDigest(digest string) string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return digest
	}
	return algorithm + ":" + hex[:min(len(hex), 16)] + "…"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// pager is the links to the pages before and after this one.
type pager struct{ Prev, Next, Text string }

// pageOf reads the page number of r and builds the links for total rows.
func pageOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

func pagesOf(r *http.Request, total int) pager { return pagesBy(r, total, rowsPerPage) }

func pagesBy(r *http.Request, total, perPage int) pager {
	page := pageOf(r)
	last := (total + perPage - 1) / perPage
	if last <= 1 {
		return pager{}
	}
	out := pager{Text: fmt.Sprintf("page %d of %d", page, last)}
	if page > 1 {
		out.Prev = with(r, "page", strconv.Itoa(page-1))
	}
	if page < last {
		out.Next = with(r, "page", strconv.Itoa(page+1))
	}
	return out
}

// fact is a name and a value of a description list.
type fact struct{ Name, Value string }

func hostFacts(h *api.HostFacts) []fact {
	if h == nil {
		return nil
	}
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	number := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	add("Host", h.Hostname)
	add("Isolation reached", h.Isolation)
	add("Isolation notes", strings.Join(h.IsolationNotes, "; "))
	add("CPU", h.CPUModel)
	add("Logical CPUs", number(h.CPUs))
	add("Cores", number(h.Cores))
	add("Microcode", h.Microcode)
	add("Governor", h.Governor)
	add("Kernel", h.Kernel)
	add("System", strings.TrimSuffix(h.OS+" "+h.Architecture, " "))
	add("Virtualization", h.Virtualization)
	add("Clock source", h.ClockSource)
	if h.MemoryBytes != nil {
		add("Memory", size(*h.MemoryBytes))
	}
	if h.Load1 != nil {
		add("Load", strconv.FormatFloat(*h.Load1, 'f', 2, 64))
	}
	if h.StealRatio != nil {
		add("Stolen CPU time", strconv.FormatFloat(*h.StealRatio*100, 'f', 2, 64)+" %")
	}
	if h.PressureCPU != nil {
		add("CPU pressure", strconv.FormatFloat(*h.PressureCPU, 'f', 1, 64)+" %")
	}
	add("Tachograph", h.Tacho)
	return out
}
