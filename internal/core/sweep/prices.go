package sweep

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
	"github.com/tachograph/tacho/internal/core/suite"
)

// Sheet is prices of machine types, as of a day.
type Sheet struct {
	Source string
	offers map[offerKey]Offer
	types  map[string][]string // by provider
}

type offerKey struct{ provider, region, typ string }

// Offer is a row of a sheet.
type Offer struct {
	Provider, Type string
	Region         string // "" for any
	PerHour        Micros
	Extras         Micros        // an hour, for disk and address
	MinBilled      time.Duration // what a machine is billed at least
	Date           string        // "" if the sheet does not say
	VCPUs, Cores   int           // 0 if the sheet does not say
	Arch           string        // "" if the sheet does not say
}

// extras is what the disk and the public address of a small machine are taken to cost, an hour, where a sheet does not say it: about
// twice the list price of 30 GB and an IPv4 address at the large providers, so that it is rather too much.
const extras Micros = 20_000

// billedLeast is what the large providers bill at least.
const billedLeast = time.Minute

//go:embed embedded/prices.csv
var embedded []byte

// The sheet that is built in; embedded/PROVENANCE.md says where it comes from.
const (
	EmbeddedDate   = "2026-07-22"
	embeddedSource = "cloudspecs"
)

// homes are the regions whose prices the built-in sheet has, and where a target without regions is.
var homes = map[string]string{"aws": "us-east-1", "azure": "eastus", "gcp": "us-central1"}

// Embedded is the price sheet that is built in.
var Embedded = sync.OnceValue(func() *Sheet {
	s, err := parseSheet(embedded, embeddedSource, EmbeddedDate, homes)
	if err != nil {
		panic(err) // a test reads it
	}
	return s
})

// ParseSheet reads a price sheet of the user's own: CSV with a header. Columns are provider, type, per_hour (dollars), and if wanted
// region, date (2026-07-22), extras (dollars an hour for disk and address), min_billed (60s), vcpus, cores and arch, in any order. source
// is what it is called in plans. Errors are Invalid faults with the line.
func ParseSheet(text []byte, source string) (*Sheet, error) { return parseSheet(text, source, "", nil) }

var sheetColumns = []string{"provider", "type", "per_hour", "region", "date", "extras", "min_billed", "vcpus", "cores", "arch"}

func parseSheet(text []byte, source, date string, homes map[string]string) (*Sheet, error) {
	if len(text) > limits.SheetBytes {
		return nil, fault.Invalidf("price sheet: %d bytes, more than %d; keep the types that you use", len(text), limits.SheetBytes)
	}
	if !utf8.Valid(text) {
		return nil, fault.Invalidf("price sheet: not a text in UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.Comment, r.TrimLeadingSpace = '#', true
	header, err := r.Read()
	if err != nil {
		return nil, fault.Invalidf("price sheet: no header; begin with provider,type,per_hour")
	}
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice {
			return nil, fault.Invalidf("price sheet, line 1: column %s is here twice", strict.Shortened(name))
		}
		if !slices.Contains(sheetColumns, name) {
			return nil, fault.Invalidf("price sheet, line 1: unknown column %q; known are %s", strict.Shortened(name),
				strings.Join(sheetColumns, ", "))
		}
		at[name] = i
	}
	for _, name := range sheetColumns[:3] {
		if _, has := at[name]; !has {
			return nil, fault.Invalidf("price sheet: column %s is missing", name)
		}
	}
	s := &Sheet{Source: source, offers: map[offerKey]Offer{}, types: map[string][]string{}}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fault.Invalidf("price sheet, line %d: %v", bad.Line, bad.Err)
		}
		line, _ := r.FieldPos(0)
		field := func(name string) string {
			if i, has := at[name]; has {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		o, err := readOffer(field)
		if err != nil {
			return nil, fault.Invalidf("price sheet, line %d: %v", line, err)
		}
		if o.Date == "" {
			o.Date = date
		}
		if o.Region == "" {
			o.Region = homes[o.Provider]
		}
		key := offerKey{o.Provider, o.Region, o.Type}
		if _, twice := s.offers[key]; twice {
			return nil, fault.Invalidf("price sheet, line %d: a second price of %s %s; remove one", line, o.Provider, o.Type)
		}
		s.offers[key] = o
		s.types[o.Provider] = append(s.types[o.Provider], o.Type)
	}
	return s, nil
}

// readOffer reads a row.
func readOffer(field func(string) string) (o Offer, err error) {
	o = Offer{Provider: field("provider"), Type: field("type"), Region: field("region"), Date: field("date"), Arch: field("arch")}
	if !KnownProvider(o.Provider) {
		return o, errors.New(unknownProvider(o.Provider))
	}
	if !suite.IsName(o.Type) || o.Region != "" && !suite.IsName(o.Region) {
		return o, errors.New("type and region are names of letters, digits, '.', '_' and '-'")
	}
	if _, err := time.Parse(time.DateOnly, o.Date); err != nil && o.Date != "" {
		return o, errors.New("date is a day, like 2026-07-22")
	}
	if o.Arch != "" && o.Arch != "amd64" && o.Arch != "arm64" {
		return o, errors.New("arch is amd64 or arm64")
	}
	if o.PerHour, err = ParseMicros(field("per_hour")); err != nil {
		return o, err
	}
	if _, cloud := homes[o.Provider]; cloud {
		o.Extras, o.MinBilled = extras, billedLeast
	}
	if text := field("extras"); text != "" {
		if o.Extras, err = ParseMicros(text); err != nil {
			return o, err
		}
	}
	if text := field("min_billed"); text != "" {
		if o.MinBilled, err = time.ParseDuration(text); err != nil || o.MinBilled < 0 || o.MinBilled > limits.SweepTTLMost {
			return o, errors.New("min_billed is a time like 60s or 1h")
		}
	}
	for name, to := range map[string]*int{"vcpus": &o.VCPUs, "cores": &o.Cores} {
		if text := field(name); text != "" {
			if *to, err = strconv.Atoi(text); err != nil || *to < 0 || *to > limits.SweepCPUs {
				return o, errors.New(name + " is a number of processors")
			}
		}
	}
	return o, nil
}

// Find returns what a type costs in a region. A row without a region is for all.
func (s *Sheet) Find(provider, region, typ string) (Offer, bool) {
	o, ok := s.offers[offerKey{provider, region, typ}]
	if !ok {
		o, ok = s.offers[offerKey{provider, "", typ}]
	}
	return o, ok
}

// Elsewhere are the regions for which the sheet has a price of a type, in order.
func (s *Sheet) Elsewhere(provider, typ string) (regions []string) {
	for key := range s.offers {
		if key.provider == provider && key.typ == typ {
			regions = append(regions, key.region)
		}
	}
	slices.Sort(regions)
	return regions
}

// Types are the types of a provider in the order of the sheet.
func (s *Sheet) Types(provider string) []string { return slices.Clone(s.types[provider]) }

// nearestType is a type of the sheet that a mistyped one was perhaps meant to be; "" for none.
func (s *Sheet) nearestType(provider, typ string) string {
	best, least := "", 3
	for _, t := range s.types[provider] {
		if d := ident.Slips(t, typ); d < least {
			best, least = t, d
		}
	}
	return best
}
