package results_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/report/results"
)

var jsonSettings = api.ReportSettings{Adapter: "json"}

func TestMetricsOfAllIterationsCountTogether(t *testing.T) {
	t.Parallel()
	const each = 100_000
	var b strings.Builder
	b.WriteByte('{')
	for i := range each {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"b%d":{"latency":{"value":1},"throughput":{"value":1}}`, i)
	}
	b.WriteByte('}')
	inputs := []string{b.String(), b.String()}
	if _, err := results.Parse(inputs, jsonSettings); err != nil {
		t.Fatalf("%d metrics, the limit of one report: %v", 4*each, err)
	}
	_, err := results.Parse(append(inputs, `{"b":{"latency":{"value":10}}}`), jsonSettings)
	if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "400000 metrics") {
		t.Errorf("one more: %v, want a refusal that names the limit", err)
	}
}

func TestTooManyMeasuresAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"b":{"m0":{"value":1}`)
	for i := range 4_096 {
		fmt.Fprintf(&b, `,"m%d":{"value":1}`, i+1)
	}
	b.WriteString(`}}`)
	_, err := results.Parse([]string{b.String()}, jsonSettings)
	if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "4096 measures") {
		t.Errorf("want a refusal that names the limit, got %v", err)
	}
}
