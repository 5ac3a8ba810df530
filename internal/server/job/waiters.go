package job

import (
	"maps"
	"slices"
	"sync"
)

// waiters are the runners that wait for work. A wake-up for a stand (a spec and a slot) goes to the one that has waited there longest.
// Whoever was woken owes a look at the queue; one that leaves instead, or takes a job of another stand, passes the wake-up on, so that none
// is lost. The zero value is ready.
type waiters struct {
	mu     sync.Mutex
	queue  []*waiter
	closed bool
}

type waiter struct {
	runner string
	stands []Stand
	wake   chan Stand // holds one token: where the wake-up is for, or none for one that is meant for this waiter alone
}

// join adds a waiter; it must look for a job after joining, so that an insert in between wakes it. ok is false once closed.
func (ws *waiters) join(runner string, stands []Stand) (w *waiter, ok bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return nil, false
	}
	w = &waiter{runner: runner, stands: stands, wake: make(chan Stand, 1)}
	ws.queue = append(ws.queue, w)
	return w, true
}

// offer changes what a waiter offers; ok is false once closed.
func (ws *waiters) offer(w *waiter, stands []Stand) (ok bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.stands = stands
	return !ws.closed
}

// leave removes a waiter. A wake-up that it has not seen, and the one that it owes, go to the next.
func (ws *waiters) leave(w *waiter, owed Stand) {
	ws.mu.Lock()
	ws.queue = slices.DeleteFunc(ws.queue, func(other *waiter) bool { return other == w })
	var unseen Stand
	select {
	case unseen = <-w.wake:
	default:
	}
	ws.mu.Unlock()
	for _, stand := range []Stand{owed, unseen} {
		if stand != (Stand{}) {
			ws.wake(stand)
		}
	}
}

// wake gives one waiter a token for a stand.
func (ws *waiters) wake(stand Stand) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.queue {
		if len(w.wake) == 0 && slices.Contains(w.stands, stand) {
			w.wake <- stand
			return
		}
	}
}

// wakeAll gives a token for a stand to all waiters there that have none: for a job that not each of them may take.
func (ws *waiters) wakeAll(stand Stand) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.queue {
		if len(w.wake) == 0 && slices.Contains(w.stands, stand) {
			w.wake <- stand
		}
	}
}

// kick wakes all waiters of a runner, because its specs changed, it is repaired, or it is no longer wanted.
func (ws *waiters) kick(runner string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.queue {
		if w.runner == runner && len(w.wake) == 0 {
			w.wake <- Stand{}
		}
	}
}

// has reports whether the runner waits.
func (ws *waiters) has(runner string) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.ContainsFunc(ws.queue, func(w *waiter) bool { return w.runner == runner })
}

// runners are those that wait.
func (ws *waiters) runners() []string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := make([]string, len(ws.queue))
	for i, w := range ws.queue {
		out[i] = w.runner
	}
	return out
}

func (ws *waiters) len() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.queue)
}

// close wakes everybody and lets nobody join.
func (ws *waiters) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	for _, w := range ws.queue {
		if len(w.wake) == 0 {
			w.wake <- Stand{}
		}
	}
}

// streams tell followers of a job that something about it changed; what, they read from the store. The zero value is ready.
type streams struct {
	mu     sync.Mutex
	byJob  map[string][]chan struct{}
	closed bool
}

// subscribe returns a channel that holds a token whenever the job changed since it was last emptied, and closes at shutdown.
func (st *streams) subscribe(jobID string) (changed <-chan struct{}, unsubscribe func()) {
	st.mu.Lock()
	defer st.mu.Unlock()
	ch := make(chan struct{}, 1)
	if st.closed {
		close(ch)
		return ch, func() {}
	}
	if st.byJob == nil {
		st.byJob = map[string][]chan struct{}{}
	}
	st.byJob[jobID] = append(st.byJob[jobID], ch)
	return ch, func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.byJob[jobID] = slices.DeleteFunc(st.byJob[jobID], func(other chan struct{}) bool { return other == ch })
		if len(st.byJob[jobID]) == 0 {
			delete(st.byJob, jobID)
		}
	}
}

func (st *streams) publish(jobID string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return
	}
	for _, ch := range st.byJob[jobID] {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last change
		}
	}
}

// publishAll is publish for all jobs that somebody follows.
func (st *streams) publishAll() {
	st.mu.Lock()
	jobs := slices.Collect(maps.Keys(st.byJob))
	st.mu.Unlock()
	for _, id := range jobs {
		st.publish(id)
	}
}

func (st *streams) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return
	}
	st.closed = true
	for _, list := range st.byJob {
		for _, ch := range list {
			close(ch)
		}
	}
}
