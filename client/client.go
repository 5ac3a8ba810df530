// Package client calls a Tachograph server: one typed method for each operation of package api.
//
// It retries what is safe to repeat, follows a job's events across lost connections, and turns refusals into faults that carry the
// server's own sentence. The transport may be the network or a handler in the same process (InProcess), so that the command line and the
// pages walk the same road with and without a server. It prints nothing, reads no environment and knows nothing of the server's inside.
//
// The command line, the pages and other programs call it. A Client is safe for concurrent use.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Config says where the server is and how patient to be. Only Base is needed.
type Config struct {
	Base      string            // "https://bench.example.org", with a path if the server stands behind one
	Key       string            // sent as "Authorization: Bearer"; empty: anonymous
	Transport http.RoundTripper // nil: the network, with limits.ClientDialTimeout and limits.ClientAnswerTimeout
	UserAgent string            // default "tacho"
	Tries     int               // of one request, the first included; 0: limits.ClientTries, 1: never repeat
	OnRetry   func(Retry)       // told before each pause; may be nil
	OnNotice  func(string)      // told what an answer wants its reader to know (api.NoticeHeader); may be nil

	Wait   func(context.Context, time.Duration) error // nil: the clock
	Random func() float64                             // in [0,1), for the jitter of pauses; nil: math/rand
}

// Retry is a try that failed and will be repeated.
type Retry struct {
	Err   error
	Try   int           // 1 for the first
	Pause time.Duration // before the next
}

// Client calls one server.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
	err  error // what is wrong with the configuration; every call returns it
}

// New returns a client. A malformed Base is an Invalid fault of every call.
func New(cfg Config) *Client {
	if cfg.Transport == nil {
		cfg.Transport = network()
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "tacho"
	}
	if cfg.Tries <= 0 {
		cfg.Tries = limits.ClientTries
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	c := &Client{cfg: cfg, http: &http.Client{Transport: cfg.Transport, CheckRedirect: checkRedirect}}
	c.base, c.err = parseBase(cfg.Base)
	return c
}

// Base returns the server's address without a slash at its end, empty if it was malformed.
func (c *Client) Base() string {
	if c.base == nil {
		return ""
	}
	return c.base.String()
}

// CheckBase returns the Invalid fault that calls of a client with this Base would return, nil if it is well-formed.
func CheckBase(base string) error {
	_, err := parseBase(base)
	return err
}

func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fault.Invalidf("server address %.200q: want http:// or https:// and a host, as in https://bench.example.org", base)
	}
	return u, nil
}

func network() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: limits.ClientDialTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = limits.ClientDialTimeout
	t.ResponseHeaderTimeout = limits.ClientAnswerTimeout
	return t
}

// checkRedirect follows a few redirects, but never from https to http: the key would travel in the clear.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("more than 5 redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirected from https to %s", req.URL.Redacted())
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// call is one operation, before it is sent.
type call struct {
	method string
	path   string
	query  url.Values
	body   any  // nil: none
	repeat bool // may be sent again after it may have been received
	header http.Header
}

// at joins path segments, each escaped.
func at(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v0")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// do sends a call and decodes the answer into out, which may be nil. It returns the answer's header.
func (c *Client) do(ctx context.Context, op call, out any) (http.Header, error) {
	res, err := c.send(ctx, op)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if out == nil || res.StatusCode == http.StatusNoContent {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, limits.ErrorBodyBytes)) // so that the connection is used again
		return res.Header, nil
	}
	body := &capped{r: res.Body, left: limits.ClientAnswerBytes}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return nil, c.unreadable(ctx, op, body, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, limits.ErrorBodyBytes))
	return res.Header, nil
}

func (c *Client) unreadable(ctx context.Context, op call, body *capped, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case body.over:
		return fault.TooLargef("%s %s: the answer is larger than %d bytes; ask for less", op.method, op.path, int64(limits.ClientAnswerBytes))
	case body.err != nil && !errors.Is(body.err, io.EOF):
		return &NetworkError{Host: c.base.Host, Err: body.err}
	}
	return fault.Wrap(fault.Unavailable, err, "%s%s does not answer like a Tachograph server; check the address", c.base, op.path)
}

