package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// APIError is an answer of status 400 or above. It wraps a fault of the kind that the status stands for, with the server's sentence.
type APIError struct {
	Status    int
	RequestID string // names the request in the server's log; may be empty
	Sentence  string
	Detail    string // finer than the kind, where a program has to choose; mostly empty

	retryAfter time.Duration // what the server asked for; 0: nothing
	answered   bool          // by an operation, and not for a path that the server does not have
	fault      *fault.Error
}

func (e *APIError) Error() string { return e.Sentence }

// Unwrap returns the fault.
func (e *APIError) Unwrap() error { return e.fault }

// NetworkError is a request that got no answer, or only a part of one.
type NetworkError struct {
	Host string
	Err  error
}

func (e *NetworkError) Error() string {
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		return fmt.Sprintf("%s: there is no such host", e.Host)
	}
	if errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) || errors.Is(e.Err, errSilent) {
		return fmt.Sprintf("the connection to %s was lost: %v", e.Host, e.Err)
	}
	return fmt.Sprintf("%s cannot be reached: %v", e.Host, e.Err)
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// bare takes away net/http's "Get \"https://…\":", which would repeat the address.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// refusal reads an error answer. What does not come from a Tachograph server (a proxy's page) is said by its status.
func refusal(op call, res *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, limits.ErrorBodyBytes)) // half a sentence is better than none
	var body api.Error
	if json.Unmarshal(raw, &body) != nil || body.Message == "" {
		body = api.Error{Message: fmt.Sprintf("%s %s: the server answered %d %s", op.method, op.path, res.StatusCode,
			http.StatusText(res.StatusCode))}
	}
	if body.RequestID == "" {
		body.RequestID = res.Header.Get(api.RequestIDHeader)
	}
	kind := fault.FromStatus(res.StatusCode)
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		kind = fault.Unavailable
	}
	return &APIError{
		Status: res.StatusCode, RequestID: body.RequestID, Sentence: body.Message, Detail: body.Detail,
		answered:   res.Header.Get(api.OperationHeader) != "",
		retryAfter: retryAfter(res.Header.Get("Retry-After"), res.Header.Get("Date")),
		fault:      fault.New(kind, "%s", body.Message),
	}
}

// refused is a refusal in the middle of an answer.
func refused(said api.Error) error {
	kind := fault.FromCode(said.ErrorCode)
	return &APIError{Status: kind.Status(), RequestID: said.RequestID, Sentence: said.Message, answered: true,
		fault: fault.New(kind, "%s", said.Message)}
}

// retryAfter reads the header of that name: seconds, or a date, which is held against the server's own clock.
func retryAfter(value, date string) time.Duration {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseInt(value, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
	if err != nil || !until.After(now) {
		return 0
	}
	return until.Sub(now)
}

// pause says whether a failed try is repeated, and after how long: limits.ClientRetryMin doubled with each try, half of it at random, or
// what the server asked for.
func (c *Client) pause(op call, try int, err error) (time.Duration, bool) {
	if try >= c.cfg.Tries {
		return 0, false
	}
	pause := backoff(try, c.cfg.Random())
	if refused, ok := errors.AsType[*APIError](err); ok {
		switch refused.Status {
		case http.StatusTooManyRequests: // nothing was done, so anything may be sent again
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			if !op.repeat {
				return 0, false
			}
		default:
			return 0, false
		}
		if refused.retryAfter > limits.ClientRetryAfterMax {
			return 0, false
		}
		return max(pause, refused.retryAfter), true
	}
	_, lost := errors.AsType[*NetworkError](err)
	return pause, lost && op.repeat
}

// backoff is the pause after the n-th failure in a row (n ≥ 1); random is in [0,1).
func backoff(n int, random float64) time.Duration {
	whole := limits.ClientRetryMin << min(n-1, 16)
	whole = min(whole, limits.ClientRetryMax)
	return whole/2 + time.Duration(random*float64(whole/2))
}
