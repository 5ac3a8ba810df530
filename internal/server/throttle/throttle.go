// Package throttle bounds what one caller takes from the others: how often it asks, how many wrong keys it tries, how many streams and
// connections it holds, and how slowly it may send or read.
//
// Who is counted, and how, so that nobody is locked out by a neighbour behind the same address:
//
//   - A request with a key that was right before counts for that key alone (Runner or Key), wherever it comes from.
//   - Every other request counts for its address: version 6 by /64, because that is what one customer has.
//   - What changes a project counts for the project too, after it was authorized, so that strangers cannot use it up.
//   - A wrong key counts for its address with the part of the key that may be shown, and for the address. Past either limit wrong keys are
//     answered with TooMany; a right one is never refused for what others tried.
//
// Requests in the same process, as of a local run, are not counted. Memory is bounded: of each kind limits.ThrottleEntries callers are
// remembered, and who is forgotten begins anew. How much work is done at once is package admit's subject.
//
// The server root makes a Guard, the edges call it, and project.Door does through a function of its own.
package throttle

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// Limit names what a caller ran into, for metrics.
type Limit string

// The limits.
const (
	AddressRequests Limit = "address_request_max"
	KeyRequests     Limit = "key_request_max"
	RunnerRequests  Limit = "runner_request_max"
	ProjectRequests Limit = "project_request_max"
	TokenRequests   Limit = "token_request_max"
	WrongKeys       Limit = "wrong_key_max"
	EventStreams    Limit = "event_stream_max"
	Connections     Limit = "connection_max"
	SlowBodies      Limit = "slow_body"
)

// Limits are all of them.
var Limits = []Limit{AddressRequests, KeyRequests, RunnerRequests, ProjectRequests, TokenRequests, WrongKeys, EventStreams, Connections,
	SlowBodies}

// Config are a guard's limits. Use Defaults and change what a test needs.
type Config struct {
	Rates      map[Limit]Rate // of requests, per caller
	WrongHints Rate           // wrong keys from one address that begin alike; Rates[WrongKeys] is for all of one address

	StreamsOfAddress, Streams int // event streams of callers without a key

	Connections          int // open at once; 0: as many as leave descriptors for the rest
	ConnectionsOfAddress int // 0: half of them

	Pace Pace
	Now  func() time.Time
}

// Defaults are the limits of package limits.
func Defaults() Config {
	return Config{
		Rates: map[Limit]Rate{
			AddressRequests: {limits.AddressRequestRate, limits.AddressRequestBurst},
			KeyRequests:     {limits.KeyRequestRate, limits.KeyRequestBurst},
			RunnerRequests:  {limits.RunnerRequestRate, limits.RunnerRequestBurst},
			ProjectRequests: {limits.ProjectRequestRate, limits.ProjectRequestBurst},
			TokenRequests:   {limits.TokenRequestRate, limits.TokenRequestBurst},
			WrongKeys:       {limits.WrongKeyRate, limits.WrongKeyBurst},
		},
		WrongHints:       Rate{limits.WrongHintRate, limits.WrongHintBurst},
		StreamsOfAddress: limits.StreamsOfAddress, Streams: limits.AnonymousStreams,
		Pace: Pace{Stall: limits.BodyStall, Grace: limits.BodyGrace, BytesPerSecond: limits.BodyBytesPerSecond, AnswerStall: limits.AnswerStall},
		Now:  time.Now,
	}
}

// Guard counts for one server. It is safe for concurrent use. A nil Guard lets everything pass.
type Guard struct {
	cfg    Config
	tables map[Limit]*buckets
	hints  *buckets
	right  *recent // hashes of keys that were right
	hits   map[Limit]*atomic.Int64

	mu      sync.Mutex
	streams map[string]int // by address
	open    int            // of them
}

// New makes a guard.
func New(cfg Config) *Guard {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Guard{
		cfg: cfg, tables: map[Limit]*buckets{}, hints: newBuckets(cfg.WrongHints, cfg.Now), right: newRecent(limits.ThrottleEntries),
		hits: map[Limit]*atomic.Int64{}, streams: map[string]int{},
	}
	for limit, rate := range cfg.Rates {
		g.tables[limit] = newBuckets(rate, cfg.Now)
	}
	for _, limit := range Limits {
		g.hits[limit] = new(atomic.Int64)
	}
	return g
}

