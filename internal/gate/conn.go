package gate

import (
	"net"
	"time"
)

// A Conn is a connection that a Gate knows of.
type Conn struct {
	net.Conn
	gate   *Gate
	source string

	// These belong to the gate's lock.
	in        *crowd // where it is; nil = it is gone
	who       string // whose it is there
	busy      bool   // it is being served
	last      bool   // and will not be again
	since     time.Time
	wake, end *time.Timer
}

// NetConn returns the connection itself.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends what is sent, where that can be done without ending what is received.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Close gives the place back.
func (c *Conn) Close() error {
	c.gate.mu.Lock()
	c.move(nil, "")
	c.gate.changed.Broadcast()
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// move puts a connection somewhere else, or with nil nowhere. The lock is held.
func (c *Conn) move(to *crowd, who string) {
	if c.in != nil {
		c.in.remove(c.who, c)
	}
	for _, t := range []*time.Timer{c.wake, c.end} {
		if t != nil {
			t.Stop()
		}
	}
	if c.in, c.who = to, who; to != nil {
		to.add(who, c)
	}
}

// Enter says that a connection has shown whose it is, and is being served until leave is called. Of a caller who has too many
// connections, one on which nothing is being served is closed; ok is false where there is none. A connection of no Gate always
// may.
func Enter(c net.Conn, who string) (leave func(), ok bool) {
	own := of(c)
	if own == nil {
		return func() {}, true
	}
	g := own.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if own.in != &g.known || own.who != who {
		if !g.room(own, who) {
			return nil, false
		}
		if own.in != nil { // it was not closed meanwhile
			own.move(&g.known, who)
			g.changed.Broadcast()
		}
	}
	own.busy = true
	return own.leave, true
}

func (c *Conn) leave() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.busy = false; !c.last {
		c.since = time.Now()
	}
}

// Last says that nothing more will be served on a connection once its answer is sent: it gives way to others at once.
func Last(c net.Conn) {
	own := of(c)
	if own == nil {
		return
	}
	own.gate.mu.Lock()
	defer own.gate.mu.Unlock()
	own.last, own.since = true, time.Time{}
	own.gate.changed.Broadcast()
}

// room reports whether there is a place among the known for a connection, and makes one where it can.
func (g *Gate) room(c *Conn, who string) bool {
	if g.known.of(who) >= g.limits.KnownOfOne && !g.yield(who) {
		return false
	}
	return c.in == &g.known || g.known.n < g.limits.Known || g.yield("")
}

// yield has a known connection go on which nothing is being served, of who or, with "", of anybody.
func (g *Gate) yield(who string) bool {
	idle := g.known.idle(who)
	if idle != nil {
		g.drop(idle, Crowded)
	}
	return idle != nil
}

// of returns the Conn under a connection, or nil.
func of(c net.Conn) *Conn {
	for c != nil {
		if own, ok := c.(*Conn); ok {
			return own
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = inner.NetConn()
	}
	return nil
}
