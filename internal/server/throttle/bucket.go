package throttle

import (
	"container/list"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
)

// Rate is a token bucket: Burst at once, and PerSecond in the long run.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Left is what a caller has left after it took one.
type Left struct {
	Burst, Remaining int
	Reset            time.Duration // until the bucket is full again
	Wait             time.Duration // until one may be taken; 0: it was
}

// buckets are one for each name. Of a bucket only the time is kept at which it will be full (the generic cell rate algorithm), so one that
// is full is the same as none.
type buckets struct {
	rate Rate
	now  func() time.Time

	mu   sync.Mutex // guards what follows
	full map[string]*list.Element
	used list.List // of *bucket, the latest used first
}

type bucket struct {
	name string
	full time.Time
}

func newBuckets(rate Rate, now func() time.Time) *buckets {
	return &buckets{rate: rate, now: now, full: map[string]*list.Element{}}
}

func (b *buckets) take(name string) Left {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	one := time.Duration(float64(time.Second) / b.rate.PerSecond)
	capacity := one * time.Duration(b.rate.Burst)
	place, known := b.full[name]
	if !known {
		b.forget(now)
		place = b.used.PushFront(&bucket{name, now})
		b.full[name] = place
	}
	b.used.MoveToFront(place)
	mine := place.Value.(*bucket)
	full := mine.full
	if full.Before(now) {
		full = now
	}
	left := Left{Burst: b.rate.Burst}
	if after := full.Add(one); after.Sub(now) > capacity {
		left.Wait = after.Sub(now) - capacity
	} else {
		full = after
	}
	mine.full = full
	left.Reset = full.Sub(now)
	left.Remaining = int((capacity - left.Reset) / one)
	return left
}

// forget makes room: the latest used stay. A few are looked at each time, so that full buckets do not fill the memory.
func (b *buckets) forget(now time.Time) {
	for range 2 {
		oldest := b.used.Back()
		if oldest == nil || b.used.Len() < limits.ThrottleEntries && oldest.Value.(*bucket).full.After(now) {
			return
		}
		b.used.Remove(oldest)
		delete(b.full, oldest.Value.(*bucket).name)
	}
}

// recent is a set of names that keeps the latest used.
type recent struct {
	most int

	mu    sync.Mutex // guards what follows
	place map[string]*list.Element
	used  list.List // of string
}

func newRecent(most int) *recent { return &recent{most: most, place: map[string]*list.Element{}} }

func (s *recent) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.place[name]
	if ok {
		s.used.MoveToFront(e)
	}
	return ok
}

func (s *recent) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.place[name]; ok {
		s.used.MoveToFront(e)
		return
	}
	if s.used.Len() >= s.most {
		oldest := s.used.Back()
		delete(s.place, s.used.Remove(oldest).(string))
	}
	s.place[name] = s.used.PushFront(name)
}

func (s *recent) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.place[name]; ok {
		s.used.Remove(e)
		delete(s.place, name)
	}
}
