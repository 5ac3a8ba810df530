package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

const (
	dialTimeout = 20 * time.Second
	sendTimeout = 20 * time.Second // one frame of at most limits.ChannelMessageBytes
)

// errNoUpgrade says that the server, or something before it, answers HTTP and does not speak WebSocket.
var errNoUpgrade = errors.New("no WebSocket here")

type wsDialer struct{ *endpoint }

func (d wsDialer) dial(ctx context.Context) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	header := http.Header{}
	d.authorize(header)
	conn, resp, err := websocket.Dial(ctx, d.at("channel").String(), &websocket.DialOptions{HTTPClient: d.client, HTTPHeader: header})
	if err != nil {
		if resp == nil {
			return nil, fmt.Errorf("connect to %s: %w", d.base.Host, err)
		}
		switch resp.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
			return nil, fmt.Errorf("connect to %s: %w", d.base.Host, refused(resp)) // long-poll would hear the same
		}
		return nil, fmt.Errorf("connect to %s: %w (status %d)", d.base.Host, errNoUpgrade, resp.StatusCode)
	}
	conn.SetReadLimit(limits.ChannelMessageBytes)
	return wsLink{conn}, nil
}

type wsLink struct{ conn *websocket.Conn }

func (l wsLink) send(ctx context.Context, msg api.Message) error {
	frame, err := encodeMessage(msg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return l.conn.Write(ctx, websocket.MessageText, frame)
}

func (l wsLink) receive(ctx context.Context) (api.Message, error) {
	kind, frame, err := l.conn.Read(ctx)
	if err != nil {
		return api.Message{}, err
	}
	if kind != websocket.MessageText {
		return api.Message{}, errors.New("the server sent a binary frame")
	}
	return decodeMessage(frame)
}

func (l wsLink) close() { l.conn.CloseNow() }