// Hits is how often callers ran into a limit.
func (g *Guard) Hits(limit Limit) int64 { return g.hits[limit].Load() }

// what each limit is about, for the sentence.
var subjects = map[Limit]string{
	AddressRequests: "requests from this address", KeyRequests: "requests with this key", RunnerRequests: "requests of this runner",
	ProjectRequests: "changes of this project", TokenRequests: "registry tokens for this address", WrongKeys: "wrong keys from this address",
}

func (g *Guard) refuse(limit Limit, wait time.Duration) error {
	g.hits[limit].Add(1)
	wait = (wait + time.Second - 1).Truncate(time.Second)
	return fault.TooManyf(wait, "too many %s; try again in %d s", subjects[limit], int(wait/time.Second))
}

// Request counts a request and says in h what is left. It is refused with TooMany.
func (g *Guard) Request(r *http.Request, tokenPath string, h http.Header) error {
	address := Address(request.SourceIP(r))
	limit, name := AddressRequests, address
	if secret := secretOf(r); secret != "" {
		if kind, ok := ident.ParseKey(secret); ok {
			if hash := ident.HashKey(secret); g.right.has(hash) {
				limit, name = KeyRequests, hash
				if kind == ident.KeyRunner {
					limit = RunnerRequests
				}
			}
		}
	}
	left := g.tables[limit].take(name)
	if left.Wait == 0 && r.URL.Path == tokenPath {
		if tokens := g.tables[TokenRequests].take(address); tokens.Wait > 0 || tokens.Remaining < left.Remaining {
			limit, left = TokenRequests, tokens
		}
	}
	h.Set("RateLimit-Limit", strconv.Itoa(left.Burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(left.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int((left.Reset+time.Second-1)/time.Second)))
	if left.Wait > 0 {
		return g.refuse(limit, left.Wait)
	}
	return nil
}

// Project counts a change of a project by somebody who may make it.
func (g *Guard) Project(id string) error {
	if g == nil || id == "" {
		return nil
	}
	if left := g.tables[ProjectRequests].take(id); left.Wait > 0 {
		return g.refuse(ProjectRequests, left.Wait)
	}
	return nil
}

// Right remembers that a key is right.
func (g *Guard) Right(key string) { g.right.add(ident.HashKey(key)) }

// Wrong counts a key that is nobody's. The error, if there is one, is to be answered instead of saying so.
func (g *Guard) Wrong(source, key string) error {
	g.right.remove(ident.HashKey(key))
	if source == "" {
		return nil
	}
	address := Address(source)
	wait := max(g.hints.take(address+" "+ident.KeyHint(key)).Wait, g.tables[WrongKeys].take(address).Wait)
	if wait > 0 {
		return g.refuse(WrongKeys, wait)
	}
	return nil
}

// Stream lets in an event stream of a caller without a key, until leave is called.
func (g *Guard) Stream(source string) (leave func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	address := Address(source)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.streams[address] >= g.cfg.StreamsOfAddress:
		g.hits[EventStreams].Add(1)
		return nil, fault.TooManyf(limits.BusyRetry,
			"%d event streams without a key are open from this address, which is the limit; send a key, or end some", g.cfg.StreamsOfAddress)
	case g.open >= g.cfg.Streams:
		g.hits[EventStreams].Add(1)
		return nil, fault.TooManyf(limits.BusyRetry, "%d event streams without a key are open, which is the limit; send a key, or try again",
			g.cfg.Streams)
	}
	g.streams[address]++
	g.open++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open--
		if g.streams[address]--; g.streams[address] == 0 {
			delete(g.streams, address)
		}
	}), nil
}

// Address is the name under which a source is counted: version 6 by /64, a version 4 address in version 6 as what it is.
func Address(source string) string {
	ip, err := netip.ParseAddr(source)
	if err != nil {
		return source
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return source
	}
	return network.String()
}

// secretOf is the key that a request shows, in either way.
func secretOf(r *http.Request) string {
	if bearer := request.Bearer(r); bearer != "" {
		return bearer
	}
	_, password, _ := r.BasicAuth()
	return password
}
