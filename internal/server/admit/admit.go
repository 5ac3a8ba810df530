// Package admit bounds what the server holds in memory for its callers: a Gate is a weighted semaphore that lets work in, in the order of
// arrival, while the weights of what is inside stay below its capacity. Weights are bytes, as measured by bench/abuse.
//
// Each gate is for work that must not wait for another kind:
//
//   - Small: bodies of ordinary requests as they were sent, until they are served;
//   - Decode: what decoding them holds, for that moment only;
//   - Bodies: large bodies (reports), while they are read and until they are served. A slow sender holds its weight here;
//   - Work: parsing, judging, storing and answering what came in large bodies and large outputs of jobs;
//   - Reads: answers that hold many metrics;
//   - Pages: pages that are drawn.
//
// Order is what keeps callers from waiting for each other in a circle: a request enters Small or Bodies or Pages first, then Decode, then
// Work, then Reads, and none of them twice. Runner channels, health checks and requests without a body pass none, unless they ask for much.
// Work whose cost drowns in what every request costs anyhow does not enter Work or Reads.
//
// Who finds a queue full, or waited too long, gets a fault that says when to come again; the edges answer it as 503 with Retry-After.
//
// Who calls it: the server root makes the gates; the edges call them, and so do the rooms whose work is heavy (report, explore).
package admit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Config are a gate's settings.
type Config struct {
	Subject  string        // what there is too much of, for people: "large reports"
	Capacity int64         // bytes inside at once
	Queue    int           // callers that may wait
	Patience time.Duration // how long each of them does
	Retry    time.Duration // what a refusal asks for
}

// Gate is a weighted semaphore with a queue. It is safe for concurrent use. A nil Gate lets everybody in.
type Gate struct {
	cfg Config

	mu     sync.Mutex
	used   int64
	queue  list.List // of *waiter, in the order of arrival
	refuse int64
}

type waiter struct {
	weight int64
	in     chan struct{} // closed when it was let in, with mu held
}

// New returns an empty gate.
func New(cfg Config) *Gate { return &Gate{cfg: cfg} }

// Gates are those of one server.
type Gates struct{ Small, Decode, Bodies, Work, Reads, Pages *Gate }

// NewGates returns the gates as package limits sizes them.
func NewGates() Gates {
	return Gates{
		Small:  New(Config{"requests", limits.SmallBytesInFlight, limits.SmallQueue, limits.SmallPatience, limits.BusyRetry}),
		Decode: New(Config{"requests", limits.DecodeBytes, limits.SmallQueue, limits.SmallPatience, limits.BusyRetry}),
		Bodies: New(Config{"large reports", limits.BodyBytesInFlight, limits.BodyQueue, limits.BodyPatience, limits.BodyRetry}),
		Work:   New(Config{"large reports", limits.WorkBytes, limits.WorkQueue, limits.WorkPatience, limits.BodyRetry}),
		Reads:  New(Config{"large queries", limits.ReadBytes, limits.ReadQueue, limits.ReadPatience, limits.BusyRetry}),
		Pages:  New(Config{"pages", limits.PageBytesInFlight, limits.PageQueue, limits.PagePatience, limits.BusyRetry}),
	}
}

// Pass is a place inside a gate. A nil Pass holds nothing.
type Pass struct {
	gate *Gate

	mu     sync.Mutex
	weight int64
}

// Enter waits until weight fits and all who came before are in. A weight over the capacity is taken as all of it: such work runs alone. A
// weight of 0 is let in at once, past those who wait: it takes nothing from them. A full queue and a wait that is longer than the gate's
// patience are Unavailable faults with the time of the next try; the end of ctx is its error. The caller must Leave.
func (g *Gate) Enter(ctx context.Context, weight int64) (*Pass, error) {
	return g.enter(ctx, weight, true)
}

// Await is Enter for work that nobody waits for: it is never refused, and stays in the queue until it is let in or ctx ends.
func (g *Gate) Await(ctx context.Context, weight int64) (*Pass, error) {
	return g.enter(ctx, weight, false)
}

func (g *Gate) enter(ctx context.Context, weight int64, impatient bool) (*Pass, error) {
	if g == nil {
		return nil, nil
	}
	weight = min(max(weight, 0), g.cfg.Capacity)
	if weight == 0 {
		return &Pass{gate: g}, nil
	}
	g.mu.Lock()
	if g.queue.Len() == 0 && g.used+weight <= g.cfg.Capacity {
		g.used += weight
		g.mu.Unlock()
		return &Pass{gate: g, weight: weight}, nil
	}
	if impatient && g.queue.Len() >= g.cfg.Queue {
		g.refuse++
		g.mu.Unlock()
		return nil, g.busy()
	}
	w := &waiter{weight, make(chan struct{})}
	place := g.queue.PushBack(w)
	g.mu.Unlock()

	var over <-chan time.Time
	if impatient {
		timer := time.NewTimer(g.cfg.Patience)
		defer timer.Stop()
		over = timer.C
	}
	var err error
	select {
	case <-w.in:
		return &Pass{gate: g, weight: weight}, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-over:
		err = g.busy()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.in: // it was let in at the same moment: that counts, but for a caller that is gone
		if ctx.Err() == nil {
			return &Pass{gate: g, weight: weight}, nil
		}
		g.used -= weight
	default:
		g.queue.Remove(place)
		g.refuse++
	}
	g.admit() // whoever is behind may fit
	return nil, err
}

func (g *Gate) busy() error {
	return fault.Busyf(g.cfg.Retry, "the server is busy with %s; try again in %d s", g.cfg.Subject, int(g.cfg.Retry/time.Second))
}

// admit lets in whoever is first as long as there is room. mu is held.
func (g *Gate) admit() {
	for first := g.queue.Front(); first != nil; first = g.queue.Front() {
		w := first.Value.(*waiter)
		if g.used+w.weight > g.cfg.Capacity {
			return
		}
		g.used += w.weight
		g.queue.Remove(first)
		close(w.in)
	}
}

// Used is the weight that is inside.
func (g *Gate) Used() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used
}

// Waiting is how many callers wait.
func (g *Gate) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.Len()
}

// Refused is how many callers were turned away or went away while they waited.
func (g *Gate) Refused() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuse
}

// Shrink gives back what turned out not to be needed. A larger weight than before changes nothing: whoever is inside must not wait for
// more.
func (p *Pass) Shrink(weight int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	back := p.weight - max(weight, 0)
	if back <= 0 {
		return
	}
	p.weight -= back
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.used -= back
	p.gate.admit()
}

// Leave gives all back. A second call does nothing.
func (p *Pass) Leave() { p.Shrink(0) }

type heldKey struct{}

// held are the passes of one request.
type held struct {
	mu     sync.Mutex
	passes []*Pass
}

// Hold returns a context in which Keep hands passes over, and a function that leaves them all: an edge calls it when its answer is written.
func Hold(ctx context.Context) (context.Context, func()) {
	h := &held{}
	return context.WithValue(ctx, heldKey{}, h), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, p := range h.passes {
			p.Leave()
		}
		h.passes = nil
	}
}

// Keep keeps p until the answer of ctx's request is written, because the answer still holds what p counts. Outside of a request there is
// no such moment, and p is left at once.
func Keep(ctx context.Context, p *Pass) {
	h, ok := ctx.Value(heldKey{}).(*held)
	if !ok || p == nil {
		p.Leave()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passes = append(h.passes, p)
}
