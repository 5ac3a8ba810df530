package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
)

var errLinkClosed = errors.New("the link is closed")

// autoDialer prefers a WebSocket. After an upgrade that was refused it uses long-poll for a while and then tries again: the proxy that
// refused may be gone.
type autoDialer struct {
	ws, poll dialer
	log      *slog.Logger

	polls atomic.Int32 // links to make by long-poll before the next WebSocket
}

// pollsBeforeUpgrade is how many long-poll links are made before a WebSocket is tried again.
const pollsBeforeUpgrade = 20

func (d *autoDialer) dial(ctx context.Context) (link, error) {
	if d.polls.Add(-1) >= 0 {
		return d.poll.dial(ctx)
	}
	l, err := d.ws.dial(ctx)
	if errors.Is(err, errNoUpgrade) {
		d.log.Info("websocket refused, using long-poll", "error", err)
		d.polls.Store(pollsBeforeUpgrade)
		return d.poll.dial(ctx)
	}
	return l, err
}

func newDialer(t Transport, e *endpoint, log *slog.Logger) dialer {
	switch t {
	case TransportWebSocket:
		return wsDialer{e}
	case TransportHTTP:
		return pollDialer{e}
	}
	return &autoDialer{ws: wsDialer{e}, poll: pollDialer{e}, log: log}
}
