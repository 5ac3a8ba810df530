package store

import (
	"context"
	"slices"
	"sync"
)

// Announce tells whoever hears the topic, in this process and on other servers, once the transaction has committed. Nothing may depend on
// it to arrive, nor on the commit being on the disk by then: it is for what makes waiting shorter.
func (tx *Tx) Announce(ctx context.Context, topic string) error {
	if slices.Contains(tx.topics, topic) {
		return nil
	}
	tx.topics = append(tx.topics, topic)
	return tx.Notify(ctx, topic, "")
}

// Hear calls f after each commit that announced the topic, from now until Close, and when one may have been missed. f must be quick, and
// safe for concurrent use.
func (s *Store) Hear(topic string, f func()) {
	s.hearing.add(topic, f)
	s.Listen(topic, func(string) { f() })
}

// hearing are those in this process who hear announcements. The zero value is ready, and safe for concurrent use.
type hearing struct {
	mu    sync.Mutex
	heard map[string][]func()
}

func (h *hearing) add(topic string, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard == nil {
		h.heard = map[string][]func(){}
	}
	h.heard[topic] = append(h.heard[topic], f)
}

func (h *hearing) tell(topics []string) {
	for _, topic := range topics {
		h.mu.Lock()
		heard := h.heard[topic]
		h.mu.Unlock()
		for _, f := range heard {
			f()
		}
	}
}