// capped reads at most left bytes and remembers why it ended.
type capped struct {
	r    io.Reader
	left int64
	over bool
	err  error
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.over = true
		return 0, io.ErrUnexpectedEOF
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	c.err = err
	return n, err
}

// send sends a call, again if that is safe, and returns the first good answer. The caller closes its body.
func (c *Client) send(ctx context.Context, op call) (*http.Response, error) {
	if c.err != nil {
		return nil, c.err
	}
	var body []byte
	if op.body != nil {
		var err error
		if body, err = json.Marshal(op.body); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s %s: the request holds a number that JSON cannot carry", op.method, op.path)
		}
	}
	for try := 1; ; try++ {
		res, err := c.once(ctx, op, body)
		if err == nil {
			return res, nil
		}
		pause, again := c.pause(op, try, err)
		if !again || ctx.Err() != nil {
			return nil, err
		}
		if c.cfg.OnRetry != nil {
			c.cfg.OnRetry(Retry{Err: err, Try: try, Pause: pause})
		}
		if c.cfg.Wait(ctx, pause) != nil {
			return nil, err
		}
	}
}

// once sends a call once. An answer of status 400 or above is an error.
func (c *Client) once(ctx context.Context, op call, body []byte) (*http.Response, error) {
	target := c.base.String() + op.path
	if len(op.query) > 0 {
		target += "?" + op.query.Encode()
	}
	var reader io.Reader
	if op.body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, op.method, target, reader)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s %s: not a request that can be sent", op.method, op.path)
	}
	for name, values := range op.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if op.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &NetworkError{Host: c.base.Host, Err: bare(err)}
	}
	if res.StatusCode >= http.StatusBadRequest {
		defer res.Body.Close()
		return nil, refusal(op, res)
	}
	if notice := res.Header.Get(api.NoticeHeader); notice != "" && c.cfg.OnNotice != nil {
		c.cfg.OnNotice(notice)
	}
	return res, nil
}

// list asks for a page of rows and returns how many there are in all.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) (rows []T, total int, err error) {
	header, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeat: true}, &rows)
	if err != nil {
		return nil, 0, err
	}
	total, err = strconv.Atoi(header.Get(api.TotalCountHeader))
	if err != nil {
		return nil, 0, fault.New(fault.Unavailable, "%s%s answers without %s; it is not a Tachograph server, or a proxy removes the header",
			c.base, path, api.TotalCountHeader)
	}
	return rows, total, nil
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (out T, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeat: true}, &out)
	return out, err
}

func send[T any](ctx context.Context, c *Client, op call) (out T, err error) {
	_, err = c.do(ctx, op, &out)
	return out, err
}

func (c *Client) remove(ctx context.Context, path string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path, repeat: true}, nil)
	return err
}

// Page says which rows of a list to return. The zero value is the server's default: the first limits.PageDefault rows in the list's own
// order.
type Page struct {
	Number     int    // 1 is the first
	PerPage    int    // at most limits.PageMax
	Direction  string // "asc" or "desc"
	Name       string // exactly this name, in lists of named things
	Search     string // part of name or slug, or a UUID
	Archived   bool   // only archived rows; otherwise only the others
	Parameters url.Values
}

func (p Page) query() url.Values {
	q := url.Values{}
	for name, values := range p.Parameters {
		q[name] = values
	}
	set := func(name, value string) {
		if value != "" && value != "0" && value != "false" {
			q.Set(name, value)
		}
	}
	set("page", strconv.Itoa(p.Number))
	set("per_page", strconv.Itoa(p.PerPage))
	set("direction", p.Direction)
	set("name", p.Name)
	set("search", p.Search)
	set("archived", strconv.FormatBool(p.Archived))
	return q
}

// with returns the page's query with further parameters; empty values are left out.
func (p Page) with(pairs ...string) url.Values {
	q := p.query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// All calls a list method page by page until it has every row. Rows that are made meanwhile may be missed.
func All[T any](ctx context.Context, from Page, list func(context.Context, Page) ([]T, int, error)) ([]T, error) {
	from.PerPage = limits.PageMax
	var out []T
	for from.Number = 1; ; from.Number++ {
		rows, total, err := list(ctx, from)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if len(rows) == 0 || len(out) >= total {
			return out, nil
		}
	}
}

// millis is a time as query parameters carry it, empty for nil.
func millis(t *time.Time) string {
	if t == nil {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
