package throttle

import (
	"container/list"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// Listener bounds the connections that are open, in total and of one address, so that there are descriptors for the database, for blobs and
// for other callers. When all are in use, the one that has been idle for longest makes room. Who gets none is answered 503.
type Listener struct {
	net.Listener
	guard   *Guard
	most    int
	each    int
	proxies request.Proxies // not bounded by address: they speak for many

	mu   sync.Mutex // guards what follows
	open int
	of   map[string]int
	idle list.List // of *connection, the longest idle first
}

// Listen wraps l. Connections of trusted proxies are bounded in total only.
func (g *Guard) Listen(l net.Listener, proxies request.Proxies) *Listener {
	most := g.cfg.Connections
	if most == 0 {
		most = connectionsFor(descriptors())
	}
	each := g.cfg.ConnectionsOfAddress
	if each == 0 {
		each = max(most/2, 1)
	}
	return &Listener{Listener: l, guard: g, most: most, each: each, proxies: proxies, of: map[string]int{}}
}

// connectionsFor leaves a quarter of the descriptors and some more for everything else. Go itself has raised the soft limit to the hard
// one.
func connectionsFor(descriptors uint64) int {
	spare := descriptors/4 + 32
	if descriptors <= spare {
		return 16
	}
	return int(min(max(descriptors-spare, 16), limits.ConnectionsMax)) //nolint:gosec // bounded by ConnectionsMax
}

// Accept returns the next connection that there is room for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: raw, listener: l, address: l.nameOf(raw)}
		if l.enter(c) {
			return c, nil
		}
		l.guard.hits[Connections].Add(1)
		_ = raw.SetWriteDeadline(time.Now().Add(time.Second)) // it fits the socket's buffer
		_, _ = io.WriteString(raw, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = raw.Close()
	}
}

// nameOf is under which address a connection is counted; "": under none.
func (l *Listener) nameOf(c net.Conn) string {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || l.proxies.Trust(peer.Addr().Unmap().WithZone("")) {
		return ""
	}
	return Address(peer.Addr().String())
}

func (l *Listener) enter(c *connection) bool {
	l.mu.Lock()
	if c.address != "" && l.of[c.address] >= l.each {
		l.mu.Unlock()
		return false
	}
	var evicted *connection
	if l.open >= l.most {
		oldest := l.idle.Front()
		if oldest == nil {
			l.mu.Unlock()
			return false
		}
		evicted = oldest.Value.(*connection)
		l.leave(evicted)
	}
	l.open++
	if c.address != "" {
		l.of[c.address]++
	}
	l.mu.Unlock()
	if evicted != nil {
		l.guard.hits[Connections].Add(1)
		_ = evicted.Conn.Close()
	}
	return true
}

// leave takes c out of the counts, once. mu is held.
func (l *Listener) leave(c *connection) {
	if c.left {
		return
	}
	c.left = true
	l.open--
	if c.address != "" {
		if l.of[c.address]--; l.of[c.address] == 0 {
			delete(l.of, c.address)
		}
	}
	l.rest(c, false)
}

// rest notes whether c waits for a request. mu is held.
func (l *Listener) rest(c *connection, idle bool) {
	if c.place != nil {
		l.idle.Remove(c.place)
		c.place = nil
	}
	if idle && !c.left {
		c.place = l.idle.PushBack(c)
	}
}

// State hears from the http.Server what its connections do.
func (l *Listener) State(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*connection)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest(c, state == http.StateIdle || state == http.StateNew)
}

type connection struct {
	net.Conn
	listener *Listener
	address  string

	left  bool          // guarded by listener.mu
	place *list.Element // among the idle; the same
}

func (c *connection) Close() error {
	c.listener.mu.Lock()
	c.listener.leave(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets net/http say a last word before it closes.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
