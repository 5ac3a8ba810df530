package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// link is one connection to the server. Its reader and its writer are different goroutines.
type link interface {
	// send hands a message to the server; it may block, and fails when the link is gone.
	send(ctx context.Context, msg api.Message) error
	// receive blocks until the server says something; an error ends the link.
	receive(ctx context.Context) (api.Message, error)
	// close ends the link; it does not block and may be called twice.
	close()
}

// dialer makes links.
type dialer interface {
	dial(ctx context.Context) (link, error)
}

// Transport is how a runner talks to its server.
type Transport string

// The transports. Auto begins with a WebSocket and falls back to long-poll for as long as the server or a proxy refuses the upgrade.
const (
	TransportAuto      Transport = "auto"
	TransportWebSocket Transport = "ws"
	TransportHTTP      Transport = "http"
)

// ParseTransport reads a transport's name; the empty name is auto.
func ParseTransport(s string) (Transport, error) {
	switch t := Transport(s); t {
	case "":
		return TransportAuto, nil
	case TransportAuto, TransportWebSocket, TransportHTTP:
		return t, nil
	}
	return "", fmt.Errorf("transport %q is not known: use auto, ws or http", s)
}

// endpoint is the server's address, with the runner's name and key; it makes the requests of every transport.
type endpoint struct {
	base    *url.URL
	runner  string
	key     Secret
	version string
	client  *http.Client
}

// at returns the URL of a path below this runner, with the parts escaped.
func (e *endpoint) at(parts ...string) *url.URL {
	return e.base.JoinPath(append([]string{"v0", "runners", url.PathEscape(e.runner)}, parts...)...)
}

func (e *endpoint) authorize(h http.Header) {
	h.Set("Authorization", "Bearer "+string(e.key))
	h.Set("User-Agent", "tacho-runner/"+e.version)
}

// refusal is an answer of the server that is not a success.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the server answered %d: %s", r.status, r.message)
}

// permanent reports whether the same request would be refused again.
func (r *refusal) permanent() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false // a key may be replaced, a server may get air
	}
	return r.status >= 400 && r.status < 500
}

// refused reads the server's error body, within limits.
func refused(resp *http.Response) *refusal {
	r := &refusal{status: resp.StatusCode, message: http.StatusText(resp.StatusCode)}
	var body api.Error
	if json.NewDecoder(http.MaxBytesReader(nil, resp.Body, limits.ErrorBodyBytes)).Decode(&body) == nil && body.Message != "" {
		r.message = body.Message
	}
	return r
}

// encodeMessage writes a message as one frame. A result with so many iterations that it would not fit loses the host facts of each
// iteration first; the facts of the last one stay on the message itself.
func encodeMessage(msg api.Message) ([]byte, error) {
	frame, err := json.Marshal(msg)
	if err != nil || len(frame) <= limits.ChannelMessageBytes {
		return frame, err
	}
	results := make([]api.IterationOutput, len(msg.Results))
	for i, r := range msg.Results {
		r.Host = nil
		results[i] = r
	}
	msg.Results = results
	if frame, err = json.Marshal(msg); err == nil && len(frame) > limits.ChannelMessageBytes {
		err = fmt.Errorf("message %s has %d bytes, the limit is %d", msg.Event, len(frame), limits.ChannelMessageBytes)
	}
	return frame, err
}

func decodeMessage(frame []byte) (api.Message, error) {
	var msg api.Message
	if err := json.Unmarshal(frame, &msg); err != nil {
		return msg, fmt.Errorf("message of the server: %w", err)
	}
	return msg, nil
}

// outbound is the queue between the machine, which must not wait, and a link's writer. It is bounded by what the machine keeps.
type outbound struct {
	more chan struct{} // holds a token while there may be something

	mu   sync.Mutex // guards list
	list []api.Message
}

func newOutbound() *outbound { return &outbound{more: make(chan struct{}, 1)} }

func (o *outbound) put(msg api.Message) {
	o.mu.Lock()
	o.list = append(o.list, msg)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

func (o *outbound) take() []api.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.list
	o.list = nil
	return list
}

// drainTo sends what is put until the link or ctx ends.
func (o *outbound) drainTo(ctx context.Context, l link) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-o.more:
		}
		for _, msg := range o.take() {
			if err := l.send(ctx, msg); err != nil {
				return fmt.Errorf("send %s: %w", msg.Event, err)
			}
		}
	}
}

// Secret is a key or token that must not reach a log.
type Secret string

func (Secret) String() string { return "[redacted]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[redacted]" }

// MarshalText hides the secret from encoders, slog's among them.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// parseHost reads the server's address. Without a scheme it is https, except on this machine.
func parseHost(host string) (*url.URL, error) {
	if !strings.Contains(host, "://") {
		scheme := "https://"
		if strings.HasPrefix(host, "localhost") || strings.HasPrefix(host, "127.") || strings.HasPrefix(host, "[::1]") {
			scheme = "http://"
		}
		host = scheme + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, fmt.Errorf("server address %q: %w", host, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("server address %q: want http(s)://host[:port][/path]", host)
	}
	return u, nil
}
