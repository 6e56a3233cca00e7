package gate

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Limits are the bounds of a Gate. All but Stay are at least 1, or for times more than 0.
type Limits struct {
	Guests, GuestsOfOne int // connections that have shown nothing yet: in all, and from one source
	Known, KnownOfOne   int // and those that have: in all, and of one caller
	Waiting             int // and those that wait for a place among the guests
	// Grace is how long a guest keeps its place when somebody waits for it.
	Grace time.Duration
	// Stay is how long a connection may be a guest; 0 = as long as it likes.
	Stay time.Duration
}

// A Reason is why a connection was closed by a Gate.
type Reason string

// The reasons.
const (
	Silent  Reason = "silent"  // it did not show in time whose it is
	Crowded Reason = "crowded" // it gave its place to others, or found none
)

// A Gate is a listener with bounds. Make one with New.
type Gate struct {
	net.Listener
	limits  Limits
	source  func(net.Conn) string
	dropped func(Reason)

	mu                     sync.Mutex
	changed                *sync.Cond
	waiting, guests, known crowd
	failed                 []error // of accepting, to be returned
	closed                 bool
}

// New returns a Gate before a listener, which belongs to it from now on. source tells whose a new connection is: connections of one
// source share a bound. dropped is told of every connection that the Gate closes by itself, by several goroutines at once; nil = nobody is.
func New(l net.Listener, limits Limits, source func(net.Conn) string, dropped func(Reason)) *Gate {
	if dropped == nil {
		dropped = func(Reason) {}
	}
	g := &Gate{Listener: l, limits: limits, source: source, dropped: dropped}
	g.changed = sync.NewCond(&g.mu)
	go g.take()
	return g
}

// The times between attempts to take connections when that fails, as it does without a free descriptor.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// take takes connections as they come, so that nobody waits where who waits cannot be told apart: in the kernel.
func (g *Gate) take() {
	for pause := firstPause; ; {
		c, err := g.Listener.Accept()
		source := ""
		if err == nil {
			source = g.source(c) // which may ask the kernel
		}
		g.mu.Lock()
		if err == nil {
			pause = firstPause
			g.queue(&Conn{Conn: c, gate: g, source: source})
		} else {
			g.failed = append(g.failed, err)
		}
		end := g.closed || errors.Is(err, net.ErrClosed)
		g.changed.Broadcast()
		g.mu.Unlock()
		switch {
		case end:
			return
		case err != nil:
			time.Sleep(pause)
			pause = min(2*pause, lastPause)
		}
	}
}

// queue has a connection wait. Where too many do, one of who has most of them goes.
func (g *Gate) queue(c *Conn) {
	if g.closed {
		_ = c.Conn.Close() // it was taken at the last moment
		return
	}
	c.in, c.who = &g.waiting, c.source
	g.waiting.add(c.who, c)
	if g.waiting.n > g.limits.Waiting {
		g.drop(g.waiting.by[g.waiting.largest()][0], Crowded)
	}
}

// Accept returns the next connection that has a place, as a *Conn.
func (g *Gate) Accept() (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		switch {
		case g.closed:
			return nil, net.ErrClosed
		case len(g.failed) > 0:
			err := g.failed[0]
			g.failed = slices.Delete(g.failed, 0, 1)
			return nil, err
		}
		if c := g.next(); c != nil {
			return c, nil
		}
		g.changed.Wait()
	}
}

// next lets one in that waits, or returns nil where none does or has a place.
func (g *Gate) next() *Conn {
	who, ok := g.waiting.neediest(&g.guests)
	if !ok || g.guests.of(who) >= g.limits.GuestsOfOne && !g.giveWay(who) {
		return nil
	}
	if g.guests.n >= g.limits.Guests && !g.giveWay(g.guests.largest()) {
		return nil
	}
	all := g.waiting.by[who]
	c := all[len(all)-1]
	c.move(&g.guests, who)
	c.since = time.Now()
	c.wake = time.AfterFunc(g.limits.Grace, g.changed.Broadcast)
	if g.limits.Stay > 0 {
		c.end = time.AfterFunc(g.limits.Stay, func() { g.silent(c) })
	}
	return c
}

// giveWay has the oldest guest of a source go, and reports whether it has been one for long enough.
func (g *Gate) giveWay(who string) bool {
	oldest := g.guests.idle(who)
	if time.Since(oldest.since) < g.limits.Grace {
		return false
	}
	g.drop(oldest, Crowded)
	return true
}

// silent ends a connection that is a guest still.
func (g *Gate) silent(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.in == &g.guests {
		g.drop(c, Silent)
	}
}

// drop closes a connection.
func (g *Gate) drop(c *Conn, why Reason) {
	c.move(nil, "")
	g.changed.Broadcast()
	_ = c.Conn.Close() // nobody is interested
	g.dropped(why)
}

// Close closes the listener, and those who wait.
func (g *Gate) Close() error {
	g.mu.Lock()
	g.closed = true
	for _, all := range g.waiting.by {
		for _, c := range all {
			_ = c.Conn.Close() // nothing was said on it
		}
	}
	g.waiting = crowd{}
	g.changed.Broadcast()
	g.mu.Unlock()
	return g.Listener.Close()
}
