package job_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/channel"
)

// BenchmarkSubmitToClaim is the time from the commit of a job to the answer that its runner gets, while so many runners wait. ns/op holds
// the submission and the end of the job too; the metric claim-ns is the latency itself.
func BenchmarkSubmitToClaim(b *testing.B) {
	for _, idle := range []int{1, 1_000} {
		b.Run(fmt.Sprintf("idle=%d", idle), func(b *testing.B) {
			h := newFixture(b)
			ctx, stop := context.WithCancel(b.Context())
			type taken struct {
				runner string
				job    *api.ClaimedJob
				at     time.Time
			}
			got := make(chan taken)
			var done sync.WaitGroup
			wait := func(runner string) {
				done.Go(func() {
					job, err := h.queue.Claim(ctx, runner, nil, time.Hour)
					if err != nil {
						b.Error(err)
					}
					if job != nil {
						got <- taken{runner, job, time.Now()}
					}
				})
			}
			for i := range idle {
				wait(h.runner(fmt.Sprint("box ", i)))
			}
			var latency time.Duration
			for b.Loop() {
				for h.queue.WaitingRunners() < idle {
					time.Sleep(100 * time.Microsecond) // the last one is on its way back
				}
				_, prepared := h.insert(order{})
				committed := time.Now()
				h.queue.Inserted(prepared)
				t := <-got
				latency += t.at.Sub(committed)
				h.says(t.runner, t.job, api.MsgAck, api.Message{Event: api.MsgFailed, Seq: channel.TerminalSeq})
				wait(t.runner)
			}
			b.ReportMetric(float64(latency.Nanoseconds())/float64(b.N), "claim-ns")
			stop()
			done.Wait()
		})
	}
}
