package job

import (
	"context"
	"time"
)

// What tests outside of this package look at.
const (
	NextQuery          = nextJobQuery + nextJobOrder
	QueuePositionQuery = queuePositionQuery

	LogLife          = logLife
	LogStops         = logStops
	PrepareAllowance = prepareAllowance
)

// Flush writes the heartbeats that are in memory, as it is done every limits.LeaseFlushInterval.
func (s *Service) Flush(ctx context.Context) error { return s.flush(ctx) }

// Expire ends a job's lease.
func (s *Service) Expire(ctx context.Context, jobID string) error { return s.expire(ctx, jobID) }

// GiveUp fails the jobs that no machine can run.
func (s *Service) GiveUp(ctx context.Context) error { return s.giveUp(ctx) }

// Began says that the service began to run at a time.
func (s *Service) Began(at time.Time) { s.begun = at }

// ForgetLogged is what a new process knows of live output.
func (s *Service) ForgetLogged() { s.logged = map[string]logged{} }

// Wake gives a wake-up to a runner that waits for a job of the stand.
func (s *Service) Wake(stand Stand) { s.waiting.wake(stand) }

// CloseWaiting sends all runners away that wait.
func (s *Service) CloseWaiting() { s.waiting.close() }

// RequeueCompleted brings all completed jobs to be read, as at a start.
func (s *Service) RequeueCompleted(ctx context.Context) { s.requeueCompleted(ctx) }

// ToRead is the queue of results to read.
func (s *Service) ToRead() <-chan string { return s.toRead }

// Readable says that a result is not being read any more.
func (s *Service) Readable(jobID string) { delete(s.reading, jobID) }

// BeingRead is how many results wait to be read, are being read, or could not be read.
func (s *Service) BeingRead() int { return len(s.reading) + len(s.tries) }
