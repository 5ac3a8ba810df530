package report

import (
	"cmp"
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/admit"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/threshold"
)

// Queue is what this room needs of the job queue.
type Queue interface {
	// Prepare checks a job and pins its image, before any transaction.
	Prepare(ctx context.Context, p job.PrepareParams) (*job.Prepared, error)
	// Insert queues its jobs in the transaction of the reports that wait for them; base is empty where nothing is compared.
	Insert(ctx context.Context, tx *store.Tx, p *job.Prepared, head, base string) (jobIDs []string, err error)
	// Inputs is what the jobs of a report left; nothing: it has none, or they left nothing.
	Inputs(ctx context.Context, reportID string) (job.Delivery, error)
	// Inserted wakes waiting runners, after the commit.
	Inserted(p *job.Prepared)
}

// Config are the parts that Service is made of. All are needed but those that say what their absence means.
type Config struct {
	Store      *store.Store
	Door       *project.Door // nil: one that counts nobody
	Blobs      blob.Store
	Queue      Queue
	Judge      *Judge           // nil: one over Store
	Work       *admit.Gate      // what large submissions pass; nil: no bound
	Visibility api.Visibility   // of projects that are made without saying; empty: public
	Now        func() time.Time // nil: time.Now
}

// Service are the use cases of reports. It is safe for concurrent use.
type Service struct {
	store   *store.Store
	door    *project.Door
	blobs   blob.Store
	queue   Queue
	judge   *Judge
	work    *admit.Gate
	visible api.Visibility
	now     func() time.Time

	branches *series.Branches
}

// NewService makes them.
func NewService(cfg Config) *Service {
	s := &Service{store: cfg.Store, door: cfg.Door, blobs: cfg.Blobs, queue: cfg.Queue, judge: cfg.Judge, work: cfg.Work,
		visible: cmp.Or(cfg.Visibility, api.Public), now: cfg.Now}
	if s.judge == nil {
		s.judge = NewJudge(cfg.Store, nil)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.door == nil {
		s.door = project.NewDoor(cfg.Store, nil)
	}
	s.branches = series.NewBranches(s.door, threshold.Following{})
	return s
}
